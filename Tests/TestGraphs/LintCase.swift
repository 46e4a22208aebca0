package import ModelGraph

/// A graph that breaks a rule of the linter, and one that does the same without breaking any.
package struct LintCase: Sendable, CustomStringConvertible {
    package enum Processor: Sendable { case x64, x64WithoutVNNI, arm }

    /// What the runtime is seen to do with the broken graph, and not with the other.
    package enum Effect: Sendable {
        /// It runs this operator.
        case runs(String)
        /// It runs more QuantizeLinears and DequantizeLinears.
        case converts
        /// It quantizes before it runs this operator.
        case quantizesBefore(String)
        /// It computes other numbers than without optimization.
        case miscomputes
        /// It does not load the file.
        case refuses
        /// Nothing that shows on this machine.
        case unseen
    }

    package let code: String
    package let what: String
    package let processor: Processor
    package let effect: Effect
    package let broken: Model
    package let clean: Model

    package var description: String { "\(code): \(what)" }

    init(
        _ code: String, _ what: String, _ effect: Effect, on processor: Processor = .x64,
        broken: (inout Draft) -> Model,
        clean: (inout Draft) -> Model
    ) {
        self.code = code
        self.what = what
        self.processor = processor
        self.effect = effect
        (self.broken, self.clean) = (Self.drawn(broken), Self.drawn(clean))
    }

    typealias Draft = QuantizedGraph

    private static func drawn(_ draw: (inout Draft) -> Model) -> Model {
        var draft = Draft()
        return draw(&draft)
    }

    package static let all: [LintCase] = files + weights + biases + types + convolutions + operators + concats

    private static let channels = Draft.channels
    private static let square = [Draft.channels, Draft.channels]

    // MARK: Files

    private static let files: [LintCase] = [
        LintCase(
            "per-channel-opset", "operator set 12", .refuses,
            broken: { g in
                let y = g.layer(g.pair("x"))
                return g.model(y, opset: 12)
            },
            clean: { g in
                let weight = g.add(
                    "DequantizeLinear",
                    [
                        g.integers(
                            [1, 2, 3, 4] + [Int](repeating: 5, count: channels * channels * 9 - 4), square + [3, 3],
                            .int8),
                        g.constant([0.01], []), g.integers([0], [], .int8),
                    ])
                let y = g.pair(g.conv(g.pair("x"), weight: weight))
                return g.model(y, opset: 12)
            }),
        LintCase(
            "sixteen-bit-opset", "uint16 in operator set 17", .refuses,
            broken: { g in
                let y = g.pair("x", .init(zero: 0, .uint16))
                return g.model(y)
            },
            clean: { g in
                let y = g.pair("x")
                return g.model(y)
            }),
        LintCase(
            "invalid-scale", "a negative scale", .unseen,
            broken: { g in
                let y = g.layer(g.pair("x"), .init(-0.02))
                return g.model(y)
            },
            clean: { g in
                let y = g.layer(g.pair("x"))
                return g.model(y)
            }),
    ]

    // MARK: Weights

    private static let weights: [LintCase] = [
        LintCase(
            "weight-axis", "a Conv by input channel", .miscomputes,
            broken: { g in
                let y = g.pair(g.conv(g.pair("x"), weight: g.weight(square + [3, 3], axis: 1)), .init(0.2))
                return g.model(y)
            },
            clean: { g in
                let y = g.pair(g.conv(g.pair("x"), weight: g.weight(square + [3, 3])), .init(0.2))
                return g.model(y)
            }),
        LintCase(
            "weight-axis", "a Gemm by input", .miscomputes,
            broken: { g in
                let y = g.pair(g.add("Gemm", [g.flat(), g.weight(square)]), .init(0.2))
                return g.model(y)
            },
            clean: { g in
                let y = g.pair(g.add("Gemm", [g.flat(), g.weight(square, axis: 1)]), .init(0.2))
                return g.model(y)
            }),
        LintCase(
            "weight-axis", "a MatMul by input", .runs("MatMul"),
            broken: { g in
                let y = g.pair(g.add("MatMul", [g.flat(), g.weight(square)]), .init(0.2))
                return g.model(y)
            },
            clean: { g in
                let y = g.pair(g.add("MatMul", [g.flat(), g.weight(square, axis: 1)]), .init(0.2))
                return g.model(y)
            }),
        LintCase(
            "unquantized-weight", "a Conv with channels of different size", .miscomputes,
            broken: { g in
                let y = g.pair(g.conv(g.pair("x"), weight: g.unevenWeight()), .init(0.002))
                return g.model(y)
            },
            clean: { g in
                let float = g.conv(g.pair("x"), weight: g.unevenWeight())
                let y = g.pair(g.add("LeakyRelu", [float], [.float("alpha", 1)]), .init(0.002))
                return g.model(y)
            }),
        LintCase(
            "weight-not-folded", "weights alone in 8 bits", .runs("DequantizeLinear"),
            broken: { g in
                let y = g.conv("x")
                return g.model(y)
            },
            clean: { g in
                let stored = g.integers([Int](repeating: 3, count: channels * channels * 9), square + [3, 3], .int8)
                let float = g.add("Cast", [stored], [.int("to", 1)])
                let y = g.conv("x", weight: g.add("Mul", [float, g.constant([0.01], [])]))
                return g.model(y)
            }),
        LintCase(
            "weight-zero-point", "an asymmetric weight", .unseen,
            broken: { g in
                let y = g.pair(g.conv(g.pair("x"), weight: g.weight(square + [3, 3], zero: 5)))
                return g.model(y)
            },
            clean: { g in
                let y = g.layer(g.pair("x"))
                return g.model(y)
            }),
        LintCase(
            "unsigned-weights", "a U8 weight", .unseen,
            broken: { g in
                let y = g.pair(g.conv(g.pair("x"), weight: g.weight(square + [3, 3], .uint8, zero: 128)))
                return g.model(y)
            },
            clean: { g in
                let y = g.layer(g.pair("x"))
                return g.model(y)
            }),
        LintCase(
            "pair-saturation", "neighbours of 65", .unseen, on: .x64WithoutVNNI,
            broken: { g in
                let values = [Int](repeating: 65, count: channels * channels * 9)
                let y = g.pair(g.conv(g.pair("x"), weight: g.weight(square + [3, 3], values: values)))
                return g.model(y)
            },
            clean: { g in
                let values = [Int](repeating: 64, count: channels * channels * 9)
                let y = g.pair(g.conv(g.pair("x"), weight: g.weight(square + [3, 3], values: values)))
                return g.model(y)
            }),
    ]

    private static let biases: [LintCase] = [
        LintCase(
            "bias-type", "an int8 bias", .runs("Conv"),
            broken: { g in
                let y = g.pair(g.conv(g.pair("x"), bias: g.bias(channels, .int8)))
                return g.model(y)
            },
            clean: { g in
                let y = g.pair(g.conv(g.pair("x"), bias: g.bias(channels)))
                return g.model(y)
            }),
        LintCase(
            "bias-scale", "four times too large", .runs("Conv"),
            broken: { g in
                let y = g.pair(g.conv(g.pair("x"), bias: g.bias(channels, factor: 4)))
                return g.model(y)
            },
            clean: { g in
                let y = g.pair(g.conv(g.pair("x"), bias: g.bias(channels, factor: 1.001)))
                return g.model(y)
            }),
        LintCase(
            "float-bias", "a Gemm that gives float", .runs("Gemm"),
            broken: { g in
                let y = g.add("Gemm", [g.flat(), g.weight(square, axis: 1), g.floats([channels])])
                return g.model(y)
            },
            clean: { g in
                let y = g.add("Gemm", [g.flat(), g.weight(square, axis: 1), g.bias(channels)])
                return g.model(y)
            }),
        LintCase(
            "float-bias", "a MatMul and its Add", .runs("Gemm"),
            broken: { g in
                let y = g.add("Add", [g.add("MatMul", [g.flat(), g.weight(square, axis: 1)]), g.floats([channels])])
                return g.model(y)
            },
            clean: { g in
                let product = g.pair(g.add("MatMul", [g.flat(), g.weight(square, axis: 1)]))
                let y = g.add("Add", [product, g.floats([channels])])
                return g.model(y)
            }),
        LintCase(
            "gemm-scaling", "half of the bias", .runs("Gemm"),
            broken: { g in
                let y = g.pair(
                    g.add("Gemm", [g.flat(), g.weight(square, axis: 1), g.bias(channels)], [.float("beta", 0.5)]))
                return g.model(y)
            },
            clean: { g in
                let y = g.pair(g.add("Gemm", [g.flat(), g.weight(square, axis: 1), g.bias(channels)]))
                return g.model(y)
            }),
    ]

    // MARK: Types

    private static let types: [LintCase] = [
        LintCase(
            "signed-activations", "S8 in a net with a branch", .runs("Add"),
            broken: { g in
                let y = g.residual(.signed)
                return g.model(y)
            },
            clean: { g in
                let y = g.residual(.init())
                return g.model(y)
            }),
        LintCase(
            "signed-activations", "a QLinearConv", .unseen,
            broken: { g in
                let y = g.integerConv(.int8)
                return g.model(y)
            },
            clean: { g in
                let y = g.integerConv(.uint8)
                return g.model(y)
            }),
        LintCase(
            "unsigned-activations", "U8 for ARM", .unseen, on: .arm,
            broken: { g in
                let y = g.residual(.init())
                return g.model(y)
            },
            clean: { g in
                let y = g.residual(.signed)
                return g.model(y)
            }),
        LintCase(
            "mixed-types", "a sum of U8 and S8", .runs("Add"),
            broken: { g in
                let first = g.layer(g.pair("x"))
                let second = g.layer(first, .signed)
                let y = g.pair(g.add("Add", [first, second]))
                let z = g.layer(second)
                return g.model(y, z)
            },
            clean: { g in
                // What one operator alone reads becomes U8 by itself.
                let first = g.layer(g.pair("x"))
                let y = g.pair(g.add("Add", [first, g.layer(first, .signed)]))
                return g.model(y)
            }),
        LintCase(
            "sixteen-bit-activation", "uint16 in operator set 21", .runs("Add"),
            broken: { g in
                let first = g.layer(g.pair("x"), .init(0.001, zero: 32768, .uint16))
                let y = g.pair(g.add("Add", [first, first]), .init(0.001, zero: 32768, .uint16))
                return g.model(y, opset: 21)
            },
            clean: { g in
                let first = g.layer(g.pair("x"))
                let y = g.pair(g.add("Add", [first, first]))
                return g.model(y, opset: 21)
            }),
    ]
}
