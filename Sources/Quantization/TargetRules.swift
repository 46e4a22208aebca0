package import ModelGraph

/// What the processors that ONNX Runtime runs on want to be different in an artifact. Which operators compute in integers is
/// the same on all of them.
package struct TargetRules: Equatable, Sendable {
    /// Activations are S8: the grid of a plan, which counts from 0, shifted by 128.
    package var signedActivations: Bool
    /// Weights leave room in 16 bits for the sum of two products with U8 activations.
    package var narrowsPairs: Bool

    /// U8 activations and S8 weights. S8 activations run at a fraction of FP32's speed there.
    package static let x64 = TargetRules(signedActivations: false, narrowsPairs: false)
    /// Without VNNI the kernels for U8 and S8 add pairs of products in 16 bits.
    package static let x64WithoutVNNI = TargetRules(signedActivations: false, narrowsPairs: true)
    /// S8 activations and weights, which the kernels there take as they are.
    package static let arm = TargetRules(signedActivations: true, narrowsPairs: false)

    package var activationType: ElementType { signedActivations ? .int8 : .uint8 }

    /// `levels` counted from 0 as this target stores them.
    func activations(_ levels: [Int], dims: [Int], named name: String) -> Tensor {
        if signedActivations {
            return Tensor(name: name, int8s: levels.map { Int8(clamping: $0 - 128) }, dims: dims)
        }
        return Tensor(name: name, uint8s: levels.map { UInt8(clamping: $0) }, dims: dims)
    }

    /// What an artifact says for a zero point counted from 0.
    package func zeroPoint(_ level: Int) -> Int { signedActivations ? level - 128 : level }
}

extension ElementType {
    /// The values of an 8-bit integer type; nil for other types.
    var byteRange: ClosedRange<Int64>? {
        switch self {
        case .uint8: 0...255
        case .int8: -128...127
        default: nil
        }
    }
}
