import Domain
import ModelGraph
import Pages
import Quantization

extension Report.Portability {
    init(of quantized: Quantized, for target: Target, measuredOn environment: Report.Environment) {
        let hasVNNI = environment.flags.contains { $0.contains("vnni") }
        guard quantized.form != .weightOnly else {
            self.init(
                measuredWithVnni: hasVNNI,
                note: "Arithmetic is float: the artifact computes the same on every processor.", target: target)
            return
        }
        guard quantized.form.blockBits == nil else {
            self.init(
                measuredWithVnni: hasVNNI,
                note:
                    "Activations are rounded to 8 bits within the kernel where the processor has such a path: outputs "
                    + "differ a little between processors.", target: target)
            return
        }
        // ARM's kernels widen every product.
        let layers =
            target == .onnxruntimeARM
            ? [] : quantized.saturation.sorted { ($0.expectedShare ?? 1, $0.pairs) > ($1.expectedShare ?? 1, $1.pairs) }
        let risky = layers.count { !$0.repaired }
        let all = quantized.plan.placement.anchors.count
        self.init(
            measuredWithVnni: hasVNNI, saturatingLayers: risky,
            note: Self.note(target, risky: risky, of: all, hasVNNI: hasVNNI), target: target,
            method: layers.isEmpty ? nil : Self.method, layers: layers,
            processors: Self.processors(target, risky: risky, of: all))
    }

    private static let method =
        "Counted from the weights: a pair can saturate when some input makes its sum of u8·s8 products exceed 16 bits, "
        + "whatever the samples were. The expected share is from the calibration samples' histogram of each input, "
        + "neighbours taken as independent; they are alike in most nets, so the real share is larger."

    private static func note(_ target: Target, risky: Int, of all: Int, hasVNNI: Bool) -> String {
        if target == .onnxruntimeARM {
            return "Activations are S8, which ARM's kernels take as they are: 32-bit sums, nothing saturates."
        }
        let measured = hasVNNI ? "These numbers were measured with VNNI." : "These numbers were measured without VNNI."
        if risky == 0 {
            return "No sum of products can saturate at 16 bits: integers are the same with and without VNNI. "
                + measured
        }
        return "On processors without VNNI the runtime's u8·s8 kernels add pairs of products in 16 bits: "
            + "\(risky) of \(Number.count(all, "layer")) can saturate there. The target onnxruntime-x64-avx2 repairs them. "
            + measured
    }

    private static func processors(_ target: Target, risky: Int, of all: Int) -> [Processor] {
        if target == .onnxruntimeARM {
            return [
                Processor(name: "AArch64", effect: "32-bit sums, nothing saturates; S8 kernels"),
                Processor(
                    name: "x86-64",
                    effect: "the same integers only with the session option session.qdqisint8allowed=1, and slowly; "
                        + "without it operators whose input is read twice run in float. Use the target onnxruntime-x64"),
            ]
        }
        let narrow =
            risky == 0
            ? "the same integers: no pair of products exceeds 16 bits"
            : "\(risky) of \(Number.count(all, "layer")) can lose part of a sum. "
                + "The session option session.x64quantprecision=1 avoids it "
                + "with slower kernels, the target onnxruntime-x64-avx2 with the same ones"
        return [
            Processor(
                name: "x86-64 with VNNI (Intel from Cascade Lake and Alder Lake, AMD from Zen 4)",
                effect: "32-bit sums, nothing saturates"),
            Processor(name: "x86-64 with AVX2 or AVX-512 but no VNNI, or less", effect: narrow),
            Processor(
                name: "AArch64", effect: "32-bit sums, nothing saturates; the target onnxruntime-arm suits its kernels"),
        ]
    }
}

extension Quantized {
    /// The layers with pairs that can saturate, and those of which pairs were made to fit.
    fileprivate var saturation: [Report.Portability.Layer] {
        let planner = Planner(topology, rule: .minMax)
        let integer = plan.placement.anchors.filter { plan.placement.verdicts[$0.node] == .integer }
        return integer.compactMap { anchor in
            let node = topology.graph.nodes[anchor.node]
            guard let weight = weights[anchor.node], let pairs = WeightPairs(weight, of: node) else { return nil }
            let narrowed = weight.limits.count { $0 == QuantizedWeight.narrow }
            let risky = (0..<pairs.channels).map { pairs.pairs(of: $0).count }
            let count = risky.reduce(0, +)
            guard count > 0 || narrowed > 0 else { return nil }
            let levels = plan.grid(anchor.activation).flatMap { grid in
                planner.observed(anchor.activation, statistics).flatMap { ActivationLevels($0, on: grid) }
            }
            return Report.Portability.Layer(
                node: node.name, channels: count > 0 ? risky.count { $0 > 0 } : narrowed, ofChannels: pairs.channels,
                pairs: count, ofPairs: pairs.perChannel * pairs.channels,
                expectedShare: count > 0 ? levels.map(pairs.expectedShare) : 0, repaired: count == 0)
        }
    }
}
