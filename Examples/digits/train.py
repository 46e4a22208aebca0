#!/usr/bin/env python3
"""Makes this example: a small residual network that reads handwritten digits, and its sample arrays.

    python3 -m pip install torch scikit-learn onnx onnxruntime pillow
    python3 Examples/digits/train.py

The pictures are scikit-learn's bundled digits (1797 pictures of 8 x 8 pixels), enlarged to 32 x 32. The files in the
repository were made by this script; run again it makes equally good ones, not the same bytes.
"""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from PIL import Image
from sklearn.datasets import load_digits
from torch import nn

HERE = Path(__file__).resolve().parent
SIDE = 32
CALIBRATION, EVALUATION = 128, 500


def pictures():
    """All digits in a fixed random order: uint8 [1797, 1, 32, 32] and their labels."""
    digits = load_digits()
    order = np.random.default_rng(8).permutation(len(digits.target))
    small = np.round(digits.images * (255 / 16)).astype(np.uint8)
    large = [np.asarray(Image.fromarray(p).resize((SIDE, SIDE), Image.Resampling.BILINEAR)) for p in small[order]]
    return np.stack(large)[:, None], digits.target[order].astype(np.int64)


def convolution(inputs, outputs, stride=1):
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs))


class Residual(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.first, self.second = convolution(width, width), convolution(width, width)

    def forward(self, x):
        return torch.relu(x + self.second(torch.relu(self.first(x))))


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(
            convolution(1, 32, stride=2), nn.ReLU(),
            convolution(32, 64), nn.ReLU(), Residual(64),
            nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = nn.Linear(64, 10)

    def forward(self, x):
        return self.head(self.body(x))


def shifted(x):
    """Each picture moved by up to three pixels, so that the network does not learn places by heart."""
    moves = torch.randint(-3, 4, (len(x), 2))
    return torch.stack([torch.roll(p, tuple(m), dims=(1, 2)) for p, m in zip(x, moves.tolist())])


def train(x, labels, epochs=24):
    torch.manual_seed(8)
    network = Reader()
    optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=0.02)
    batches = -(-len(x) // 64)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 6e-3, total_steps=epochs * batches)
    for epoch in range(epochs):
        network.train()
        for batch in torch.randperm(len(x)).split(64):
            loss = nn.functional.cross_entropy(network(shifted(x[batch])), labels[batch], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        print(f"epoch {epoch + 1}: loss {loss.item():.4f}", flush=True)
    return network.eval()


def export(network, path):
    """As users export: batch size left open, BatchNormalization not folded into the convolutions."""
    torch.onnx.export(
        network, torch.zeros(1, 1, SIDE, SIDE), str(path), dynamo=False, opset_version=17,
        input_names=["pixels"], output_names=["logits"],
        dynamic_axes={"pixels": {0: "batch"}, "logits": {0: "batch"}},
        training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False)
    onnx.checker.check_model(str(path), full_check=True)


def accuracy(path, x, labels):
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    [logits] = session.run(None, {"pixels": x.astype(np.float32) / 255})
    return (logits.argmax(1) == labels).mean()


def main():
    x, labels = pictures()
    held_out, learnt = slice(0, EVALUATION), slice(EVALUATION, None)
    network = train(torch.from_numpy(x[learnt].astype(np.float32) / 255), torch.from_numpy(labels[learnt]))
    export(network, HERE / "model.onnx")
    np.savez_compressed(HERE / "calibration.npz", pixels=x[learnt][:CALIBRATION])
    np.savez_compressed(HERE / "evaluation.npz", pixels=x[held_out], labels=labels[held_out])
    print(f"top-1 {accuracy(HERE / 'model.onnx', x[held_out], labels[held_out]):.3f} on {EVALUATION} unseen pictures")
    for file in ("model.onnx", "calibration.npz", "evaluation.npz"):
        print(f"{file}: {(HERE / file).stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
