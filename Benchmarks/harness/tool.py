"""Runs a program to its end and says how long it took and how much memory it held at most."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from . import tasks

BENCHMARKS = tasks.ROOT / "Benchmarks"


def binary():
    """The release binary, or the one that OCTAVO names."""
    path = Path(os.environ.get("OCTAVO", tasks.ROOT / ".build" / "release" / "octavo"))
    if not path.exists():
        raise SystemExit(f"{path} is not there: run `make build`, or set OCTAVO")
    return path


def measured(command, **options):
    """{"seconds", "peak_rss", "status", "output"} of a child and all that it waited for; its output is kept apart."""
    with tempfile.TemporaryFile() as output:
        began = time.perf_counter()
        child = subprocess.Popen([str(c) for c in command], stdout=output, stderr=subprocess.STDOUT, **options)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - began
        child.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode(errors="replace")
    return {
        "seconds": seconds, "peak_rss": usage.ru_maxrss * 1024, "status": child.returncode, "output": text}


def quantize(model, calibration, out, evaluation=None, threads=None):
    """`octavo quantize`; adds the report as a dictionary under "report" when the run succeeded."""
    report = Path(out).with_suffix(".report.json")
    command = [binary(), "quantize", model, "--calibration", calibration, "-o", out, "--report", report]
    if evaluation:
        command += ["--evaluation", evaluation]
    if threads:
        command += ["--threads", threads]
    result = measured(command, cwd=tasks.ROOT)
    if result["status"] == 0 and report.exists():
        result["report"] = json.loads(report.read_text())
    return result


def stage_seconds(report, stage):
    """Seconds of one stage of the pipeline, out of the report."""
    return next((s["seconds"] for s in report["stages"] if s["stage"] == stage), None)


def stage_peak(report, stage):
    """Largest resident size of the worker up to the end of one stage, out of the report."""
    phases = report["memory"]["phases"]
    return next((p["peak_rss_bytes"] for p in phases if p["stage"] == stage), None)


def peer(method, model, calibration, out):
    """One of onnxruntime's ways, see peers.py."""
    return measured(
        [sys.executable, "-m", "harness.peers", method, model, calibration, out], cwd=BENCHMARKS)
