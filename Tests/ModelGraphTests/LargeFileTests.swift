import Foundation
import Testing

@testable import ModelGraph

/// 100 MB of weights in 40 tensors.
@Suite(.serialized) struct LargeFileTests {
    private static func largeModel() -> Model {
        var model = Samples.small()
        let values = [Float](repeating: 0.25, count: 655_360)
        for number in 0..<40 { model.graph.addInitializer(Tensor(name: "w\(number)", floats: values)) }
        return model
    }

    @Test func readingAModelCostsLessThanReadingItsBytes() throws {
        let folder = try TemporaryDirectory()
        defer { folder.remove() }
        let path = try Self.largeModel().write(to: "\(folder.path)/large.onnx")[0]
        let clock = ContinuousClock()
        var plain: [Duration] = []
        var model: [Duration] = []
        for _ in 0..<5 {
            plain.append(try clock.measure { _ = try Data(contentsOf: URL(fileURLWithPath: path)).count })
            model.append(try clock.measure { _ = try Model.read(path: path).graph.initializers.count })
        }
        let ratio = (model.min() ?? .zero) / (plain.min() ?? .zero)
        print("reading a 100 MB model: \(model.min() ?? .zero), its bytes: \(plain.min() ?? .zero)")
        #expect(ratio < 1)
    }

    @Test func copyingAModelTakesNoMemoryForItsWeights() throws {
        let folder = try TemporaryDirectory()
        defer { folder.remove() }
        let path = try Self.largeModel().write(to: "\(folder.path)/large.onnx")[0]
        let before = Self.anonymousMemory()
        let model = try Model.read(path: path)
        try model.write(to: "\(folder.path)/copy.onnx")
        let used = Self.anonymousMemory() - before
        print("anonymous memory for copying a 100 MB model: \(used >> 10) KiB")
        #expect(used < 48 << 20)
        #expect(try Model.read(path: "\(folder.path)/copy.onnx") == model)
    }

    private static func anonymousMemory() -> Int {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("RssAnon:") } ?? ""
        return (Int(line.filter(\.isNumber)) ?? 0) * 1024
    }
}
