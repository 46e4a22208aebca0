"""What is kept and told: the arrays of a task as `.npz` files below .cache/bench, made once and read by the tool under
test and by its peers; results as JSON lines.
"""

import json
import math
import os

import numpy as np

from . import tasks

FOLDER = tasks.ROOT / ".cache" / "bench"


def prepare(task):
    """Writes calibration.npz and evaluation.npz of a task unless they are there; returns their paths."""
    folder = FOLDER / task.name
    folder.mkdir(parents=True, exist_ok=True)
    return tuple(_once(folder / f"{role}.npz", task, getattr(task, role)) for role in ("calibration", "evaluation"))


def _once(path, task, make):
    if not path.exists() or path.stat().st_mtime < task.model.stat().st_mtime:
        temporary = path.with_suffix(".partial.npz")
        np.savez(temporary, **make())
        os.replace(temporary, path)
    return path


def load(path):
    with np.load(path) as arrays:
        return {name: arrays[name] for name in arrays}


def emit(**row):
    """One JSON line on stdout; what has no value in JSON becomes null."""
    finite = {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in row.items()}
    print(json.dumps(finite, allow_nan=False), flush=True)
