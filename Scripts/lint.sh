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
fail "C outside of a C… target" < <(
    find Sources -type f \( -name '*.c' -o -name '*.h' -o -name '*.modulemap' \) -not -path 'Sources/C[A-Z]*/*')
fail "Swift inside of a C… target" < <(find Sources -type f -name '*.swift' -path 'Sources/C[A-Z]*/*')

# What crosses a target is `package`: there is no library product, so nothing is `public`.
fail "public, where package is meant" < <(grep -rnE '^[[:space:]]*(public|open) ' Sources --include='*.swift')

# Bytes from outside must never reach a trap.
fail "a trap: throw an error instead" < <(grep -rnE '\b(try|as)!|\bfatalError\(' Sources --include='*.swift')

# Work that is not done belongs in no file; neither does a path of somebody's machine.
fail "unfinished work" < <(git grep -nIwE 'TODO|FIXME' -- ':!Scripts/lint.sh')
fail "a path of one machine" < <(git grep -nIE '(^|[^[:alnum:]_.$}])/(home|root|work|Users)/[a-z]' -- ':!Scripts/lint.sh')

for script in Scripts/*.sh .ci/run; do
    bash -n "$script" || failed=1
done
exit "$failed"
