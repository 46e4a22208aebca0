"""Writes metrics.json: fidelity and accuracy numbers computed by numpy and scipy, in other ways than Octavo does.

    python3 Tests/Fixtures/make_metrics.py
"""
import json
import math
import pathlib

import numpy as np
from scipy import stats

rng = np.random.default_rng(11)
z = stats.norm.ppf(0.975)


def wilson(k, n):
    # Inverts the score test: the two shares p with (k/n - p)^2 = z^2 p (1 - p) / n.
    share = k / n
    roots = np.roots([1 + z * z / n, -(2 * share + z * z / n), share * share])
    return sorted(float(r) for r in roots)


def paired(lost, gained, n):
    table = np.array([[n - lost - gained, lost], [gained, 0]], float) + 0.5 * np.array([[1, 1], [1, 1]])
    total = table.sum()
    p10, p01 = table[0, 1] / total, table[1, 0] / total
    d = p01 - p10
    half = z * math.sqrt((p10 + p01 - d * d) / total)
    return [d - half, d + half]


n, classes = 40, 12
reference = rng.standard_normal((n, classes)).astype(np.float32)
candidate = (reference + 0.4 * rng.standard_normal((n, classes))).astype(np.float32)
labels = np.where(rng.random(n) < 0.7, reference.argmax(1), rng.integers(0, classes, n))
boxes = rng.random((n, 6)).astype(np.float32)
boxes_candidate = (boxes * 1.01).astype(np.float32)


def fidelity(a, b):
    a, b = a.astype(np.float64), b.astype(np.float64)
    return {
        "sqnr": float(10 * np.log10((a ** 2).sum() / ((a - b) ** 2).sum())),
        "cosine": float(np.dot(a.ravel(), b.ravel()) / np.linalg.norm(a) / np.linalg.norm(b)),
        "max": float(np.abs(a - b).max()), "mean": float(np.abs(a - b).mean()),
    }


def hits(scores, k):
    order = np.argsort(-scores, axis=1, kind="stable")
    return np.array([labels[i] in order[i, :k] for i in range(n)])


order = np.argsort(-candidate, axis=1, kind="stable")
best = reference.argmax(1)
a, b = hits(reference, 1), hits(candidate, 1)
lost, gained = int((a & ~b).sum()), int((~a & b).sum())
per_sample = 10 * np.log10((reference.astype(float) ** 2).sum(1) / ((reference.astype(float) - candidate) ** 2).sum(1))

result = {
    "reference": reference.tolist(), "candidate": candidate.tolist(), "boxes": boxes.tolist(),
    "boxesCandidate": boxes_candidate.tolist(), "labels": labels.tolist(),
    "scores": fidelity(reference, candidate), "boxFidelity": fidelity(boxes, boxes_candidate),
    "agreement": float((candidate.argmax(1) == best).mean()),
    "agreementTop5": float(np.mean([best[i] in order[i, :5] for i in range(n)])),
    "worst": [int(i) for i in np.argsort(per_sample, kind="stable")[:10]], "worstSqnr": float(per_sample.min()),
    "fp32Top1": int(a.sum()), "int8Top1": int(b.sum()), "fp32Top5": int(hits(reference, 5).sum()),
    "int8Top5": int(hits(candidate, 5).sum()), "lost": lost, "gained": gained,
    "wilson": [[k, m, *wilson(k, m)] for k, m in [(0, 10), (1, 10), (9, 10), (10, 10), (355, 500), (1, 100000)]],
    "mcnemar": [[l, g, float(stats.binomtest(min(l, g), l + g, 0.5).pvalue)]
                for l, g in [(1, 0), (12, 9), (30, 4), (0, 20), (500, 560)]],
    "paired": [[l, g, m, *paired(l, g, m)] for l, g, m in [(0, 0, 10), (12, 9, 500), (40, 3, 128)]],
    "deltaInterval": paired(lost, gained, n),
}
path = pathlib.Path(__file__).parent / "metrics.json"
path.write_text(json.dumps(result, separators=(",", ":")) + "\n")
