#!/usr/bin/env python3
"""Octavo and its peers on every task: score, latency against FP32, size, and what the tool itself took.

    python3 Benchmarks/quantization.py [--models a,b] [--tools octavo,default,u8s8] [--candidate NAME=FILE] [--seconds 6]
                                       [--threads 1,2]

Prints a JSON line for each result, then Markdown tables, one of speed-ups for each count of threads. All files of a task
are interleaved in one process, and the speed-up is the median of the per-round ratios with its bootstrap 95 % interval.
`octavo-search` is Octavo with a gate (`gate` in harness/tasks.py): layers go back to float until it holds.
The peers get each model prepared as a careful user would (see harness/peers.py), so they do better here than on the file as
it is. They calibrate with the same arrays as Octavo.
"""

import argparse

import onnx

import score
from harness import peers, store, tasks, tool

TOOLS = ["octavo", "octavo-search", *peers.METHODS]


def quantized(task, name, out):
    """Runs one tool on one task: what it took, and the reason when there is no usable file."""
    calibration, evaluation = store.prepare(task)
    out.unlink(missing_ok=True)
    if name in ("octavo", "octavo-search"):
        gate = task.gate if name == "octavo-search" else None
        result = tool.quantize(task.model, calibration, out, evaluation=evaluation, gate=gate)
    else:
        result = tool.peer(name, task.model, calibration, out)
    row = {"tool_seconds": result["seconds"], "tool_peak_rss": result["peak_rss"]}
    if report := result.get("report"):
        row["calibrate_seconds"] = tool.stage_seconds(report, "calibrate")
        row["quantize_seconds"] = tool.stage_seconds(report, "quantize")
    if result["status"] != 0 or not out.exists():
        last = result["output"].strip().splitlines() or ["no output"]
        row["error"] = f"status {result['status']}: {last[-1][:200]}"
        return row
    try:
        onnx.checker.check_model(str(out), full_check=True)
    except Exception as error:  # what is found is the result
        row["checker"] = str(error).splitlines()[0][:200]
    return row


def measured(task, tools, extra, seconds, core, threads):
    """Rows by name: FP32 first, then each tool's file, then files given by hand."""
    folder = store.FOLDER / task.name
    made = {name: quantized(task, name, folder / f"{name}.onnx") for name in tools}
    files = {name: folder / f"{name}.onnx" for name, row in made.items() if "error" not in row}
    rows = score.measure(task, {**files, **extra}, seconds, core=core, threads=threads)
    return {
        name: {**rows.get(name, {}), **made.get(name, {})}
        for name in ["fp32", *tools, *extra]
    }


def score_text(task, value):
    return f"{value:.1f} dB" if task.metric == "SQNR dB" else f"{value:.3f}"


def render_score(threads):
    def render(task, row):
        if threads not in row.get("latency", {}):
            return row.get("error", "–").replace("|", "/")[:60]
        times = row["latency"][threads]
        if "fp32" not in row:
            known = "score" in row and task.metric != "SQNR dB"
            return (f"{score_text(task, row['score'])}, " if known else "") + f"{times['median_ms']:.3f} ms"
        low, high = times["speed_up_interval"]
        note = " (checker!)" if "checker" in row else ""
        return f"{score_text(task, row['score'])} ×{times['speed_up']:.2f} ({low:.2f}…{high:.2f}){note}"
    return render


def render_cost(task, row):
    return f"{row['tool_seconds']:.1f} s, {row['tool_peak_rss'] / 1e6:.0f} MB" if "tool_seconds" in row else "–"


def render_size(task, row):
    return f"{row['bytes'] / 1e6:.2f} MB" if "bytes" in row else "–"


def table(title, names, results, render):
    print(f"\n**{title}**\n")
    print("| model | " + " | ".join(names) + " |")
    print("|---" * (len(names) + 1) + "|")
    for task, rows in results:
        print(f"| {task.name} ({task.metric}) | " + " | ".join(render(task, rows[n]) for n in names) + " |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", help="comma-separated task names; all that are available when left out")
    parser.add_argument("--tools", default=",".join(TOOLS), help=f"of {', '.join(TOOLS)}, nncf")
    parser.add_argument("--candidate", action="append", default=[], metavar="NAME=FILE", help="a file made elsewhere")
    parser.add_argument("--seconds", type=float, default=6, help="spent on each file's latency")
    parser.add_argument("--core", type=int, help="pin the measuring process to this core")
    parser.add_argument("--threads", default="1", help="engine threads that latency is measured with: 1, or 1,2")
    options = parser.parse_args()
    tools = [t for t in options.tools.split(",") if t]
    extra = dict(c.split("=", 1) for c in options.candidate)
    threads = [int(t) for t in options.threads.split(",")]
    results = []
    for task in tasks.select(options.models):
        rows = measured(task, tools, extra, options.seconds * (1 + len(tools) + len(extra)), options.core, threads)
        for name, row in rows.items():
            store.emit(benchmark="quantization", task=task.name, tool=name, **row)
        results.append((task, rows))
    names = [*tools, *extra]
    for count in threads:
        title = f"Score and speed-up over FP32, {count} thread{'s' if count > 1 else ''}"
        table(title, ["fp32", *names], results, render_score(count))
    table("File size", ["fp32", *names], results, render_size)
    table("The tool's own time and peak memory (Octavo's includes verifying, measuring and reporting)", names, results,
          render_cost)


if __name__ == "__main__":
    main()
