#!/usr/bin/env bash
# Runs the kernels for AArch64 under qemu and holds every bit against those of this machine (Tests/KernelDigests).
# Needs Debian's gcc-aarch64-linux-gnu and qemu-user; says so and stops where they are missing.
set -euo pipefail
cd "$(dirname "$0")/.."

for tool in clang aarch64-linux-gnu-gcc qemu-aarch64; do
    command -v $tool >/dev/null || { echo "aarch64: skipped, $tool is missing (gcc-aarch64-linux-gnu, qemu-user)"; exit 0; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sources=(Tests/KernelDigests/main.c Sources/CKernels/*.c)
flags=(-std=gnu17 -O2 -Wall -Wextra -Werror -fsanitize=undefined -fsanitize-trap=undefined -I Sources/CKernels/include)

# Swift's clang compiles the kernels in the product too; gcc brings the other processor's headers and linker.
clang "${flags[@]}" "${sources[@]}" -lm -o "$work/here"
for source in "${sources[@]}"; do
    clang --target=aarch64-linux-gnu -isystem /usr/aarch64-linux-gnu/include "${flags[@]}" -c "$source" \
        -o "$work/$(basename "$source").o"
done
aarch64-linux-gnu-gcc -static "$work"/*.o -lm -o "$work/there"

OCTAVO_KERNELS=reference "$work/here" >"$work/expected"
"$work/here" | diff "$work/expected" - >&2
for kernels in reference neon; do
    OCTAVO_KERNELS=$kernels qemu-aarch64 "$work/there" | diff "$work/expected" - >&2
    echo "aarch64: $kernels gives the bits of this machine in $(wc -l <"$work/expected") digests"
done
