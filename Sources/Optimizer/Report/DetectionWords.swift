import Domain
import Pages

/// What the page and the text say of a detector alike.
struct DetectionWords {
    let detection: Report.Detection

    var remark: String {
        "Boxes of \(detection.outputs.joined(separator: ", ")) read as \(detection.head.rawValue), "
            + "\(Number.count(detection.classes, "class", "classes")), "
            + "scores above \(Number.short(detection.minScore)), suppression above IoU "
            + "\(Number.fixed(detection.suppressionIou, 2))."
            + (unread.map { " \($0)." } ?? "")
    }

    var unread: String? {
        detection.unread.map {
            "Each box has \(Number.count($0, "other number")), of a mask or of keypoints, judged by SQNR alone"
        }
    }

    /// A heading and a row for each kind of precision.
    var rows: [[String]] {
        var rows = [["boxes", "FP32", "INT8"]]
        if let labelled = detection.labelled {
            rows.append(["mAP 50–95", Self.precision(labelled.fp32.map), Self.precision(labelled.int8.map)])
            rows.append(["mAP 50", Self.precision(labelled.fp32.map50), Self.precision(labelled.int8.map50)])
        }
        rows.append(["confident boxes", "\(detection.fp32Confident)", "\(detection.int8Confident)"])
        return rows
    }

    var change: String? {
        guard let labelled = detection.labelled else { return nil }
        return "mAP 50–95 \(Self.signed(labelled.delta)) (95 % \(Self.signed(labelled.deltaInterval.low))…"
            + "\(Self.signed(labelled.deltaInterval.high))) on \(Number.count(labelled.objects, "object"))"
    }

    var likeness: String? {
        guard let agreement = detection.agreement else { return nil }
        var words =
            "mAP 50–95 \(Self.precision(agreement.map)), mAP 50 \(Self.precision(agreement.map50)) with FP32's boxes above "
            + "\(Number.fixed(detection.confidentScore, 2)) as truth"
        if let shift = detection.scoreShift {
            words += "; scores shifted by \(Self.signed(shift)) over \(Number.count(detection.matched, "object"))"
        }
        return words
    }

    /// For the verdict.
    var line: String {
        guard let labelled = detection.labelled else {
            return
                "boxes like FP32's (mAP 50–95 \(detection.agreement.map { Self.precision($0.map) } ?? "–"), no labels)"
        }
        let words =
            "mAP 50–95 \(Self.precision(labelled.fp32.map)) → \(Self.precision(labelled.int8.map)) "
            + "(95 % \(Self.signed(labelled.deltaInterval.low))…\(Self.signed(labelled.deltaInterval.high)))"
        if labelled.fp32.map < Self.useless {
            return words + ", FP32 itself finds next to nothing: check the preprocessing and the labels"
        }
        return labelled.deltaInterval.high < -Report.Verdict.clearLoss ? words + ", a clear loss" : words
    }

    /// Below this a detector and its labels have little to do with each other.
    private static let useless = 0.01

    static func precision(_ value: Double) -> String { Number.fixed(value, 3) }
    static func signed(_ value: Double) -> String {
        let text = Number.fixed(value, 3)
        return text.hasPrefix("−") || value == 0 ? text : "+" + text
    }
}
