package import Domain
package import Inference

/// Compares what both models detect, picture by picture: against labels where there are boxes, and with each other.
package struct DetectionMeter: Sendable {
    static let confident = 0.25
    private static let sameObject = 0.5

    private let reader: HeadReader
    private let names: [String]
    private let pictures: DevelopedPictures?
    private var fp32 = AveragePrecision()
    private var int8 = AveragePrecision()
    private var likeness = AveragePrecision()
    private var samples = 0
    private var confidentFP32 = 0
    private var confidentINT8 = 0
    private var matched = 0
    private var shift = 0.0

    /// Nil when FP32's outputs of one sample do not look like a detector's. `input` is that sample.
    package init?(
        outputs names: [String], reference: [TensorValue], input: [String: TensorValue], pictures: DevelopedPictures?,
        wanted: DetectionHead?
    ) throws {
        guard let shape = input.values.first(where: { $0.shape.count == 4 })?.shape else { return nil }
        let first = shape[1] == 1 || shape[1] == 3
        guard
            let reader = try HeadReader(
                reference, height: shape[first ? 2 : 1], width: shape[first ? 3 : 2], wanted: wanted)
        else { return nil }
        (self.reader, self.names, self.pictures) = (reader, names, pictures)
    }

    /// `reference` and `candidate` are the outputs of both models for sample `index`.
    package mutating func add(sample index: Int, reference: [TensorValue], candidate: [TensorValue]) throws {
        samples += 1
        let before = try shown(reader.detections(reference), index)
        let after = try shown(reader.detections(candidate), index)
        if let truths = pictures?.boxes?[index] {
            for truth in truths where truth.kind >= reader.classes && reader.head != .endToEnd {
                throw Failure.picture(
                    pictures?.names[index] ?? "",
                    "has an object of class \(truth.kind), but the model's output '\(names[reader.outputs[0]])' has "
                        + "\(reader.classes) classes. Give the labels the model was trained with")
            }
            fp32.add(before, truths: truths)
            int8.add(after, truths: truths)
        }
        let sure = before.filter { $0.score >= Self.confident }
        likeness.add(
            after,
            truths: sure.map {
                LabelBox(kind: $0.kind, left: $0.box.left, top: $0.box.top, right: $0.box.right, bottom: $0.box.bottom)
            })
        confidentFP32 += sure.count
        confidentINT8 += after.count { $0.score >= Self.confident }
        pair(sure, after)
    }

    /// In pixels of the picture where it is known, cut at its edges; of the input otherwise.
    private func shown(_ detections: [Detection], _ index: Int) -> [Detection] {
        guard let frame = pictures?.frames[index] else { return detections }
        return detections.map { detection in
            let (topLeft, bottomRight) = (
                frame.source(x: detection.box.left, y: detection.box.top),
                frame.source(x: detection.box.right, y: detection.box.bottom)
            )
            var detection = detection
            detection.box = Box(left: topLeft.x, top: topLeft.y, right: bottomRight.x, bottom: bottomRight.y)
                .clipped(width: Double(frame.sourceWidth), height: Double(frame.sourceHeight))
            return detection
        }
    }

    /// Each of FP32's confident detections with the best free one of INT8 on the same object.
    private mutating func pair(_ sure: [Detection], _ after: [Detection]) {
        var free = after
        for detection in sure {
            let candidates = free.indices.filter {
                free[$0].kind == detection.kind && free[$0].box.iou(detection.box) >= Self.sameObject
            }
            guard let best = candidates.max(by: { free[$0].box.iou(detection.box) < free[$1].box.iou(detection.box) })
            else { continue }
            matched += 1
            shift += free[best].score - detection.score
            free.remove(at: best)
        }
    }

    /// Nil before the first sample.
    package func result() -> Report.Detection? {
        guard samples > 0 else { return nil }
        return Report.Detection(
            head: reader.head, outputs: reader.outputs.map { names[$0] }, classes: classes,
            unread: reader.others > 0 ? reader.others : nil, samples: samples,
            minScore: HeadReader.minScore, suppressionIou: reader.suppressionIou, labelled: labelled,
            agreement: likeness.result(), confidentScore: Self.confident, fp32Confident: confidentFP32,
            int8Confident: confidentINT8, scoreShift: matched > 0 ? shift / Double(matched) : nil, matched: matched)
    }

    /// A head that gives classes by number does not say how many there are; the data set may.
    private var classes: Int {
        reader.head == .endToEnd ? max(reader.classes, pictures?.classes.count ?? 0) : reader.classes
    }

    private var labelled: Report.Detection.Labelled? {
        guard let before = fp32.result(), let after = int8.result(), let interval = fp32.interval(to: int8) else {
            return nil
        }
        return Report.Detection.Labelled(
            objects: fp32.objectCount, fp32: before, int8: after, delta: after.map - before.map, deltaInterval: interval
        )
    }
}
