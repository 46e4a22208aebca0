import Domain
import Pages

/// How the values of one sample are visited: a block of planes per channel, each plane a run of values at a fixed stride in
/// the stored sample and in the model's input. One description serves every layout.
struct ChannelPlan: Equatable {
    /// Blocks that hold all channels once (a batch inside a sample), and where each starts.
    var blocks = 1
    var sourceBlock = 0
    var targetBlock = 0
    var channels = 1
    var sourceChannel = 0
    var targetChannel = 0
    /// Values of one channel in one block.
    var run: Int
    var sourceStride = 1
    var targetStride = 1

    /// `shape` is that of a stored sample. Throws when `preprocessing` speaks of channels that the shape does not have.
    static func make(shape: [Int], preprocessing: Preprocessing, for binding: Fit.Binding) throws -> ChannelPlan {
        let total = shape.reduce(1, *)
        let rank = shape.count
        if preprocessing.layout == .nhwcToNCHW, rank == 3 || rank == 4 {
            let (channels, run) = (shape[rank - 1], shape[rank - 3] * shape[rank - 2])
            try check(preprocessing, channels: channels, shape, binding)
            return ChannelPlan(
                blocks: total / (channels * run), sourceBlock: channels * run, targetBlock: channels * run,
                channels: channels, sourceChannel: 1, targetChannel: run, run: run, sourceStride: channels)
        }
        let counts = [preprocessing.mean.count, preprocessing.std.count].filter { $0 > 1 }
        guard !counts.isEmpty || preprocessing.reverseChannels else { return ChannelPlan(run: total) }
        let axis = try channelAxis(shape, counts, binding)
        let channels = shape[axis]
        try check(preprocessing, channels: channels, shape, binding)
        let inner = shape[(axis + 1)...].reduce(1, *)
        if inner == 1 {
            return ChannelPlan(
                channels: channels, sourceChannel: 1, targetChannel: 1, run: total / channels, sourceStride: channels,
                targetStride: channels)
        }
        return ChannelPlan(
            blocks: total / (channels * inner), sourceBlock: channels * inner, targetBlock: channels * inner,
            channels: channels, sourceChannel: inner, targetChannel: inner, run: inner)
    }

    /// Without a layout change nobody says where the channels are: the axis three from the end (C, H, W), else the last
    /// one, else the first of several, whichever has as many entries as mean or std (three when only the order is reversed).
    private static func channelAxis(_ shape: [Int], _ counts: [Int], _ binding: Fit.Binding) throws -> Int {
        let wanted = counts.first ?? 3
        let candidates = [shape.count - 3, shape.count - 1, 1, 0]
        guard let axis = candidates.first(where: { shape.indices.contains($0) && shape[$0] == wanted }) else {
            throw mismatch(
                binding,
                "the preprocessing speaks of \(wanted) channels, but samples of array '\(binding.array.name)' have shape "
                    + "\(shape), where no axis has \(wanted). Give mean and std one value, or one per channel.")
        }
        return axis
    }

    private static func check(
        _ preprocessing: Preprocessing, channels: Int, _ shape: [Int], _ binding: Fit.Binding
    ) throws {
        for (name, count) in [("mean", preprocessing.mean.count), ("std", preprocessing.std.count)]
        where count > 1 && count != channels {
            throw mismatch(
                binding,
                "the preprocessing gives \(count) values for \(name), but samples of array '\(binding.array.name)' of shape "
                    + "\(shape) have \(Number.count(channels, "channel")). Give one value, or one per channel.")
        }
    }

    private static func mismatch(_ binding: Fit.Binding, _ what: String) -> Failure {
        .samples("Input '\(binding.input.name)' expects \(binding.input.form): \(what)", array: binding.array.name)
    }
}
