import ModelGraph

/// A transposed Conv of stride s as a plain one that gives each s x s square of its result as channels ("sub-pixel
/// convolution", Shi et al. 2016).
///
/// Along one axis, with kernel w of length k and padding p, pixel o of the result is the sum of x[i] w[o + p - s i]. Write
/// o + p = s t + r with 0 <= r < s. Then the taps that reach it are w[r + s j], each on pixel i = t - j: for every phase r a
/// Conv with j < J = ceil(k / s), its taps in reverse order and zero where r + s j >= k. It has H + J - 1 places t, and of
/// the s (H + J - 1) pixels p are cut at the front and s J - k + p' - o' at the end, with p' the padding and o' the output
/// padding there: whole squares by smaller pads of the Conv, single pixels from the result.
struct SubPixelConv {
    /// Index in the graph's nodes.
    let place: Int
    /// [channels in, channels out, k, k].
    let source: Tensor
    let bias: Tensor?
    let stride: Int
    /// Rows and columns.
    let axes: [Axis]

    struct Axis {
        let kernel: Int
        let taps: Int
        /// Pixels that come in, and places that the Conv computes, in one sample.
        let pixels: Int
        let places: Int
        let pads: (begin: Int, end: Int)
        /// Pixels to cut from the result.
        let cut: (begin: Int, end: Int)
    }

    /// Nil where the node is no such thing: more groups than one, dilations, or a size that is not given by pads.
    init?(at place: Int, in topology: Topology) {
        let node = topology.graph.nodes[place]
        guard node.is("ConvTranspose"), let name = node.input(1), let weight = topology.constant(name),
            weight.type == .float, weight.dims.count == 4, !weight.dims.contains(0), !topology.trained.holds(weight),
            node.int("group") ?? 1 == 1, node.ints("output_shape") == nil,
            node.string("auto_pad") ?? "NOTSET" == "NOTSET",
            (node.ints("dilations") ?? []).allSatisfy({ $0 == 1 }),
            let input = topology.shape(node.inputs[0]), let output = topology.shape(node.outputs[0]),
            input.count == 4, output.count == 4,
            let strides = node.sizes("strides", count: 2, default: 1), strides[0] == strides[1],
            let pads = node.sizes("pads", count: 4, default: 0),
            let extra = node.sizes("output_padding", count: 2, default: 0)
        else { return nil }
        bias = node.input(2).flatMap(topology.constant)
        guard node.input(2) == nil || bias?.type == .float && bias?.dims == [weight.dims[1]] else { return nil }
        let axes = (0..<2).compactMap { axis in
            Axis(
                kernel: weight.dims[2 + axis], stride: strides[0], begin: pads[axis], end: pads[2 + axis],
                extra: extra[axis], pixels: input[2 + axis], results: output[2 + axis])
        }
        guard axes.count == 2 else { return nil }
        (self.place, source, stride, self.axes) = (place, weight, strides[0], axes)
    }

    /// Channels of the result.
    var channels: Int { source.dims[1] }

    /// A missing tap is multiplied all the same. Up to 2.8 times as many products were still 1.4 times as fast in integers as
    /// the transposed Conv in float.
    var pays: Bool {
        let ratios = axes.map { Double(stride * $0.taps * $0.places) / Double($0.kernel * $0.pixels) }
        return ratios[0] * ratios[1] <= 3
    }

    var weightDims: [Int] { [stride * stride * channels, source.dims[0], axes[0].taps, axes[1].taps] }

    /// Output channel (a s + b) M + m is channel m of the pixel in row a and column b of the square.
    func weight() throws -> [Float] {
        let old = try source.floats()
        let (height, width) = (axes[0].taps, axes[1].taps)
        var new = [Float](repeating: 0, count: weightDims.reduce(1, *))
        var from = 0
        for c in 0..<source.dims[0] {
            for m in 0..<channels {
                for y in 0..<axes[0].kernel {
                    for x in 0..<axes[1].kernel {
                        let phase = y % stride * stride + x % stride
                        let row = height - 1 - y / stride
                        let column = width - 1 - x / stride
                        let filter = (phase * channels + m) * source.dims[0] + c
                        new[(filter * height + row) * width + column] = old[from]
                        from += 1
                    }
                }
            }
        }
        return new
    }
}

extension SubPixelConv.Axis {
    /// `results` is what the engine made of `pixels`; nil when the rule does not give as many, when a phase has no tap, and
    /// when more is cut than the pads of the Conv make up.
    fileprivate init?(kernel: Int, stride: Int, begin: Int, end: Int, extra: Int, pixels: Int, results: Int) {
        guard (1...kernel).contains(stride), pixels > 0 else { return nil }
        taps = (kernel + stride - 1) / stride
        let last = stride * taps - kernel + end - extra
        guard last >= 0, begin / stride < taps, last / stride < taps else { return nil }
        pads = (taps - 1 - begin / stride, taps - 1 - last / stride)
        cut = (begin % stride, last % stride)
        places = pixels + pads.begin + pads.end + 1 - taps
        guard places > 0, stride * places - cut.begin - cut.end == results else { return nil }
        self.kernel = kernel
        self.pixels = pixels
    }
}

extension Node {
    /// The attribute `name`, or `count` times its default; nil unless it is that many numbers that a size can have.
    func sizes(_ name: String, count: Int, default other: Int) -> [Int]? {
        guard let values = ints(name) else { return Array(repeating: other, count: count) }
        guard values.count == count, values.allSatisfy({ (0...Int64(UInt16.max)).contains($0) }) else { return nil }
        return values.map(Int.init)
    }
}
