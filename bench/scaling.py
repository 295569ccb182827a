"""How blasgrad's speed changes with the size of what it trains and with threads; run by bench/scaling.sh.

Sweeps double one size at a time. What a step takes is set against its operations: with sizes that grow, time per
operation should fall or stay. Where it rises by more than 15 % from one size to the next, both sizes are measured once
more, and what remains is marked, unless the step's memory no longer fits the cache that it fitted before, or is streamed
so much slower at its size; then that is named. The least time of a step counts: what else runs on the machine only adds
to it.
"""
import argparse
import json
import pathlib
import sys

from comparison.processes import (ROOT, TrialError, checked, commit, count, find_binary, json_lines, machine, note,
                                  processors, run, short_commit, write_whole)

TOLERATED_RISE = 1.15
LEAST_OVERSUBSCRIBED = 0.8  # speed of more threads than cores, of that with as many
COMPILE_LIMITS_MS = {"tiny": 1.0, "gpt2": 50.0}
CACHES = pathlib.Path("/sys/devices/system/cpu/cpu0/cache")
PROJECTED_CORES = (2, 4, 16, 32, 64)
TRIAL_TIMEOUT = 900


def doubling(first, last):
    sizes = [first]
    while 2 * sizes[-1] <= last:
        sizes.append(2 * sizes[-1])
    return sizes


def dense(width, depth, activation="relu"):
    return " ".join([f"dense:{width} {activation}"] * depth + ["dense:10"])


def network(model, sample, batch, *rest):
    return ["--model", model, "--input", str(sample), "--batch", str(batch), *rest]


# Each sweep: what grows, what stays, the sizes, and the arguments of `blasgrad bench` for a size.
SWEEPS = {
    "batch": ("batch size", "784-512-512-10", doubling(1, 4096), lambda n: network(dense(512, 2), 784, n)),
    # Of the many values of a wide layer some are so near to relu's kink that f32 and f64 take different branches.
    "width": ("width", "784-width-width-10 with tanh, batch 128", doubling(32, 8192), lambda n: network(dense(n, 2, "tanh"), 784, 128)),
    # Without the norms the gradient of so many layers vanishes.
    "depth": ("layers", "of width 256 with layer norm, batch 64", [*doubling(1, 128), 200],
              lambda n: network(dense(256, n, "layer_norm relu"), 256, 64)),
    "gpt": ("context", "char-gpt, batch 4", doubling(16, 2048), lambda n: network("char-gpt", n, 4, "--tokens", "65")),
    "lstm": ("steps", "char-lstm, batch 16", doubling(16, 2048),
             lambda n: network("char-lstm", n, 16, "--tokens", "65")),
}
PARTS = [*SWEEPS, "threads", "engines", "cores", "compile"]


class Bench:
    """Runs `blasgrad bench`."""

    def __init__(self, binary, seconds):
        self.binary, self.seconds = binary, seconds

    def __call__(self, arguments, threads, seconds=None):
        """The records that it prints, one for each workload and thread count."""
        command = [self.binary, "bench", *arguments, "--threads", threads, "--json",
                   "--seconds", str(self.seconds if seconds is None else seconds)]
        records = list(json_lines(run(command, {}, TRIAL_TIMEOUT)))
        if not records:
            raise TrialError("no result: " + " ".join(command))
        return records

    def step(self, arguments, threads):
        return checked(self(arguments, threads)[0])

    def outside(self):
        """Bytes that the program itself takes: those of the smallest workload, which has next to none of its own."""
        record = self(["tiny"], "1", 0)[0]
        return record["peak_resident_bytes"] - record["planned_bytes"]

    def stream(self, size):
        """GB/s of an addition that reads and writes so many bytes in all."""
        floats = 2  # an element is read and written
        records = self(["--ops", "add", "--size", str(max(1, int(size) // (4 * floats)))], "1", 0.05)
        return next(r["bytes"] / r["min_ms"] / 1e6 for r in records if r.get("op") == "add")


# ---- Sizes ----

def rises(rows):
    """The rows whose time per operation is above the tolerated rise over the row before."""
    return [i for i in range(1, len(rows)) if rows[i]["ns_per_flop"] > TOLERATED_RISE * rows[i - 1]["ns_per_flop"]]


def cache_sizes():
    """Names and bytes of the caches from L2 on, the smallest first; none where the system does not tell."""
    found = {}
    for place in sorted(CACHES.glob("index*")):
        try:
            level, size = ((place / name).read_text().strip() for name in ("level", "size"))
        except OSError:
            continue
        if int(level) >= 2:
            found["L" + level] = int(size.rstrip("K")) << 10
    return found


def name_caches(bench, rows, caches):
    """What a step works on, where that fits, and how fast memory of that size is streamed."""
    if any(row["peak_resident_bytes"] is None for row in rows):
        return
    outside = bench.outside()
    for row in rows:
        works_on = max(row["peak_resident_bytes"] - outside, row["planned_bytes"], 1 << 20)
        row["works_on_bytes"], row["stream_gbs"] = works_on, bench.stream(works_on)
        row["fits"] = next((name for name, size in caches.items() if works_on <= size), "memory")
    for before, row in zip(rows, rows[1:]):
        row["is_explained"] = row["fits"] != before["fits"] or before["stream_gbs"] > TOLERATED_RISE * row["stream_gbs"]


def row_of(size, record):
    return {"size": size, "step_ms": record["min_ms"], "median_ms": record["step_ms"], "flops": record["flops"],
            "ns_per_flop": record["min_ms"] * 1e6 / record["flops"], "peak_share": record["peak_share"],
            "planned_bytes": record["planned_bytes"], "peak_resident_bytes": record["peak_resident_bytes"],
            "compile_ms": record["compile_seconds"] * 1e3}


def keep_least(row, again):
    if again["step_ms"] < row["step_ms"]:
        row.update(again)
    row["compile_ms"] = min(row["compile_ms"], again["compile_ms"])


def sweep(bench, name, threads, largest):
    """Rows by size; None where a size is beyond the largest that was asked for."""
    what, of, sizes, arguments = SWEEPS[name]
    rows = []
    for size in sizes:
        if largest and size > largest:
            break
        note(f"{name}: {what} {size}")
        rows.append(row_of(size, bench.step(arguments(size), str(threads))))
    for i in sorted({j for i in rises(rows) for j in (i - 1, i)}):
        note(f"{name}: {what} {rows[i]['size']} again")
        keep_least(rows[i], row_of(rows[i]["size"], bench.step(arguments(rows[i]["size"]), str(threads))))
    marked, best = rises(rows), float("inf")
    for i, row in enumerate(rows):
        best = min(best, row["ns_per_flop"])
        row["relative"], row["rises"] = row["ns_per_flop"] / best, i in marked
    name_caches(bench, rows, cache_sizes())
    return {"what": what, "of": of, "threads": threads, "rows": rows}


# ---- Threads, engines, cores ----

def thread_counts(bench, largest):
    rows = []
    for workload in ("mlp-b128", "char-gpt"):
        note(f"threads: {workload}")
        times = {n: bench.step([workload], str(n))["min_ms"] for n in range(1, largest + 1)}
        cores = processors()[1]
        for n, time in times.items():
            full = times.get(cores) if n > cores else None
            rows.append({"workload": workload, "threads": n, "step_ms": time, "speed_up": times[1] / time,
                         "of_full": full / time if full else None,
                         "is_slow": bool(full) and full / time < LEAST_OVERSUBSCRIBED})
    return rows


def several_engines(bench):
    rows, cores = [], processors()[1]
    for workload in ("mlp-b128", "char-gpt"):
        for threads in sorted({1, cores}):
            note(f"engines: {workload}, {count(threads, 'thread')} each")
            record = bench([workload, "--engines", "2"], str(threads))[0]
            rows.append({key: record[key] for key in ("workload", "threads", "alone_ms", "at_once_ms", "speed_up")})
    return rows


def projections(bench, workloads):
    rows = []
    for workload in workloads:
        note(f"cores: {workload}")
        record = bench([workload, "--cores", ",".join(map(str, (1, *PROJECTED_CORES)))], "1")[0]
        one = record["projected"][0]["step_ms"]
        rows.append({"workload": workload, "phases": record["phases"], "barrier_us": record["barrier_us"],
                     "barrier_workers": record["barrier_workers"], "step_ms": one,
                     "least_tasks": min(phase["tasks"] for phase in record["phase_work"]),
                     "speed_up": {p["cores"]: one / p["step_ms"] for p in record["projected"][1:]}})
    return rows


def compile_times(bench):
    rows = []
    for workload, limit in COMPILE_LIMITS_MS.items():
        note(f"compile: {workload}")
        time = bench([workload], "1", 0)[0]["compile_seconds"] * 1e3
        if time > limit:
            time = min(time, bench([workload], "1", 0)[0]["compile_seconds"] * 1e3)
        rows.append({"workload": workload, "compile_ms": time, "limit_ms": limit, "is_slow": time > limit})
    return rows


# ---- Tables ----

def table(heading, rows):
    lines = [heading, ["---"] * len(heading), *rows]
    return "".join("| " + " | ".join(line) + " |\n" for line in lines)


def mebibytes(size):
    return f"{size / 2**20:.1f}" if size else "-"


def rise_text(row):
    if not row["rises"]:
        return ""
    return f" rises: {row['fits']}, {row['stream_gbs']:.0f} GB/s" if row.get("is_explained") else " **rises**"


def sweep_text(result):
    heading = [result["what"], "ms a step", "GFLOP/s", "time per FLOP, of the best so far", "planned, MiB",
               "peak resident, MiB", "works on, MiB", "which fits", "streamed at, GB/s", "compiled in, ms"]
    rows = [[str(r["size"]), f"{r['step_ms']:.4g}", f"{1 / r['ns_per_flop']:.1f}",
             f"{r['relative']:.2f}" + rise_text(r), mebibytes(r["planned_bytes"]),
             mebibytes(r["peak_resident_bytes"]), mebibytes(r.get("works_on_bytes")), r.get("fits", "-"),
             f"{r['stream_gbs']:.0f}" if "stream_gbs" in r else "-", f"{r['compile_ms']:.2f}"] for r in result["rows"]]
    return (f"By {result['what']} ({result['of']}; {count(result['threads'], 'thread')}):\n\n" + table(heading, rows))


def threads_text(rows):
    return "By threads:\n\n" + table(
        ["workload", "threads", "ms a step", "times one thread", "of the speed with a thread a core"],
        [[r["workload"], str(r["threads"]), f"{r['step_ms']:.4g}", f"{r['speed_up']:.2f}",
          (f"{r['of_full']:.0%}" + (" **slow**" if r["is_slow"] else "")) if r["of_full"] else "-"] for r in rows])


def engines_text(rows):
    return "Two engines at once in one process, against one alone doing the work of both:\n\n" + table(
        ["workload", "threads of each", "ms a step, one alone", "ms a step of each, two at once",
         "times as many steps a second"],
        [[r["workload"], str(r["threads"]), f"{r['alone_ms']:.4g}", f"{r['at_once_ms']:.4g}", f"{r['speed_up']:.2f}"]
         for r in rows])


def cores_text(rows):
    barrier = f"{rows[0]['barrier_us']:.2f} us with {rows[0]['barrier_workers']} workers" if rows else "-"
    return ("Projected from the phases and tasks of each step and its times on one core, not measured: tasks go to the "
            "worker that is free first, "
            f"and a barrier takes {barrier} and the longer the more workers meet. What cores share (memory, caches, "
            "clock) is left out.\n\n") + table(
        ["workload", "phases", "fewest tasks in one", "ms on one core", *(f"{n} cores" for n in PROJECTED_CORES)],
        [[r["workload"], str(r["phases"]), str(r["least_tasks"]), f"{r['step_ms']:.4g}",
          *(f"{r['speed_up'][n]:.2f}" for n in PROJECTED_CORES)] for r in rows])


def compile_text(rows):
    return "Compilation:\n\n" + table(
        ["workload", "ms", "limit"],
        [[r["workload"], f"{r['compile_ms']:.2f}" + (" **slow**" if r["is_slow"] else ""), f"{r['limit_ms']:.0f}"]
         for r in rows])


TEXTS = {**{name: sweep_text for name in SWEEPS}, "threads": threads_text, "engines": engines_text,
         "cores": cores_text, "compile": compile_text}


def markdown(record):
    here = record["machine"]
    head = (f"{here['cpu']}, {count(here['cores'], 'core')}, {' '.join(here['instruction_sets'])}; commit "
            f"{short_commit(record['commit'])}. The least time of a step counts.\n")
    return "\n".join([head, *(TEXTS[part](result) for part, result in record["parts"].items())])


# ---- The command ----

def parse_arguments(words=None):
    parser = argparse.ArgumentParser(prog="scaling.sh", description="How speed changes with sizes and threads.")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"default: all of {' '.join(PARTS)}")
    parser.add_argument("--seconds", type=float, default=1.0, help="timed part of each size; default 1")
    parser.add_argument("--threads", type=int, default=1, help="of the sweeps over sizes; default 1")
    parser.add_argument("--most-threads", type=int, default=4, help="of the part `threads'; default 4")
    parser.add_argument("--largest", type=int, metavar="N", help="end the sweeps over sizes here")
    parser.add_argument("--workloads", default="tiny,mlp-b32,mlp-b128,mlp-b512,wide,resnet20,char-gpt,gpt2",
                        help="of the part `cores'; default %(default)s")
    parser.add_argument("--blasgrad", metavar="PATH", help="the program; default build/bench or build/release")
    parser.add_argument("--output", type=pathlib.Path, metavar="FILE", default=ROOT / "build" / "scaling.json",
                        help="where the results go, as JSON; default build/scaling.json")
    parser.add_argument("--markdown", type=pathlib.Path, metavar="FILE", help="the tables")
    options = parser.parse_args(words)
    unknown = [part for part in options.parts if part not in PARTS]
    if unknown:
        parser.error(f"no part '{unknown[0]}'; there are {', '.join(PARTS)}")
    options.parts = options.parts or PARTS
    if options.seconds <= 0 or min(options.threads, options.most_threads) < 1:
        parser.error("--seconds, --threads and --most-threads must be positive")
    if options.largest is not None and options.largest < 1:
        parser.error("--largest must be positive")
    for path in (options.output, options.markdown):
        if path and not path.resolve().parent.is_dir() and path.resolve().parent != ROOT / "build":
            parser.error(f"{path}: there is no directory {path.resolve().parent}")
    return options


def measure(part, bench, options):
    if part in SWEEPS:
        return sweep(bench, part, options.threads, options.largest)
    if part == "threads":
        return thread_counts(bench, options.most_threads)
    if part == "engines":
        return several_engines(bench)
    if part == "cores":
        return projections(bench, options.workloads.split(","))
    return compile_times(bench)


def main():
    sys.stdout.reconfigure(line_buffering=True)
    options = parse_arguments()
    bench = Bench(options.blasgrad or find_binary("scaling"), options.seconds)
    record = {"machine": machine(), "commit": commit(), "seconds": options.seconds, "parts": {}}
    failed = False
    for part in options.parts:
        try:
            record["parts"][part] = measure(part, bench, options)
        except TrialError as error:
            failed = True
            print(f"{part}: FAILED: {error}\n")
            continue
        print(TEXTS[part](record["parts"][part]))
        options.output.parent.mkdir(parents=True, exist_ok=True)
        write_whole(options.output, json.dumps(record, indent=1) + "\n")
        if options.markdown:
            write_whole(options.markdown, markdown(record))
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
