#!/usr/bin/env python3
"""Scores quantized files of one task against its FP32 model: score, distance from FP32, latency, size.

    python3 Benchmarks/score.py TASK CANDIDATE.onnx [CANDIDATE.onnx ...] [--threads 1,2] [--seconds 6] [--core 1] [--json]

Task names are those of harness/tasks.py; OCTAVO_FIXTURES names the directory of fixtures. Latency, for each count of
threads: all models interleaved in one process, median of the per-round ratios to FP32 with its bootstrap 95 % interval.
"""

import argparse
import os
from pathlib import Path

from harness import store, tasks, timing


def measure(task, candidates, seconds=6.0, limit=None, core=None, threads=(1,)):
    """One row per candidate (name to path), FP32 first; its `latency` is by count of threads. A candidate that does not
    load says why in `error`."""
    allowed = os.sched_getaffinity(0)
    if core is not None:
        os.sched_setaffinity(0, {core})
    try:
        return _measure(task, candidates, seconds, limit, threads)
    finally:
        os.sched_setaffinity(0, allowed)


def _measure(task, candidates, seconds, limit, threads):
    arrays = store.load(store.prepare(task)[1])
    if limit:
        arrays = {name: values[:limit] for name, values in arrays.items()}
    base = timing.session(task.model)
    ranks, reference = timing.ranks(base), timing.runner(base)
    feed = next(task.feeds(arrays, ranks))
    rows = {"fp32": {"bytes": task.model.stat().st_size}}
    files = {"fp32": task.model}
    for name, path in candidates.items():
        try:
            session = timing.session(path)
            rows[name] = {"bytes": Path(path).stat().st_size}
            rows[name].update(task.score(timing.runner(session), reference, arrays, ranks))
            rows["fp32"]["score"] = rows[name]["fp32"]
            files[name] = path
        except Exception as error:  # a peer's file may be invalid: that is a result, not a failure of the driver
            rows[name] = {"error": str(error).splitlines()[0][:200]}
    for count in threads if seconds > 0 else ():
        runs = {name: timing.bound(timing.session(path, count), feed) for name, path in files.items()}
        times = timing.interleave(runs, seconds)
        for name, values in times.items():
            speed_up, *interval = timing.ratio(times["fp32"], values)
            rows[name].setdefault("latency", {})[count] = {
                "median_ms": float(sorted(values)[len(values) // 2] * 1000), "rounds": len(values),
                "speed_up": speed_up, "speed_up_interval": interval}
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", help=", ".join(t.name for t in tasks.ALL))
    parser.add_argument("candidates", nargs="+", type=Path)
    parser.add_argument("--seconds", type=float, default=6, help="time spent on latency (default 6; 0: none)")
    parser.add_argument("--core", type=int, help="pin to this core")
    parser.add_argument("--threads", default="1", help="engine threads: 1, or 1,2")
    parser.add_argument("--limit", type=int, help="only this many evaluation samples")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    [task] = tasks.select(options.task)
    names = [p.name if sum(q.name == p.name for q in options.candidates) == 1 else str(p) for p in options.candidates]
    rows = measure(
        task, dict(zip(names, options.candidates)), options.seconds, options.limit, options.core,
        [int(t) for t in options.threads.split(",")])
    for name, row in rows.items():
        if options.json:
            store.emit(task=task.name, candidate=name, **row)
        else:
            print(line(task, name, row))


def line(task, name, row):
    if "error" in row:
        return f"{name:24} {row['error']}"
    text = f"{name:24} {row['bytes'] / 1e6:6.2f} MB"
    if "score" in row:
        text += f"  {task.metric} {row['score']:.4f}"
    for threads, times in row.get("latency", {}).items():
        low, high = times["speed_up_interval"]
        text += f"  {threads}: {times['median_ms']:.3f} ms x{times['speed_up']:.2f} ({low:.2f}...{high:.2f}, n={times['rounds']})"
    known = {"bytes", "score", "fp32", "latency"}
    return text + "".join(f"  {k} {v:.4g}" for k, v in row.items() if k not in known)


if __name__ == "__main__":
    main()
