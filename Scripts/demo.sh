#!/usr/bin/env bash
# The walk of the README with its commands visible: starts a server of its own, quantizes the example, stops the server.
#   Scripts/demo.sh path/to/octavo
set -euo pipefail
octavo=$(realpath "$1")
cd "$(dirname "$0")/.."

work=$(mktemp -d)
server=
stop() {
    if [[ -n $server ]]; then
        kill -TERM "$server" 2>/dev/null || true
        wait "$server" 2>/dev/null || true
    fi
    rm -rf "$work"
}
trap stop EXIT

say() { printf '\n\033[1m%s\033[0m\n' "$*"; }
run() { # prints a command line, then runs it
    printf '$ %s\n' "$1"
    eval "$1"
}
give_up() {
    echo "demo: $*" >&2
    cat "$work/server.log" >&2
    exit 1
}
field() { # NAME: the first string member of that name in the JSON on stdin
    grep -oE "\"$1\" *: *\"[^\"]*\"" | head -n 1 | sed -E 's/.*: *"(.*)"/\1/'
}

say "Start a server on a free port"
echo "\$ octavo serve --listen 127.0.0.1:0 --data $work/data &"
"$octavo" serve --listen 127.0.0.1:0 --data "$work/data" >"$work/server.out" 2>"$work/server.log" &
server=$!
O=
for _ in $(seq 200); do
    O=$(sed -n 's/^listening on \(http:.*\)$/\1/p' "$work/server.out")
    [[ -n $O ]] && break
    kill -0 "$server" 2>/dev/null || give_up "the server ended at once"
    sleep 0.05
done
[[ -n $O ]] || give_up "the server does not listen"
head -n 1 "$work/server.out"
run "O=$O"

say "Upload the model, pictures to calibrate it with, and labelled ones to judge it by"
run "curl -sS --fail-with-body -o $work/model.json --data-binary @Examples/digits/model.onnx \"\$O/v1/models?name=digits\""
run "curl -sS --fail-with-body -o $work/set.json --data-binary @Examples/digits/calibration.npz \"\$O/v1/calibration-sets?name=digits&scale=1/255\""
run "curl -sS --fail-with-body -o $work/set.json --data-binary @Examples/digits/evaluation.npz \"\$O/v1/calibration-sets?name=digits-eval&scale=1/255&role=evaluation\""
echo "model $(field id <"$work/model.json")"

say "Ask for a job"
run "curl -sS --fail-with-body -o $work/job.json --json '{\"model\": \"digits\", \"calibration_set\": \"digits\", \"evaluation_set\": \"digits-eval\"}' \"\$O/v1/jobs\""
run "JOB=$(field id <"$work/job.json")"

say "Wait for it"
state=
for _ in $(seq 20); do
    run "curl -sS --fail-with-body -o $work/job.json \"\$O/v1/jobs/\$JOB?wait=60\""
    state=$(field state <"$work/job.json")
    echo "$state"
    [[ $state == queued || $state == running ]] || break
done
if [[ $state != succeeded ]]; then
    cat "$work/job.json"
    give_up "the job is $state"
fi

say "Read the report"
run "curl -sS --fail-with-body -H 'Accept: text/plain' \"\$O/v1/jobs/\$JOB/report\""

say "Fetch the quantized model"
run "curl -sS --fail-with-body -D $work/headers -o $work/digits.int8.onnx \"\$O/v1/jobs/\$JOB/artifact\""
claimed=$(sed -nE 's/^repr-digest: *sha-256=:(.*):.*$/\1/Ip' "$work/headers")
received=$(python3 -c 'import base64, hashlib, sys
print(base64.b64encode(hashlib.sha256(open(sys.argv[1], "rb").read()).digest()).decode())' "$work/digits.int8.onnx")
[[ -n $claimed && $claimed == "$received" ]] || give_up "Repr-Digest says ${claimed:-nothing}, the file has $received"
echo "SHA-256 agrees with Repr-Digest: $(sha256sum "$work/digits.int8.onnx" | cut -c1-64)"
echo "$(stat -c %s Examples/digits/model.onnx) bytes before, $(stat -c %s "$work/digits.int8.onnx") bytes after"

say "Stop the server"
run "kill -TERM $server"
wait "$server" || give_up "the server ended with status $?"
server=
echo "stopped"
