import Domain
import Foundation
import Pages
import Quantization

extension QuantizationImport {
    /// What became of the quantization that the model came with, sentence by sentence.
    func findings(_ quantized: Quantized, target: Target) -> [Finding] {
        let grids = quantized.plan.grids
        let kept = grids.values.count(where: \.isTrained)
        let keptWeights = quantized.weights.values.count(where: \.isTrained)
        let anew = roundedAnew(quantized)
        let open = (grids.count - kept, quantized.weights.count - keptWeights - anew.count)
        var findings = [
            Finding(
                .info, code: "quantization-kept",
                detail:
                    "The model came with its own quantization. Its scales are kept bit for bit on "
                    + "\(Number.count(kept, "activation")), and \(Number.count(keptWeights, "weight")) "
                    + "\(keptWeights == 1 ? "keeps its" : "keep their") integers and scales; biases of these stay as they "
                    + "were trained."),
            Finding(
                .info, code: "quantization-filled-in",
                detail: "From calibration came \(Number.count(open.0, "activation")) and "
                    + "\(Number.count(open.1, "weight")) that the model had left open."
            ),
            Finding(
                .info, code: "quantization-reference",
                detail: "FP32 in this report is the model itself without QuantizeLinear and DequantizeLinear, with its "
                    + "float weights, or those that its integers stand for where the file has no others"
                    + (tally.clamped > 0
                        ? "; \(Number.count(tally.clamped, "layer clips", "layers clip")) where the grid did." : ".")),
        ]
        findings += legalised(quantized, isSigned: target == .onnxruntimeARM)
        if let first = anew.first {
            findings.append(
                Finding(
                    .warning, code: "quantization-axis",
                    detail:
                        "\(anew.count) weights came in integers and were rounded anew: the runtime needs scales along the "
                        + "output channels of a layer, and theirs lie otherwise: \(Self.some(anew)).", pointer: first))
        }
        findings += lost(quantized)
        return findings
    }

    /// Weights that came in integers which the layers that read them cannot keep.
    private func roundedAnew(_ quantized: Quantized) -> [String] {
        quantized.plan.placement.anchors.filter { anchor in
            guard let weight = quantized.weights[anchor.node], !weight.isTrained,
                let tensor = quantized.topology.constant(anchor.weight)
            else { return false }
            return trained.holds(tensor)
        }.map(\.weight).sorted()
    }

    private func legalised(_ quantized: Quantized, isSigned: Bool) -> [Finding] {
        let cut = quantized.plan.grids.values.count { $0.isTrained && $0.reason.contains("cut") }
        var parts: [String] = []
        if tally.moved > 0, !isSigned {
            parts.append("\(tally.moved) signed grids became unsigned (zero point + 128, same values)")
        }
        if cut > 0 { parts.append("\(cut) grids were cut where a Relu or Clip ends (same scale)") }
        if tally.normalized > 0 {
            parts.append(
                "\(tally.normalized) weight scales took in the factors of a BatchNormalization (same integers)")
        }
        guard !parts.isEmpty else { return [] }
        return [
            Finding(
                .info, code: "quantization-legalised",
                detail: "For the integer kernels of the target: " + parts.joined(separator: "; ") + ".")
        ]
    }

    private func lost(_ quantized: Quantized) -> [Finding] {
        var findings: [Finding] = []
        let unused = trained.activations.keys.filter {
            quantized.plan.grids[$0] == nil && quantized.topology.constant($0) == nil
        }.sorted()
        if !unused.isEmpty {
            findings.append(
                Finding(
                    .info, code: "quantization-unused",
                    detail:
                        "\(unused.count) activation grids are not used, because what reads or makes the tensor computes "
                        + "in float here or is part of another kernel: \(Self.some(unused)).", pointer: unused[0]))
        }
        if !tally.dropped.isEmpty {
            let dropped = tally.dropped.sorted { $0.key < $1.key }
            findings.append(
                Finding(
                    .warning, code: "quantization-dropped",
                    detail: "\(dropped.count) grids could not be kept, such as that of '\(dropped[0].key)': "
                        + "\(dropped[0].value).", pointer: dropped[0].key))
        }
        if !tally.contradictions.isEmpty {
            let names = tally.contradictions.sorted()
            findings.append(
                Finding(
                    .warning, code: "quantization-contradictory",
                    detail:
                        "\(names.count) tensors had several grids, of which the widest was kept: \(Self.some(names)).",
                    pointer: names[0]))
        }
        return findings
    }

    private static func some(_ names: [String]) -> String {
        names.prefix(3).map { "'\($0)'" }.joined(separator: ", ") + (names.count > 3 ? ", …" : "")
    }
}
