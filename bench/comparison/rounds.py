"""Rounds of one trial of each contestant in random order, and what they come to."""
import statistics
import time

from comparison.processes import TrialError, note
from comparison.tuning import allowed_difference
from workloads import WORKLOADS

CONTROL, OPENBLAS = "blasgrad again", "blasgrad OpenBLAS"
OURS = ("blasgrad", CONTROL, OPENBLAS)
# A workload of long steps gets fewer rounds than asked for: no new one begins after so many seconds.
ROUNDS_MIN, ROUNDS_SECONDS = 3, 40
# Steps before the timed part in all rounds but the first, which also takes the loss.
WARM_UP_STEPS = 3
# What blasgrad counts also holds small products that a formula leaves out, and what is computed twice.
FLOPS_TOLERANCE = 0.05


def measure(workload, contestants, options, order, loss_steps):
    """A list of {name: record}."""
    rounds, started = [], time.monotonic()
    while len(rounds) < options.rounds:
        if len(rounds) >= ROUNDS_MIN and time.monotonic() - started > ROUNDS_SECONDS:
            note(f"{workload}: {len(rounds)} rounds took more than {ROUNDS_SECONDS} s; no more of them")
            break
        records = {}
        for contestant in order.sample(contestants, len(contestants)):
            what = f"{workload}: round {len(rounds) + 1}: {contestant.name}"
            record = trial(workload, contestant, options.seconds, WARM_UP_STEPS if rounds else loss_steps, what)
            records[contestant.name] = record
            note(f"{what}: {record['step_ms']:.4f} ms")
        rounds.append(records)
    return rounds


def trial(workload, contestant, seconds, steps, what):
    """A second one where the first fails, which the record then tells: JAX hangs now and then in LAPACK calls of a
    batch, and the figures of all others would be lost with it."""
    failure = None
    for _ in range(2):
        try:
            record = contestant.engine.trial(workload, contestant.setting, seconds, steps)
            return {**record, "failed_before": failure} if failure else record
        except TrialError as error:
            failure = f"{contestant.name}, {contestant.setting.label}: {error}"
            note(f"{what}: failed: {error}")
    raise TrialError(f"{failure}, twice")


def spread(values):
    """Median and quartiles."""
    if len(values) == 1:
        return {"median": values[0], "low": values[0], "high": values[0]}
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return {"median": middle, "low": low, "high": high}


def fastest(engines, names):
    return min(names, key=lambda name: engines[name]["step_ms"]["median"], default=None)


def summarize(workload, rounds, contestants, tuning):
    """Median figures of each contestant, and blasgrad's speed over each other's, taken within the rounds."""
    # The FMA peak of a thread, which blasgrad measures beside each of its trials.
    peaks = [record["gflops"] / record["peak_share"] / record["threads"]
             for records in rounds for record in records.values() if record.get("gflops") and record.get("peak_share")]
    peak = statistics.median(peaks) if peaks else None

    engines, ratios = {}, {}
    for contestant in contestants:
        name, first = contestant.name, rounds[0][contestant.name]
        step_ms = spread([records[name]["step_ms"] for records in rounds])
        gflops = WORKLOADS[workload].flops / step_ms["median"] / 1e6
        memory = [records[name]["peak_resident_bytes"] for records in rounds
                  if records[name].get("peak_resident_bytes")]
        engines[name] = {
            "engine": contestant.engine.name,
            "setting": contestant.setting.label,
            "threads": first["threads"],
            "step_ms": step_ms,
            "per_second": statistics.median(records[name]["per_second"] for records in rounds),
            "gflops": gflops,
            "peak_share": gflops / (peak * first["threads"]) if peak else None,
            "peak_resident_bytes": statistics.median(memory) if memory else None,
            **{key: first.get(key) for key in ("loss", "norm", "loss_steps")},
        }
        if name != "blasgrad":
            ratios[name] = spread([records[name]["step_ms"] / records["blasgrad"]["step_ms"] for records in rounds])
    rivals = [name for name in engines if name not in OURS]
    best = {engine: fastest(engines, [name for name in rivals if engines[name]["engine"] == engine])
            for engine in ("torch", "jax")}
    return {"rounds": len(rounds), "unit": WORKLOADS[workload].unit, "flops": WORKLOADS[workload].flops,
            "engines": engines, "ratios": ratios, "peak_gflops_per_thread": peak, "best": best,
            "best_rival": fastest(engines, rivals), "memory": memory_of_eager(tuning.get("torch", [])),
            "problems": list(problems(workload, rounds, engines))}


def memory_of_eager(tried):
    """Peak resident memory of PyTorch without compilation: of its fastest setting, and of the smallest."""
    eager = [row for row in tried if not row["shown_only"] and not row["failure"] and row["peak_resident_bytes"] and
             not any(argument.startswith("compile") for argument in row["arguments"])]
    if not eager:
        return {}
    def figures(row):
        return {key: row[key] for key in ("setting", "peak_resident_bytes")}
    return {"fastest": figures(min(eager, key=lambda row: (-len(row["step_ms"]), statistics.mean(row["step_ms"])))),
            "smallest": figures(min(eager, key=lambda row: row["peak_resident_bytes"]))}


def problems(workload, rounds, engines):
    """What makes the figures doubtful. The rivals compute with the same numbers, blasgrad with numbers of the same
    kind, and with the same ones in objectives and routines."""
    rivals = [name for name in engines if name not in OURS]
    same = WORKLOADS[workload].has_same_numbers
    compared, who = (list(engines), "engines") if same else (rivals, "rivals")
    for key in ("loss", "norm"):
        taken = [engines[name][key] for name in compared if engines[name][key] is not None]
        if taken and max(taken) - min(taken) > allowed_difference(workload, max(taken)):
            yield f"the {who} differ in their {key}: " + ", ".join(f"{name} {engines[name][key]}" for name in compared)
    for name, figures in engines.items():
        if figures["loss"] is None:
            yield f"{name} printed no loss"
    for number, records in enumerate(rounds, 1):
        for record in records.values():
            if record.get("failed_before"):
                yield f"failed once in round {number}: {record['failed_before']}"
    counted, expected = rounds[0]["blasgrad"].get("product_flops"), WORKLOADS[workload].flops
    if counted and WORKLOADS[workload].counts_products and abs(counted - expected) > FLOPS_TOLERANCE * expected:
        yield f"blasgrad counts {counted:.6g} FLOPs of products in a step, its shapes come to {expected:.6g}"
    if len({engines[name]["engine"] for name in rivals}) < 2:
        only = engines[rivals[0]]["engine"] if rivals else "nothing"
        yield f"compared with {only} only"
