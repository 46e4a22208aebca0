#!/usr/bin/env bash
# A Python environment with the peers at pinned versions, in .cache/bench-venv; made once for each requirements.txt.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=.cache/bench-venv
if cmp --silent Benchmarks/requirements.txt "$folder/requirements.txt"; then
    echo "bench: peers are in $folder"
    exit 0
fi
echo "bench: installing $(tr '\n' ' ' <Benchmarks/requirements.txt)"
rm -rf "$folder"
python3 -m venv "$folder"
"$folder/bin/pip" --quiet --disable-pip-version-check install --requirement Benchmarks/requirements.txt
cp Benchmarks/requirements.txt "$folder/requirements.txt"
