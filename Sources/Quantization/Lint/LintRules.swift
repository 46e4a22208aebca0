import ModelGraph

/// The table of rules. Costs come from measurements with ONNX Runtime 1.32 on x86-64 with VNNI, unless they say otherwise;
/// what fuses and what does not was read back from the runtime's own optimized graphs.
extension LintRule {
    package static let all: [LintRule] = files + weights + types + fusion + concats

    // MARK: Files that do not load, or not everywhere

    private static let files = [
        LintRule(
            "per-channel-opset", .error, "Scales for each channel are used before operator set 13.",
            cost:
                "The runtime refuses the file where the node names its axis, and no other tool need read it as meant.",
            advice: "Upgrade the model to operator set 13 or later before quantizing it.",
            check: { $0.channelsTooEarly() }),
        LintRule(
            "sixteen-bit-opset", .error, "16-bit integers are used before operator set 21.",
            cost: "The runtime refuses the file.",
            advice: "Upgrade the model to operator set 21, or use the Q/DQ operators of the domain com.microsoft.",
            check: { $0.sixteenBitsTooEarly() }),
        LintRule(
            "invalid-scale", .error, "A scale is zero, negative, infinite or NaN.",
            cost: "Everything behind it is zero, NaN or of the wrong sign.",
            advice: "Calibrate again; a tensor that never varies takes scale 1.",
            check: { $0.invalidScales() }),
    ]

    // MARK: Weights

    private static let weights = [
        LintRule(
            "weight-axis", .error, "The scales of a weight lie along another axis than its output channels.",
            cost:
                "Where the sizes happen to match, the runtime fuses the layer all the same and computes wrong numbers (off "
                + "by as much as the largest output, in Conv and in Gemm); elsewhere the layer fails or runs in float.",
            advice: "Put axis 0 for Conv and for Gemm with transB, axis 1 for MatMul, Gemm and ConvTranspose.",
            check: { $0.weightsOnWrongAxis() }),
        LintRule(
            "unquantized-weight", .error, "A layer between Q and DQ has a float weight.",
            cost: "The runtime quantizes such a weight at load with one scale for all channels: a MobileNet with one "
                + "depthwise Conv so fell from 40 dB to 7.",
            advice:
                "Quantize the weight by channel, or keep the layer float: take away the Q behind it, or put an operator "
                + "between that hides the pattern, such as a LeakyRelu with slope 1.",
            check: { $0.weightsLeftFloat() }),
        LintRule(
            "weight-not-folded", .warning, "A float layer restores its weight with a DequantizeLinear.",
            cost: "The runtime does not fold it at load: ×0.35 to ×0.60 of FP32's speed for a whole model.",
            advice:
                "Store such weights as int8 → Cast → Mul(scale), which is folded at load, or quantize the layer's input.",
            check: { $0.weightsNotFolded() }),
        LintRule(
            "weight-zero-point", .warning, "An S8 weight has a zero point other than 0.",
            cost: "Right numbers, but the kernels for symmetric weights cannot be used and every output needs another "
                + "correction (not measured).",
            advice: "Quantize weights symmetrically, −127 to 127.",
            check: { $0.weightZeroPoints() }),
        LintRule(
            "unsigned-weights", .warning, "A weight is U8.",
            cost: "U8 activations with U8 weights ran 2.5 to 2.7 times slower than with S8 weights on VNNI; with S8 "
                + "activations (ARM) the layer runs in float.",
            advice: "Quantize weights to S8. Only for x86-64 without VNNI are U8 weights a way out of saturation.",
            holds: { !$0.narrowsPairs }, check: { $0.unsignedWeights() }),
        LintRule(
            "pair-saturation", .warning, "Sums of products can saturate on x86-64 without VNNI.",
            cost: "There, two products are added in 16 bits: outputs differ from those on other processors.",
            advice:
                "Quantize these outputs' weights to 7 bits (the target onnxruntime-x64-avx2 does), or set the session "
                + "option session.x64quantprecision=1.",
            holds: { $0.narrowsPairs }, check: { $0.saturatingPairs() }),
        LintRule(
            "bias-type", .warning, "The bias of a quantized layer is not stored as int32.",
            cost: "The layer runs in float, with its input and weight restored in every run.",
            advice: "Store it as int32 with scale s_x · s_w, or leave it a float constant.",
            check: { $0.biasTypes() }),
        LintRule(
            "bias-scale", .warning, "The bias of a quantized layer has another scale than s_x · s_w, or a zero point.",
            cost: "Off by 1 % it is fused as if it were right; beyond, the layer runs in float.",
            advice: "Store it with scale s_x · s_w for each channel and zero point 0.",
            check: { $0.biasScales() }),
        LintRule(
            "float-bias", .warning, "A Gemm, or a MatMul and its Add, has a float bias and gives float.",
            cost: "The layer runs as a float Gemm, with its input and weight restored in every run.",
            advice: "Store the bias as int32 with scale s_x · s_w, or quantize the output.",
            check: { $0.floatBiases() }),
        LintRule(
            "gemm-scaling", .warning, "A quantized Gemm has alpha or beta other than 1.",
            cost: "The layer runs in float, with its input and weight restored in every run.",
            advice: "Multiply alpha into the weight and beta into the bias before quantizing.",
            check: { $0.scaledGemms() }),
    ]

    // MARK: Types

    private static let types = [
        LintRule(
            "signed-activations", .warning, "Activations are S8, and stay so.",
            cost:
                "Residual and SiLU nets ran at ×0.64 to ×0.66 of FP32's speed, with U8 at ×2.5 to ×3.1; as QLinearConv a "
                + "layer with S8 activations ran 17 times slower than with U8.",
            advice: "Quantize activations to U8: the same grid with 128 added to the zero point.",
            holds: { !$0.signedActivations }, check: { $0.wrongSigns(.int8) }),
        LintRule(
            "unsigned-activations", .warning, "Activations are U8.",
            cost: "ARM's kernels take S8 with S8 as they are (not measured here).",
            advice: "Quantize activations to S8: the same grid with 128 taken from the zero point.",
            holds: { $0.signedActivations }, check: { $0.wrongSigns(.uint8) }),
        LintRule(
            "mixed-types", .warning, "An operator has inputs and outputs of different integer types.",
            cost: "It runs in float, with every input restored in every run.",
            advice: "Give all activations of the model one type.",
            check: { $0.mixedTypes() }),
        LintRule(
            "sixteen-bit-activation", .warning, "An activation has 16 bits.",
            cost:
                "The runtime has no 16-bit integer operators on processors: what reads it runs in float, and slower than "
                + "without Q/DQ.",
            advice: "Use 8 bits, or leave the tensor float.",
            check: { $0.sixteenBitActivations() }),
    ]

    // MARK: What fuses

    private static let fusion = [
        LintRule(
            "missing-output-quantizer", .warning, "A quantized Conv has no quantizer behind it, or more than that.",
            cost: "It runs in float, with its input and weight restored in every run.",
            advice:
                "Put one QuantizeLinear behind every quantized Conv, also before a float head, and let all readers read "
                + "what it makes.",
            check: { $0.unquantizedOutputs() }),
        LintRule(
            "silu-not-quantized", .warning,
            "A quantized Conv is followed by x · Sigmoid(x) without a quantizer between.",
            cost: "The Conv runs in float: 1.35 ms against 0.38 for one layer, ×0.70 of FP32's speed for a net.",
            advice: "Put Q/DQ behind the Conv and behind the Sigmoid.",
            check: { $0.unquantizedSiLUs() }),
        LintRule(
            "clamp-not-redundant", .warning, "A Relu or Clip has an effect that the quantizer behind it has not.",
            cost: "It and the layer before it run in float, with every input restored in every run.",
            advice: "Quantize behind it with the clipped range: zero point 0 for U8 and −128 for S8 behind a Relu.",
            check: { $0.effectiveClamps() }),
        LintRule(
            "unfusable-operator", .warning, "An operator without an integer form is wrapped in Q/DQ.",
            cost: "About 0.24 ns for each value, and two roundings for nothing.",
            advice:
                "Leave it float, together with its float neighbours, or replace it by one that has an integer form.",
            check: { $0.wrappedFloats() }),
        LintRule(
            "partly-quantized", .warning, "Some operands of an operator are quantized and others float.",
            cost: "It runs in float between two conversions.",
            advice: "Quantize all operands, constants too, or none.",
            check: { $0.partlyQuantized() }),
        LintRule(
            "pass-through-grids", .warning, "An operator that only moves values has different grids on its sides.",
            cost: "It runs in float between two conversions, and rounds again.",
            advice: "Give its inputs and outputs the same scale and zero point.",
            check: { $0.changedGrids() }),
        LintRule(
            "shared-dequantizer", .warning, "x · Sigmoid(x) in float reads a shared DequantizeLinear.",
            cost: "The runtime splits it and then sees no QuickGelu any more: ×1.78 instead of ×2.06 for a net.",
            advice: "Quantize the Sigmoid too, or write com.microsoft QuickGelu with alpha 1 in place of both.",
            check: { $0.sharedDequantizers() }),
        LintRule(
            "float-island", .warning, "Operators that have integer forms run in float between quantized parts.",
            cost: "Restoring, computing and quantizing again costs more than the integer operators would.",
            advice: "Put Q/DQ behind each of them.",
            check: { $0.floatIslands() }),
        LintRule(
            "maxpool-behind-float", .warning, "A float MaxPool is quantized behind.",
            cost:
                "The runtime moves the quantizer up above the MaxPool, which then has no fast kernel: 4 to 7 ms instead of "
                + "0.45; small nets with such a stem ran 2.2 to 4.6 times faster without.",
            advice: "Put Max(x, −3e38) between the MaxPool and the quantizer, or quantize what comes before it.",
            check: { $0.poolsBehindFloat() }),
    ]

    // MARK: Concat

    private static let concats = [
        LintRule(
            "mixed-ranges", .error, "A Concat joins small values and large ones on one grid.",
            cost: "The small ones are rounded away: boxes up to 640 beside scores up to 1 make the step 2.5 and every "
                + "score 0 (mAP 0 for a detector).",
            advice: "Keep this Concat float, or scale its inputs to one range before it.",
            check: { $0.mixedRanges() }),
        LintRule(
            "concat-grids", .warning, "Inputs that only a Concat reads have other grids than its output.",
            cost: "1.6 to 4 times slower than with equal grids, which make it a plain copy.",
            advice: "Give inputs that only the Concat reads its output's scale and zero point.",
            check: { $0.unequalConcats() }),
    ]
}
