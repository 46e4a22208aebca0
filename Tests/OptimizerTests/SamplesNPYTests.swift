import Domain
import TestGraphs
import Testing

@testable import Optimizer

@Suite struct SamplesNPYTests {
    @Test(arguments: [
        ("<f4", ElementKind.float32, 4), ("<f8", .float64, 8), ("<f2", .float16, 2), ("|u1", .uint8, 1),
        ("|i1", .int8, 1), ("|b1", .bool, 1), ("<i8", .int64, 8), ("<u2", .uint16, 2),
    ])
    func everyNumericTypeIsKnown(_ descr: String, _ type: ElementKind, _ width: Int) throws {
        let header = try NPYHeader(NPY.bytes(NPY.header(descr, [2, 3]), []), array: "x")
        #expect(header.type == type)
        #expect(header.shape == [2, 3])
        #expect(header.byteCount == 6 * width)
        #expect(header.dataOffset == 128)
    }

    @Test(arguments: [UInt8(1), 2, 3])
    func everyFormatVersionIsRead(_ version: UInt8) throws {
        let header = try NPYHeader(NPY.bytes(NPY.header("<f4", [7]), [], version: version), array: "x")
        #expect(header.shape == [7])
        #expect(header.dataOffset % 64 == 0)
    }

    @Test(arguments: [
        "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }",
        "{\"shape\":(2,3,),\"fortran_order\":False,\"descr\":\"<f4\"}",
        "{ 'fortran_order' : False , 'shape' : ( 2L , 3L ) , 'descr' : '<f4' }  \n",
        "{'descr': '=f4', 'fortran_order': False, 'shape': (2, 3)}",
    ])
    func everySpellingOfTheDictIsRead(_ text: String) throws {
        #expect(try NPYHeader(NPY.bytes(text, []), array: "x").shape == [2, 3])
    }

    @Test(arguments: [
        "", "{", "{}", "{'descr': '<f4'}", "{'descr': '<f4', 'fortran_order': False, 'shape': 3}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3)}", "{'descr': '<f4', 'fortran_order': 0, 'shape': (3,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-3,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3,)} x",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), 'shape': (3,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), 'more': 'x'}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
        "{'descr': '<f\\x34', 'fortran_order': False, 'shape': (3,)}",
        "{'descr': '<f4, 'fortran_order': False, 'shape': (3,)}", "__import__('os').system('true')",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (" + String(repeating: "1,", count: 40) + ")}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 9)}",
        "{'descr': '<f8', 'fortran_order': False, 'shape': (4611686018427387904,)}",
    ])
    func aDamagedDictIsRefusedByName(_ text: String) {
        #expect {
            try NPYHeader(NPY.bytes(text, []), array: "picture")
        } throws: {
            Self.isRefusal($0, "'picture'")
        }
    }

    @Test(arguments: [
        ("|O", "without allow_pickle"), (">f4", "astype('<f4')"), ("<c8", "astype('float32')"), ("<U2", "astype"),
        ("<V2", "astype"), ("<M8[ns]", "astype"), ("f4", "astype"),
    ])
    func anUnusableTypeIsRefusedWithTheCure(_ descr: String, _ cure: String) {
        #expect {
            try NPYHeader(NPY.bytes(NPY.header(descr, [3]), []), array: "x")
        } throws: {
            Self.isRefusal($0, cure)
        }
    }

    @Test(arguments: [
        ("object.npy", "without allow_pickle"), ("structured.npy", "structured"), ("complex.npy", "astype"),
        ("text.npy", "astype"), ("big-endian.npy", "big-endian"), ("fortran.npy", "ascontiguousarray"),
    ])
    func whatNumpyWritesButNoModelTakesIsRefused(_ file: String, _ cure: String) throws {
        #expect {
            try NPYHeader(TestFixture.bytes("samples/" + file), array: "array")
        } throws: {
            Self.isRefusal($0, cure)
        }
    }

    @Test func fortranOrderOfOneColumnIsCOrder() throws {
        #expect(try NPYHeader(TestFixture.bytes("samples/fortran-column.npy"), array: "x").shape == [5, 1])
    }

    @Test func everyTruncationIsRefused() throws {
        let whole = NPY.bytes(NPY.header("<f4", [2, 3]), [])
        for length in 0..<whole.count {
            #expect(throws: Failure.self) { try NPYHeader(Array(whole[..<length]), array: "x") }
        }
    }

    @Test func aHeaderThatClaimsToBeHugeIsNotRead() {
        let bytes = NPYHeader.magic + [2, 0, 0xff, 0xff, 0xff, 0xff] + [UInt8](repeating: 32, count: 100)
        #expect {
            try NPYHeader(bytes, array: "x")
        } throws: {
            Self.isRefusal($0, "claims a header")
        }
    }

    @Test func anyByteChangedNeverTraps() throws {
        let whole = NPY.bytes(NPY.header("<f4", [2, 3]), [])
        var random = SplitMix64(seed: 3)
        for _ in 0..<20_000 {
            var bytes = whole
            for _ in 0...random.below(4) { bytes[random.below(bytes.count)] = UInt8(random.below(256)) }
            do {
                let header = try NPYHeader(bytes, array: "x")
                #expect(header.byteCount >= 0 && header.dataOffset <= bytes.count)
            } catch {
                #expect(Self.isRefusal(error, "'x'"))
            }
        }
    }

    static func isRefusal(_ error: any Error, _ words: String) -> Bool {
        guard let failure = error as? Failure else { return false }
        return failure.type == .invalidCalibrationSet && failure.detail.contains(words)
    }
}
