#!/usr/bin/env bash
# Puts ONNX Runtime's shared library into .cache/engines, out of the wheel that its makers publish on PyPI.
# Version and digests are pinned here. Nothing is fetched when the right library is already there.
set -euo pipefail
cd "$(dirname "$0")/.."

version=1.32.0
case $(uname -m) in
x86_64)
    wheel_digest=5a34fc4dfeb5a7b4a74c95dcba1e773d722abda720b474edf1b0c419dc6d163d
    library_digest=6c1585d1bbf45b0712ea4a21b705c5fcb4ba04ff2e30f1fbf81a49faf658638f
    ;;
aarch64)
    wheel_digest=2303372a85299b6757b0e11e1cbf13e410ddf7e10c37f4b37e99d1c90e7daf7c
    library_digest=49852228a93995158b2a813d4df487d47a1b76b0eaa894507ef49e91b6d7954a
    ;;
*)
    echo "engine: no ONNX Runtime is pinned for $(uname -m); set OCTAVO_ONNXRUNTIME to a libonnxruntime.so of your own" >&2
    exit 1
    ;;
esac

folder=.cache/engines/onnxruntime-$version
library=$folder/libonnxruntime.so

matches() { # FILE DIGEST
    [[ -f $1 ]] && echo "$2  $1" | sha256sum --check --status
}

if matches "$library" "$library_digest"; then
    echo "engine: ONNX Runtime $version is in $folder"
    exit 0
fi

if ! python3 -m pip --version >/dev/null 2>&1; then
    Scripts/install-packages.sh python3 python3-pip
fi

mkdir -p "$folder"
work=$(mktemp -d "$folder/.partial.XXXXXX")
trap 'rm -rf "$work"' EXIT

echo "engine: fetching ONNX Runtime $version for $(uname -m) from PyPI"
# Any one wheel will do: the library in it is the same for every version of Python.
python3 -m pip --quiet --disable-pip-version-check download --no-deps --only-binary :all: --dest "$work" \
    --implementation cp --python-version 3.11 --abi cp311 --platform "manylinux_2_28_$(uname -m)" \
    "onnxruntime==$version"
wheel=$(echo "$work"/onnxruntime-*.whl)
if ! matches "$wheel" "$wheel_digest"; then
    echo "engine: $(basename "$wheel") has SHA-256 $(sha256sum "$wheel" | cut -c1-64), expected $wheel_digest" >&2
    exit 1
fi

python3 - "$wheel" "$work" "$version" <<'PYTHON'
import sys, zipfile
wheel, folder, version = sys.argv[1:]
members = {
    "onnxruntime/LICENSE": "LICENSE",
    "onnxruntime/ThirdPartyNotices.txt": "ThirdPartyNotices.txt",
    f"onnxruntime/capi/libonnxruntime.so.{version}": "libonnxruntime.so",
}
with zipfile.ZipFile(wheel) as archive:
    for source, name in members.items():
        with open(f"{folder}/{name}", "wb") as file:
            file.write(archive.read(source))
PYTHON
if ! matches "$work/libonnxruntime.so" "$library_digest"; then
    echo "engine: the library in the wheel is not the pinned one ($library_digest)" >&2
    exit 1
fi

# The library goes last: once it is there, everything is.
mv "$work/LICENSE" "$work/ThirdPartyNotices.txt" "$folder/"
chmod 755 "$work/libonnxruntime.so"
mv "$work/libonnxruntime.so" "$library"
echo "engine: $library"
