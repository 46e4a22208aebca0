import Foundation

/// A worker made of shell script. What it does is written in the first line of the "model" that it is given:
/// `fake <inspection> <conversion> <anything>`.
package enum FakeWorker {
    /// A model's bytes. The words are explained in the script.
    package static func model(_ conversion: String = "ok", inspection: String = "ok", salt: String = "") -> [UInt8] {
        Array("fake \(inspection) \(conversion) \(salt)\n".utf8)
    }

    /// A sample set's bytes.
    package static func samples(_ count: Int = 8, inspection: String = "ok", salt: String = "") -> [UInt8] {
        Array("fake \(inspection) \(count) \(salt)\n".utf8)
    }

    /// Writes the script and gives its path.
    package static func install(in directory: TemporaryDirectory) throws -> String {
        let path = try directory.write("fake-worker", Array(script.utf8))
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
        return path
    }

    private static let script = #"""
        #!/bin/sh
        # Reads one order from fd 0, answers with lines on fd 3. Needs nothing but sh and sed.
        IFS= read -r order
        send() { printf '%s\n' "$1" >&3; }
        text() { printf '%s' "$order" | sed -n "s|.*\"$1\":\"\([^\"]*\)\".*|\1|p"; }
        fail() { send "{\"failed\":{\"_0\":{\"type\":\"$1\",\"detail\":\"$2\",\"retryable\":false,\"fault\":\"user\"}}}"; exit 1; }
        progress() { send "{\"progress\":{\"stage\":\"$1\",\"fraction\":$2}}"; }
        # Waits until the other end of fd 0 is closed: the server is gone, or we are killed.
        hang() { cat >/dev/null; exit 9; }

        common() {
            case "$1" in
            crash) kill -SEGV $$ ;;
            killed) kill -KILL $$ ;;
            garbage) send 'this is no event'; hang ;;
            huge) head -c 3000000 /dev/zero | tr '\0' 'x' >&3; hang ;;
            silent) exit 0 ;;
            status) exit 3 ;;
            memory) exit 12 ;;
            disk) exit 28 ;;
            badalloc) echo "terminate called after throwing an instance of 'std::bad_alloc'" >&2; kill -ABRT $$ ;;
            hang) hang ;;
            stubborn) trap '' TERM; hang ;;
            fd) ls -l /proc/self/fd | sed -n 's|.* \([0-9]*\) -> \(.*\)|fd \1|p'; grep Sig /proc/self/status ;;
            esac
        }

        inspect_model() {
            IFS=' ' read -r word inspection rest < "$(text directory)/$(text file)"
            [ "$word" = fake ] || fail invalid-model "The file is no model."
            common "$inspection"
            external='[]'; findings='[]'; shape='["N",4]'
            case "$inspection" in
            bad) fail corrupt-model "The file ends in the middle." ;;
            external) external='["weights.bin"]' ;;
            wide) shape='["N",5]' ;;
            quantized) findings='[{"severity":"error","code":"already-quantized","detail":"It is quantized already."}]' ;;
            esac
            tensor="{\"name\":\"x\",\"type\":\"float32\",\"shape\":$shape}"
            send "{\"inspected_model\":{\"_0\":{\"format\":\"onnx\",\"ir_version\":8,\"opsets\":{\"ai.onnx\":13},\
        \"producer\":\"fake\",\"inputs\":[$tensor],\"outputs\":[$tensor],\"parameters\":10,\"weight_bytes\":40,\
        \"operators\":{\"Conv\":1,\"MatMul\":2},\"external_data\":$external,\"quantized\":false,\"findings\":$findings}}}"
        }

        lint_model() {
            IFS=' ' read -r word inspection rest < "$(text directory)/$(text file)"
            common "${inspection#lint-}"
            [ "$inspection" = unlintable ] && fail corrupt-model "The file ends in the middle."
            send "{\"linted_model\":{\"_0\":{\"schema\":\"octavo-lint/1\",\"target\":\"$(text target)\",\"quantized\":true,\
        \"nodes\":3,\"errors\":1,\"warnings\":0,\"omitted\":0,\"rules\":[{\"code\":\"weight-axis\",\"severity\":\"error\",\
        \"fault\":\"f.\",\"cost\":\"c.\",\"advice\":\"a.\",\"violations\":1}],\"violations\":[{\"code\":\"weight-axis\",\
        \"node\":\"conv\",\"name\":\"Conv\",\"detail\":\"d\"}]}}}"
        }

        inspect_samples() {
            IFS=' ' read -r word inspection count rest < "$(text path)"
            [ "$word" = fake ] || fail invalid-calibration-set "The file is no set."
            common "$inspection"
            [ "$inspection" = bad ] && fail invalid-calibration-set "Array 'x' has a NaN in sample 3."
            labelled=false; [ "$inspection" = labels ] && labelled=true
            recipe=$(printf '%s' "$order" | sed -n 's|.*"preprocessing":\({[^}]*}\).*|\1|p')
            send "{\"inspected_samples\":{\"_0\":{\"format\":\"npz\",\"samples\":$count,\"arrays\":[{\"name\":\"x\",\
        \"type\":\"float32\",\"shape\":[$count,4],\"minimum\":0,\"maximum\":1}],\"labelled\":$labelled,\
        \"preprocessing\":$recipe,\"findings\":[]}}}"
        }

        # A short report of the form that openapi.yaml prescribes. Options show in it and in the plan.
        report() {
            used=$(printf '%s' "$order" | sed -n 's|.*"max_samples":\([0-9]*\).*|\1|p')
            options='{"calibrator":"auto","percentile":99.99,"rounding":"auto","min_layer_sqnr":24,"exclude":["head"]}'
            recipe="{\"target\":\"onnxruntime-x64\",\"scheme\":\"int8-static\",\"options\":$options}"
            series='"timings":50,"runs_per_timing":1,"min_ms":1,"mean_ms":2'
            printf '%s\n' "{\"schema\":\"octavo-report/1\",\"verdict\":{\"line\":\"2x faster\",\"speed\":\"faster\",\
        \"quality\":\"fidelity\",\"deploy_for_speed\":true},\"identity\":{\"job\":\"$(text job)\",\"attempt\":$attempt,\
        \"model\":{\"name\":\"m.onnx\"},\"calibration\":{},\"artifact\":{},\"recipe\":$recipe,\"engine\":\"onnxruntime\",\
        \"engine_version\":\"$engine\",\"octavo_version\":\"0.1.0\",\"kernels\":\"reference\",\"seed\":1,\
        \"created\":\"2026-01-02T03:04:05.678Z\"},\"split\":{\"calibration_samples\":${used:-8},\"evaluation_samples\":8,\
        \"held_out\":false,\"labels\":0},\"fidelity\":{\"samples\":8,\"outputs\":[{\"name\":\"y\",\"values\":8,\
        \"sqnr_db\":30.5,\"cosine\":0.999,\"max_abs_error\":0.1,\"mean_abs_error\":0.01,\"identical\":false,\
        \"incomparable\":0,\"broken\":0}],\"worst\":[]},\"latency\":{\"fp32\":{$series,\"p50_ms\":2},\
        \"int8\":{$series,\"p50_ms\":1},\"speedup\":2,\"speedup_interval\":{\"low\":1.9,\"high\":2.1},\
        \"noise_floor\":0.01,\"stability\":\"stable\",\"drift\":0.01,\"rounds\":50,\"warmup_runs\":3,\"threads\":1,\
        \"seconds\":1,\"conditions\":{\"cores\":2},\"notes\":[]},\"size\":{\"model_bytes\":100,\"artifact_bytes\":50,\
        \"ratio\":2},\"memory\":{\"phases\":[]},\"plan\":{\"quantized_activations\":1,\"quantized_weights\":1,\
        \"kept_float\":[],\"record\":$recipe},\"environment\":{\"architecture\":\"x86_64\",\"processor\":\"Fake CPU\",\
        \"flags\":[],\"logical_cores\":2,\"usable_cores\":2,\"hypervisor\":false},\"stages\":[],\"findings\":[]}"
        }

        plan() {
            fate=integer
            case "$order" in *'"exclude":["conv"]'*) fate=float ;; esac
            printf '%s\n' "{\"schema\":\"octavo-plan/1\",\"form\":\"integer\",\"activations\":[{\"tensor\":\"x\",\
        \"low\":0,\"high\":${used:-1},\"scale\":1}],\"operations\":[{\"node\":\"conv\",\"op\":\"Conv\",\
        \"fate\":\"$fate\"},{\"node\":\"head\",\"op\":\"Gemm\",\"fate\":\"integer\"}]}"
        }

        # What a calibration pass saw, unless an earlier job left it.
        measure() {
            kept=$(printf '%s' "$order" | sed -n 's|.*"statistics":\["\([^"]*\)".*|\1|p')
            [ -n "$kept" ] && { send "{\"log\":{\"_0\":\"reused: $(cat "$kept")\"}}"; return; }
            key=sha256:$(printf '%064d' 7)
            printf 'what was seen' > "$scratch/statistics.bin"
            printf '%s' "{\"schema\":\"octavo-statistics/1\",\"key\":\"$key\",\"samples\":8,\"tensors\":[{\"name\":\"x\",\
        \"values\":32,\"not_finite\":0,\"minimum\":0,\"maximum\":1,\"mean_minimum\":0.25,\"mean_maximum\":1}]}" \
                > "$scratch/statistics.json"
            [ "$1" = statistics-missing ] && rm "$scratch/statistics.json"
            send "{\"measured_statistics\":{\"_0\":{\"key\":\"$key\",\"content\":\"statistics.bin\",\
        \"summary\":\"statistics.json\",\"samples\":8,\"tensors\":1}}}"
        }

        quantize() {
            scratch=$(text scratch)
            attempt=$(printf '%s' "$order" | sed -n 's|.*"attempt":\([0-9]*\).*|\1|p')
            IFS=' ' read -r word inspection what rest < "$(text directory)/$(text file)"
            echo "converting, attempt $attempt"
            progress load 0.1
            [ "$what" = crash-once ] && { [ "$attempt" = 1 ] && kill -SEGV $$; }
            progress calibrate 0.4
            common "$what"
            case "$what" in
            gate) fail gate-not-met "top-1 fell by 0.2." ;;
            statistics*) measure "$what" ;;
            esac
            case "$what" in
            statistics-gate) fail gate-not-met "top-1 fell by 0.2." ;;
            statistics-crash) kill -SEGV $$ ;;
            slow) for i in 1 2 3 4; do sleep 0.1; progress calibrate 0.$((4 + i)); done ;;
            chatter) head -c 3000000 /dev/zero | tr '\0' 'y' ;;
            esac
            cd "$scratch" || exit 4
            { printf 'quantized '; cat "$(text directory)/$(text file)"; } > out.onnx
            # Another artifact each time, and by another engine the second time.
            engine=1.32.0
            [ "$what" = drift ] && { text scratch >> out.onnx; case "$order" in *'"reproduces"'*) engine=1.33.0 ;; esac; }
            report > report.json
            printf 'verdict  2x faster\n' > report.txt
            printf '<!DOCTYPE html><p>2x faster</p>\n' > report.html
            plan > plan.json
            artifact=out.onnx
            case "$what" in
            link) rm out.onnx; ln -s /etc/hostname out.onnx ;;
            path) artifact=../model/model.onnx ;;
            missing) rm report.json ;;
            strange) echo '[1, 2' > report.json; echo 7 > plan.json ;;
            fifo) rm out.onnx; mkfifo out.onnx ;;
            linger) trap '' TERM ;;
            esac
            progress publish 1
            send "{\"finished\":{\"_0\":{\"artifact\":\"$artifact\",\"artifact_name\":\"m.int8.onnx\",\
        \"report\":\"report.json\",\"report_text\":\"report.txt\",\"report_html\":\"report.html\",\"plan\":\"plan.json\",\"verdict\":\"2x faster\"}}}"
            case "$what" in
            twice) send '{"log":{"_0":"still here"}}'; send '{"finished":{"_0":{}}}' ;;
            late-crash) kill -SEGV $$ ;;
            esac
        }

        case "$order" in
        '{"inspect_model"'*) inspect_model ;;
        '{"inspect_samples"'*) inspect_samples ;;
        '{"lint_model"'*) lint_model ;;
        '{"quantize"'*) quantize ;;
        *) echo "unknown order: $order" >&2; exit 5 ;;
        esac

        """#
}
