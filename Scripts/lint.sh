#!/usr/bin/env bash
# Rules of the source that no compiler checks. Prints each offence as file:line, and fails if there is any.
set -euo pipefail
cd "$(dirname "$0")/.."
failed=0

fail() { # MESSAGE, offences on stdin
    local lines
    lines=$(cat)
    [[ -z $lines ]] && return
    printf 'lint: %s\n%s\n' "$1" "$lines" >&2
    failed=1
}

# C lives in the targets whose names begin with C, and Swift does not live there.
find Sources -type f \( -name '*.c' -o -name '*.h' -o -name '*.modulemap' \) -not -path 'Sources/C[A-Z]*/*' |
    fail "C outside of a C… target"
find Sources -type f -name '*.swift' -path 'Sources/C[A-Z]*/*' | fail "Swift inside of a C… target"

# What crosses a target is `package`: there is no library product, so nothing is `public`.
grep -rnE '^[[:space:]]*(public|open) ' Sources --include='*.swift' | fail "public, where package is meant" || true

# Bytes from outside must never reach a trap.
grep -rnE '(try|as)!|fatalError\(' Sources --include='*.swift' | fail "a trap: throw an error instead" || true

# Work that is not done belongs in no file; neither does a path of somebody's machine.
git grep -nIE '(TODO|FIXME|XXX)\b' -- ':!Scripts/lint.sh' | fail "unfinished work" || true
git grep -nIE '(^|[^[:alnum:]_.])/(home|root|work|Users)/[a-z]' -- ':!Scripts/lint.sh' | fail "a path of one machine" || true

for script in Scripts/*.sh .ci/run; do
    bash -n "$script" || failed=1
done
exit "$failed"
