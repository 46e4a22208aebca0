import Domain
import Foundation
import Inference
import ModelGraph
import TestGraphs
import Testing

@testable import Optimizer

/// Average precision against pycocotools (Tests/Fixtures/make_detections.py).
@Suite struct AveragePrecisionTests {
    private struct Case: Decodable {
        struct Truth: Decodable {
            var picture: Int
            var kind: Int
            var box: [Double]
            var crowd: Bool
        }
        struct Found: Decodable {
            var picture: Int
            var kind: Int
            var box: [Double]
            var score: Double
        }
        var pictures: Int
        var truths: [Truth]
        var detections: [Found]
        var map: Double
        var map50: Double

        func precision(dropping share: Double = 0) -> AveragePrecision {
            var meter = AveragePrecision()
            var random = SeededNumbers(5)
            for picture in 0..<pictures {
                let found = detections.filter { $0.picture == picture }.filter { _ in
                    Double.random(in: 0..<1, using: &random) >= share
                }
                meter.add(
                    found.map {
                        Detection(
                            box: Box(
                                left: $0.box[0], top: $0.box[1], right: $0.box[0] + $0.box[2],
                                bottom: $0.box[1] + $0.box[3]), score: $0.score, kind: $0.kind)
                    },
                    truths: truths.filter { $0.picture == picture }.map {
                        LabelBox(
                            kind: $0.kind, left: $0.box[0], top: $0.box[1], right: $0.box[0] + $0.box[2],
                            bottom: $0.box[1] + $0.box[3], crowd: $0.crowd)
                    })
            }
            return meter
        }
    }

    private static let cases = Result {
        try JSONDecoder().decode([Case].self, from: Data(TestFixture.bytes("detections.json")))
    }

    @Test func agreesWithPycocotools() throws {
        let cases = try Self.cases.get()
        #expect(cases.count >= 4 && cases.contains { $0.truths.contains(where: \.crowd) })
        for (number, one) in cases.enumerated() {
            let result = try #require(one.precision().result())
            #expect(abs(result.map - one.map) < 1e-4, "case \(number): \(result.map), pycocotools \(one.map)")
            #expect(abs(result.map50 - one.map50) < 1e-4, "case \(number): \(result.map50), pycocotools \(one.map50)")
        }
    }

    @Test func theIntervalIsOfThePairedDifference() throws {
        let one = try Self.cases.get()[0]
        let (whole, poorer) = (one.precision(), one.precision(dropping: 0.5))
        let none = try #require(whole.interval(to: whole))
        #expect(none.low == 0 && none.high == 0)
        let loss = try #require(whole.interval(to: poorer))
        let delta = try #require(poorer.result()).map - (try #require(whole.result())).map
        #expect(delta < 0 && loss.low <= delta && delta <= loss.high && loss.low < loss.high)
        #expect(whole.interval(to: poorer) == loss, "the same draws each time")
    }

    @Test func withoutObjectsThereIsNoPrecision() {
        var meter = AveragePrecision()
        meter.add([Detection(box: Box(left: 0, top: 0, right: 1, bottom: 1), score: 1, kind: 0)], truths: [])
        #expect(meter.result() == nil && meter.interval(to: meter) == nil)
    }

    @Test func suppressionIsByClassAndKeepsTheBest() {
        func box(_ left: Double) -> Box { Box(left: left, top: 0, right: left + 10, bottom: 10) }
        let all = [
            Detection(box: box(0), score: 0.5, kind: 1), Detection(box: box(1), score: 0.9, kind: 1),
            Detection(box: box(1), score: 0.4, kind: 2), Detection(box: box(20), score: 0.3, kind: 1),
        ]
        #expect(all.suppressed(iou: 0.7, limit: 10) == [all[1], all[2], all[3]])
        #expect(all.suppressed(iou: 0.9, limit: 10).count == 4)
        #expect(all.suppressed(iou: 0.7, limit: 1) == [all[1]])
    }
}

/// Heads told apart by their outputs, and read.
@Suite struct HeadReaderTests {
    /// Two objects of three classes in an input of 64 x 48, and noise below every threshold.
    private static let objects: [Detection] = [
        Detection(box: Box(left: 8, top: 4, right: 24, bottom: 20), score: 0.75, kind: 2),
        Detection(box: Box(left: 30, top: 10, right: 60, bottom: 40), score: 0.5, kind: 0),
    ]
    private let width = 64
    private let height = 48

    private func tensor(_ shape: [Int], _ fill: (inout [Float], (Int, Int) -> Int) -> Void) throws -> TensorValue {
        var values = [Float](repeating: 0, count: shape.reduce(1, *))
        fill(&values) { $0 * shape[2] + $1 }
        return try TensorValue(floats: values, shape: shape)
    }

    private func row(_ object: Detection) -> [Float] {
        let box = object.box
        return [
            Float((box.left + box.right) / 2), Float((box.top + box.bottom) / 2), Float(box.right - box.left),
            Float(box.bottom - box.top),
        ]
    }

    private func yolo(_ objects: [Detection] = Self.objects, scale: (Float, Float) = (1, 1)) throws -> TensorValue {
        try tensor([1, 7, 62]) { values, at in
            for (column, object) in objects.enumerated() {
                for (line, value) in row(object).enumerated() {
                    values[at(line, column * 3)] = value * (line % 2 == 0 ? scale.0 : scale.1)
                }
                values[at(4 + object.kind, column * 3)] = Float(object.score)
            }
        }
    }

    private func objectness() throws -> TensorValue {
        try tensor([1, 3 * 62, 8]) { values, at in
            for (line, object) in Self.objects.enumerated() {
                for (column, value) in row(object).enumerated() { values[at(line * 5, column)] = value }
                values[at(line * 5, 4)] = 0.8
                values[at(line * 5, 5 + object.kind)] = Float(object.score / 0.8)
            }
        }
    }

    /// 8 x 6 + 4 x 3 + 2 x 1 places.
    private func raw() throws -> TensorValue {
        try tensor([1, 62, 8]) { values, at in
            for (object, place, stride) in [(Self.objects[0], 8 * 1 + 2, 8.0), (Self.objects[1], 48 + 4 * 1 + 2, 16.0)]
            {
                let row = row(object).map { Double($0) }
                let (x, y) = stride == 8 ? (2.0, 1.0) : (2.0, 1.0)
                values[at(place, 0)] = Float(row[0] / stride - x)
                values[at(place, 1)] = Float(row[1] / stride - y)
                values[at(place, 2)] = Float(log(row[2] / stride))
                values[at(place, 3)] = Float(log(row[3] / stride))
                values[at(place, 4)] = 1
                values[at(place, 5 + object.kind)] = Float(object.score)
            }
        }
    }

    private func endToEnd(_ objects: [Detection] = Self.objects) throws -> TensorValue {
        try tensor([1, 300, 6]) { values, at in
            for (line, object) in objects.enumerated() {
                let box = object.box
                let row = [box.left, box.top, box.right, box.bottom, object.score, Double(object.kind)]
                for (column, value) in row.enumerated() { values[at(line, column)] = Float(value) }
            }
        }
    }

    /// 100 queries, with an object each or none.
    private func detr() throws -> TensorValue {
        try tensor([1, 100, 7]) { values, at in
            for line in 0..<100 {
                let object = line % 50 == 7 ? Self.objects[line / 50] : nil
                let row = object.map(row) ?? [32, 24, 16, 12]
                for (column, value) in row.enumerated() {
                    values[at(line, column)] = value / (column % 2 == 0 ? 64 : 48)
                }
                if let object { values[at(line, 4 + object.kind)] = Float(object.score) }
            }
        }
    }

    private func ssd() throws -> [TensorValue] {
        let scores = try tensor([1, 120, 4]) { values, at in
            for row in 0..<120 {
                let object = row < 2 ? Self.objects[row] : nil
                values[at(row, 0)] = 1 - Float(object?.score ?? 0)
                if let object { values[at(row, 1 + object.kind)] = Float(object.score) }
            }
        }
        let boxes = try tensor([1, 120, 4]) { values, at in
            for (row, object) in Self.objects.enumerated() {
                values[at(row, 0)] = Float(object.box.left) / 64
                values[at(row, 1)] = Float(object.box.top) / 48
                values[at(row, 2)] = Float(object.box.right) / 64
                values[at(row, 3)] = Float(object.box.bottom) / 48
            }
        }
        return [scores, boxes]
    }

    private func expect(
        _ values: [TensorValue], _ head: DetectionHead, classes: Int = 3, wanted: DetectionHead? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let reader = try #require(
            try HeadReader(values, height: height, width: width, wanted: wanted), sourceLocation: sourceLocation)
        #expect(reader.head == head && reader.classes == classes, "\(reader)", sourceLocation: sourceLocation)
        let found = try reader.detections(values)
        try #require(found.count == 2, "\(found)", sourceLocation: sourceLocation)
        for (one, expected) in zip(found, Self.objects) {
            #expect(one.kind == expected.kind && abs(one.score - expected.score) < 1e-5, sourceLocation: sourceLocation)
            #expect(one.box.iou(expected.box) > 0.9999, "\(one.box)", sourceLocation: sourceLocation)
        }
    }

    @Test func eachIsRecognisedAndRead() throws {
        try expect([yolo()], .yolo)
        try expect([objectness()], .yoloObjectness)
        try expect([raw()], .yolox)
        try expect([endToEnd()], .endToEnd)
        try expect([detr()], .detr)
        try expect(ssd(), .ssd)
        try expect(ssd().reversed(), .ssd)
    }

    @Test func boxesMayBeSharesOfTheInput() throws { try expect([yolo(scale: (1 / 64, 1 / 48))], .yolo) }

    /// Rows with numbers behind them: coefficients of a mask, or keypoints in pixels with their visibility.
    private func extended(_ value: TensorValue, _ others: [Float], transposed: Bool) throws -> TensorValue {
        let values = try value.floats()
        let (a, b) = (value.shape[1], value.shape[2])
        if transposed {
            let more = others.flatMap { [Float](repeating: $0, count: b) }
            return try TensorValue(floats: values + more, shape: [1, a + others.count, b])
        }
        let rows = (0..<a).flatMap { values[($0 * b)..<($0 * b + b)] + others }
        return try TensorValue(floats: rows, shape: [1, a, b + others.count])
    }

    @Test func masksAndKeypointsBehindTheScoresAreLeftAside() throws {
        let coefficients: [Float] = [0.5, -1.25, 0.75, 2, -0.5, 0, 0.25, 1]
        let prototypes = try TensorValue(zeros: .float, shape: [1, 8, 12, 16])
        for (value, head, transposed) in [
            (try yolo(), DetectionHead.yolo, true), (try objectness(), .yoloObjectness, false),
            (try endToEnd(), .endToEnd, false),
        ] {
            let table = try extended(value, coefficients, transposed: transposed)
            try expect([table, prototypes], head)
            try expect([prototypes, table], head, wanted: head)
            // Without prototypes nobody can tell what they are.
            #expect(try HeadReader([table], height: height, width: width) == nil)
        }
        let keypoints: [Float] = [31, 22, 0.9, 40.5, 12, 0.2]
        try expect([extended(yolo(), keypoints, transposed: true)], .yolo)
        let people = Self.objects.map { Detection(box: $0.box, score: $0.score, kind: 0) }
        let pose = try extended(endToEnd(people), keypoints, transposed: false)
        let reader = try #require(try HeadReader([pose], height: height, width: width))
        #expect(reader.head == .endToEnd && reader.others == 6)
        #expect(try reader.detections([pose]).map(\.box) == people.map(\.box))
        // The angle of a turned box is no such number.
        let turned = try extended(yolo(), [-0.7], transposed: true)
        #expect(try HeadReader([turned], height: height, width: width) == nil)
    }

    @Test func aHeadCanBeAskedFor() throws {
        for (head, values) in [
            (DetectionHead.yolo, [try yolo()]), (.yoloObjectness, [try objectness()]), (.yolox, [try raw()]),
            (.endToEnd, [try endToEnd()]), (.detr, [try detr()]), (.ssd, try ssd()),
        ] {
            try expect(values, head, wanted: head)
            #expect(try HeadReader(values, height: height, width: width, wanted: DetectionHead.none) == nil)
        }
        // Raw numbers of YOLOX read as decoded ones, for somebody who knows better.
        let other = try #require(try HeadReader([try raw()], height: height, width: width, wanted: .yoloObjectness))
        #expect(other.head == .yoloObjectness)
        #expect(try HeadReader([try yolo()], height: height, width: width, wanted: .ssd) == nil)
        #expect(try HeadReader([try raw()], height: 80, width: 80, wanted: .yolox) == nil, "another grid")
    }

    /// [1, 300, 6] with class 0 everywhere could be read with an objectness as well.
    @Test func aSingleClassEndToEndIsNotTakenForAnObjectness() throws {
        let one = Self.objects.map { Detection(box: $0.box, score: $0.score, kind: 0) }
        let reader = try #require(try HeadReader([try endToEnd(one)], height: height, width: width))
        #expect(reader.head == .endToEnd)
    }

    /// With suppression inside, a picture without objects gives rows of zeros: they say nothing of the unit of the others.
    @Test func aFirstPictureWithoutObjectsLeavesPixelsPixels() throws {
        let empty = try TensorValue(floats: [Float](repeating: 0, count: 60), shape: [1, 10, 6])
        let reader = try #require(try HeadReader([empty], height: height, width: width))
        #expect(reader.head == .endToEnd)
        let found = try reader.detections([try endToEnd()])
        let direct = try #require(try HeadReader([try endToEnd()], height: height, width: width))
        #expect(try found.map(\.box) == direct.detections([try endToEnd()]).map(\.box))
    }

    @Test func whatIsNoDetectorIsNone() throws {
        let random = try TensorValue(floats: (0..<140).map { Float($0) - 70 }, shape: [1, 7, 20])
        let scores = try TensorValue(floats: [Float](repeating: 0.1, count: 10), shape: [1, 10])
        for values in [[random], [scores], [scores, random], []] {
            #expect(try HeadReader(values, height: height, width: width) == nil)
        }
    }

    /// Whatever an output's size, and whichever head was asked for.
    @Test(arguments: [nil] + DetectionHead.allCases) func smallTablesAreReadOrLeft(_ wanted: DetectionHead?) throws {
        for (rows, columns) in (1...9).flatMap({ row in (1...9).map { (row, $0) } }) {
            let count = rows * columns
            for values in [[Float](repeating: 0, count: count), (0..<count).map { Float($0 * 37 % 11) / 4 - 1 }] {
                let table = try TensorValue(floats: values, shape: [1, rows, columns])
                for masks in [0, 2, 8] {
                    let pictures = masks == 0 ? [] : [try TensorValue(zeros: .float, shape: [1, masks, 4, 4])]
                    let outputs = [table] + pictures
                    let reader = try HeadReader(outputs, height: height, width: width, wanted: wanted)
                    #expect(try (reader?.detections(outputs).count ?? 0) <= count)
                }
            }
        }
    }

    /// Probabilities of 96 characters at 40 steps along a line of text, either way round, and the cells of a table.
    @Test(arguments: [[1, 40, 96], [1, 96, 40], [1, 48, 12]])
    func probabilitiesAlongALineAreNoBoxes(_ shape: [Int]) throws {
        let even = [Float](repeating: 1 / Float(shape[2]), count: shape[1] * shape[2])
        #expect(try HeadReader([TensorValue(floats: even, shape: shape)], height: height, width: width) == nil)
        // As sigmoids, which add up to anything: no grid has so many places.
        let (rows, columns) = (shape[1] + 5, shape[2] + 5)
        let free = try TensorValue(
            floats: (0..<rows * columns).map { Float($0 % 7) / 100 }, shape: [1, rows, columns])
        #expect(try HeadReader([free], height: height, width: width) == nil)
        let cells = try TensorValue(floats: (0..<46 * 4).map { Float($0 % 4) / 8 }, shape: [1, 46, 4])
        let kinds = try TensorValue(floats: [Float](repeating: 1 / 30, count: 46 * 30), shape: [1, 46, 30])
        #expect(try HeadReader([cells, kinds], height: height, width: width) == nil)
    }

    /// Counts of YOLOv8 at 640, with a grid of stride 4, and of 352 x 640; of YOLOv5; of YOLOv4-tiny, and of PicoDet.
    @Test(arguments: [
        (8400, 640, 640), (34000, 640, 640), (4620, 352, 640), (25200, 640, 640), (2535, 416, 416), (3598, 416, 416),
    ]) func theBoxesOfADenseHeadAreCounted(_ boxes: Int, _ height: Int, _ width: Int) throws {
        let values = try TensorValue(zeros: .float, shape: [1, 5, boxes])
        #expect(try HeadReader([values], height: height, width: width)?.head == .yolo)
        let more = try TensorValue(zeros: .float, shape: [1, 5, boxes + 1])
        #expect(try HeadReader([more], height: height, width: width) == nil)
    }

    @Test func outputsThatChangeTheirFormGiveNothing() throws {
        let reader = try #require(try HeadReader([try raw()], height: height, width: width))
        #expect(try reader.detections([try objectness()]) == [])
        let pair = try #require(try HeadReader(try ssd(), height: height, width: width))
        let short = try TensorValue(floats: [0, 0, 1, 0, 0, 0, 1, 0], shape: [1, 2, 4])
        #expect(try pair.detections([short, try ssd()[1]]) == [])
    }

    @Test func valuesThatAreNotFiniteAreLeftOut() throws {
        var objects = Self.objects
        objects[0].box.left = .nan
        let reader = try #require(try HeadReader([try yolo()], height: height, width: width))
        #expect(try reader.detections([try yolo(objects)]).count == 1)
        let last = try #require(try HeadReader([try endToEnd()], height: height, width: width))
        #expect(try last.detections([try endToEnd(objects)]).count == 1)
    }

    @Test func theMeterCountsBoxesAgainstFP32() throws {
        let input = ["x": try TensorValue(floats: [Float](repeating: 0, count: 3 * 48 * 64), shape: [1, 3, 48, 64])]
        var meter = try #require(
            try DetectionMeter(outputs: ["y"], reference: [yolo()], input: input, pictures: nil, wanted: nil))
        let squeezed = Self.objects.map { Detection(box: $0.box, score: $0.score * 0.4, kind: $0.kind) }
        try meter.add(sample: 0, reference: [yolo()], candidate: [yolo(squeezed)])
        let result = try #require(meter.result())
        #expect(result.agreement == .init(map: 1, map50: 1), "the order is kept")
        #expect(result.fp32Confident == 2 && result.int8Confident == 1 && result.matched == 2)
        #expect(abs((result.scoreShift ?? 0) + 0.6 * (0.75 + 0.5) / 2) < 1e-6, "and the squeeze is seen")
        #expect(result.labelled == nil && result.head == .yolo && result.outputs == ["y"])
    }
}
