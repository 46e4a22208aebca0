#!/usr/bin/env python3
"""Puts models drawn at random through `octavo quantize` and says what went wrong.

    python3 Benchmarks/drawn.py [--seeds 0:200] [--imports] [--seconds 600]

Each artifact must pass onnx.checker, load in onnxruntime, give finite outputs of the right shape, and follow the model on
samples that calibration has not seen. `--imports` has onnxruntime's `quantize_static` quantize each model first, with
options drawn too, and compares the artifact with what that came to: an import must lose nothing that the peer kept. A run
in which the job fails, or the file does not load, ends with status 1; a model that follows FP32 poorly is listed, as
random weights behind a normalization can be anything. Prints JSON lines, then a count of each kind.
"""

import argparse
import collections
import logging
import random
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from harness import store, tool
from harness.drawing import Drawing

SAMPLES, UNSEEN = 16, 8
# Decibels below which an artifact follows its model poorly, and that an import may lose on what came.
POOR, LOSS = 15, 3
SCHEMES = ["auto", "int8-static", "int8-static", "int8-static", "int8-weights", "int8-dynamic"]


class Reader(CalibrationDataReader):
    def __init__(self, samples):
        self.rest = iter([{"x": sample[None]} for sample in samples])

    def get_next(self):
        return next(self.rest, None)


def run(path, samples, optimized=True):
    """Each output over all samples, as one array of doubles."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 4, 1
    if not optimized:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    results = [session.run(None, {"x": sample[None]}) for sample in samples]
    return [np.concatenate([r[i] for r in results]).astype(np.float64) for i in range(len(results[0]))]


def decibels(reference, candidate):
    """The lowest SQNR of all outputs; 99 where nothing differs."""
    def sqnr(a, b):
        noise = ((a - b) ** 2).sum()
        return 99.0 if noise == 0 else 10 * np.log10(max((a**2).sum(), 1e-30) / noise)
    return min(sqnr(a, b) for a, b in zip(reference, candidate))


def quantized_by_peer(path, samples, folder, choices):
    """What `quantize_static` makes of the model, with drawn options."""
    prepared, out = folder / "prepared.onnx", folder / "peer.onnx"
    quant_pre_process(path, prepared, skip_symbolic_shape=True)
    quantize_static(
        prepared, out, Reader(samples), per_channel=choices.random() < 0.5,
        activation_type=choices.choice([QuantType.QUInt8, QuantType.QInt8]),
        weight_type=choices.choice([QuantType.QInt8, QuantType.QInt8, QuantType.QUInt8]),
        op_types_to_quantize=None if choices.random() < 0.5 else ["Conv", "MatMul", "Gemm"],
        extra_options={
            "ActivationSymmetric": choices.random() < 0.3, "WeightSymmetric": choices.random() < 0.7,
            "QuantizeBias": choices.random() < 0.8, "AddQDQPairToWeight": choices.random() < 0.3,
            "DedicatedQDQPair": choices.random() < 0.3})
    return out


def case(seed, folder, imports):
    """The kind of result, and what there is to say of it."""
    choices = random.Random(seed)
    try:
        model, shape = Drawing(seed, least_opset=13 if imports else 9).model()
        path = folder / "model.onnx"
        onnx.save(model, path)
        samples = np.random.default_rng(seed).normal(0, 1, [SAMPLES + UNSEEN, *shape[1:]]).astype(np.float32)
        seen, unseen = samples[:SAMPLES], samples[SAMPLES:]
        reference = run(path, unseen, optimized=False)
        given = quantized_by_peer(path, seen, folder, choices) if imports else path
        peer = decibels(reference, run(given, unseen, optimized=False)) if imports else None
    except Exception as error:  # Whatever a library throws: the model is of no use.
        return "unusable", {"error": str(error)[:200]}
    np.savez(folder / "samples.npz", x=seen)
    out, scheme = folder / "out.onnx", "auto" if imports else choices.choice(SCHEMES)
    out.unlink(missing_ok=True)
    command = [
        tool.binary(), "quantize", given, "--calibration", folder / "samples.npz", "-o", out, "--scheme", scheme,
        "--measure-time", "0.02", "--threads", "1"]
    result = tool.measured(command)
    facts = {"scheme": scheme, "opset": model.opset_import[0].version}
    if result["status"] != 0:
        refused = "nothing-to-quantize" in result["output"]
        return "nothing to quantize" if refused else "failed", {**facts, "output": result["output"][-300:]}
    try:
        onnx.checker.check_model(onnx.load(out))
        outputs = run(out, unseen)
    except Exception as error:  # The checker and the engine each have their own kinds.
        return "broken file", {**facts, "error": str(error)[:300]}
    if [o.shape for o in outputs] != [r.shape for r in reference] or not all(np.isfinite(o).all() for o in outputs):
        return "broken file", {**facts, "error": "outputs of another shape, or not finite"}
    facts["sqnr_db"] = round(float(decibels(reference, outputs)), 1)
    if imports:
        facts["peer_sqnr_db"] = round(float(peer), 1)
        return "ok" if facts["sqnr_db"] > min(peer - LOSS, 20) else "worse than it came", facts
    return "ok" if facts["sqnr_db"] > POOR else "poor", facts


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default="0:200", help="first and one past the last")
    parser.add_argument("--imports", action="store_true")
    parser.add_argument("--seconds", type=float, default=600, help="after which no further model is drawn")
    options = parser.parse_args()
    logging.disable(logging.WARNING)
    first, last = (int(part) for part in options.seeds.split(":"))
    counts, start = collections.Counter(), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(first, last):
            if time.monotonic() - start > options.seconds:
                break
            kind, facts = case(seed, Path(folder), options.imports)
            counts[kind] += 1
            if kind not in ("ok", "unusable", "nothing to quantize"):
                store.emit(benchmark="drawn", seed=seed, kind=kind, **facts)
    print("\n| result | models |\n|---|---|")
    for kind, count in counts.most_common():
        print(f"| {kind} | {count} |")
    sys.exit(1 if counts["failed"] or counts["broken file"] else 0)


if __name__ == "__main__":
    main()
