"""Object detection in numpy: picture to tensor, non-maximum suppression, COCO-style average precision."""

import numpy as np
from PIL import Image

IOU_STEPS = np.linspace(0.5, 0.95, 10)
RECALL_STEPS = np.linspace(0, 1, 101)


def letterbox(picture, side, centred):
    """Fits a picture into a grey square without changing its proportions.

    Returns uint8 [side, side, 3] and (factor, left, top): how to go back to picture coordinates.
    """
    width, height = picture.size
    factor = side / max(width, height)
    inner = (round(width * factor), round(height * factor))
    left, top = ((side - inner[0]) // 2, (side - inner[1]) // 2) if centred else (0, 0)
    canvas = Image.new("RGB", (side, side), (114, 114, 114))
    canvas.paste(picture.convert("RGB").resize(inner, Image.Resampling.BILINEAR), (left, top))
    return np.asarray(canvas), (factor, left, top)


def corners(centre_form):
    """[n, 4] centre x, centre y, width, height to x1, y1, x2, y2."""
    centre, half = centre_form[:, :2], centre_form[:, 2:] / 2
    return np.concatenate([centre - half, centre + half], axis=1)


def overlap(a, b):
    """Intersection over union of every box of `a` with every box of `b`."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:4], b[None, :, 2:4])
    shared = np.prod(np.maximum(high - low, 0), axis=2)
    area_a = np.prod(a[:, 2:4] - a[:, :2], axis=1)
    area_b = np.prod(b[:, 2:4] - b[:, :2], axis=1)
    return shared / np.maximum(area_a[:, None] + area_b[None, :] - shared, 1e-9)


def suppress(boxes, scores, limit):
    """Indices that survive greedy suppression of boxes overlapping a better one by more than `limit`."""
    order = np.argsort(-scores, kind="stable")
    overlaps = overlap(boxes[order], boxes[order]) > limit
    alive = np.ones(len(order), bool)
    for position in range(len(order)):
        if alive[position]:
            alive[position + 1:] &= ~overlaps[position, position + 1:]
    return order[alive]


def detections(boxes, scores, threshold=0.001, limit=0.65, candidates=3000, keep=100):
    """All classes of all boxes above the threshold, suppressed class by class, best first: [n, 6]."""
    box, category = np.nonzero(scores > threshold)
    confidence = scores[box, category]
    if len(confidence) > candidates:
        best = np.argpartition(-confidence, candidates)[:candidates]
        box, category, confidence = box[best], category[best], confidence[best]
    rows = []
    for one in np.unique(category):
        members = np.flatnonzero(category == one)
        members = members[suppress(boxes[box[members]], confidence[members], limit)]
        rows.append(np.column_stack([boxes[box[members]], confidence[members], np.full(len(members), one)]))
    if not rows:
        return np.zeros((0, 6))
    rows = np.concatenate(rows)
    return rows[np.argsort(-rows[:, 4], kind="stable")[:keep]]


def _matches(found, truth):
    """For each detection (best first) and IoU step: does it claim a truth box that nobody better claimed?"""
    hits = np.zeros((len(IOU_STEPS), len(found)), bool)
    taken = np.zeros((len(IOU_STEPS), len(truth)), bool)
    if not len(truth):
        return hits
    steps = np.arange(len(IOU_STEPS))
    for index, row in enumerate(overlap(found, truth) if len(found) else []):
        free = np.where(taken, -1, row)
        best = free.argmax(axis=1)
        hits[:, index] = free[steps, best] >= IOU_STEPS
        taken[steps[hits[:, index]], best[hits[:, index]]] = True
    return hits


def _average_precision(hits, truths):
    positives = np.cumsum(hits)
    precision = positives / np.arange(1, len(hits) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1]
    index = np.searchsorted(positives / truths, RECALL_STEPS)
    return np.append(envelope, 0)[np.minimum(index, len(envelope))].mean()


def mean_average_precision(found, truth):
    """(mAP at IoU 0.5, mAP over 0.5...0.95) of per-picture detections [n, 6] against truth [m, 5]."""
    results = []
    for category in np.unique(np.concatenate([t[:, 4] for t in truth])):
        hits, confidence, truths = [], [], 0
        for boxes, real in zip(found, truth):
            boxes, real = boxes[boxes[:, 5] == category], real[real[:, 4] == category]
            hits.append(_matches(boxes, real))
            confidence.append(boxes[:, 4])
            truths += len(real)
        order = np.argsort(-np.concatenate(confidence), kind="stable")
        hits = np.concatenate(hits, axis=1)[:, order]
        results.append([_average_precision(row, truths) for row in hits])
    results = np.array(results)
    return float(results[:, 0].mean()), float(results.mean())
