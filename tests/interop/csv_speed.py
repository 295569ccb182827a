"""Reads tables as CSV here and with pandas' C reader, in alternation in one process, and prints the speed of both.

    cmake --build build/release --target blasgrad_shared
    taskset -c 0 python tests/interop/csv_speed.py build/release/libblasgrad.so

Needs NumPy and pandas. Each table of 20 columns becomes f64 columns in memory; the speed is that of the processor time of
the fastest of some reads.
"""
import ctypes as c
import os
import sys
import tempfile
import time

import numpy as np
import pandas as pd

COLUMNS, ROWS, READS = 20, 60000, 7

KINDS = {
    "6 to 9 digits": lambda r: ",".join(f"{x:.{4 + i % 4}f}" for i, x in enumerate(r.uniform(10, 99, COLUMNS))),
    "integers": lambda r: ",".join(str(x) for x in r.integers(-(10**6), 10**6, COLUMNS)),
    "17 digits": lambda r: ",".join(f"{x:.17g}" for x in r.standard_normal(COLUMNS)),
    "as few as it takes": lambda r: ",".join(repr(float(x)) for x in r.standard_normal(COLUMNS)),
    "numpy.savetxt": lambda r: ",".join(f"{x:.18e}" for x in r.standard_normal(COLUMNS)),
}


class EngineOptions(c.Structure):
    _fields_ = [("threads", c.c_int), ("rest", c.c_char * 252)]


class DataOptions(c.Structure):
    _fields_ = [("dtype", c.c_int), ("rest", c.c_char * 1020)]


F32, F64 = 0, 1
bg = c.CDLL(sys.argv[1])
bg.bg_last_error.restype = c.c_char_p
bg.bg_dataset_destroy.argtypes = [c.c_void_p]


def check(status):
    if status != 0:
        sys.exit(f"status {status}: {bg.bg_last_error().decode()}")


engine = c.c_void_p()
check(bg.bg_engine_create(c.byref(engine), c.byref(EngineOptions(threads=1))))


def read_here(path, dtype):
    data = c.c_void_p()
    check(bg.bg_data_read_csv(c.byref(data), engine, path.encode(), c.byref(DataOptions(dtype=dtype))))
    return data


def seconds(read, free=lambda table: None):
    begin = time.process_time()
    table = read()
    elapsed = time.process_time() - begin
    free(table)
    return elapsed


def read_pandas(path):
    return pd.read_csv(path, engine="c", header=None, dtype=np.float64, low_memory=False)


def compare(path):
    readers = {
        "f64": lambda: seconds(lambda: read_here(path, F64), bg.bg_dataset_destroy),
        "f32": lambda: seconds(lambda: read_here(path, F32), bg.bg_dataset_destroy),
        "pandas": lambda: seconds(lambda: read_pandas(path)),
    }
    least = dict.fromkeys(readers, float("inf"))
    for _ in range(READS):
        for name, read in readers.items():
            least[name] = min(least[name], read())
    return {name: os.path.getsize(path) / 1e6 / t for name, t in least.items()}


print(f"MB/s            {'f64':>8} {'f32':>8} {'pandas':>8} {'f64 / pandas':>13}")
with tempfile.TemporaryDirectory() as folder:
    for kind, line in KINDS.items():
        path = os.path.join(folder, "table.csv")
        rng = np.random.default_rng(1)
        with open(path, "w") as file:
            for _ in range(ROWS):
                file.write(line(rng) + "\n")
        speed = compare(path)
        print(f"{kind:<20}{speed['f64']:4.0f} {speed['f32']:8.0f} {speed['pandas']:8.0f} "
              f"{speed['f64'] / speed['pandas']:13.2f}", flush=True)
bg.bg_engine_destroy(engine)
