"""Lengths, angles and distances of vectors."""
import torch
import torch.nn.functional as F

from records import INF, case, uniform


def distances():
    records = {}
    for name, (p, axis) in {"2": (2, 1), "1": (1, 0), "3": (3, -1), "inf": (INF, 1)}.items():
        records[f"normalize_{name}"] = case("normalize", lambda x: F.normalize(x, p=p, dim=axis), uniform(41, 3, 4),
                                            axis=axis, p=p, eps=1e-12)
    records["normalize_mixed"] = case("normalize", lambda x: F.normalize(x, dim=1, eps=2.5),
                                      [[1.5, 2.0], [3.0, 4.0], [0.0, 0.0], [-1.0, 0.5]], axis=1, p=2, eps=2.5)
    for name, (left, right, axis) in {"rows": ((3, 4), (3, 4), 1), "columns": ((3, 4), (3, 4), 0),
                                      "shared": ((3, 4), (4,), 1), "all_pairs": ((3, 1, 2), (4, 2), -1),
                                      "repeated": ((2, 1), (1, 3), 1)}.items():
        records[f"cosine_similarity_{name}"] = case(
            "cosine_similarity", lambda x, y: F.cosine_similarity(x, y, dim=axis), uniform(42, *left),
            uniform(43, *right), axis=axis, eps=1e-8)
    records["cosine_similarity_small"] = case(
        "cosine_similarity", lambda x, y: F.cosine_similarity(x, y, dim=1, eps=0.5),
        [[0.125, 0.25], [0.0, 0.0], [3.0, 4.0]], [[1.0, 2.0], [2.0, 1.0], [0.25, -0.125]], axis=1, eps=0.5)
    exponents = {"2": 2, "1": 1, "3": 3, "inf": INF, "half": 0.5}
    for name, p in exponents.items():
        records[f"pairwise_distance_{name}"] = case(
            "pairwise_distance", lambda x, y: F.pairwise_distance(x, y, p=p), uniform(44, 3, 4), uniform(45, 3, 4), p=p,
            eps=1e-6)
        records[f"cdist_{name}"] = case(
            "cdist", lambda x, y: torch.cdist(x, y, p=p, compute_mode="donot_use_mm_for_euclid_dist"), uniform(46, 3, 4),
            uniform(47, 2, 4), p=p)
    records["pairwise_distance_shared"] = case("pairwise_distance", F.pairwise_distance, uniform(44, 3, 4),
                                               uniform(45, 4), p=2, eps=1e-6)
    records["pairwise_distance_0"] = case("pairwise_distance", lambda x, y: F.pairwise_distance(x, y, p=0, eps=0),
                                          [[1.0, 2.0, 3.0]], [[1.0, 0.0, 1.0]], p=0, eps=0, gradient=False)
    records["cdist_0"] = case("cdist", lambda x, y: torch.cdist(x, y, p=0), [[1.0, 2.0, 3.0]], [[1.0, 0.0, 1.0]], p=0)
    records["cdist_batch"] = case("cdist", lambda x, y: torch.cdist(x, y), uniform(48, 2, 1, 3, 2),
                                  uniform(49, 2, 4, 2), p=2)
    same = [[1.0, 2.0], [3.0, 5.0]]
    records["cdist_same"] = case("cdist", lambda x, y: torch.cdist(x, y), same, same, p=2,
                                 note="gradient 0 where a distance is 0")
    return records


FILES = {"distances.txt": distances}
