"""Runs a program to its end and says how long it took and how much memory it held at most."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from . import tasks

BENCHMARKS = tasks.ROOT / "Benchmarks"
PEER_MEMORY = 10 * 2**30


def binary():
    """The release binary, or the one that OCTAVO names."""
    path = Path(os.environ.get("OCTAVO", tasks.ROOT / ".build" / "release" / "octavo"))
    if not path.exists():
        raise SystemExit(f"{path} is not there: run `make build`, or set OCTAVO")
    return path


def measured(command, limit=0, **options):
    """{"seconds", "peak_rss", "status", "output"} of a command and all that it waits for; `limit` bytes of memory."""
    with tempfile.TemporaryDirectory() as folder:
        result = Path(folder, "result.json")
        child = [sys.executable, "-I", "-S", BENCHMARKS / "harness" / "child.py", result, limit, *command]
        done = subprocess.run(
            [str(c) for c in child], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True, **options)
        return {**json.loads(result.read_text()), "output": done.stdout.decode(errors="replace")}


def quantize(model, calibration, out, evaluation=None, threads=None, gate=None):
    """`octavo quantize`; adds the report as a dictionary under "report" when the run succeeded."""
    report = Path(out).with_suffix(".report.json")
    command = [binary(), "quantize", model, "--calibration", calibration, "-o", out, "--report", report]
    if evaluation:
        command += ["--evaluation", evaluation]
    if threads:
        command += ["--threads", threads]
    if gate:
        command += ["--gate", gate]
    result = measured(command, cwd=tasks.ROOT)
    if result["status"] == 0 and report.exists():
        result["report"] = json.loads(report.read_text())
        # It sets the kernel's peak back to measure the models' memory, so the kernel may know only of the last part.
        result["peak_rss"] = max(result["peak_rss"], result["report"]["memory"]["peak_rss_bytes"])
    return result


def stage_seconds(report, stage):
    """Seconds of one stage of the pipeline, out of the report."""
    return next((s["seconds"] for s in report["stages"] if s["stage"] == stage), None)


def stage_peak(report, stage):
    """Largest resident size of the worker up to the end of one stage, out of the report."""
    phases = report["memory"]["phases"]
    return next((p["peak_rss_bytes"] for p in phases if p["stage"] == stage), None)


def peer(method, model, calibration, out):
    """One of the ways in peers.py. Some keep every activation of every sample: they end here, not the machine."""
    return measured(
        [sys.executable, "-m", "harness.peers", method, model, calibration, out], limit=PEER_MEMORY, cwd=BENCHMARKS)
