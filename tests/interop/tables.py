"""Trains on small tables and sets the scores on held-out rows beside those of scikit-learn on the same split.

    python tests/interop/tables.py PROGRAM FOLDER      needs numpy and scikit-learn

FOLDER holds iris.csv, wine_data.csv and breast_cancer.csv as scikit-learn ships them (the first line: rows, columns,
class names), digits.csv.gz, and diabetes_data_raw.csv.gz with diabetes_target.csv.gz. For each of five seeds a quarter
of the rows is held out; both scale by what the others show. Classes: accuracy of a layer of 32 units trained by Adam
and of MLPClassifier; diabetes: R² of ridge regression by both. A difference of the means is within noise
if it is no more than twice its standard error over the seeds, or what one row of the test counts.
"""
import gzip
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from sklearn.linear_model import Ridge
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

SEEDS = range(5)


def read(path, delimiter=",", skip=0):
    opened = gzip.open(path, "rt") if path.suffix == ".gz" else open(path)
    with opened as file:
        return np.loadtxt(file, delimiter=delimiter, skiprows=skip)


def tables(folder):
    for name, skip in (("iris.csv", 1), ("wine_data.csv", 1), ("breast_cancer.csv", 1), ("digits.csv.gz", 0)):
        table = read(folder / name, skip=skip)
        yield name.split(".")[0], table[:, :-1], table[:, -1].astype(int), True
    features, targets = folder / "diabetes_data_raw.csv.gz", folder / "diabetes_target.csv.gz"
    yield "diabetes", read(features, None), read(targets, None), False


def run(program, *arguments):
    subprocess.run([program, *map(str, arguments)], check=True, capture_output=True)


def write(path, x, y):
    np.savetxt(path, np.column_stack([x, y]), delimiter=",", fmt="%.17g")


def predict(program, work, x_train, y_train, x_test, has_classes, seed):
    """What the program trained on the one part says of the other: classes, or numbers."""
    write(work / "train.csv", x_train, y_train)
    write(work / "test.csv", x_test, np.zeros(len(x_test)))
    out = work / f"run{seed}"
    how = (["--classes", "--model", f"dense:32 relu dense:{y_train.max() + 1}", "--optimizer", "adam", "--lr", "0.01",
            "--batch", "32", "--epochs", "60"] if has_classes else ["--model", "dense:1", "--method", "lstsq", "--ridge", "1"])
    run(program, "train", "--data", work / "train.csv", "--no-header", "--scale", "standard", "--seed", seed,
        "--out", out, *how)
    run(program, "predict", "--checkpoint", out / "best.safetensors", "--data", work / "test.csv", "--no-header",
        "--output", work / "scores.npy")
    scores = np.load(work / "scores.npy")
    return scores.argmax(1) if has_classes else scores[:, 0]


def score(y, predicted, has_classes):
    if has_classes:
        return np.mean(y == predicted)
    return 1 - np.sum((y - predicted) ** 2) / np.sum((y - y.mean()) ** 2)


def main(program, folder):
    failures = 0
    for name, x, y, has_classes in tables(pathlib.Path(folder)):
        ours, theirs = [], []
        for seed in SEEDS:
            x_train, x_test, y_train, y_test = train_test_split(x, y, test_size=0.25, random_state=seed,
                                                                stratify=y if has_classes else None)
            with tempfile.TemporaryDirectory() as work:
                ours.append(score(y_test, predict(program, pathlib.Path(work), x_train, y_train, x_test, has_classes,
                                                  seed), has_classes))
            scaler = StandardScaler().fit(x_train)
            model = (MLPClassifier((32,), learning_rate_init=0.01, batch_size=32, max_iter=60, random_state=seed)
                     if has_classes else Ridge(alpha=1.0))
            model.fit(scaler.transform(x_train), y_train)
            theirs.append(score(y_test, model.predict(scaler.transform(x_test)), has_classes))
        difference = np.array(ours) - np.array(theirs)
        bound = max(2 * difference.std(ddof=1) / len(SEEDS) ** 0.5, 1 / len(y_test))
        is_within = abs(difference.mean()) <= bound
        failures += not is_within
        print(f"{name:14} {'accuracy' if has_classes else 'R²':9} blasgrad {np.mean(ours):.4f} ± {np.std(ours):.4f}"
              f"   scikit-learn {np.mean(theirs):.4f} ± {np.std(theirs):.4f}"
              f"   difference {difference.mean():+.4f}, noise {bound:.4f}{'' if is_within else '   BEYOND'}")
    return failures != 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], sys.argv[2]))
