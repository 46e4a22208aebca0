import ModelGraph

extension LintCase {
    // MARK: Convolutions

    static let convolutions: [LintCase] = [
        LintCase(
            "missing-output-quantizer", "a float head", .runs("Conv"),
            broken: { g in
                let y = g.conv(g.pair("x"))
                return g.model(y)
            },
            clean: { g in
                let y = g.layer(g.pair("x"))
                return g.model(y)
            }),
        LintCase(
            "missing-output-quantizer", "a second, float reader", .runs("Conv"),
            broken: { g in
                let raw = g.conv(g.pair("x"))
                let y = g.pair(raw)
                let z = g.add("Tanh", [raw])
                return g.model(y, z)
            },
            clean: { g in
                let y = g.layer(g.pair("x"))
                let z = g.add("Tanh", [y])
                return g.model(y, z)
            }),
        LintCase(
            "silu-not-quantized", "as other runtimes want it", .runs("Conv"),
            broken: { g in
                let raw = g.conv(g.pair("x"))
                let y = g.pair(g.add("Mul", [raw, g.add("Sigmoid", [raw])]))
                return g.model(y)
            },
            clean: { g in
                let y = g.silu(g.layer(g.pair("x")))
                return g.model(y)
            }),
        LintCase(
            "clamp-not-redundant", "a Relu before a grid with negative values", .runs("FusedConv"),
            broken: { g in
                let y = g.pair(g.add("Relu", [g.conv(g.pair("x"))]))
                return g.model(y)
            },
            clean: { g in
                let y = g.pair(g.add("Relu", [g.conv(g.pair("x"))]), .init(zero: 0))
                return g.model(y)
            }),
        LintCase(
            "clamp-not-redundant", "a Clip at 6 before a grid up to 25", .runs("FusedConv"),
            broken: { g in
                let y = g.pair(
                    g.add("Clip", [g.conv(g.pair("x")), g.constant([0], []), g.constant([6], [])]), .init(0.1, zero: 0))
                return g.model(y)
            },
            clean: { g in
                let clip = g.add("Clip", [g.conv(g.pair("x")), g.constant([0], []), g.constant([6], [])])
                let y = g.pair(clip, .init(6 / 255, zero: 0))
                return g.model(y)
            }),
        LintCase(
            "maxpool-behind-float", "a float stem", .quantizesBefore("MaxPool"),
            broken: { g in
                let y = g.layer(g.pair(g.pooled("x")))
                return g.model(y)
            },
            clean: { g in
                let y = g.layer(g.pair(g.add("Max", [g.pooled("x"), g.constant([-3e38], [])])))
                return g.model(y)
            }),
    ]

    // MARK: Operators

    static let operators: [LintCase] = [
        LintCase(
            "unfusable-operator", "a Tanh", .converts,
            broken: { g in
                let y = g.pair(g.add("Tanh", [g.layer(g.pair("x"))]))
                return g.model(y)
            },
            clean: { g in
                let y = g.add("Tanh", [g.layer(g.pair("x"))])
                return g.model(y)
            }),
        LintCase(
            "unfusable-operator", "a ConvTranspose", .runs("ConvTranspose"),
            broken: { g in
                let weight = g.weight([QuantizedGraph.channels, QuantizedGraph.channels, 2, 2], axis: 1)
                let y = g.pair(g.add("ConvTranspose", [g.layer(g.pair("x")), weight]))
                return g.model(y)
            },
            clean: { g in
                let y = g.layer(g.layer(g.pair("x")))
                return g.model(y)
            }),
        LintCase(
            "unfusable-operator", "a linear Resize", .converts,
            broken: { g in
                let y = g.pair(g.resized(g.layer(g.pair("x")), mode: "linear"))
                return g.model(y)
            },
            clean: { g in
                let y = g.pair(g.resized(g.layer(g.pair("x")), mode: "nearest"))
                return g.model(y)
            }),
        LintCase(
            "partly-quantized", "a float constant", .runs("Add"),
            broken: { g in
                let y = g.pair(g.add("Add", [g.layer(g.pair("x")), g.constant([1], [])]))
                return g.model(y)
            },
            clean: { g in
                let one = g.add(
                    "DequantizeLinear",
                    [g.integers([50], [], .uint8), g.constant([0.02], []), g.integers([0], [], .uint8)])
                let y = g.pair(g.add("Add", [g.layer(g.pair("x")), one]))
                return g.model(y)
            }),
        LintCase(
            "pass-through-grids", "a MaxPool between two scales", .converts,
            broken: { g in
                let y = g.pair(g.add("MaxPool", [g.layer(g.pair("x"))], [.ints("kernel_shape", [2, 2])]), .init(0.03))
                return g.model(y)
            },
            clean: { g in
                let y = g.pair(g.add("MaxPool", [g.layer(g.pair("x"))], [.ints("kernel_shape", [2, 2])]))
                return g.model(y)
            }),
        LintCase(
            "shared-dequantizer", "SiLU in float", .runs("Sigmoid"),
            broken: { g in
                let x = g.layer(g.pair("x"))
                let y = g.add("Mul", [x, g.add("Sigmoid", [x])])
                return g.model(y)
            },
            clean: { g in
                let x = g.layer(g.pair("x"))
                let y = g.add("QuickGelu", [x], [.float("alpha", 1)], domain: OperatorDomain.microsoft)
                return g.model(y)
            }),
        LintCase(
            "float-island", "a sum and a product", .runs("Add"),
            broken: { g in
                let x = g.layer(g.pair("x"))
                let y = g.pair(g.add("Mul", [g.add("Add", [x, g.layer(x)]), x]))
                return g.model(y)
            },
            clean: { g in
                let x = g.layer(g.pair("x"))
                let y = g.pair(g.add("Mul", [g.pair(g.add("Add", [x, g.layer(x)])), x]))
                return g.model(y)
            }),
    ]

    // MARK: Concat

    static let concats: [LintCase] = [
        LintCase(
            "mixed-ranges", "boxes and scores", .unseen,
            broken: { g in
                let x = g.layer(g.pair("x"))
                let scores = g.pair(g.add("Sigmoid", [x]), .init(2.5, zero: 0))
                let boxes = g.layer(x, .init(2.5, zero: 0))
                let y = g.pair(g.add("Concat", [boxes, scores], [.int("axis", 1)]), .init(2.5, zero: 0))
                return g.model(y)
            },
            clean: { g in
                let x = g.layer(g.pair("x"))
                let scores = g.pair(g.add("Sigmoid", [x]), .init(0.004, zero: 0))
                let boxes = g.layer(x, .init(2.5, zero: 0))
                let y = g.add("Concat", [boxes, scores], [.int("axis", 1)])
                return g.model(y)
            }),
        LintCase(
            "concat-grids", "two scales", .unseen,
            broken: { g in
                let x = g.layer(g.pair("x"))
                let y = g.pair(g.add("Concat", [x, g.layer(x)], [.int("axis", 1)]), .init(0.05))
                return g.model(y)
            },
            clean: { g in
                let x = g.layer(g.pair("x"))
                let y = g.pair(g.add("Concat", [x, g.layer(x, .init(0.05))], [.int("axis", 1)]), .init(0.05))
                return g.model(y)
            }),
    ]
}

extension QuantizedGraph {
    /// `x` on its grid, as rows of `channels` values.
    mutating func flat() -> String {
        let shape = graph.addInitializer(Tensor(name: "rows", int64s: [-1, Int64(Self.channels)]))
        return pair(add("Reshape", ["x", shape]))
    }

    /// A float weight whose first channel is far larger than the others.
    mutating func unevenWeight() -> String {
        let inner = Self.channels * 9
        let values = (0..<(Self.channels * inner)).map { Float($0 % 7 - 3) * ($0 < inner ? 1 : 0.002) }
        return constant(values, [Self.channels, Self.channels, 3, 3])
    }

    /// A float Conv and a MaxPool.
    mutating func pooled(_ x: String) -> String {
        let raw = conv(x, weight: floats([Self.channels, Self.channels, 3, 3]))
        return add("MaxPool", [add("Relu", [raw])], [.ints("kernel_shape", [2, 2])])
    }

    mutating func silu(_ x: String) -> String {
        pair(add("Mul", [x, pair(add("Sigmoid", [x]), .init(1 / 256, zero: 0))]))
    }

    mutating func resized(_ x: String, mode: String) -> String {
        add(
            "Resize", [x, "", constant([1, 1, 2, 2], [4])],
            [
                .string("mode", mode), .string("coordinate_transformation_mode", "asymmetric"),
                .string("nearest_mode", "floor"),
            ])
    }

    /// A QLinearConv between a QuantizeLinear and a DequantizeLinear.
    mutating func integerConv(_ type: ElementType) -> String {
        let grid = Grid(zero: 0, type)
        let stored = integers(
            [Int](repeating: 3, count: Self.channels * Self.channels), [Self.channels, Self.channels, 1, 1], .int8)
        let x = quantized("x", grid)
        let (scale, zero) = (constant([0.02], []), integers([0], [], type))
        let weightZero = integers([0], [], .int8)
        let y = add("QLinearConv", [x, scale, zero, stored, constant([0.01], []), weightZero, scale, zero])
        return add("DequantizeLinear", [y, scale, zero])
    }
}
