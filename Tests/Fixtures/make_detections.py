#!/usr/bin/env python3
"""Makes detections and objects at random, and the average precision that pycocotools gives them.

    python3 Tests/Fixtures/make_detections.py      # needs numpy and pycocotools; writes Tests/Fixtures/detections.json
"""

import contextlib
import io
import json
import pathlib

import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval


def boxes(random, count):
    corner = random.uniform(0, 300, (count, 2))
    return np.concatenate([corner, random.uniform(5, 120, (count, 2))], 1)


def make(seed, pictures, classes, crowds, crowded):
    random = np.random.default_rng(seed)
    truths, found = [], []
    for picture in range(pictures):
        objects = boxes(random, random.integers(0, 9))
        for box in objects:
            truths.append(dict(picture=picture, kind=int(random.integers(classes)), box=box.round(2).tolist(),
                               crowd=bool(random.random() < crowds)))
        near = [t for t in truths if t["picture"] == picture for _ in range(random.integers(0, 4))]
        for truth in near:
            box = np.array(truth["box"]) + random.normal(0, 5, 4)
            kind = truth["kind"] if random.random() < .8 else int(random.integers(classes))
            found.append(dict(picture=picture, kind=kind, box=np.maximum(box, 1).round(2).tolist()))
        for box in boxes(random, crowded if picture == 0 else random.integers(0, 6)):
            found.append(dict(picture=picture, kind=int(random.integers(classes)), box=box.round(2).tolist()))
    # Some scores are equal.
    for detection in found:
        detection["score"] = round(float(random.random()), 2 if random.random() < .3 else 6)
    return dict(pictures=pictures, truths=truths, detections=found)



def judge(case):
    data = dict(
        images=[dict(id=k) for k in range(case["pictures"])],
        categories=[dict(id=k) for k in sorted({t["kind"] for t in case["truths"] + case["detections"]})],
        annotations=[
            dict(id=k + 1, image_id=t["picture"], category_id=t["kind"], bbox=t["box"],
                 area=t["box"][2] * t["box"][3], iscrowd=int(t["crowd"]))
            for k, t in enumerate(case["truths"])
        ])
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = data
        truth.createIndex()
        found = truth.loadRes([
            dict(image_id=d["picture"], category_id=d["kind"], bbox=d["box"], score=d["score"])
            for d in case["detections"]
        ])
        evaluation = COCOeval(truth, found, "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    case["map"], case["map50"] = float(evaluation.stats[0]), float(evaluation.stats[1])
    return case


def main():
    cases = [make(1, 12, 4, 0, 5), make(2, 12, 3, .3, 5), make(3, 3, 1, 0, 150), make(4, 1, 2, 0, 3)]
    path = pathlib.Path(__file__).parent / "detections.json"
    path.write_text(json.dumps([judge(case) for case in cases]) + "\n")


if __name__ == "__main__":
    main()
