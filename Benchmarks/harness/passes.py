"""One way of going over calibration samples, as a program of its own: prints its seconds as JSON.

    python3 -m harness.passes plain|minmax|percentile|entropy MODEL.onnx SAMPLES.npz THREADS
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import onnx
from onnxruntime.quantization import CalibrationMethod
from onnxruntime.quantization.calibrate import create_calibrator

from . import peers, timing

METHODS = {
    "minmax": CalibrationMethod.MinMax,
    "percentile": CalibrationMethod.Percentile,
    "entropy": CalibrationMethod.Entropy,
}


def plain(path, samples, threads):
    """Every sample through the FP32 model, nothing observed: seconds from a warmed session, and those to open the model."""
    began = time.perf_counter()
    session = timing.session(path, threads)
    opening = time.perf_counter() - began
    feeds = list(iter(samples.get_next, None))
    for feed in feeds[:2]:
        session.run(None, feed)
    began = time.perf_counter()
    for feed in feeds:
        session.run(None, feed)
    return {"seconds": time.perf_counter() - began, "opening": opening}


def calibrated(method, path, samples, folder):
    began = time.perf_counter()
    calibrator = create_calibrator(
        str(path), augmented_model_path=str(folder / "augmented.onnx"), calibrate_method=METHODS[method])
    calibrator.collect_data(samples)
    calibrator.compute_data()
    return {"seconds": time.perf_counter() - began}


def main():
    method, model, archive, threads = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        path = peers.prepared(model, Path(folder))
        samples = peers.Samples(onnx.load(path), archive)
        if method == "plain":
            taken = plain(path, samples, int(threads))
        else:
            taken = calibrated(method, path, samples, Path(folder))
    print(json.dumps(taken))


if __name__ == "__main__":
    main()
