#!/usr/bin/env python3
"""What calibration costs: time over a plain FP32 pass of the same samples, and memory as the samples grow.

    python3 Benchmarks/calibration.py [--models a,b] [--samples 128] [--rounds 3] [--threads 1]

Time: the calibrate stage of `octavo quantize` (out of its report) and ONNX Runtime's plain pass in turn, round by round,
once without and once with the time that opening the model takes, which the stage has in it; beside them onnxruntime's
own calibrators, once, with as many threads as they like. Memory: peak resident bytes of the whole run with 8 and with 512
samples. Prints JSON lines, then a Markdown table.
"""

import argparse
import json
import statistics
import sys

import numpy as np

from harness import passes, store, tasks, tool

DEFAULT = ["digits", "mobilenet", "resnet20", "yolo11n_320", "superres"]


def samples(task, count):
    """An .npz of exactly `count` samples: the task's calibration samples, then its evaluation samples, then again."""
    path = store.FOLDER / task.name / f"samples-{count}.npz"
    if not path.exists():
        first, second = (store.load(p) for p in store.prepare(task))
        joined = {n: np.concatenate([first[n], second[n]]) for n in first if n != "labels"}
        np.savez(path, **{n: a[np.arange(count) % len(a)] for n, a in joined.items()})
    return path


def pass_times(method, task, archive, threads):
    command = [sys.executable, "-m", "harness.passes", method, task.model, archive, threads]
    result = tool.measured(command, limit=tool.PEER_MEMORY, cwd=tool.BENCHMARKS)
    if result["status"] != 0:
        return None, result["peak_rss"]
    return json.loads(result["output"].strip().splitlines()[-1]), result["peak_rss"]


def run_octavo(task, archive, threads):
    out = store.FOLDER / task.name / "calibration-bench.onnx"
    result = tool.quantize(task.model, archive, out, threads=threads)
    if "report" not in result:
        raise SystemExit(f"octavo quantize on {task.name}: {result['output'][-500:]}")
    return result


def times(task, count, rounds, threads):
    archive = samples(task, count)
    ours, plain = [], []
    for _ in range(rounds):
        ours.append(tool.stage_seconds(run_octavo(task, archive, threads)["report"], "calibrate"))
        plain.append(pass_times("plain", task, archive, threads)[0])
    ratios = [a / b["seconds"] for a, b in zip(ours, plain)]
    row = {
        "samples": count, "threads": threads,
        "octavo_seconds": statistics.median(ours), "plain_seconds": statistics.median(p["seconds"] for p in plain),
        "ratio": statistics.median(ratios), "ratios": ratios,
        "ratio_with_opening": statistics.median(a / (b["seconds"] + b["opening"]) for a, b in zip(ours, plain)),
    }
    for method in passes.METHODS:
        taken, row[f"{method}_peak_rss"] = pass_times(method, task, archive, threads)
        row[f"{method}_seconds"] = taken and taken["seconds"]
    return row


def memory(task, threads):
    row = {}
    for count in (8, 512):
        result = run_octavo(task, samples(task, count), threads)
        row[f"peak_rss_{count}"] = result["peak_rss"]
        row[f"calibrate_peak_rss_{count}"] = tool.stage_peak(result["report"], "calibrate")
    row["growth"] = row["peak_rss_512"] / row["peak_rss_8"]
    return row


def seconds(value):
    return "–" if value is None else f"{value:.2f} s"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", help=f"default: those of {', '.join(DEFAULT)} that are available")
    parser.add_argument("--samples", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    chosen = tasks.select(options.models) if options.models else [t for t in tasks.available() if t.name in DEFAULT]
    rows = []
    for task in chosen:
        row = {**times(task, options.samples, options.rounds, options.threads), **memory(task, options.threads)}
        store.emit(benchmark="calibration", task=task.name, **row)
        rows.append((task, row))
    print("\n| model | octavo | plain FP32 pass | ratio | with opening the model | onnxruntime min-max | percentile | "
          "entropy | peak, 8 samples | 512 samples |")
    print("|---" * 10 + "|")
    for task, row in rows:
        print(f"| {task.name} | {row['octavo_seconds']:.2f} s | {row['plain_seconds']:.2f} s | {row['ratio']:.2f} | "
              f"{row['ratio_with_opening']:.2f} | "
              + " | ".join(seconds(row[f"{m}_seconds"]) for m in passes.METHODS)
              + f" | {row['peak_rss_8'] / 1e6:.0f} MB | {row['peak_rss_512'] / 1e6:.0f} MB |")


if __name__ == "__main__":
    main()
