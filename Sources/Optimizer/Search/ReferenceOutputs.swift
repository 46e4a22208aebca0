import Inference

/// What the FP32 model answers to each sample of a feed, computed once and kept while it fits in memory: several candidates
/// are held against the same answers.
final class ReferenceOutputs {
    private let session: any Session
    private let feed: SampleFeed
    private let outputs: [String]
    private var kept: [Int: [TensorValue]] = [:]
    private var room: Int

    /// Keeps at most `room` bytes; what does not fit is computed again.
    init(_ session: any Session, feed: SampleFeed, outputs: [String], room: Int = 256 << 20) {
        self.session = session
        self.feed = feed
        self.outputs = outputs
        self.room = room
    }

    /// The inputs of sample `index` and FP32's outputs for it.
    func sample(_ index: Int) throws -> (inputs: [String: TensorValue], outputs: [TensorValue]) {
        let inputs = try feed.sample(index)
        if let known = kept[index] { return (inputs, known) }
        let answer = try session.run(inputs, outputs: outputs)
        let bytes = answer.reduce(0) { $0 + $1.byteCount }
        if bytes <= room {
            room -= bytes
            kept[index] = answer
        }
        return (inputs, answer)
    }
}
