import Foundation
import Testing

@testable import ModelGraph

@Suite struct ExternalDataTests {
    private static func model(_ entries: [(String, String)], count: Int64 = 4) -> [UInt8] {
        Samples.encoded(tensor: { tensor in
            tensor.int64s(1, [count])
            tensor.int64(2, 1)
            tensor.string(8, "w")
            for (key, value) in entries {
                tensor.message(13) {
                    $0.string(1, key)
                    $0.string(2, value)
                }
            }
            tensor.int64(14, 1)
        })
    }

    @Test func dataBesideTheModelIsRead() throws {
        let folder = try TemporaryDirectory()
        defer { folder.remove() }
        let values: [Float] = [1, 2, 3, 4]
        _ = try folder.write("w.bin", [9, 9] + values.withUnsafeBytes { [UInt8]($0) })
        let bytes = Self.model([("location", "w.bin"), ("offset", "2"), ("length", "16"), ("odd", "kept")])
        let model = try Model.read(bytes: bytes, externalDirectory: folder.path)
        #expect(try model.graph.initializers[0].floats() == values)
        let withoutLength = Self.model([("location", "w.bin"), ("offset", "2")])
        #expect(
            try Model.read(bytes: withoutLength, externalDirectory: folder.path).graph.initializers[0].floats()
                == values)
        #expect(try Model.read(bytes: try model.bytes()).graph.initializers[0].floats() == values)
    }

    @Test(arguments: [
        "../w.bin", "a/../w.bin", "/etc/passwd", "../../etc/passwd", "./w.bin", "..", ".", "", "a\\b", "sub/w.bin",
        String(repeating: "x", count: 300), "w.bin\u{0}", "link", "folder", "fifo",
    ])
    func locationsThatAreNoPlainFileBesideTheModelAreRefused(location: String) throws {
        let folder = try TemporaryDirectory()
        defer { folder.remove() }
        _ = try folder.write("w.bin", [UInt8](repeating: 0, count: 64))
        try FileManager.default.createSymbolicLink(atPath: "\(folder.path)/link", withDestinationPath: "/etc/passwd")
        try FileManager.default.createDirectory(atPath: "\(folder.path)/folder", withIntermediateDirectories: false)
        #expect(mkfifo("\(folder.path)/fifo", 0o600) == 0)
        let error = #expect(throws: ModelError.self) {
            try Model.read(bytes: Self.model([("location", location)]), externalDirectory: folder.path)
        }
        guard case .unsafeExternalData(tensor: "w", _, _) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test(
        arguments: [
            ("0", "17"), ("49", "16"), ("9223372036854775807", "16"), ("18446744073709551615", "16"), ("-1", "16"),
            ("0x0", "16"), (" 1", "16"), ("+1", "16"), ("", "16"), ("0", "9223372036854775807"), ("65", nil),
            ("1e1", nil),
        ] as [(String, String?)])
    func rangesOutsideTheFileAreRefused(offset: String, length: String?) throws {
        let folder = try TemporaryDirectory()
        defer { folder.remove() }
        _ = try folder.write("w.bin", [UInt8](repeating: 0, count: 64))
        var entries = [("location", "w.bin"), ("offset", offset)]
        if let length { entries.append(("length", length)) }
        #expect(throws: ModelError.self) {
            try Model.read(bytes: Self.model(entries), externalDirectory: folder.path)
        }
    }

    @Test func entriesGivenTwiceAndMissingFilesAreErrors() throws {
        let folder = try TemporaryDirectory()
        defer { folder.remove() }
        _ = try folder.write("w.bin", [UInt8](repeating: 0, count: 64))
        #expect(throws: ModelError.self) {
            try Model.read(
                bytes: Self.model([("location", "w.bin"), ("location", "../x")]), externalDirectory: folder.path)
        }
        #expect(throws: ModelError.missingExternalData(tensor: "w", location: "other.bin")) {
            try Model.read(bytes: Self.model([("location", "other.bin")]), externalDirectory: folder.path)
        }
    }

    @Test func aLocationIsCheckedEvenWithoutADirectory() {
        #expect(throws: ModelError.self) { try Model.read(bytes: Self.model([("location", "../x")])) }
    }

    @Test func tensorsInsideAttributesAndFunctionsAreHeldToTheSameRules() {
        let tensor = { (writer: inout ProtobufWriter) in
            writer.int64(1, 4)
            writer.int64(2, 1)
            writer.message(13) {
                $0.string(1, "location")
                $0.string(2, "/etc/passwd")
            }
            writer.int64(14, 1)
        }
        let constant = { (writer: inout ProtobufWriter) in
            writer.string(2, "Z")
            writer.string(4, "Constant")
            writer.message(5) {
                $0.string(1, "value")
                $0.int64(20, 4)
                $0.message(5, tensor)
            }
        }
        #expect(throws: ModelError.self) { try Model.read(bytes: Samples.encoded(graph: { $0.message(1, constant) })) }
        #expect(throws: ModelError.self) {
            try Model.read(bytes: Samples.encoded(graph: { $0.message(15) { $0.message(1, tensor) } }))
        }
        // In an attribute of a kind that is not read, and in a field beside the value that counts.
        for kind: Int64 in [11, 2] {
            #expect(throws: ModelError.self) {
                try Model.read(
                    bytes: Samples.encoded(graph: { graph in
                        graph.message(1) { node in
                            node.string(4, "Constant")
                            node.message(5) { attribute in
                                attribute.string(1, "sparse_value")
                                attribute.message(5, tensor)
                                attribute.message(22) { $0.message(1, tensor) }
                                attribute.int64(20, kind)
                            }
                        }
                    }))
            }
        }
        var writer = ProtobufWriter()
        writer.message(25) {
            $0.string(1, "f")
            $0.message(7, constant)
        }
        let function = Samples.bytes(writer)
        #expect(throws: ModelError.self) { try Model.read(bytes: Samples.encoded(graph: { _ in }) + function) }
    }
}
