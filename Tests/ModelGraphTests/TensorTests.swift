import Testing

@testable import ModelGraph

@Suite struct TensorTests {
    private static func read(_ type: ElementType, _ dims: [Int64], _ fill: (inout ProtobufWriter) -> Void) throws
        -> Tensor
    {
        let bytes = Samples.encoded(tensor: { tensor in
            tensor.int64s(1, dims)
            tensor.int64(2, Int64(type.rawValue))
            tensor.string(8, "t")
            fill(&tensor)
        })
        let model = try Model.read(bytes: bytes)
        #expect(try Model.read(bytes: try model.bytes()) == model)
        return model.graph.initializers[0]
    }

    @Test func typedFieldsArePackedOrNot() throws {
        #expect(try Self.read(.float, [2]) { $0.floats(4, [1.5, -2]) }.floats() == [1.5, -2])
        #expect(try Self.read(.float, [2]) { $0.bytes(4, [0, 0, 128, 63, 0, 0, 0, 64]) }.floats() == [1, 2])
        #expect(try Self.read(.int64, [3]) { $0.int64s(7, [1, -1, .min]) }.int64s() == [1, -1, .min])
        #expect(try Self.read(.int64, [3]) { $0.packedInt64s(7, [1, -1, .min]) }.int64s() == [1, -1, .min])
        #expect(
            try Self.read(.int64, [3]) {
                $0.packedInt64s(7, [4])
                $0.int64(7, 5)
                $0.packedInt64s(7, [6])
            }.int64s() == [4, 5, 6])
        #expect(try Self.read(.uint64, [1]) { $0.packedInt64s(11, [-1]) }.bytes() == [UInt8](repeating: 255, count: 8))
        #expect(try Self.read(.uint32, [1]) { $0.packedInt64s(11, [7]) }.int64s() == [7])
        #expect(try Self.read(.double, [1]) { $0.bytes(10, [0, 0, 0, 0, 0, 0, 0xf0, 0x3f]) }.floats() == [1])
    }

    @Test func smallTypesLiveInTheFieldForInt32() throws {
        #expect(try Self.read(.int8, [2]) { $0.packedInt64s(5, [-3, 100]) }.int64s() == [-3, 100])
        #expect(try Self.read(.uint8, [2]) { $0.packedInt64s(5, [200, 0]) }.int64s() == [200, 0])
        #expect(try Self.read(.int16, [1]) { $0.packedInt64s(5, [-300]) }.int64s() == [-300])
        #expect(try Self.read(.int32, [1]) { $0.packedInt64s(5, [-70000]) }.int64s() == [-70000])
        #expect(try Self.read(.bool, [2]) { $0.packedInt64s(5, [1, 0]) }.int64s() == [1, 0])
        #expect(try Self.read(.float16, [2]) { $0.packedInt64s(5, [0x3c00, 0xc000]) }.floats() == [1, -2])
        #expect(try Self.read(.bfloat16, [1]) { $0.packedInt64s(5, [0x3fc0]) }.floats() == [1.5])
        #expect(try Self.read(.int4, [3]) { $0.packedInt64s(5, [0x21, 0x03]) }.bytes() == [0x21, 3])
        #expect(try Self.read(.uint2, [5]) { $0.bytes(9, [1, 2]) }.bytes() == [1, 2])
    }

    @Test func stringsAreKeptByteByByte() throws {
        let tensor = try Self.read(.string, [2]) {
            $0.bytes(6, [0xff, 0])
            $0.bytes(6, [])
        }
        #expect(try tensor.strings() == [[0xff, 0], []])
        #expect(throws: ModelError.self) { try tensor.floats() }
    }

    @Test func emptyTensorsAndScalarsAreFine() throws {
        #expect(try Self.read(.float, [0, 3]) { _ in }.floats() == [])
        #expect(try Self.read(.int64, []) { $0.int64(7, 9) }.int64s() == [9])
        #expect(Tensor(name: "s", floats: [2], dims: []).isScalar)
    }

    @Test(
        arguments: [
            ([-1], 4), ([1 << 44], 4), ([1 << 32, 1 << 32], 0), ([.max, .max, 0], 0), ([3], 4), ([1], 5), ([2], 0),
        ] as [([Int64], Int)])
    func shapesThatDoNotFitTheDataAreRefused(dims: [Int64], count: Int) {
        #expect(throws: ModelError.self) {
            try Self.read(.float, dims) { $0.bytes(9, [UInt8](repeating: 0, count: count)) }
        }
    }

    @Test func valuesInTheWrongFieldOrInTwoAreRefused() {
        #expect(throws: ModelError.self) { try Self.read(.int64, [1]) { $0.floats(4, [1]) } }
        #expect(throws: ModelError.self) { try Self.read(.float, [1]) { $0.int64(5, 1) } }
        #expect(throws: ModelError.self) {
            try Self.read(.float, [1]) {
                $0.floats(4, [1])
                $0.bytes(9, [0, 0, 0, 0])
            }
        }
        #expect(throws: ModelError.self) { try Self.read(.float, [1]) { $0.bytes(4, [0, 0, 0]) } }
        #expect(throws: ModelError.self) { try Self.read(.int64, [1]) { $0.bytes(7, [0x80]) } }
        #expect(throws: ModelError.self) { try Self.read(.string, [2]) { $0.bytes(6, [65]) } }
    }

    @Test func aShapeSetToAnotherElementCountIsFoundAtWriting() throws {
        var model = Samples.small()
        model.graph.initializers[0].dims = [18]
        _ = try model.bytes()
        model.graph.initializers[0].dims = [17]
        #expect(throws: ModelError.self) { try model.bytes() }
    }

    @Test func everyElementTypeHasANameAndASize() {
        for type in ElementType.allCases {
            #expect(!type.description.hasPrefix("type "))
            #expect(type.bitWidth > 0 || type == .string)
        }
        #expect(ElementType.int4.byteCount(of: 3) == 2 && ElementType.uint2.byteCount(of: 5) == 2)
        #expect(ElementType.float.byteCount(of: .max) == nil)
    }
}
