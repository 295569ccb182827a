"""Principal components and whitening, as scikit-learn computes them."""
import numpy as np
from sklearn.decomposition import PCA

from records import uniform


def mixed(seed, rows, places, rank=None):
    """Rows that vary along few directions more than along others, with means that are not 0."""
    rank = rank or places
    parts = uniform(f"{seed} parts", rows, rank).numpy() * 2.0 ** -np.arange(rank)
    return parts @ uniform(f"{seed} directions", rank, places).numpy() + uniform(f"{seed} mean", places).numpy() * 4


def case(x, components=None, share=None, whitening=0, eps=None, note=None):
    """whitening: 0 none, 1 PCA, 2 ZCA, which turns PCA's back."""
    x = np.asarray(x, dtype=float)
    fitted = PCA(components or share).fit(x)
    v = fitted.components_
    v = v * np.sign(v[np.arange(len(v)), np.abs(v).argmax(1)])[:, None]
    y = (x - fitted.mean_) @ v.T
    if whitening and not eps:
        y = np.abs(PCA(len(v), whiten=True).fit_transform(x)) * np.sign(y)
    elif whitening:
        y = y / np.sqrt(fitted.explained_variance_ + eps)
    return {
        "note": note, "x": x, "components": components, "share": share, "whitening": whitening, "eps": eps,
        "mean": fitted.mean_, "variances": fitted.explained_variance_,
        "share_of_all": fitted.explained_variance_ratio_.sum(), "y": y @ v if whitening == 2 else y,
        "back": fitted.inverse_transform(fitted.transform(x)),
    }


def records():
    tall, wide, far = mixed("tall", 20, 6), mixed("wide", 7, 10), 1e6 + mixed("far", 20, 3)
    return {
        "all": case(tall),
        "two": case(tall, components=2),
        "share": case(tall, share=0.9),
        "share of one": case(tall, share=0.01),
        "whitened": case(tall, whitening=1),
        "whitened, three": case(tall, components=3, whitening=1),
        "whitened, eps": case(tall, components=5, whitening=1, eps=0.01),
        "zca": case(tall, whitening=2),
        "zca, eps": case(tall, whitening=2, eps=0.1),
        "zca of four": case(tall, components=4, whitening=2),
        "wide": case(wide, components=6, note="more places than examples: 6 directions have variance"),
        "wide, whitened": case(wide, components=6, whitening=1),
        "one place": case(tall[:, :1], whitening=1),
        "two examples": case(tall[:2], components=1),
        "far from 0": case(far, whitening=1, note="sums of squares cancel"),
        "large": case(tall * 2.0 ** 400, components=3),
        "small": case(tall * 2.0 ** -400, components=3, whitening=1),
        "no more than noise": case(mixed("flat", 20, 5, 3), components=3, whitening=2, eps=1e-6),
    }


FILES = {"pca.txt": records}
