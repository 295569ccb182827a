"""Compares CMA-ES with pycma: evaluations to a loss of 1e-9 on standard functions, and how often it is reached.

    cmake --build build/release --target blasgrad_shared
    python3 tests/interop/cmaes.py build/release/libblasgrad.so [SEEDS [FUNCTION [DIMENSION]]]

Needs NumPy and pycma (cma). Both start at the same place with the same sigma and population and stop by their own criteria,
without restarts. The functions are pycma's: elli has condition 1e6. Fails if the success rate lies outside of the bootstrap 95 %
interval of pycma's (Rosenbrock's function too has a local minimum), if the median of the successful runs is further than 20 % from
pycma's, or, on Rastrigin, outside of its interval.
"""
import ctypes as c
import sys
import warnings

import numpy as np

warnings.filterwarnings("ignore")
import cma  # noqa: E402

TARGET = 1e-9
seeds = int(sys.argv[2]) if len(sys.argv) > 2 else 20


def elli(x):
    return x**2 @ 1e6 ** (np.arange(x.shape[1]) / (x.shape[1] - 1))


def rosen(x):
    return (100 * (x[:, :-1] ** 2 - x[:, 1:]) ** 2 + (1 - x[:, :-1]) ** 2).sum(1)


def rastrigin(x):
    return 10 * x.shape[1] + (x**2 - 10 * np.cos(2 * np.pi * x)).sum(1)


# function, dimension, start, sigma, population (0: the default)
CASES = [(f, n, start, sigma, 0)
         for f, start, sigma in ((lambda x: (x**2).sum(1), 1, 0.5), (elli, 1, 0.5), (rosen, 0, 0.5)) for n in (2, 10, 40)]
CASES += [(rastrigin, 2, 3, 2, 20), (rastrigin, 10, 3, 2, 200), (rastrigin, 40, 3, 2, 500)]
NAMES = ["sphere"] * 3 + ["ellipsoid"] * 3 + ["rosenbrock"] * 3 + ["rastrigin"] * 3


class Shape(c.Structure):
    _fields_ = [("rank", c.c_int), ("dims", c.c_int64 * 8)]


class Method(c.Structure):
    _fields_ = ([("name", c.c_char_p), ("rule", c.c_void_p), ("population", c.c_int64), ("sigma", c.c_double), ("is_normal", c.c_bool)]
                + [(f"number{i}", c.c_double) for i in range(13)]
                + [("restarts", c.c_int64), ("tolerance_x", c.c_double), ("tolerance_loss", c.c_double)])


class Options(c.Structure):
    _fields_ = [("start", c.c_void_p), ("lower", c.c_void_p), ("upper", c.c_void_p), ("seed", c.c_uint64)]


class Optional(c.Structure):
    _fields_ = [("is_some", c.c_bool), ("value", c.c_double)]


class Budget(c.Structure):
    _fields_ = [("evaluations", c.c_int64), ("seconds", c.c_double), ("target", Optional)]


class Progress(c.Structure):
    _fields_ = [("evaluations", c.c_int64), ("generations", c.c_int64), ("restarts", c.c_int64), ("population", c.c_int64),
                ("best_loss", c.c_double), ("sigma", c.c_double), ("has_converged", c.c_bool), ("reason", c.c_char_p)]


Objective = c.CFUNCTYPE(c.c_int, c.c_void_p, c.POINTER(c.c_double), c.c_void_p)
bg = c.CDLL(sys.argv[1])
bg.bg_last_error.restype = c.c_char_p
bg.bg_search_cmaes.restype = Method
bg.bg_search_get_progress.restype = Progress
bg.bg_tensor_shape.restype = Shape
bg.bg_tensor_shape.argtypes = [c.c_void_p]
bg.bg_tensor_const_data.restype = c.c_void_p
bg.bg_tensor_const_data.argtypes = [c.c_void_p]


def check(status):
    if status != 0:
        sys.exit(f"status {status}: {bg.bg_last_error().decode()}")


engine = c.c_void_p()
check(bg.bg_engine_create(c.byref(engine), None))


def ours(function, n, start, sigma, population, seed):
    """The evaluations that were needed, or infinity, and why it stopped."""

    def evaluate(candidates, losses, user):
        rows = bg.bg_tensor_shape(candidates).dims[0]
        data = c.cast(bg.bg_tensor_const_data(candidates), c.POINTER(c.c_double))
        np.ctypeslib.as_array(losses, (rows,))[:] = function(np.ctypeslib.as_array(data, (rows, n)))
        return 0

    method = bg.bg_search_cmaes()
    assert method.tolerance_x == method.tolerance_loss == 1e-11, "the fields of bg_search_method have moved"
    method.sigma, method.population = sigma, population
    place = (c.c_double * n)(*([start] * n))
    search = c.c_void_p()
    check(bg.bg_search_create(c.byref(search), engine, c.byref(method), c.c_int64(n),
                              c.byref(Options(c.cast(place, c.c_void_p), None, None, seed))))
    check(bg.bg_search_minimize(search, Objective(evaluate), None, c.byref(Budget(0, 0, Optional(True, TARGET)))))
    progress = bg.bg_search_get_progress(search)
    bg.bg_search_destroy(search)
    return progress.evaluations if progress.best_loss <= TARGET else np.inf, progress.reason


def theirs(function, n, start, sigma, population, seed):
    options = {"seed": seed + 1, "verbose": -9, "ftarget": TARGET}
    if population:
        options["popsize"] = population
    es = cma.CMAEvolutionStrategy([start] * n, sigma, options)
    while not es.stop():
        x = es.ask()
        es.tell(x, list(function(np.asarray(x))))
    return es.countevals if es.best.f <= TARGET else np.inf, list(es.stop())


def median_of_successes(counts):
    counts = counts[np.isfinite(counts)]
    return np.median(counts) if len(counts) else np.inf


def interval(counts, statistic):
    random = np.random.default_rng(0)
    values = [statistic(random.choice(counts, len(counts))) for _ in range(2000)]
    return np.quantile(values, [0.025, 0.975], method="nearest")


failures = 0
print(f"{'function':12} {'n':>3} {'popul.':>6}   {'ours':>8} {'pycma':>8} {'ratio':>6}   {'successes':>9}   pycma's 95 %")
for name, case in zip(NAMES, CASES):
    if sys.argv[3:4] not in ([], [name]) or sys.argv[4:5] not in ([], [str(case[1])]):
        continue
    a = np.array([ours(*case, seed)[0] for seed in range(seeds)], float)
    b = np.array([theirs(*case, seed)[0] for seed in range(seeds)], float)
    mine, other = median_of_successes(a), median_of_successes(b)
    rates = np.isfinite(a).mean(), np.isfinite(b).mean()
    rate_range, median_range = interval(np.isfinite(b), np.mean), interval(b, median_of_successes)
    is_near = median_range[0] <= mine <= median_range[1] if name == "rastrigin" else abs(mine / other - 1) <= 0.2
    is_good = is_near and rate_range[0] <= rates[0] <= rate_range[1]
    ranges = f"rate {rate_range[0]:.2f} .. {rate_range[1]:.2f}, median {median_range[0]:.0f} .. {median_range[1]:.0f}"
    failures += not is_good
    print(f"{name:12} {case[1]:3} {case[4] or 4 + int(3 * np.log(case[1])):6}   {mine:8.0f} {other:8.0f} {mine / other:6.3f}"
          f"   {rates[0]:4.2f} {rates[1]:4.2f}   {ranges}{'' if is_good else '   OUTSIDE'}", flush=True)
bg.bg_engine_destroy(engine)
sys.exit(f"{failures} cases differ" if failures else 0)
