import CKernels
import ModelGraph

/// Covariance of the values that a layer multiplies its weights with, for each of its groups: what second-order rounding
/// weighs errors by. Collected from some output positions of each sample, evenly spread.
///
/// Positions are taken in the order of the calls, and sums depend on it in their last bits: let one thread add the samples in
/// a fixed order.
package final class InputCovariance {
    /// Values per output: the length of a dot product.
    package let width: Int
    package let groups: Int
    /// Whether bias correction takes out the mean error that rounding makes: a MatMul has no bias.
    private let removesMean: Bool
    private var rows = 0
    private var grams: [[Double]]
    private var sums: [[Double]]
    private let walk: Walk

    /// Positions looked at in one sample.
    private static let positions = 1024
    /// What is inverted for weights in 8 bits, and for weights in 4, which gain more (1.2 dB at the outputs of a sentence encoder
    /// from the layers in between): the time is that of the third power.
    package static let widest = (in8Bits: 640, in4Bits: 1536)

    private enum Walk {
        case rows
        case patches(octavo_patch_shape)
    }

    /// Nil for layers that are too wide, or whose walk is not that of a plain two-dimensional convolution.
    package init?(_ anchor: Anchor, in topology: Topology, widest: Int) {
        let node = topology.graph.nodes[anchor.node]
        if node.op == "Conv" {
            guard let shape = octavo_patch_shape(anchor, node, topology) else { return nil }
            walk = .patches(shape)
            width = shape.channels * shape.kernel_y * shape.kernel_x
            groups = Int(node.int("group") ?? 1)
        } else {
            walk = .rows
            width = anchor.weightDims[1 - anchor.channelAxis]
            groups = 1
        }
        removesMean = node.op != "MatMul"
        guard width <= widest, groups > 0 else { return nil }
        let positions = topology.shape(anchor.output).map { $0.reduce(1, *) / max(1, anchor.channels) }
        price = groups * min(Self.positions, positions ?? Self.positions) * width * width / 2
        grams = Array(repeating: [Double](repeating: 0, count: width * width), count: groups)
        sums = Array(repeating: [Double](repeating: 0, count: width), count: groups)
    }

    /// Multiplications for one sample.
    package let price: Int

    /// Adds one sample's input of the layer.
    package func add(_ values: UnsafeBufferPointer<Float>, shape: [Int]) {
        guard let base = values.baseAddress, values.count == shape.reduce(1, *), !values.isEmpty else { return }
        switch walk {
        case .rows: addRows(base, count: values.count / width)
        case .patches(let patch): addPatches(base, shape, patch)
        }
    }

    private func addRows(_ base: UnsafePointer<Float>, count: Int) {
        let step = max(1, count / Self.positions)
        let taken = (count + step - 1) / step
        var picked = [Float](repeating: 0, count: taken * width)
        for place in 0..<taken {
            for k in 0..<width { picked[place * width + k] = base[place * step * width + k] }
        }
        add(picked, taken, group: 0)
        rows += taken
    }

    private func addPatches(_ base: UnsafePointer<Float>, _ shape: [Int], _ patch: octavo_patch_shape) {
        guard shape.count == 4, shape[1] == patch.channels * groups, shape[2] == patch.height, shape[3] == patch.width
        else { return }
        let positions = patch.out_height * patch.out_width
        let step = max(1, positions / Self.positions)
        let taken = (positions + step - 1) / step
        var picked = [Float](repeating: 0, count: taken * width)
        var patch = patch
        let plane = patch.channels * patch.height * patch.width
        for image in 0..<shape[0] {
            for group in 0..<groups {
                octavo_patches_f32(base + (image * groups + group) * plane, &patch, 0, step, taken, &picked)
                add(picked, taken, group: group)
            }
            rows += taken
        }
    }

    private func add(_ picked: [Float], _ count: Int, group: Int) {
        _ = octavo_gram_f32(picked, count, width, &grams[group], &sums[group])
    }

    /// Second moments of one group, [width, width], about the mean where bias correction takes out the error that it makes.
    package func moments(_ group: Int) -> [Double] {
        guard rows > 0 else { return [] }
        var result = grams[group]
        let count = Double(rows)
        for i in 0..<width {
            for j in i..<width {
                let means = removesMean ? sums[group][i] * sums[group][j] / count : 0
                let value = (result[i * width + j] - means) / count
                result[i * width + j] = value
                result[j * width + i] = value
            }
        }
        return result
    }
}

extension octavo_patch_shape {
    fileprivate init?(_ anchor: Anchor, _ node: Node, _ topology: Topology) {
        guard anchor.weightDims.count == 4, let input = topology.shape(anchor.activation), input.count == 4,
            let output = topology.shape(anchor.output), output.count == 4,
            ["NOTSET", ""].contains(node.string("auto_pad") ?? "")
        else { return nil }
        let strides = (node.ints("strides") ?? [1, 1]).map(Int.init)
        let dilations = (node.ints("dilations") ?? [1, 1]).map(Int.init)
        let pads = (node.ints("pads") ?? [0, 0, 0, 0]).map(Int.init)
        guard strides.count == 2, dilations.count == 2, pads.count == 4, pads.allSatisfy({ $0 >= 0 }),
            (strides + dilations + input + output).allSatisfy({ $0 > 0 })
        else { return nil }
        self.init(
            channels: anchor.weightDims[1], height: input[2], width: input[3], kernel_y: anchor.weightDims[2],
            kernel_x: anchor.weightDims[3], stride_y: strides[0], stride_x: strides[1], dilation_y: dilations[0],
            dilation_x: dilations[1], pad_top: pads[0], pad_left: pads[1], out_height: output[2], out_width: output[3])
    }
}
