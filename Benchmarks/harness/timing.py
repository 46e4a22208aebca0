"""Latency of several models in one process, interleaved, so that whatever else the machine does hits all alike."""

import random
import time

import numpy as np
import onnxruntime


def session(path, threads=1):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def runner(a_session):
    """A function from a feed to the outputs."""
    return lambda feed: a_session.run(None, feed)


def ranks(a_session):
    return {i.name: len(i.shape) for i in a_session.get_inputs()}


def bound(a_session, feed):
    """A repeated run without copies of inputs or allocation of outputs by name."""
    binding = a_session.io_binding()
    for name, value in feed.items():
        binding.bind_cpu_input(name, np.ascontiguousarray(value))
    for output in a_session.get_outputs():
        binding.bind_output(output.name)
    return lambda: a_session.run_with_iobinding(binding)


def interleave(runs, seconds=6.0, slice_seconds=0.004, seed=1):
    """Times each function of `runs` in turn, order shuffled each round; returns name to seconds per run, per round."""
    repeats, cost = {}, 0.0
    for name, run in runs.items():
        for _ in range(3):
            run()
        began = time.perf_counter()
        run()
        once = time.perf_counter() - began
        repeats[name] = max(1, round(slice_seconds / once))
        cost += repeats[name] * once
    rounds = min(max(int(seconds / cost), 15), 2000)
    shuffle, order = random.Random(seed), list(runs)
    times = {name: [] for name in runs}
    for _ in range(rounds):
        shuffle.shuffle(order)
        for name in order:
            run, count = runs[name], repeats[name]
            began = time.perf_counter()
            for _ in range(count):
                run()
            times[name].append((time.perf_counter() - began) / count)
    return {name: np.array(values) for name, values in times.items()}


def ratio(base, other, draws=2000, seed=1):
    """Speed of `other` in multiples of `base`: median over rounds, and its bootstrap 95 % interval."""
    per_round = base / other
    generator = np.random.default_rng(seed)
    medians = np.median(per_round[generator.integers(0, len(per_round), (draws, len(per_round)))], axis=1)
    low, high = np.percentile(medians, [2.5, 97.5])
    return float(np.median(per_round)), float(low), float(high)
