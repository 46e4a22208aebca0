import ModelGraph
import TestGraphs

/// Small models and sets. Models are written field by field, so that they can be wrong in ways that no library allows.
enum JobsFiles {
    /// What can be wrong with a model of one Gemm, from input `x` of four columns to eight outputs.
    struct Faults {
        var weightDims: [Int64] = [8, 4]
        var weights: [Float] = (0..<32).map { Float(($0 * 37) % 64) / 32 - 1 }
        /// The file that the weights are said to be in.
        var location: String?
        /// Nil is an open axis.
        var inputDims: [Int64?] = [nil, 4]
        var op = "Gemm"
        var domain = ""
        /// Puts a QuantizeLinear and a DequantizeLinear before the Gemm.
        var quantized = false
    }

    static func model(_ edit: (inout Faults) -> Void = { _ in }) -> [UInt8] {
        var faults = Faults()
        edit(&faults)
        var model = Message()
        model.number(1, 8)
        for domain in Set(["", faults.domain]).sorted() {
            model.message(8) { opset in
                opset.text(1, domain)
                opset.number(2, domain.isEmpty ? 17 : 1)
            }
        }
        model.message(7) { graph(&$0, faults) }
        return model.bytes
    }

    private static func graph(_ graph: inout Message, _ faults: Faults) {
        if faults.quantized {
            node(&graph, "DynamicQuantizeLinear", ["x"], "q")
            node(&graph, "DequantizeLinear", ["q", "scale", "zero"], "d")
            graph.message(5) { tensor(&$0, "scale", [], 1, Message.floats([0.5])) }
            graph.message(5) { tensor(&$0, "zero", [], 2, [0]) }
        }
        let inputs = faults.op == "Gemm" ? [faults.quantized ? "d" : "x", "w"] : ["x"]
        node(&graph, faults.op, inputs, "y", domain: faults.domain, transposed: faults.op == "Gemm")
        graph.text(2, "net")
        if inputs.count == 2 {
            graph.message(5) { weight in
                let bytes = Message.floats(faults.weights)
                tensor(&weight, "w", faults.weightDims, 1, faults.location == nil ? bytes : nil)
                guard let location = faults.location else { return }
                weight.message(13) { entry in
                    entry.text(1, "location")
                    entry.text(2, location)
                }
                weight.number(14, 1)
            }
        }
        value(&graph, 11, "x", faults.inputDims)
        value(&graph, 12, "y", nil)
    }

    private static func node(
        _ graph: inout Message, _ op: String, _ inputs: [String], _ output: String, domain: String = "",
        transposed: Bool = false
    ) {
        graph.message(1) { node in
            for input in inputs { node.text(1, input) }
            node.text(2, output)
            node.text(3, "node_" + output)
            node.text(4, op)
            if transposed {
                node.message(5) { attribute in
                    attribute.text(1, "transB")
                    attribute.number(3, 1)
                    attribute.number(20, 2)
                }
            }
            node.text(7, domain)
        }
    }

    private static func tensor(
        _ tensor: inout Message, _ name: String, _ dims: [Int64], _ type: Int64, _ raw: [UInt8]?
    ) {
        for size in dims { tensor.number(1, size) }
        tensor.number(2, type)
        tensor.text(8, name)
        if let raw { tensor.field(9, raw) }
    }

    private static func value(_ graph: inout Message, _ field: Int, _ name: String, _ dims: [Int64?]?) {
        graph.message(field) { value in
            value.text(1, name)
            value.message(2) { type in
                type.message(1) { tensor in
                    tensor.number(1, 1)
                    guard let dims else { return }
                    tensor.message(2) { shape in
                        for size in dims {
                            shape.message(1) { dim in
                                if let size { dim.number(1, size) } else { dim.text(2, "N") }
                            }
                        }
                    }
                }
            }
        }
    }

    /// 16 samples for `model()`, unless `rows` and `columns` say otherwise.
    static func samples(
        rows: Int = 16, columns: Int = 4, seed: UInt64 = 5, edit: (inout [Float]) -> Void = { _ in }
    ) -> [UInt8] {
        var numbers = SeededNumbers(seed)
        var values = numbers.floats(rows * columns)
        edit(&values)
        return archive([("x", NPY.floats([rows, columns], values))])
    }

    static func archive(_ arrays: [(name: String, npy: [UInt8])]) -> [UInt8] {
        ZipWriter(members: arrays.map { .init($0.name + ".npy", $0.npy) }).bytes
    }

    /// A small convolutional net for pictures of 8 x 8 in three channels.
    static func pictureModel() throws -> [UInt8] {
        var g = GraphBuilder(seed: 3)
        let x = g.input("image", [1, 3, 8, 8], openBatch: true)
        g.output(g.gemm(g.flatten(g.globalPool(g.relu(g.conv(g.relu(g.conv(x, 16)), 16)))), 10))
        return try g.model().bytes()
    }

    /// A net that takes some 10 ms for a picture of 64 x 64, so that a job on it takes as long as it is told to measure.
    static func slowModel() throws -> [UInt8] {
        var g = GraphBuilder(seed: 4)
        let x = g.input("image", [1, 3, 64, 64], openBatch: true)
        let wide = g.relu(g.conv(g.relu(g.conv(x, 64)), 64))
        g.output(g.gemm(g.flatten(g.globalPool(wide)), 10))
        return try g.model().bytes()
    }

    static func slowSamples() -> [UInt8] {
        var numbers = SeededNumbers(8)
        return archive([("image", NPY.floats([4, 3, 64, 64], numbers.floats(4 * 3 * 64 * 64)))])
    }

    /// A net whose first step takes 1 GiB.
    static func greedyModel() throws -> [UInt8] {
        var g = GraphBuilder(seed: 6)
        let x = g.input("x", [1, 4])
        let much = g.add("Expand", [x, g.integers([1 << 26, 4])], shape: [1 << 26, 4])
        let little = g.add("ReduceMax", [much], [.ints("axes", [0]), .int("keepdims", 1)], shape: [1, 4])
        g.output(g.gemm(little, 8))
        return try g.model().bytes()
    }

    /// Pictures as cameras give them: bytes, channels last.
    static func pictures(_ count: Int = 16) -> [UInt8] {
        var numbers = SeededNumbers(9)
        let pixels = (0..<count * 192).map { _ in UInt8.random(in: 0...255, using: &numbers) }
        return archive([("image", NPY.array("|u1", [count, 8, 8, 3], pixels))])
    }
}

/// A protobuf message, field by field.
struct Message {
    private(set) var bytes: [UInt8] = []

    mutating func varint(_ value: UInt64) {
        var rest = value
        while rest > 127 {
            bytes.append(UInt8(rest & 127) | 128)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    mutating func number(_ field: Int, _ value: Int64) {
        varint(UInt64(field) << 3)
        varint(UInt64(bitPattern: value))
    }

    mutating func field(_ field: Int, _ content: [UInt8]) {
        varint(UInt64(field) << 3 | 2)
        varint(UInt64(content.count))
        bytes += content
    }

    mutating func text(_ field: Int, _ text: String) { self.field(field, Array(text.utf8)) }

    mutating func message(_ field: Int, _ fill: (inout Message) -> Void) {
        var inner = Message()
        fill(&inner)
        self.field(field, inner.bytes)
    }

    static func floats(_ values: [Float]) -> [UInt8] { values.withUnsafeBytes { Array($0) } }
}
