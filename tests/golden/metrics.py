"""Metrics of classes and numbers, as scikit-learn computes them."""
import math
import random
import warnings

import numpy as np
from sklearn import metrics as M

from records import NAN, uniform

warnings.simplefilter("ignore") # of what is undefined


def draw(seed, rows, count, among=None):
    """Classes of rows, out of those given."""
    generator = random.Random(seed)
    among = among or range(count)
    return np.array([generator.choice(list(among)) for _ in range(rows)], dtype=float)


def area(is_positive, scores):
    if np.isnan(scores).any() or len(set(is_positive.tolist())) < 2:
        return NAN
    return M.roc_auc_score(is_positive, scores)


def areas(targets, scores, logits):
    """Of each class, and the mean of those there are, which has to be what multi_class="ovr" gives."""
    c = scores.shape[1]
    probabilities = np.nan_to_num(scores, nan=NAN) # large numbers for infinite ones, which are refused
    if logits:
        # Sums rounded once, so that rows with the same scores in another order tie.
        terms = [[math.exp(s - max(row)) for s in row] for row in scores.tolist()]
        probabilities = np.array([[t / math.fsum(row) for t in row] for row in terms])
    if c == 2:
        each = [area(targets == 1, probabilities[:, 1])] * 2
    else:
        each = [area(targets == j, probabilities[:, j]) for j in range(c)]
    known = [a for a in each if a == a]
    mean = float(np.mean(known)) if known else NAN
    if c > 2 and logits and len(known) == c:
        whole = M.roc_auc_score(targets, probabilities, multi_class="ovr", average="macro", labels=range(c))
        assert abs(whole - mean) < 1e-14
    return each, mean


def answers(targets, predicted, c):
    labels = list(range(c))
    def of(**options):
        return M.precision_recall_fscore_support(targets, predicted, labels=labels, zero_division=0, **options)
    precision, recall, f1, support = of(average=None)
    return {"accuracy": M.accuracy_score(targets, predicted), "precision": precision, "recall": recall, "f1": f1,
            "support": support.astype(float), "macro": list(of(average="macro")[:3]),
            "weighted": list(of(average="weighted")[:3]),
            "confusion": M.confusion_matrix(targets, predicted, labels=labels).astype(float)}


def top(targets, scores, k):
    """With the classes turned around, since scikit-learn takes the last of equals."""
    c = scores.shape[1]
    if c == 2:
        return float(np.mean(np.argmax(scores, 1) == targets)) if k == 1 else 1.0
    if k >= c:
        return 1.0
    return M.top_k_accuracy_score(c - 1 - targets, np.nan_to_num(scores)[:, ::-1], k=k, labels=range(c))


def classes(scores, targets, top_k=2, logits=True, note=None):
    scores, targets = np.asarray(scores, float), np.asarray(targets, float)
    each, mean = areas(targets, scores, logits)
    return {"kind": "classes", "note": note, "scores": scores, "targets": targets, "logits": float(logits),
            "top_k": float(top_k), **answers(targets, np.argmax(scores, 1), scores.shape[1]),
            "top": None if np.isnan(scores).any() else top(targets, scores, top_k), "auc": each, "mean_auc": mean}


def binary(scores, targets, threshold=0.0, note=None):
    scores, targets = np.asarray(scores, float), np.asarray(targets, float)
    auc = area(targets == 1, scores)
    predicted = (~(scores <= threshold)).astype(float)
    return {"kind": "binary", "note": note, "scores": scores, "targets": targets, "threshold": threshold,
            **answers(targets, predicted, 2), "auc": [auc] * 2, "mean_auc": auc}


def numbers(predictions, targets, note=None):
    predictions, targets = np.asarray(predictions, float), np.asarray(targets, float)
    def of(function):
        return function(targets, predictions, multioutput="raw_values"), function(targets, predictions)
    (mae, mae_mean), (rmse, rmse_mean) = of(M.mean_absolute_error), of(M.root_mean_squared_error)
    # scikit-learn gives one NaN for fewer than two rows, whatever the number of targets
    r2, r2_mean = of(M.r2_score) if len(targets) > 1 else (np.full(targets.shape[1], NAN), NAN)
    return {"kind": "numbers", "note": note, "predictions": predictions, "targets": targets, "mae": mae, "rmse": rmse,
            "r2": r2, "means": [mae_mean, rmse_mean, r2_mean]}


def scores(seed, *shape, steps=64.0):
    """Multiples of 1 / steps: few of them make ties."""
    return np.round(uniform(seed, *shape).numpy() * steps) / steps


def normalised(values):
    values = np.abs(values) + 1 / 16
    return values / values.sum(1, keepdims=True)


def records():
    two, nine = scores("two", 40, 2), scores("nine", 60, 9)
    ties = scores("ties", 80, 4, steps=1.0)
    found = {}
    for c, rows in ((2, 30), (3, 50), (5, 40), (10, 120), (17, 40)):
        for k in (1, 3):
            found[f"{c} classes, top {k}"] = classes(scores(f"plain {c}", rows, c), draw(f"plain {c}", rows, c), k)
    found.update({
        "ties of four": classes(ties, draw("ties", 80, 4)),
        "ties of four, top 1": classes(ties, draw("ties", 80, 4), 1, note="top 1 is the accuracy"),
        "ties of four, top 3": classes(ties, draw("ties", 80, 4), 3),
        "ties of two": classes(scores("ties of two", 50, 2, steps=1.0), draw("ties of two", 50, 2)),
        "all scores equal": classes(np.full((12, 3), 0.5), draw("equal", 12, 3), note="every area is 1/2"),
        "all scores of two equal": classes(np.zeros((9, 2)), draw("equal", 9, 2), 1),
        "signed zeros": classes([[0.0, -0.0, -1], [-0.0, 0.0, -2], [-1, 0.0, -0.0]], [0, 1, 2], 1),
        "never predicted": classes(nine - 8 * (np.arange(9) == 4), draw("nine", 60, 9), 3,
                                   note="the precision of class 4 is 0"),
        "without examples": classes(nine, draw("no 7", 60, 9, [0, 1, 2, 3, 4, 5, 6, 8]), 3,
                                    note="the recall of class 7 is 0, and it has no curve"),
        "neither": classes(nine - 8 * (np.arange(9) == 7), draw("no 7", 60, 9, [0, 1, 2, 3, 4, 5, 6, 8]), 3),
        "only one class there": classes(nine, np.full(60, 3.0)),
        "one class of two there": classes(two, np.ones(40), 1),
        "no class of two there but 0": classes(two, np.zeros(40), 1),
        "one example, right": classes([[0.25, 1, -1]], [1]),
        "one example, wrong": classes([[0.25, 1, -1]], [2], 1),
        "one example of two": classes([[0.25, 1]], [1], 1),
        "two examples": classes([[0.5, 1, 0], [0, 1, 2]], [1, 2], 1),
        "all wrong": classes(np.eye(4), [1, 2, 3, 0], 1),
        "all right": classes(np.eye(4), [0, 1, 2, 3], 1),
        "as many as k": classes(nine, draw("nine", 60, 9), 9),
        "more than k": classes(nine, draw("nine", 60, 9), 20),
        "unbalanced": classes(scores("rare", 90, 3), np.where(draw("rare", 90, 20) == 0, 2.0, 0.0)),
        "NaN": classes([[0, NAN, 2], [1, 0, NAN], [NAN, NAN, 0], [3, 1, 2]], [1, 2, 0, 0], 1,
                       note="numpy.argmax takes the first NaN"),
        "infinite": classes([[0, np.inf, 2], [1, 0, -np.inf], [-np.inf, 1, 0], [3, 1, 2]], [1, 2, 0, 0], 1,
                            logits=False),
        "probabilities of two": classes(normalised(two), draw("two", 40, 2), 1, logits=False),
        "probabilities of nine": classes(normalised(nine), draw("nine", 60, 9), 2, logits=False),
        "scores of five": classes(scores("raw", 40, 5), draw("raw", 40, 5), 2, logits=False),
        "ties as they stand": classes(ties, draw("ties", 80, 4), 2, logits=False),
        "binary logits": binary(scores("binary", 50), draw("binary", 50, 2)),
        "binary ties": binary(scores("binary ties", 50, steps=1.0), draw("binary ties", 50, 2)),
        "binary probabilities": binary(np.abs(scores("share", 40)) / 2, draw("share", 40, 2), 0.5),
        "binary, all of one class": binary(scores("binary", 50), np.ones(50)),
        "binary, at the threshold": binary([0.5, 0.5, 0.25, 0.75], [1, 0, 0, 1], 0.5),
        "binary, one example": binary([0.25], [0]),
        "binary NaN": binary([NAN, -1, 2, 1], [1, 0, 1, 0]),
        "one target": numbers(scores("p1", 30, 1), scores("t1", 30, 1)),
        "three targets": numbers(scores("p3", 25, 3), scores("t3", 25, 3)),
        "near": numbers(scores("t3", 25, 3) + scores("e3", 25, 3) / 64, scores("t3", 25, 3)),
        "exact": numbers(scores("t3", 25, 3), scores("t3", 25, 3)),
        "constant target": numbers(scores("pc", 10, 1), np.full((10, 1), 2.5), note="r2 is 0"),
        "constant target, met": numbers(np.full((10, 1), 2.5), np.full((10, 1), 2.5), note="r2 is 1"),
        "one constant target of two": numbers(scores("pc2", 10, 2),
                                              np.stack([np.full(10, 0.75), scores("tc", 10)], 1)),
        "constant prediction": numbers(np.full((10, 1), 0.5), scores("tc", 10, 1)),
        "one row": numbers([[1.5, 2]], [[1, 4]], note="r2 needs two rows"),
        "two rows": numbers([[1.5], [2]], [[1], [4]]),
        "far from 0": numbers(1e8 + scores("pf", 20, 1), 1e8 + scores("tf", 20, 1), note="sums of squares cancel"),
        "large and small": numbers(scores("pl", 20, 2) * [1e12, 1e-9], scores("tl", 20, 2) * [1e12, 1e-9]),
    })
    return found


FILES = {"metrics.txt": records}
