"""What the peers share: their options, the timed loop, and the line of JSON they print."""
import argparse
import ctypes
import gc
import json
import statistics
import time

from workloads import WORKLOADS

WARM_UP_STEPS, TRIALS_MIN = 3, 3


def options(description):
    """A parser with the options of every peer."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("workload", choices=WORKLOADS)
    parser.add_argument("--variant", help="a way to write the network, of those in workloads.py; default: the first")
    parser.add_argument("--seconds", type=float, default=3.0, help="length of the timed part")
    parser.add_argument("--loss-steps", type=int, default=10, help="steps before the loss is printed; they warm up too")
    return parser


def choose_variant(parser, name, variants):
    """The variant asked for, or the first."""
    if name is not None and name not in variants:
        parser.error(f"--variant {name}: for this workload there are {', '.join(variants)}")
    return name or variants[0]


def trials(run, seconds):
    """Seconds of each call of run()."""
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < TRIALS_MIN:
        before = time.perf_counter()
        run()
        times.append(time.perf_counter() - before)
    return times


def forget_memory():
    """Has the most memory in RAM counted anew, after what is free was given back: that of imports, compilation and
    warm-up is not of the steps. Blasgrad's bench does the same before its steps. False where the system cannot."""
    gc.collect()
    getattr(ctypes.CDLL(None), "malloc_trim", lambda pad: None)(0)
    try:
        with open("/proc/self/clear_refs", "w") as file:
            file.write("5")
    except OSError:
        return False
    return True


def peak_resident_bytes():
    """The most memory that this process had in RAM since then, with its libraries."""
    with open("/proc/self/status") as status:
        for line in status:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    raise RuntimeError("/proc/self/status has no VmHWM")


def time_and_print(workload, run, seconds, block, **rest):
    """Times run(), which makes so many steps, and prints the record."""
    has_forgotten = forget_memory()
    times = trials(run, seconds)
    peak = peak_resident_bytes() if has_forgotten else None
    seconds = statistics.median(times) / block
    print(json.dumps({
        **rest, "step_ms": seconds * 1e3, "per_second": WORKLOADS[workload].counted / seconds, "workload": workload,
        "steps": len(times) * block, "peak_resident_bytes": peak,
    }))
