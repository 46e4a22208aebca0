import Foundation
import ModelGraph
import Testing

@testable import Inference

@Suite struct LibraryTests {
    @Test func aMissingLibrarySaysHowToGetIt() throws {
        let error = try #require(throws: EngineError.self) { try OnnxRuntime(path: "/nonexistent/libonnxruntime.so") }
        #expect(error == .libraryMissing(searched: ["/nonexistent/libonnxruntime.so"]))
        #expect("\(error)".contains("make setup") && "\(error)".contains("/nonexistent/libonnxruntime.so"))
    }

    @Test func aFileThatIsNoLibraryIsRefused() throws {
        let scratch = try Scratch()
        let path = scratch.file("libonnxruntime.so", Array("not a library".utf8))
        let error = try #require(throws: EngineError.self) { try OnnxRuntime(path: path) }
        guard case .wrongLibrary(path, _) = error else {
            Issue.record("unexpected \(error)")
            return
        }
        #expect("\(error)".contains("make setup"))
    }

    @Test func aLibraryOfAnotherKindIsRefused() throws {
        let candidates = ["/lib/x86_64-linux-gnu/libm.so.6", "/lib/aarch64-linux-gnu/libm.so.6", "/lib64/libm.so.6"]
        let path = try #require(candidates.first { FileManager.default.fileExists(atPath: $0) })
        let error = try #require(throws: EngineError.self) { try OnnxRuntime(path: path) }
        #expect(error == .wrongLibrary(path: path, reason: "it does not export OrtGetApiBase"))
    }

    @Test func aNamedPathIsTheOnlyOneTried() {
        func search(_ explicit: String?, _ environment: String?) -> [String] {
            LibrarySearch.candidates(
                explicit: explicit, environment: environment, directory: "/d", executableDirectory: "/r/.build/t/debug")
        }
        let installed = ".cache/engines/onnxruntime-1.32.0/libonnxruntime.so"
        #expect(search("/a.so", "/b.so") == ["/a.so"])
        #expect(search(nil, "/b.so") == ["/b.so"])
        #expect(
            search(nil, "") == [
                "/d/" + installed, "/r/.build/t/debug/../lib/octavo/libonnxruntime.so",
                "/r/.build/t/debug/" + installed,
                "/r/" + installed,
            ])
    }

    @Test func aDiagnosisNeverThrows() {
        let missing = EngineDiagnosis(path: "/nonexistent/libonnxruntime.so")
        #expect(missing.path == nil && missing.problem?.contains("make setup") == true)
        #expect(missing.searched == ["/nonexistent/libonnxruntime.so"])
    }

    @Test(.enabled(if: TestEngine.available, TestEngine.reason)) func aDiagnosisDescribesTheLibrary() throws {
        let found = EngineDiagnosis()
        #expect(found.problem == nil && found.apiVersion == 18)
        #expect(try #require(found.version).hasPrefix("1."))
        #expect(found.providers.contains("CPUExecutionProvider"))
        #expect(found.buildInfo?.isEmpty == false)
    }
}

@Suite struct TensorValueTests {
    @Test func sizesAreChecked() throws {
        let error = EngineError.wrongSize(type: .float, shape: [2, 2], expected: 16, actual: 12)
        #expect(throws: error) { try TensorValue(floats: [1, 2, 3], shape: [2, 2]) }
        for shape in [[-1], [Int.max, 2], [1 << 40, 1 << 40]] {
            #expect(throws: EngineError.self) { try TensorValue(zeros: .float, shape: shape) }
        }
        #expect(throws: EngineError.self) { try TensorValue(zeros: .string, shape: [1]) }
    }

    @Test func packedTypesRoundUpToBytes() throws {
        #expect(try TensorValue(zeros: .int4, shape: [3]).byteCount == 2)
        #expect(throws: EngineError.notConvertible(from: .int4)) { try TensorValue(zeros: .int4, shape: [3]).floats() }
    }

    @Test func halvesConvertExactly() throws {
        let half = try TensorValue(type: .float16, shape: [3], bytes: [0x00, 0x3c, 0x00, 0xc0, 0x01, 0x00])
        #expect(try half.floats() == [1, -2, 0x1p-24])
        let brain = try TensorValue(type: .bfloat16, shape: [2], bytes: [0x80, 0x3f, 0x80, 0xff])
        #expect(try brain.floats() == [1, -.infinity])
    }
}
