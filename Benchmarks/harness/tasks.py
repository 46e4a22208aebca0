"""The models that are measured: where they lie, how their inputs are made, how a run of them is scored.

A task gives `calibration()` and `evaluation()`, both dictionaries of arrays with axis 0 counting samples and named as
the model's inputs (`labels` beside them where there are some), and `score(run, reference)`: the task's own score of
`run`, and how far it is from `reference`. Both are functions from a feed to a list of outputs.
"""

import os
import wave
from pathlib import Path

import numpy as np
from PIL import Image

from . import detection

ROOT = Path(__file__).resolve().parents[2]
IMAGENET_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
IMAGENET_STD = np.array([0.229, 0.224, 0.225], np.float32)


def fixtures():
    """The directory of fixtures, or None: the example in the repository is measured without them."""
    path = os.environ.get("OCTAVO_FIXTURES")
    return Path(path) if path and Path(path).is_dir() else None


def planes(pictures):
    """NHWC to NCHW, contiguous float32."""
    return np.ascontiguousarray(np.moveaxis(pictures, -1, 1), dtype=np.float32)


def noise_ratio(reference, candidate):
    """Signal to quantization noise in dB, over everything given."""
    signal = np.square(reference, dtype=np.float64).sum()
    noise = np.square(np.subtract(reference, candidate, dtype=np.float64)).sum()
    return float("inf") if noise == 0 else float(10 * np.log10(signal / noise))


class Task:
    metric = ""
    # What a search must keep, in the words of `octavo quantize --gate`.
    gate = "cosine=0.001"
    calibration_samples = 64

    def __init__(self, name, file):
        self.name, self.file = name, file

    @property
    def model(self):
        return fixtures() / "models" / self.file

    def data(self, *parts):
        return fixtures().joinpath("data", *parts)

    def feeds(self, arrays, ranks):
        """One feed per sample: an array of the input's own rank holds samples for batch 1, one more whole inputs."""
        names = [n for n in arrays if n != "labels"]
        for index in range(len(arrays[names[0]])):
            yield {
                n: arrays[n][index:index + 1] if arrays[n].ndim == ranks[n] else np.asarray(arrays[n][index])
                for n in names
            }


class Classifier(Task):
    metric = "top-1"
    gate = "top1=0.002"

    def __init__(self, name, file, source, transform, input_name="input"):
        super().__init__(name, file)
        self.source, self.transform, self.input_name = source, transform, input_name

    def calibration(self):
        pictures, _ = self.source("calib")
        return {self.input_name: self.transform(pictures[:self.calibration_samples])}

    def evaluation(self):
        pictures, labels = self.source("eval")
        return {self.input_name: self.transform(pictures), "labels": labels.astype(np.int64)}

    def score(self, run, reference, arrays, ranks):
        mine, theirs = [], []
        for feed in self.feeds(arrays, ranks):
            mine.append(run(feed)[0].ravel())
            theirs.append(reference(feed)[0].ravel())
        mine, theirs = np.array(mine), np.array(theirs)
        p, q = _probabilities(theirs), _probabilities(mine)
        return {
            "score": float((mine.argmax(1) == arrays["labels"]).mean()),
            "fp32": float((theirs.argmax(1) == arrays["labels"]).mean()),
            "agreement": float((mine.argmax(1) == theirs.argmax(1)).mean()),
            "kl_x1000": float(1000 * (p * (np.log(p) - np.log(q))).sum(1).mean()),
            "sqnr_db": noise_ratio(theirs, mine),
        }


def _probabilities(rows):
    if (rows >= 0).all() and np.allclose(rows.sum(1), 1, atol=0.05):
        return np.maximum(rows, 1e-9).astype(np.float64)
    powers = np.exp(rows - rows.max(1, keepdims=True), dtype=np.float64)
    return np.maximum(powers / powers.sum(1, keepdims=True), 1e-12)


class Detector(Task):
    metric = "mAP"
    gate = "map-agreement=0.1"
    calibration_samples = 32

    def __init__(self, name, file, side, centred=True):
        super().__init__(name, file)
        self.side, self.centred = side, centred

    def pictures(self, split):
        for path in sorted(self.data("coco", "images", split).glob("*.jpg")):
            with Image.open(path) as picture:
                yield path, picture.convert("RGB")

    def tensor(self, picture):
        square, place = detection.letterbox(picture, self.side, self.centred)
        return self.values(square).transpose(2, 0, 1), place

    def calibration(self):
        pictures = [p for _, p in zip(range(self.calibration_samples), self.pictures("train2017"))]
        return {"images": np.stack([self.tensor(picture)[0] for _, picture in pictures])}

    def evaluation(self):
        return {"images": np.stack([self.tensor(picture)[0] for _, picture in self.pictures("val2017")])}

    def truth(self):
        """Per picture: real boxes [m, 5] in picture coordinates, and the place of the picture in the square."""
        for path, picture in self.pictures("val2017"):
            width, height = picture.size
            label = self.data("coco", "labels", "val2017", path.stem + ".txt")
            rows = np.loadtxt(label, ndmin=2) if label.exists() and label.stat().st_size else np.zeros((0, 5))
            boxes = detection.corners(rows[:, 1:5]) * np.array([width, height, width, height])
            yield np.column_stack([boxes, rows[:, 0]]), detection.letterbox(picture, self.side, self.centred)[1]

    def picture_boxes(self, boxes, place):
        factor, left, top = place
        return (boxes - np.array([left, top, left, top])) / factor

    def score(self, run, reference, arrays, ranks):
        found, wanted, real, errors = [], [], [], []
        for feed, (truth, place) in zip(self.feeds(arrays, ranks), self.truth()):
            (boxes, scores), (boxes32, scores32) = self.decode(run(feed)), self.decode(reference(feed))
            errors.append(_detection_error(boxes, scores, boxes32, scores32))
            found.append(detection.detections(self.picture_boxes(boxes, place), scores))
            wanted.append(detection.detections(self.picture_boxes(boxes32, place), scores32))
            real.append(truth)
        half, score = detection.mean_average_precision(found, real)
        signal, noise, count, box, confidence = np.sum(errors, axis=0)
        return {
            "score": score,
            "fp32": detection.mean_average_precision(wanted, real)[1],
            "map50": half,
            "scores_sqnr_db": float(10 * np.log10(signal / max(noise, 1e-30))),
            "box_error_px": float(box / max(count, 1)),
            "score_error": float(confidence / max(count, 1)),
        }


def _detection_error(boxes, scores, boxes32, scores32):
    """Sums for: SQNR of all scores; mean box error (input pixels) and score error where FP32 sees something."""
    seen = scores32 > 0.05
    anchors = seen.any(axis=1)
    difference = scores32 - scores
    box = np.abs(boxes - boxes32)[anchors].mean(axis=1).sum() / max(anchors.sum(), 1) * seen.sum()
    return np.array([
        np.square(scores32).sum(), np.square(difference).sum(), seen.sum(), box, np.abs(difference)[seen].sum()])


class Yolo11(Detector):
    def values(self, square):
        return square.astype(np.float32) / 255

    def decode(self, outputs):
        rows = outputs[0][0].T
        return detection.corners(rows[:, :4]), rows[:, 4:]


class Yolox(Detector):
    def values(self, square):
        return square[..., ::-1].astype(np.float32)

    def decode(self, outputs):
        rows = outputs[0][0]
        cells, strides = [], []
        for stride in (8, 16, 32):
            count = self.side // stride
            y, x = np.divmod(np.arange(count * count), count)
            cells.append(np.column_stack([x, y]))
            strides.append(np.full((count * count, 1), stride))
        cells, strides = np.concatenate(cells), np.concatenate(strides)
        centre, size = (rows[:, :2] + cells) * strides, np.exp(rows[:, 2:4]) * strides
        return detection.corners(np.concatenate([centre, size], axis=1)), rows[:, 4:5] * rows[:, 5:]


class Faces(Task):
    """No labels: the score is the share of FP32's faces that are found again. Calibrated on the same pictures."""

    metric = "recall"

    def calibration(self):
        tensors = []
        for path in sorted(self.data("faces").glob("*.jpg")):
            with Image.open(path) as picture:
                pixels = np.asarray(picture.convert("RGB").resize((320, 240), Image.Resampling.BILINEAR))
            tensors.append((pixels.astype(np.float32) - 127) / 128)
        return {"input": planes(np.stack(tensors))}

    evaluation = calibration

    def faces(self, outputs):
        scores, boxes = outputs[0][0][:, 1], outputs[1][0]
        sure = scores > 0.7
        return boxes[sure][detection.suppress(boxes[sure], scores[sure], 0.3)]

    def score(self, run, reference, arrays, ranks):
        again, total, seen, mine, theirs = 0, 0, 0, [], []
        for feed in self.feeds(arrays, ranks):
            outputs, outputs32 = run(feed), reference(feed)
            found, wanted = self.faces(outputs), self.faces(outputs32)
            if len(found) and len(wanted):
                again += int((detection.overlap(wanted, found).max(axis=1) >= 0.5).sum())
            total, seen = total + len(wanted), seen + len(found)
            mine.append([o.ravel() for o in outputs])
            theirs.append([o.ravel() for o in outputs32])
        return {
            "score": again / total, "fp32": 1.0, "faces_fp32": total, "faces": seen,
            "scores_sqnr_db": noise_ratio(np.array([t[0] for t in theirs]), np.array([m[0] for m in mine])),
            "boxes_sqnr_db": noise_ratio(np.array([t[1] for t in theirs]), np.array([m[1] for m in mine])),
        }


class Signal(Task):
    """No labels: the score is the first output's SQNR against FP32."""

    metric = "SQNR dB"

    def score(self, run, reference, arrays, ranks):
        mine, theirs = [], []
        for feed in self.feeds(arrays, ranks):
            mine.append(run(feed)[0].ravel())
            theirs.append(reference(feed)[0].ravel())
        return {"score": noise_ratio(np.array(theirs), np.array(mine)), "fp32": float("inf")}


class SuperResolution(Signal):
    def luma(self, split, count):
        pictures = np.load(self.data("imagenet", split), mmap_mode="r")[:count].astype(np.float32)
        return {"y": (pictures @ np.array([0.299, 0.587, 0.114], np.float32) / 255)[:, None]}

    def calibration(self):
        return self.luma("imagenet_calib_100_u8_224.npy", self.calibration_samples)

    def evaluation(self):
        return self.luma("imagenet_eval_224_u8_224.npy", 32)


class VoiceActivity(Signal):
    """Stateful: calibration takes stored feeds; evaluation feeds FP32's own states, so errors do not add up."""

    hop, context = 512, 64

    def calibration(self):
        with np.load(self.data("audio", "silero_calib_128.npz")) as arrays:
            return {name: arrays[name][:self.calibration_samples] for name in arrays}

    def evaluation(self):
        import onnxruntime
        with wave.open(str(self.data("audio", "speech_16k_30s.wav"))) as file:
            samples = np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(np.float32) / 32768
        session = onnxruntime.InferenceSession(str(self.model), providers=["CPUExecutionProvider"])
        frames = len(samples) // self.hop
        padded = np.concatenate([np.zeros(self.context, np.float32), samples])
        state, rate = np.zeros((2, 1, 128), np.float32), np.array(16000, np.int64)
        inputs, states = [], []
        for frame in range(frames):
            chunk = padded[None, frame * self.hop:(frame + 1) * self.hop + self.context]
            inputs.append(chunk)
            states.append(state)
            state = session.run(None, {"input": chunk, "state": state, "sr": rate})[1]
        first = frames // 3  # the calibration feeds come from the part before
        count = frames - first
        return {"input": np.stack(inputs[first:]), "state": np.stack(states[first:]), "sr": np.repeat(rate, count)}


def _imagenet(split):
    stem = {"calib": "imagenet_calib_100", "eval": "imagenet_eval_224"}[split]
    folder = fixtures() / "data" / "imagenet"
    return np.load(folder / f"{stem}_u8_224.npy"), np.load(folder / f"{stem}_labels.npy")


def _archive(*parts):
    def read(split):
        with np.load(fixtures().joinpath("data", *parts)) as arrays:
            return arrays[f"x_{split}"], arrays[f"y_{split}"]
    return read


class Digits(Classifier):
    """The example in the repository: measured everywhere."""

    calibration_samples = 128
    folder = ROOT / "Examples" / "digits"

    def __init__(self):
        super().__init__("digits", "model.onnx", self.read, lambda x: x.astype(np.float32) / 255, input_name="pixels")

    @property
    def model(self):
        return self.folder / self.file

    def read(self, split):
        with np.load(self.folder / {"calib": "calibration.npz", "eval": "evaluation.npz"}[split]) as arrays:
            pictures = next(arrays[n] for n in arrays if n != "labels")
            return pictures, arrays["labels"] if "labels" in arrays else np.zeros(len(pictures))


def _cifar(pictures):
    return planes((pictures / np.float32(255) - IMAGENET_MEAN) / IMAGENET_STD)


def _garments(pictures):
    return ((pictures / np.float32(255) - np.float32(0.2860)) / np.float32(0.3530))[:, None]


CIFAR = _archive("cifar10", "cifar10_calib200_eval1000.npz")
GARMENTS = _archive("fmnist", "fmnist_calib200_eval1000.npz")
HANDWRITING = _archive("digits", "digits28_calib100_eval600.npz")

ALL = [
    Digits(),
    Classifier("mobilenet", "mobilenet_v1_0.75_224.onnx", _imagenet, lambda x: planes(x / np.float32(127.5) - 1)),
    Classifier("resnet20", "cifar10_resnet20.onnx", CIFAR, _cifar),
    Classifier("resnet20_bn", "cifar10_resnet20_bn.onnx", CIFAR, _cifar),
    Classifier("fmnist_cnn", "fmnist_cnn.onnx", GARMENTS, _garments),
    Classifier("fmnist_vit", "fmnist_vit.onnx", GARMENTS, _garments),
    Classifier(
        "mnist", "mnist_cntk_opset8.onnx", HANDWRITING, lambda x: x.astype(np.float32)[:, None],
        input_name="Input3"),
    Yolo11("yolo11n_320", "yolo11n_320.onnx", 320),
    Yolo11("yolo11n_640", "yolo11n_640.onnx", 640),
    Yolox("yolox_nano", "yolox_nano_416.onnx", 416, centred=False),
    Faces("ultraface", "ultraface_rfb_320.onnx"),
    VoiceActivity("silero", "silero_vad_16k_op15.onnx"),
    SuperResolution("superres", "superres_x3_224.onnx"),
]


def available():
    """Tasks whose model is here."""
    return [t for t in ALL if (isinstance(t, Digits) or fixtures()) and t.model.exists()]


def select(names):
    """Tasks by comma-separated names, or all that are available."""
    here = {t.name: t for t in available()}
    if not names:
        return list(here.values())
    missing = [n for n in names.split(",") if n not in here]
    if missing:
        raise SystemExit(f"no such task: {', '.join(missing)}; there are {', '.join(here)} (OCTAVO_FIXTURES adds more)")
    return [here[n] for n in names.split(",")]
