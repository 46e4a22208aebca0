import ModelGraph
import TestGraphs

/// Small data sets of pictures whose labels a model made by hand knows.
enum PictureSets {
    /// Says which of red, green and blue prevails: class scores [N, 3] for pictures of 8 x 8 from 0 to 1.
    static func colourModel() throws -> [UInt8] {
        var g = GraphBuilder(seed: 3)
        let x = g.input("image", [1, 3, 8, 8], openBatch: true)
        let features = through(x, &g)
        let pooled = g.flatten(g.globalPool(features))
        let weights = g.constant([8, 0, 0, 0, 8, 0, 0, 0, 8], [3, 3])
        g.output(g.add("Gemm", [pooled, weights], shape: [1, 3]))
        return try g.model().bytes()
    }

    /// A head of YOLO's form [1, 7, 16] for pictures of 32 x 32: sixteen places of 8 x 8, each an object of class red, green or
    /// blue where that colour is strong.
    static func placesModel() throws -> [UInt8] {
        var g = GraphBuilder(seed: 5)
        let x = g.input("images", [1, 3, 32, 32])
        let pooled = g.add(
            "AveragePool", [through(x, &g)], [.ints("kernel_shape", [8, 8]), .ints("strides", [8, 8])],
            shape: [1, 3, 4, 4])
        let logits = g.add("Sub", [g.add("Mul", [pooled, g.constant([12])]), g.constant([8])])
        let scores = g.add("Reshape", [g.add("Sigmoid", [logits]), g.integers([1, 3, 16])], shape: [1, 3, 16])
        let across = (0..<16).map { place in Float(place % 4 * 8 + 4) }
        let down = (0..<16).map { place in Float(place / 4 * 8 + 4) }
        let boxes = g.constant(across + down + [Float](repeating: 8, count: 32), [1, 4, 16])
        g.output(g.add("Concat", [boxes, scores], [.int("axis", 1)], shape: [1, 7, 16]))
        return try g.model().bytes()
    }

    /// Three channels through two wider layers and back: something to quantize that changes nothing.
    private static func through(_ x: String, _ g: inout GraphBuilder) -> String {
        func pass(_ x: String, _ from: Int, _ to: Int, _ g: inout GraphBuilder) -> String {
            let weights = (0..<to * from).map {
                Float($0 / from % 3 == $0 % from % 3 ? 1 : 0) / Float(max(1, from / 3))
            }
            let size = g.shapes[x] ?? []
            return g.relu(
                g.add(
                    "Conv", [x, g.constant(weights, [to, from, 1, 1])], [.ints("kernel_shape", [1, 1])],
                    shape: [1, to] + size.dropFirst(2)))
        }
        return pass(pass(pass(x, 3, 24, &g), 24, 24, &g), 24, 3, &g)
    }

    /// Pictures of one prevailing colour and noise, in folders called after its index.
    static func colours(_ count: Int, seed: UInt64, folders: [String] = ["0", "1", "2"]) -> [(String, [UInt8])] {
        var numbers = SeededNumbers(seed)
        return (0..<count).map { index in
            let kind = index % 3
            let pixels = (0..<10 * 9 * 3).map { byte in
                UInt8.random(in: byte % 3 == kind ? 140...255 : 0...110, using: &numbers)
            }
            return ("set/\(folders[kind])/p\(index).png", PNG.bytes(width: 10, height: 9, pixels))
        }
    }

    /// Pictures in the layout of Ultralytics, 32 x 32 or twice that, with one object for every coloured place.
    static func places(train: Int, val: Int) -> [(String, [UInt8])] {
        var numbers = SeededNumbers(12)
        var files: [(String, [UInt8])] = [
            (
                "tiny/data.yaml",
                Array("path: tiny\ntrain: images/train\nval: images/val\nnames: [red, green, blue]\n".utf8)
            )
        ]
        for index in 0..<(train + val) {
            let part = index < train ? "train" : "val"
            let zoom = index % 2 + 1
            var pixels = [UInt8](repeating: 20, count: 32 * zoom * 32 * zoom * 3)
            var labels = ""
            for place in 0..<16 where Int.random(in: 0..<4, using: &numbers) == 0 {
                let kind = Int.random(in: 0..<3, using: &numbers)
                for y in 0..<8 * zoom {
                    for x in 0..<8 * zoom {
                        let at = ((place / 4 * 8 * zoom + y) * 32 * zoom + place % 4 * 8 * zoom + x) * 3
                        pixels[at + kind] = UInt8.random(in: 235...255, using: &numbers)
                    }
                }
                let (x, y) = (Double(place % 4) * 0.25 + 0.125, Double(place / 4) * 0.25 + 0.125)
                labels += "\(kind) \(x) \(y) 0.25 0.25\n"
            }
            let picture = PNG.bytes(width: 32 * zoom, height: 32 * zoom, pixels)
            files.append(("tiny/images/\(part)/p\(index).png", picture))
            if !labels.isEmpty { files.append(("tiny/labels/\(part)/p\(index).txt", Array(labels.utf8))) }
        }
        return files
    }

    static func zip(_ files: [(String, [UInt8])]) -> [UInt8] {
        ZipWriter(members: files.map { .init($0.0, $0.1) }).bytes
    }
}
