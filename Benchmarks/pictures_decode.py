#!/usr/bin/env python3
"""Decoding and preprocessing of JPEGs of ImageNet's size: pictures per second and memory, octavo beside Pillow.

    python3 Benchmarks/pictures_decode.py [--count 1000] [--rounds 3] [--cores N]

Both read the same zip, decode, resize the short side to 256 with an antialiased bilinear filter, crop 224 x 224 and make
normalized float32 planes of it; octavo by `octavo develop … -o /dev/null`, Pillow with numpy in a pool of as many processes
as there are cores. Time is that of the whole command, start included; processor time beside it, which others on the machine
disturb less. The pictures are the original JPEGs among the fixtures
over and over, or made at random. Prints JSON lines, then a Markdown table.
"""

import argparse
import io
import json
import multiprocessing
import os
import statistics
import sys
import zipfile

import numpy as np
from PIL import Image

from harness import store, tasks, tool

MEAN = np.array([0.485, 0.456, 0.406], np.float32)
STD = np.array([0.229, 0.224, 0.225], np.float32)


def originals():
    folder = tasks.fixtures() and tasks.fixtures() / "data" / "imagenet" / "calib_jpeg"
    if folder and folder.is_dir():
        return [file.read_bytes() for file in sorted(folder.iterdir())]
    random, made = np.random.default_rng(1), []
    for _ in range(16):
        file = io.BytesIO()
        coarse = Image.fromarray(random.integers(0, 256, (47, 63, 3)).astype(np.uint8))
        coarse.resize((500, 375), Image.Resampling.BICUBIC).save(file, "JPEG", quality=92)
        made.append(file.getvalue())
    return made


def archive(count):
    path = store.FOLDER / "pictures" / f"jpeg-{count}.zip"
    path.parent.mkdir(parents=True, exist_ok=True)
    files = originals()
    with zipfile.ZipFile(path, "w") as target:
        for index in range(count):
            target.writestr(f"p{index:05}.jpg", files[index % len(files)])
    return path


def model():
    """A net with an input of [1, 3, 224, 224]; nothing of it is run."""
    import onnx
    from onnx import helper

    path = store.FOLDER / "pictures" / "input-224.onnx"
    path.parent.mkdir(parents=True, exist_ok=True)
    tensor = [helper.make_tensor_value_info(n, 1, [1, 3, 224, 224]) for n in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "g", tensor[:1], tensor[1:])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)
    return path


def prepare(data):
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    size = [int(side * 256 / min(picture.size)) for side in picture.size]
    picture = picture.resize(size, Image.Resampling.BILINEAR)
    left, top = round((size[0] - 224) / 2), round((size[1] - 224) / 2)
    x = np.asarray(picture.crop((left, top, left + 224, top + 224)), np.float32) / np.float32(255)
    return np.ascontiguousarray(((x - MEAN) / STD).transpose(2, 0, 1))


def share(task):
    path, names = task
    with zipfile.ZipFile(path) as source:
        for name in names:
            prepare(source.read(name))


def pillow(path, cores):
    with zipfile.ZipFile(path) as source:
        names = source.namelist()
    with multiprocessing.Pool(cores) as pool:
        pool.map(share, [(path, names[core::cores]) for core in range(cores)])


def differences(path, net):
    """Largest and mean difference of the two in steps of 8 bits, over the first pictures."""
    out = store.FOLDER / "pictures" / "developed.npy"
    tool.measured([tool.binary(), "develop", path, net, "-o", out, "--preset", "imagenet-torch"])
    ours = np.load(out, mmap_mode="r")
    with zipfile.ZipFile(path) as source:
        theirs = np.stack([prepare(source.read(name)) for name in source.namelist()[:16]])
    steps = np.abs(ours[:16] - theirs) * STD[:, None, None] * 255
    return float(steps.max()), float(steps.mean())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--cores", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--pillow", metavar="ZIP", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.pillow:
        return pillow(options.pillow, options.cores)

    net, times, cpu, peaks = model(), {"octavo": [], "Pillow": []}, {"octavo": [], "Pillow": []}, {}
    small, whole = archive(options.count // 4), archive(options.count)

    def commands(path):
        return {
            "octavo": [
                tool.binary(), "develop", path, net, "-o", "/dev/null", "--preset", "imagenet-torch", "--threads",
                options.cores],
            "Pillow": [sys.executable, __file__, "--pillow", path, "--cores", options.cores]}

    for _ in range(options.rounds):
        for name, command in commands(whole).items():
            result = tool.measured(command)
            if result["status"] != 0:
                raise SystemExit(result["output"][-800:])
            times[name].append(result["seconds"])
            cpu[name].append(result["cpu_seconds"])
            peaks[name] = result["peak_rss"]
    before = tool.measured(commands(small)["octavo"])["peak_rss"]
    ratio, cpu_ratio = (statistics.median(b / a for a, b in zip(t["octavo"], t["Pillow"])) for t in (times, cpu))
    largest, mean = differences(small, net)
    for name, values in times.items():
        print(json.dumps(dict(
            tool=name, pictures=options.count, cores=options.cores, seconds=values, cpu_seconds=cpu[name],
            per_second=options.count / statistics.median(values), peak_rss=peaks[name])), flush=True)
    print(json.dumps(dict(
        ratio=ratio, cpu_ratio=cpu_ratio, octavo_peak_of_a_quarter=before, largest_difference=largest, mean_difference=mean)))
    print("\n| tool | pictures/s | processor ms per picture | peak memory |\n|---|---|---|---|")
    for name, values in times.items():
        spent = statistics.median(cpu[name]) * 1000 / options.count
        print(f"| {name} | {options.count / statistics.median(values):.0f} | {spent:.2f} | {peaks[name] / 2**20:.0f} MiB |")
    print(f"\noctavo / Pillow: {ratio:.2f}, by processor time {cpu_ratio:.2f}; octavo's peak with a quarter of the pictures: {before / 2**20:.0f} MiB; "
          f"difference at most {largest:.2f}, {mean:.4f} on average, of 255 steps")


if __name__ == "__main__":
    main()
