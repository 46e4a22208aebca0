import Domain
import Inference
import Testing

@testable import Optimizer

@Suite struct EngineModelsTests {
    @Test(.enabled(if: RealEngine.isInstalled, RealEngine.absence))
    func aFileThatTheEngineRefusesIsTheModelsFaultInEveryStage() throws {
        let directory = try ScratchDirectory()
        try directory.write([8, 8, 58, 2, 18, 0], "model.onnx")
        let models = EngineModels(engine: try #require(RealEngine.shared), directory: directory.path)
        let failure = #expect(throws: Failure.self) {
            _ = try models.original(directory.path + "/model.onnx", SessionOptions())
        }
        #expect(failure?.type == .unsupportedModel && failure?.retryable == false)
    }
}
