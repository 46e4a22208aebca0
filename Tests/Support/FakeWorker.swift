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
            slow) for i in 1 2 3 4; do sleep 0.1; progress calibrate 0.$((4 + i)); done ;;
            chatter) head -c 3000000 /dev/zero | tr '\0' 'y' ;;
            esac
            cd "$scratch" || exit 4
            { printf 'quantized '; cat "$(text directory)/$(text file)"; } > out.onnx
            printf '{"verdict":"2x faster"}\n' > report.json
            printf 'verdict  2x faster\n' > report.txt
            printf '<!DOCTYPE html><p>2x faster</p>\n' > report.html
            printf '{"tensors":[]}\n' > plan.json
            artifact=out.onnx
            case "$what" in
            link) rm out.onnx; ln -s /etc/hostname out.onnx ;;
            path) artifact=../model/model.onnx ;;
            missing) rm report.json ;;
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
