"""Holds a report's latency ratio to an independent measurement, in the same run on the same machine.

    .cache/bench-venv/bin/python Benchmarks/latency_check.py [--octavo PATH] [MODEL.onnx --samples FILE.npz]

Quantizes a model with `octavo quantize`, then times the model and the artifact with onnxruntime in Python, with the same
number of threads, on the same input. Both measure in interleaved rounds. Prints one JSON line; exits 1 when the ratios differ
by more than 5 %, and 2 when the machine was too busy for either of them to say anything.
"""

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import onnxruntime as ort

ROOT = Path(__file__).resolve().parent.parent
TOLERANCE = 0.05


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", default=ROOT / "Examples/digits/model.onnx", type=Path)
    parser.add_argument("--samples", default=ROOT / "Examples/digits/calibration.npz", type=Path)
    parser.add_argument("--scale", default="1/255", help="as of octavo quantize")
    parser.add_argument("--octavo", default=ROOT / ".build/release/octavo", type=Path)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=6.0)
    return parser.parse_args()


def quantize(options, directory):
    """The artifact and octavo's report."""
    artifact, report = directory / "artifact.onnx", directory / "report.json"
    command = [
        options.octavo, "quantize", options.model, "--calibration", options.samples, "--scale", options.scale,
        "--threads", options.threads, "--measure-time", options.seconds, "-o", artifact, "--report", report,
    ]
    subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)
    return artifact, json.loads(report.read_text())


def session(path, threads):
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return ort.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def bound(runner, feed):
    """A run with inputs and outputs bound once, so that Python's own work does not count."""
    binding = runner.io_binding()
    for name, value in feed.items():
        binding.bind_cpu_input(name, value)
    for output in runner.get_outputs():
        binding.bind_output(output.name, "cpu")
    return lambda: runner.run_with_iobinding(binding)


def feed(runner, seed=0):
    """Latency depends on shapes, not on values: noise of the model's own input shapes will do."""
    noise = np.random.default_rng(seed)
    values = {}
    for entry in runner.get_inputs():
        shape = [size if isinstance(size, int) else 1 for size in entry.shape]
        if entry.type != "tensor(float)":
            sys.exit(f"latency_check: input '{entry.name}' is {entry.type}; only float inputs are made here")
        values[entry.name] = noise.random(shape, dtype=np.float32)
    return values


def measure(runs, seconds):
    """Seconds per run of each, from rounds in random order; each timing is preceded by a run that does not count."""
    order = random.Random(1)
    single = min(once(run, 1) for run in runs for _ in range(5))
    repeat = max(1, int(200e-6 / single))
    times = [[] for _ in runs]
    end = time.perf_counter() + seconds
    while time.perf_counter() < end or len(times[0]) < 64:
        for place in order.sample(range(len(runs)), len(runs)):
            runs[place]()
            times[place].append(once(runs[place], repeat))
    return times


def once(run, repeat):
    start = time.perf_counter()
    for _ in range(repeat):
        run()
    return (time.perf_counter() - start) / repeat


def noise_floor(times):
    """How far the medians of two random halves of one series differ, in 95 % of draws."""
    draws = random.Random(2)
    ratios = []
    for _ in range(200):
        shuffled = draws.sample(times, len(times))
        half = len(times) // 2
        ratios.append(abs(statistics.median(shuffled[:half]) / statistics.median(shuffled[half:]) - 1))
    return sorted(ratios)[int(0.95 * len(ratios))]


def main():
    options = arguments()
    with tempfile.TemporaryDirectory() as place:
        artifact, report = quantize(options, Path(place))
        fp32, int8 = session(options.model, options.threads), session(artifact, options.threads)
        values = feed(fp32)
        times = measure([bound(fp32, values), bound(int8, values)], options.seconds)
    independent = statistics.median(times[0]) / statistics.median(times[1])
    latency = report["latency"]
    difference = latency["speedup"] / independent - 1
    busy = max(latency["noise_floor"], noise_floor(times[0]))
    print(json.dumps({
        "check": "latency-ratio", "model": options.model.name, "threads": options.threads,
        "octavo": round(latency["speedup"], 4), "onnxruntime": round(independent, 4),
        "difference": round(difference, 4), "tolerance": TOLERANCE, "noise_floor": round(busy, 4),
        "stability": latency["stability"], "rounds": [latency["rounds"], len(times[0])],
        "engine": [report["identity"]["engine_version"], ort.__version__],
    }))
    if busy > TOLERANCE:
        print("latency_check: the machine is too busy to tell 5 % apart; run it again when it is quiet", file=sys.stderr)
        return 2
    return 0 if abs(difference) <= TOLERANCE else 1


if __name__ == "__main__":
    sys.exit(main())
