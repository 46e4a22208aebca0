#!/usr/bin/env bash
# The walk of the README with its commands visible: starts a server of its own, quantizes the example, stops the server.
#   Scripts/demo.sh path/to/octavo
set -euo pipefail
octavo=$(realpath "$1")
examples=$(realpath "$(dirname "$0")/../Examples")

# Everything happens in a directory of its own, which goes away in the end.
work=$(mktemp -d)
cd "$work"
ln -s "$examples" Examples
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
    eval "$1" || give_up "that failed${2:+: $(cat "$2")}"
}
give_up() {
    echo "demo: $*" >&2
    cat server.log >&2
    exit 1
}
field() { # NAME: a member of the JSON object on stdin
    python3 -c 'import json, sys; print(json.load(sys.stdin)[sys.argv[1]])' "$1"
}

say "Start a server on a free port"
echo "\$ octavo serve --listen 127.0.0.1:0 --data data &"
"$octavo" serve --listen 127.0.0.1:0 --data data >server.out 2>server.log &
server=$!
O=
for _ in $(seq 200); do
    O=$(sed -n 's/^listening on \(http:.*\)$/\1/p' server.out)
    [[ -n $O ]] && break
    kill -0 "$server" 2>/dev/null || give_up "the server ended at once"
    sleep 0.05
done
[[ -n $O ]] || give_up "the server does not listen"
head -n 1 server.out
run "O=$O"

say "Upload the model, pictures to calibrate it with, and labelled ones to judge it by"
run "curl -sS --fail-with-body -o model.json --data-binary @Examples/digits/model.onnx \"\$O/v1/models?name=digits\"" model.json
run "curl -sS --fail-with-body -o set.json --data-binary @Examples/digits/calibration.npz \"\$O/v1/calibration-sets?name=digits&scale=1/255\"" set.json
run "curl -sS --fail-with-body -o set.json --data-binary @Examples/digits/evaluation.npz \"\$O/v1/calibration-sets?name=digits-eval&scale=1/255&role=evaluation\"" set.json
echo "model $(field id <model.json)"

say "Ask for a job"
run "curl -sS --fail-with-body -o job.json --json '{\"model\": \"digits\", \"calibration_set\": \"digits\", \"evaluation_set\": \"digits-eval\"}' \"\$O/v1/jobs\"" job.json
run "JOB=$(field id <job.json)"

say "Wait for it"
state=
for _ in $(seq 20); do
    run "curl -sS --fail-with-body -o job.json \"\$O/v1/jobs/\$JOB?wait=60\"" job.json
    state=$(field state <job.json)
    echo "$state"
    [[ $state == queued || $state == running ]] || break
done
if [[ $state != succeeded ]]; then
    cat job.json
    give_up "the job is $state"
fi

say "Read the report"
run "curl -sS --fail-with-body -H 'Accept: text/plain' \"\$O/v1/jobs/\$JOB/report\""

say "Fetch the quantized model"
run "curl -sS --fail-with-body -D headers -o digits.int8.onnx \"\$O/v1/jobs/\$JOB/artifact\""
claimed=$(sed -nE 's/^repr-digest: *sha-256=:(.*):.*$/\1/Ip' headers)
received=$(python3 -c 'import base64, hashlib, sys
print(base64.b64encode(hashlib.sha256(open(sys.argv[1], "rb").read()).digest()).decode())' digits.int8.onnx)
[[ -n $claimed && $claimed == "$received" ]] || give_up "Repr-Digest says ${claimed:-nothing}, the file has $received"
echo "SHA-256 agrees with Repr-Digest: $(sha256sum digits.int8.onnx | cut -c1-64)"
echo "$(stat -c %s Examples/digits/model.onnx) bytes before, $(stat -c %s digits.int8.onnx) bytes after"

say "Stop the server"
run "kill -TERM $server"
wait "$server" || give_up "the server ended with status $?"
server=
echo "stopped"
