#!/usr/bin/env python3
"""Is what the report says of pictures true? Its accuracy beside that of Pillow, onnxruntime and pycocotools.

    OCTAVO_FIXTURES=DIR python3 Benchmarks/pictures.py [--tasks mobilenet,yolo11n_320,yolox_nano]

`octavo quantize` gets a zip of pictures with labels and writes its report; the same pictures then go through Pillow and
onnxruntime, FP32 model and artifact alike, and are scored with numpy (top-1) or pycocotools (mAP). ImageNet's samples are
arrays of 224 x 224 in the fixtures: they are written as JPEG of quality 95, one folder for each class. COCO's are zipped as
they are, in Ultralytics' layout. Prints JSON lines, then a Markdown table; exits with 1 when they differ by more than 0.2
points or 0.003 mAP. Needs Pillow, onnxruntime and pycocotools.
"""

import argparse
import contextlib
import io
import json
import sys
import zipfile

import numpy as np
import onnxruntime
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from harness import detection, store, tasks, tool

POINTS, MAP = 0.002, 0.003


# ---- Data sets as zips

def imagenet(folder, part, count):
    """Pictures of class k as JPEGs in the folder k."""
    path = folder / f"imagenet-{part}.zip"
    source = tasks.fixtures() / "data" / "imagenet"
    pixels = np.load(source / f"imagenet_{part}_{count}_u8_224.npy")
    labels = np.load(source / f"imagenet_{part}_{count}_labels.npy")
    with zipfile.ZipFile(path, "w") as archive:
        for index, (picture, label) in enumerate(zip(pixels, labels)):
            file = io.BytesIO()
            Image.fromarray(picture).save(file, "JPEG", quality=95)
            archive.writestr(f"imagenet/{label}/{index:04}.jpg", file.getvalue())
    return path


def coco(folder):
    path = folder / "coco.zip"
    source = tasks.fixtures() / "data" / "coco"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(source / "coco64.yaml", "coco/data.yaml")
        for kind in ("images", "labels"):
            for file in sorted((source / kind).rglob("*.*")):
                archive.write(file, f"coco/{file.relative_to(source)}")
    return path


def pictures(path, inside=""):
    """(name, picture, label text) of every picture below a folder of the zip."""
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        for name in sorted(n for n in names if n.endswith(".jpg") and inside in n):
            text = name.replace("/images/", "/labels/").replace(".jpg", ".txt")
            label = archive.read(text).decode() if text in names else ""
            yield name, Image.open(io.BytesIO(archive.read(name))).convert("RGB"), label


# ---- The other side: Pillow, onnxruntime, pycocotools

def session(model):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])


def run(net, planes):
    return net.run(None, {net.get_inputs()[0].name: planes[None].astype(np.float32)})[0]


def top1(model, path):
    net, hits = session(model), []
    for name, picture, _ in pictures(path):
        x = np.asarray(picture, np.float32).transpose(2, 0, 1) / np.float32(127.5) - 1
        hits.append(run(net, x)[0].argmax() == int(name.split("/")[1]))
    return float(np.mean(hits))


def yolo11(output):
    rows = output[0].T
    return detection.corners(rows[:, :4]), rows[:, 4:]


def yolox(output):
    rows = output[0].astype(np.float64)
    side = 416
    places = [(x, y, s) for s in (8, 16, 32) for y in range(side // s) for x in range(side // s)]
    x, y, stride = np.array(places).T
    centres = np.stack([(rows[:, 0] + x) * stride, (rows[:, 1] + y) * stride], 1)
    sizes = np.exp(rows[:, 2:4]) * stride[:, None]
    return detection.corners(np.concatenate([centres, sizes], 1)), rows[:, 5:] * rows[:, 4:5]


def mean_precision(model, path, side, centred, prepare, decode, limit):
    net, images, truths, found = session(model), [], [], []
    for index, (_, picture, labels) in enumerate(pictures(path, "/val2017/")):
        images.append(dict(id=index))
        for line in labels.splitlines():
            kind, x, y, w, h = map(float, line.split())
            w, h = w * picture.width, h * picture.height
            truths.append(dict(
                id=len(truths) + 1, image_id=index, category_id=int(kind), iscrowd=0, area=w * h,
                bbox=[x * picture.width - w / 2, y * picture.height - h / 2, w, h]))
        canvas, (factor, left, top) = detection.letterbox(picture, side, centred)
        boxes, scores = decode(run(net, prepare(canvas)))
        rows = detection.detections(boxes, scores, limit=limit, candidates=30_000, keep=300)
        edges = (rows[:, :4] - [left, top, left, top]) / factor
        edges = np.clip(edges, 0, [picture.width, picture.height] * 2)
        for (x1, y1, x2, y2), score, kind in zip(edges, rows[:, 4], rows[:, 5]):
            found.append(dict(
                image_id=index, category_id=int(kind), score=float(score), bbox=[x1, y1, x2 - x1, y2 - y1]))
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = dict(images=images, annotations=truths, categories=[dict(id=k) for k in range(80)])
        truth.createIndex()
        judge = COCOeval(truth, truth.loadRes(found), "bbox")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return float(judge.stats[0])


# ---- Both

def octavo(model, calibration, evaluation, out, *options):
    command = [
        tool.binary(), "quantize", model, "--calibration", calibration, "--evaluation", evaluation, "-o", out,
        "--measure-time", "0.2", *options]
    result = tool.measured(command)
    if result["status"] != 0:
        raise SystemExit(result["output"][-800:])
    return json.loads((out.parent / (out.name + ".report.json")).read_text())


def mobilenet(folder):
    model = tasks.fixtures() / "models" / "mobilenet_v1_0.75_224.onnx"
    calibration, evaluation = imagenet(folder, "calib", 100), imagenet(folder, "eval", 224)
    out = folder / "mobilenet.int8.onnx"
    # The pictures are crops already.
    report = octavo(model, calibration, evaluation, out, "--preset", "imagenet-tf", "--resize", "stretch")
    said = report["accuracy"]
    return "top-1", POINTS, [
        (said["fp32_top1"]["share"], top1(model, evaluation)), (said["int8_top1"]["share"], top1(out, evaluation))]


def detector(name, preset, *rest):
    def measure(folder):
        model, data = tasks.fixtures() / "models" / f"{name}.onnx", coco(folder)
        out = folder / f"{name}.int8.onnx"
        said = octavo(model, data, data, out, "--preset", preset)["detection"]["labelled"]
        return "mAP 50-95", MAP, [
            (said[kind]["map"], mean_precision(file, data, *rest)) for kind, file in (("fp32", model), ("int8", out))]
    return measure


TASKS = {
    "mobilenet": mobilenet,
    "yolo11n_320": detector(
        "yolo11n_320", "yolo", 320, True, lambda x: x.astype(np.float32).transpose(2, 0, 1) / np.float32(255), yolo11, 0.7),
    "yolox_nano": detector(
        "yolox_nano_416", "yolox", 416, False, lambda x: x[..., ::-1].transpose(2, 0, 1), yolox, 0.65),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", default=",".join(TASKS))
    chosen = parser.parse_args().tasks.split(",")
    if tasks.fixtures() is None:
        raise SystemExit("OCTAVO_FIXTURES is not set: there are no pictures to measure with")
    folder = store.FOLDER / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    lines, apart = [], False
    for name in chosen:
        metric, tolerance, pairs = TASKS[name](folder)
        for kind, (ours, theirs) in zip(("FP32", "INT8"), pairs):
            row = dict(task=name, model=kind, metric=metric, octavo=ours, python=theirs, difference=ours - theirs)
            print(json.dumps(row), flush=True)
            apart = apart or abs(ours - theirs) > tolerance
            lines.append(f"| {name} | {kind} | {metric} | {ours:.4f} | {theirs:.4f} | {ours - theirs:+.4f} |")
    print("\n| task | model | metric | octavo's report | Python | difference |\n|---|---|---|---|---|---|")
    print("\n".join(lines))
    return 1 if apart else 0


if __name__ == "__main__":
    sys.exit(main())
