import CKernels

/// Seeded numbers: every run tests the same values.
struct Seeded: RandomNumberGenerator {
    private var state: UInt64
    init(_ seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}

/// Inputs that kernels disagree on when one of them is wrong.
enum KernelSamples {
    static let lengths = [0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 31, 33, 63, 64, 65, 127, 513, 2047, 2049, 5000]

    /// The kernels to hold against the reference.
    static let names: [String] = ["avx2", "avx512", "neon"].filter { octavo_kernels_available($0) }

    enum Kind: String, CaseIterable, CustomStringConvertible {
        case ordinary, rectified, special, ties, tiny, huge, constant
        var description: String { rawValue }
    }

    static func floats(_ kind: Kind, count: Int, seed: UInt64 = 1) -> [Float] {
        var random = Seeded(seed &+ UInt64(count))
        return (0..<count).map { _ in value(kind, &random) }
    }

    private static func value(_ kind: Kind, _ random: inout Seeded) -> Float {
        let ordinary = Float.random(in: -4...4, using: &random)
        switch kind {
        case .ordinary: return ordinary
        case .rectified: return max(0, ordinary)
        case .special: return Bool.random(using: &random) ? ordinary : specials.randomElement(using: &random) ?? 0
        case .ties: return Float(Int.random(in: -300...300, using: &random)) * 0.5 * 0.25
        case .tiny:
            return Float(bitPattern: UInt32.random(in: 0...0x00ff_ffff, using: &random)) * (ordinary < 0 ? -1 : 1)
        case .huge: return ordinary * 0x1p120
        case .constant: return 2.5
        }
    }

    private static let specials: [Float] = [
        .nan, -.nan, .signalingNaN, .infinity, -.infinity, 0, -0.0, .leastNonzeroMagnitude, -.leastNonzeroMagnitude,
        .greatestFiniteMagnitude, -.greatestFiniteMagnitude, 4, -4, .leastNormalMagnitude, 3.999_999_8, -1e-30,
    ]

    /// Runs `body` with one set of kernels on this thread.
    static func with<Result>(_ name: String, _ body: () -> Result) -> Result {
        precondition(octavo_kernels_use_on_this_thread(name), "\(name) is not available")
        defer { _ = octavo_kernels_use_on_this_thread(nil) }
        return body()
    }

    /// Calls `body` with the values at an address that only suits a float.
    static func misaligned<Result>(_ values: [Float], _ body: (UnsafePointer<Float>) -> Result) -> Result {
        ([0] + values).withUnsafeBufferPointer { buffer in
            withUnsafePointer(to: Float(0)) { nothing in body(buffer.baseAddress.map { $0 + 1 } ?? nothing) }
        }
    }
}
