import ModelGraph
import TestGraphs

/// A model that calls a local function, as the newer PyTorch exporter writes them.
enum LocalFunctionModel {
    /// Conv -> pkg.test::Twice(x) = Add(x, x) -> Relu -> Conv.
    static func make() throws -> Model {
        var g = GraphBuilder()
        let x = g.input("x", [1, 8, 6, 6])
        let twice = g.add("Twice", [g.conv(x, 16)], domain: "pkg.test")
        g.output(g.conv(g.relu(twice), 16))
        let bytes = try g.model().bytes()
        return try Model.read(bytes: bytes + field(25, function))
    }

    /// FunctionProto: name 1, input 4, output 5, node 7, opset_import 9, domain 10.
    private static var function: [UInt8] {
        let node = field(1, "a") + field(1, "a") + field(2, "b") + field(3, "twice") + field(4, "Add")
        let opset = field(1, "") + [0x10, 17]
        return field(1, "Twice") + field(4, "a") + field(5, "b") + field(7, node) + field(9, opset)
            + field(10, "pkg.test")
    }

    /// A length-delimited field of fewer than 16384 bytes.
    private static func field(_ number: Int, _ bytes: [UInt8]) -> [UInt8] {
        varint(number << 3 | 2) + varint(bytes.count) + bytes
    }
    private static func field(_ number: Int, _ text: String) -> [UInt8] { field(number, Array(text.utf8)) }
    private static func varint(_ value: Int) -> [UInt8] {
        value < 128 ? [UInt8(value)] : [UInt8(value & 127 | 128)] + varint(value >> 7)
    }
}
