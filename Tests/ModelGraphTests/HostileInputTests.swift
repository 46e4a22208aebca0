import Foundation
import Testing

@testable import ModelGraph

@Suite struct HostileInputTests {
    @Test func aModelCutAnywhereIsAnErrorOrAModel() throws {
        let bytes = try Samples.small().bytes()
        var models = 0
        for length in 0..<bytes.count {
            do {
                _ = try Model.read(bytes: Array(bytes.prefix(length)))
                models += 1
            } catch is ModelError {}
        }
        // Cutting off whole fields at the end may leave a model.
        #expect(models <= 4)
    }

    @Test func flippedBitsNeverCrash() throws {
        let bytes = try Samples.small().bytes()
        var random = Seeded(7)
        for _ in 0..<6_000 {
            var broken = bytes
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let place = Int.random(in: 0..<broken.count, using: &random)
                broken[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            }
            try readAndWrite(broken)
        }
    }

    @Test func randomNumbersAndInsertionsNeverCrash() throws {
        let bytes = try Samples.small().bytes()
        var random = Seeded(11)
        for _ in 0..<4_000 {
            var broken = bytes
            let place = Int.random(in: 0..<broken.count, using: &random)
            let junk = (0..<Int.random(in: 1...10, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random)
            }
            let end = min(place + Int.random(in: 0...12, using: &random), broken.count)
            broken.replaceSubrange(place..<end, with: junk)
            try readAndWrite(broken)
        }
    }

    @Test func randomBytesAreNoModel() throws {
        var random = Seeded(13)
        for _ in 0..<3_000 {
            let bytes = (0..<Int.random(in: 1...200, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            #expect(throws: ModelError.self) { try Model.read(bytes: bytes) }
        }
    }

    /// What can be read can be written, counted and upgraded too, or gives an error.
    private func readAndWrite(_ bytes: [UInt8]) throws {
        do {
            var model = try Model.read(bytes: bytes)
            let written = try model.bytes()
            #expect(try Model.read(bytes: written).facts == model.facts)
            model.graph.removeUnused()
            try OpsetUpgrade.upgrade(&model) { _ in nil }
        } catch is ModelError {}
    }

    @Test(arguments: [1, 10, 30, 40, 100, 3_000])
    func nestedGraphsAreReadToALimit(levels: Int) throws {
        // From the inside out: graph { node { attribute { graph … } } }.
        var node = Samples.bytes { $0.string(4, "If") }
        for _ in 1..<levels {
            let body = Samples.bytes { $0.bytes(1, node) }
            let attribute = Samples.bytes { attribute in
                attribute.string(1, "body")
                attribute.bytes(6, body)
                attribute.int64(20, 5)
            }
            node = Samples.bytes { node in
                node.string(4, "If")
                node.bytes(5, attribute)
            }
        }
        let bytes = Samples.encoded(graph: { $0.bytes(1, node) })
        if levels <= 30 {
            #expect(try Model.read(bytes: bytes).graph.nodes.count == 2)
        } else {
            #expect(throws: ModelError.self) { try Model.read(bytes: bytes) }
        }
    }

    @Test(
        arguments: [
            [0x3a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
            [0x3a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01],
            [0x3a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02],
            [0x3a, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00],
            [0x3a, 0x05, 0x00], [0x00, 0x00], [0x3b, 0x3c], [0x3f], [0x08], [0x0d, 0, 0],
            [0xf8, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0x00], [0x39, 1, 2, 3, 4, 5, 6, 7, 8],
        ] as [[UInt8]])
    func absurdTagsAndLengthsAreErrors(bytes: [UInt8]) {
        #expect(throws: ModelError.self) { try Model.read(bytes: bytes) }
    }

    @Test func tooManyRecordsAreRefusedBeforeTheyTakeMemory() {
        var limits = ReadLimits()
        limits.records = 1_000
        let bytes = Samples.encoded(graph: { graph in for _ in 0..<2_000 { graph.bytes(13, []) } })
        #expect(throws: ModelError.tooLarge(what: "the model has too many records", limit: 1_000)) {
            try Model.read(bytes: bytes, limits: limits)
        }
    }

    @Test(
        arguments: [
            ([0x50, 0x4b, 3, 4, 0, 0], "zip"), ([0x18, 0, 0, 0] + Array("TFL3".utf8), "TensorFlow Lite"),
            ([0x89, 0x48, 0x44, 0x46, 13, 10], "HDF5"), ([0x80, 2, 0x8a], "pickle"),
            (Array(#"{"format": "nonsense"}"#.utf8), "JSON"), (Array("<!DOCTYPE html>".utf8), "HTML"),
            (Array("hello, this is a text".utf8), "text"), ([0x89, 0x50, 0x4e, 0x47], "PNG"), ([], "empty"),
            (Array("version https://git-lfs.github.com/spec/v1\n".utf8), "LFS"),
            ([16, 0, 0, 0, 0, 0, 0, 0] + Array(#"{"a":{}}"#.utf8), "safetensors"),
        ] as [([UInt8], String)])
    func otherFilesAreCalledWhatTheyAre(bytes: [UInt8], word: String) {
        let error = #expect(throws: ModelError.self) { try Model.read(bytes: bytes) }
        guard case .notONNX(let thing) = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(thing.contains(word))
    }

    @Test func tfliteFixturesAreNamed() throws {
        guard let fixtures = Samples.fixtures else { return print("skipped: OCTAVO_FIXTURES is not set") }
        #expect(throws: ModelError.notONNX(looksLike: "a TensorFlow Lite model")) {
            try Model.read(path: "\(fixtures)/models/kws_dscnn_float.tflite")
        }
    }

    @Test func graphsThatBreakTheRulesAreRefused() throws {
        func error(_ edit: (inout Model) -> Void) throws -> ModelError? {
            var model = Samples.small()
            edit(&model)
            let bytes = try model.bytes()
            return #expect(throws: ModelError.self) { try Model.read(bytes: bytes) }
        }
        #expect(
            try error { $0.graph.nodes[1].inputs = ["nowhere"] }
                == .undefinedInput(tensor: "nowhere", node: "Relu 'relu'"))
        #expect(try error { $0.graph.nodes[1].outputs = ["c"] } == .duplicateName("c", place: "graph 'small'"))
        #expect(try error { $0.graph.nodes[0].inputs[0] = "r" } == .cyclic(nodes: ["Conv 'conv'", "Relu 'relu'"]))
        #expect(try error { $0.graph.nodes[0].domain = "a.b" } == .missingOpset(domain: "a.b", node: "Conv 'conv'"))
        #expect(
            try error { $0.setOpset("", 6) } == .unsupportedVersion(what: "operator set", found: 6, supported: 7...24))
        #expect(
            try error { $0.irVersion = 99 } == .unsupportedVersion(what: "IR version", found: 99, supported: 3...13))
        #expect(
            try error { $0.graph.nodes = [] } == .invalidGraph(reason: "there are no nodes", place: "graph 'small'"))
        #expect(
            try error { $0.graph.outputs = [] } == .invalidGraph(reason: "there are no outputs", place: "graph 'small'")
        )
        #expect(
            try error { $0.graph.initializers[1].name = "w" } == .duplicateName("w", place: "graph 'small'"))
        #expect(
            try error { $0.graph.nodes[2].editSubgraphs { $0.nodes[0].inputs[0] = "q" } }
                == .undefinedInput(tensor: "q", node: "Add 'inner_add'"))
    }

    @Test func nodesInAnyOrderAreSorted() throws {
        var model = Samples.small()
        model.graph.nodes.reverse()
        #expect(try Model.read(bytes: try model.bytes()).graph.nodes.map(\.op) == ["Conv", "Relu", "If"])
    }

    @Test func namesWithZeroBytesOrBrokenTextAreRefused() {
        #expect(throws: ModelError.self) { try Model.read(bytes: Samples.encoded(graph: { $0.bytes(2, [65, 0]) })) }
        #expect(throws: ModelError.self) {
            try Model.read(bytes: Samples.encoded(graph: { $0.bytes(2, [0xc3, 0x28]) }))
        }
    }

    @Test func shapesThatNobodyCouldFillAreRefused() throws {
        var model = Samples.small()
        model.graph.inputs[0].shape = [.fixed(1 << 44)]
        #expect(throws: ModelError.self) { try Model.read(bytes: try model.bytes()) }
        model.graph.inputs[0].shape = [.fixed(.max), .fixed(.max), .fixed(0)]
        #expect(throws: ModelError.self) { try Model.read(bytes: try model.bytes()) }
        model.graph.inputs[0].shape = [.fixed(0), .symbolic("N"), .fixed(1 << 30)]
        #expect(try Model.read(bytes: try model.bytes()).graph.inputs[0].fixedShape == nil)
    }

    /// Function i, in the domain "f", calls the functions `callees(i)`; the graph calls the last.
    @Test func aZeroDoesNotHideSizesThatOverflow() throws {
        for dims: [Int64] in [[0, 1 << 40, 1 << 40], [1 << 40, 1 << 40, 0]] {
            let bytes = Samples.encoded(tensor: { tensor in
                tensor.int64s(1, dims)
                tensor.int64(2, 1)
                tensor.string(8, "empty")
            })
            #expect(throws: ModelError.self) { try Model.read(bytes: bytes) }
        }
    }

    private func functions(_ count: Int, calling callees: (Int) -> [Int]) -> [UInt8] {
        func call(_ name: String, _ writer: inout ProtobufWriter) {
            writer.string(1, "X")
            writer.string(2, "Z\(writer.pieces.count)")
            writer.string(4, name)
            writer.string(7, "f")
        }
        let model = Samples.encoded(graph: { $0.message(1) { call("F\(count - 1)", &$0) } })
        let definitions = Samples.bytes { writer in
            writer.message(8) {
                $0.string(1, "f")
                $0.int64(2, 1)
            }
            for number in 0..<count {
                writer.message(25) { function in
                    function.string(1, "F\(number)")
                    function.message(7) { $0.string(4, "Relu") }
                    for callee in callees(number) { function.message(7) { call("F\(callee)", &$0) } }
                    function.string(10, "f")
                }
            }
        }
        return model + definitions
    }

    @Test func functionsThatGrowBeyondBoundsAreRefused() throws {
        // 2^18 - 1 nodes are within them, 2^20 - 1 are not, 2^200 are in no integer.
        #expect(try Model.read(bytes: functions(18) { $0 > 0 ? [$0 - 1, $0 - 1] : [] }).functions.count == 18)
        for count in [20, 200] {
            #expect(throws: ModelError.self) {
                try Model.read(bytes: functions(count) { $0 > 0 ? [$0 - 1, $0 - 1] : [] })
            }
        }
        // A long chain is no deeper than a short one.
        #expect(try Model.read(bytes: functions(20_000) { $0 > 0 ? [$0 - 1] : [] }).functions.count == 20_000)
    }

    @Test func functionsThatCallThemselvesAreRefused() {
        #expect(throws: ModelError.cyclic(nodes: ["f::F0", "f::F1", "f::F2"])) {
            try Model.read(bytes: functions(3) { [($0 + 1) % 3] })
        }
    }

    @Test func pathsThatAreNoRegularFilesAreRefused() throws {
        let folder = try TemporaryDirectory()
        defer { folder.remove() }
        let file = try folder.write("m.onnx", try Samples.small().bytes())
        try FileManager.default.createSymbolicLink(atPath: "\(folder.path)/link", withDestinationPath: file)
        for path in [folder.path, "\(folder.path)/link", "\(folder.path)/none", "/dev/zero"] {
            #expect(throws: ModelError.self) { try Model.read(path: path) }
        }
    }
}
