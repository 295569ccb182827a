"""Sets --pca and --whiten beside scikit-learn's PCA, on tables and on the program's digits.

    python tests/interop/pca.py PROGRAM FOLDER      needs numpy and scikit-learn

FOLDER holds tables as for tables.py. Each is scaled, turned into components, and fitted by least squares: the matrix in
the checkpoint is set beside scikit-learn's, row by row up to signs, and the predictions beside those of its pipeline.
"""
import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from tables import tables, write

# Options of the program, and of PCA: components or a share, and whether they are whitened.
CASES = ((["--pca", "5"], 5, None), (["--pca", "0.9"], 0.9, None), (["--whiten", "pca"], None, "pca"),
         (["--pca", "4", "--whiten", "pca"], 4, "pca"), (["--whiten", "zca"], None, "zca"),
         (["--pca", "3", "--whiten", "pca", "--whiten-eps", "0.5"], 3, "eps"))


def run(program, *arguments):
    subprocess.run([program, *map(str, arguments)], check=True, capture_output=True)


def metadata(path):
    with open(path, "rb") as file:
        length = int.from_bytes(file.read(8), "little")
        return json.loads(file.read(length))["__metadata__"]


def expected_matrix(pca, whitening):
    """Rows for PCA with the sign that the program gives them, and how far they are whitened."""
    rows = pca.components_ * np.sign(pca.components_[np.arange(len(pca.components_)),
                                                     np.abs(pca.components_).argmax(1)])[:, None]
    variances = pca.explained_variance_
    if whitening is None:
        return rows
    factors = 1 / np.sqrt(variances + (0.5 if whitening == "eps" else 0))
    return rows.T @ (factors[:, None] * rows) if whitening == "zca" else factors[:, None] * rows


def compare(program, work, name, x, y):
    write(work / "table.csv", x, y)
    worst = 0
    for i, (options, components, whitening) in enumerate(CASES):
        out = work / f"{name}{i}"
        run(program, "train", "--data", work / "table.csv", "--no-header", "--dtype", "f64", "--model", "dense:1",
            "--method", "lstsq", "--scale", "standard", *options, "--out", out)
        run(program, "predict", "--checkpoint", out, "--data", work / "table.csv", "--no-header", "--output",
            work / "found.npy")
        values = np.frombuffer(bytes.fromhex(metadata(out / "best.safetensors")["blasgrad.projection_values"]), ">f8")
        scaled = StandardScaler().fit_transform(x)
        pca = PCA(components, svd_solver="full", whiten=whitening == "pca").fit(scaled)
        matrix = values[x.shape[1]:].reshape(-1, x.shape[1])
        wanted = expected_matrix(pca, whitening)
        error = np.abs(matrix - wanted).max() / np.abs(wanted).max()
        line = make_pipeline(StandardScaler(), PCA(components, svd_solver="full"), LinearRegression())
        predicted = line.fit(x, y).predict(x)
        difference = np.abs(np.load(work / "found.npy")[:, 0] - predicted).max() / np.abs(predicted).max()
        print(f"{name:14} {' '.join(options):40} {len(matrix):3} rows, matrix {error:.1e}, predictions {difference:.1e}")
        worst = max(worst, error, difference)
    return worst


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    program, worst = pathlib.Path(sys.argv[1]).resolve(), 0
    with tempfile.TemporaryDirectory() as folder:
        for name, x, y, _ in tables(pathlib.Path(sys.argv[2])):
            x = x[:, x.std(0) > 0]  # a constant and the bias of least squares depend on each other
            if x.shape[1] < 5:
                continue
            worst = max(worst, compare(program, pathlib.Path(folder), name, x, np.asarray(y, float)))
    print(f"worst: {worst:.1e}")
    if not worst <= 1e-8:
        sys.exit("they differ")


if __name__ == "__main__":
    main()
