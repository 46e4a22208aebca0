/// How a detector's outputs are read as boxes.
package enum DetectionHead: String, Codable, Sendable, CaseIterable {
    /// One output [1, 4 + K, N]: centre, width, height in input pixels, K scores (Ultralytics from version 8 on). As in the
    /// next ones and in `end-to-end`, there may be more numbers behind the scores: of a mask, whose prototypes are a second
    /// output [1, P, H, W], or keypoints.
    case yolo
    /// One output [1, N, 5 + K]: as above with an objectness before the scores (YOLOv5 and 7, decoded YOLOX).
    case yoloObjectness = "yolo-objectness"
    /// The same, relative to a grid of strides 8, 16 and 32, sizes as logarithms (YOLOX as exported).
    case yolox
    /// One output [1, M, 6]: corners, score, class, nothing left to suppress (YOLOv10, YOLO26, NMS in the graph).
    case endToEnd = "end-to-end"
    /// One output [1, M, 4 + K]: centre and size as shares of the input, K scores, one object for each row and nothing left to
    /// suppress (RT-DETR).
    case detr
    /// Two outputs, [1, N, 4] corners as shares of the input and [1, N, K] scores, the first class being the background
    /// where a row's scores add up to 1.
    case ssd
    /// No boxes, whatever the outputs look like.
    case none
}

extension Report {
    /// Detections of both models on the same samples, as COCO counts them.
    package struct Detection: Equatable, Sendable, Codable {
        /// Mean average precision over classes: over IoU 0.50 to 0.95 in steps of 0.05, and at 0.50 alone.
        package struct Precision: Equatable, Sendable, Codable {
            package var map: Double
            package var map50: Double

            package init(map: Double, map50: Double) {
                self.map = map
                self.map50 = map50
            }
        }
        /// Against labels. Absent without boxes among the labels.
        package struct Labelled: Equatable, Sendable, Codable {
            package var objects: Int
            package var fp32: Precision
            package var int8: Precision
            /// INT8 minus FP32, over IoU 0.50 to 0.95.
            package var delta: Double
            /// Of the difference: percentile bootstrap over pictures, both models on the same draw.
            package var deltaInterval: Interval

            package init(objects: Int, fp32: Precision, int8: Precision, delta: Double, deltaInterval: Interval) {
                self.objects = objects
                self.fp32 = fp32
                self.int8 = int8
                self.delta = delta
                self.deltaInterval = deltaInterval
            }
        }
        package var head: DetectionHead
        package var outputs: [String]
        package var classes: Int
        /// Numbers of each box that are not judged here: of its mask or its keypoints. Absent without any.
        package var unread: Int?
        package var samples: Int
        /// Lowest score of a detection that counts, and the IoU above which the lower of two boxes of a class is dropped.
        package var minScore: Double
        package var suppressionIou: Double
        package var labelled: Labelled?
        /// INT8 with FP32's confident detections in the place of labels; needs none. Absent when FP32 finds nothing.
        package var agreement: Precision?
        /// A score of this much is confident.
        package var confidentScore: Double
        package var fp32Confident: Int
        package var int8Confident: Int
        /// Mean of INT8's score minus FP32's over FP32's confident detections that INT8 finds again (IoU of at least 0.5,
        /// same class): a head that keeps its order and squeezes its scores shows here, and not in the precision.
        package var scoreShift: Double?
        package var matched: Int

        package init(
            head: DetectionHead, outputs: [String], classes: Int, unread: Int? = nil, samples: Int, minScore: Double,
            suppressionIou: Double, labelled: Labelled?, agreement: Precision?, confidentScore: Double,
            fp32Confident: Int, int8Confident: Int, scoreShift: Double?, matched: Int
        ) {
            self.head = head
            self.outputs = outputs
            self.classes = classes
            self.unread = unread
            self.samples = samples
            self.minScore = minScore
            self.suppressionIou = suppressionIou
            self.labelled = labelled
            self.agreement = agreement
            self.confidentScore = confidentScore
            self.fp32Confident = fp32Confident
            self.int8Confident = int8Confident
            self.scoreShift = scoreShift
            self.matched = matched
        }
    }
}
