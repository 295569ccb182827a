"""Compares blasgrad with PyTorch and JAX; run by bench/compare.sh.

First each engine is tuned for each workload: thread counts, then ways to write the network, modes, libraries and
allocators, each on top of the fastest setting so far, and the fastest few once more. Then come rounds of separate
processes in random order: each rival at its best setting (at its two best where tuning cannot tell them apart) and
blasgrad twice, so that the ratio of the two shows what this machine can tell apart; once more with all products by
OpenBLAS, if the program has that switch. Ratios are taken within a round and summed up by their median; above 1,
blasgrad is faster. GFLOP/s count the products. Memory is the most that a process has in RAM while it makes steps. The
objectives, in f64, and the routines of linear algebra have the same numbers in all engines, whose values and gradients
have to agree.
"""
import argparse
import json
import math
import pathlib
import random
import sys
import time
from importlib import metadata

BENCH = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(BENCH / "peers"))
from comparison import picture, report
from comparison.engines import Blasgrad, Jax, Torch, allocators, as_on_intel
from comparison.processes import ROOT, TrialError, commit, count, find_binary, machine, processors, write_whole
from comparison.rounds import CONTROL, OPENBLAS, ROUNDS_MIN, ROUNDS_SECONDS, WARM_UP_STEPS, measure, summarize
from comparison.tuning import TUNE_STEPS, Contestant, trials_expected, tune
from workloads import MATRICES, ROUTINES, USUAL, WORKLOADS, of_routine

LOSS_STEPS = 10  # where blasgrad does not say after how many steps it took its loss
# For the expected duration: seconds to start an engine and compile a network, and FLOPs a core does in a second.
START_SECONDS, RATE = {"blasgrad": 0.3, "torch": 2.0, "jax": 1.8}, 6e10
COMPILING_SECONDS = 12


def parse_arguments():
    available, cores = processors()
    parser = argparse.ArgumentParser(prog="compare.sh", description="Compares blasgrad with PyTorch and JAX.")
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=f"default: all of {' '.join(USUAL)}; a routine of linear algebra, of "
                             f"{' '.join(ROUTINES)}, stands for its workloads, as cholesky-64x1000 or cholesky-512-f64")
    parser.add_argument("--rounds", type=int, default=5,
                        help=f"default 5; no more than {ROUNDS_MIN} begin after {ROUNDS_SECONDS} s of a workload")
    parser.add_argument("--seconds", type=float, default=0.6, help="timed part of a trial in a round; default 0.6")
    parser.add_argument("--tune-seconds", type=float, default=0.2, help="the same while tuning; default 0.2")
    parser.add_argument("--tune-limit", type=float, default=45.0,
                        help="no new setting of an engine but compilation is tried after so many seconds of a "
                             "workload; default 45")
    parser.add_argument("--threads", default=",".join(map(str, sorted({1, cores, len(available)}))),
                        help="thread counts to try; default %(default)s")
    parser.add_argument("--rivals", default="torch,jax", help="default %(default)s")
    parser.add_argument("--blasgrad", metavar="PATH", help="the program; default build/bench or build/release")
    parser.add_argument("--tuning", type=pathlib.Path, metavar="FILE",
                        help="take the settings found by an earlier comparison from its results")
    parser.add_argument("--output", type=pathlib.Path, metavar="FILE", default=ROOT / "build" / "compare.json",
                        help="where the results go, as JSON; default build/compare.json. A picture goes beside it, as "
                             ".svg and .png, if gnuplot is installed")
    parser.add_argument("--markdown", type=pathlib.Path, metavar="FILE", help="tables of speed and memory")
    parser.add_argument("--seed", type=int, default=1, help="of the order of trials; default 1")
    options = parser.parse_args()
    unknown = [name for name in options.workloads if name not in WORKLOADS and name not in ROUTINES]
    if unknown:
        parser.error(f"no workload '{unknown[0]}'; there are {', '.join(USUAL)}, and on routines of linear algebra "
                     f"{', '.join(MATRICES)}")
    options.workloads = [workload for name in options.workloads or USUAL
                         for workload in ([name] if name in WORKLOADS else of_routine(name))]
    try:
        options.threads = sorted({int(n) for n in options.threads.split(",")})
    except ValueError:
        parser.error(f"--threads takes numbers such as 1,2, not '{options.threads}'")
    if options.threads[0] < 1 or options.threads[-1] > len(available):
        parser.error(f"--threads: from 1 to the {count(len(available), 'processor')} of this process")
    options.rivals = [name for name in options.rivals.split(",") if name]
    for name in options.rivals:
        if name not in ("torch", "jax"):
            parser.error(f"no rival '{name}'; there are torch, jax")
    if options.rounds < 1 or min(options.seconds, options.tune_seconds, options.tune_limit) <= 0:
        parser.error("--rounds, --seconds, --tune-seconds and --tune-limit must be positive")
    for path in (options.output, options.markdown):
        if path and not path.resolve().parent.is_dir() and path.resolve().parent != ROOT / "build":
            parser.error(f"{path}: there is no directory {path.resolve().parent}")
    return options


def load_tuning(path, engines):
    """{workload: (contestants, tuning)} of an earlier comparison."""
    if not path:
        return {}
    by_name = {engine.name: engine for engine in engines}
    try:
        return {workload: ([Contestant.of_record(c, by_name) for c in result["contestants"] if c["engine"] in by_name],
                           result["tuning"])
                for workload, result in json.loads(path.read_text())["workloads"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        sys.exit(f"compare: {path} does not hold the results of a comparison: {error!r}")


def expected_seconds(engines, options, known):
    """About how long it will take, from the number of trials."""
    total = 0
    for name in options.workloads:
        step = WORKLOADS[name].flops / (RATE * options.threads[-1])

        def trial(engine, seconds, steps):
            # blasgrad's steps are also those of the gradient's check, and it times the parts of a step as well.
            if engine.name == "blasgrad":
                steps, seconds = 15, 2 * seconds
            return START_SECONDS[engine.name] + steps * step + max(seconds, 3 * step)
        if name not in known:
            for engine in engines:
                total += min(trials_expected(engine, name) * trial(engine, options.tune_seconds, TUNE_STEPS),
                             options.tune_limit)
            total += COMPILING_SECONDS * ("torch" in options.rivals)
        rounds = sum(trial(engine, options.seconds, WARM_UP_STEPS) for engine in engines)
        rounds += (1 + bool(engines[0].openblas)) * trial(engines[0], options.seconds, 0)
        total += max(min(rounds * options.rounds, ROUNDS_SECONDS + rounds), rounds * min(options.rounds, ROUNDS_MIN))
    return total


def find_contestants(workload, engines, options, order):
    """Tunes, and prints what was tried; the contestants, and the records of tuning."""
    blasgrad, *rivals = engines
    tuning = {}
    contestants, tuning[blasgrad.name] = tune(blasgrad, workload, options, order, 1)
    report.print_tuning(blasgrad.name, tuning[blasgrad.name])
    if not contestants:
        raise TrialError("every setting of blasgrad failed: " + str(tuning[blasgrad.name][0]["failure"]))
    best = contestants[0].setting
    contestants.append(Contestant(CONTROL, blasgrad, best))
    if blasgrad.openblas:
        contestants.append(Contestant(OPENBLAS, blasgrad, best.plus(blasgrad.openblas)))
    for rival in rivals:
        found, tuning[rival.name] = tune(rival, workload, options, order, 2)
        report.print_tuning(rival.name, tuning[rival.name])
        if not found:
            print(f"  WARNING: {rival.name} is left out, all of its settings failed")
        contestants += found
    return contestants, tuning


def compare(workload, engines, options, order, known):
    """Tunes (unless that is known already), measures, and prints; the record of one workload. TrialError if a
    contestant fails."""
    print(workload)
    contestants, tuning = known or find_contestants(workload, engines, options, order)
    # The rivals print their loss after as many steps as blasgrad does.
    first = engines[0].trial(workload, contestants[0].setting, options.tune_seconds, LOSS_STEPS)
    rounds = measure(workload, contestants, options, order, first.get("loss_steps") or LOSS_STEPS)
    summary = summarize(workload, rounds, contestants, tuning)
    report.print_workload(summary)
    return {"contestants": [c.record() for c in contestants], "tuning": tuning, "rounds": rounds, "summary": summary}


def print_heading(record, options, seconds):
    here = record["machine"]
    print(f"{here['cpu']}, {count(here['cores'], 'core')}, {' '.join(here['instruction_sets'])}; "
          f"load {here['load']:.2f}; {record['libraries']}")
    print(f"commit {record['commit']}\n{record['blasgrad_info'].rstrip()}")
    for missing in record["allocators_missing"]:
        print(f"not tried for the rivals, as it is not installed: {missing}")
    print(f"{count(len(options.workloads), 'workload')}: about {count(math.ceil(seconds / 60), 'minute')}\n")
    if here["load"] > 0.3 * here["cores"]:
        print(f"WARNING: the machine is busy, its load was {here['load']:.2f} in the last minute\n")


def write_results(record, options):
    """After each workload, so that what was measured stays if a later one is interrupted."""
    options.output.parent.mkdir(parents=True, exist_ok=True)
    write_whole(options.output, json.dumps(record, indent=1) + "\n")
    if options.markdown:
        write_whole(options.markdown, report.markdown(record))
    pictures = [options.output.with_suffix(suffix) for suffix in (".svg", ".png")]
    failure = picture.draw(record, pictures)
    return [options.output, *([options.markdown] if options.markdown else []), *([] if failure else pictures)], failure


def main():
    sys.stdout.reconfigure(line_buffering=True)
    options = parse_arguments()
    started = time.monotonic()
    malloc_choices, missing = allocators()
    blasgrad = Blasgrad(options.blasgrad or find_binary("compare"), options.threads)
    peers = {"torch": Torch(options.threads, malloc_choices, as_on_intel()),
             "jax": Jax(options.threads, malloc_choices)}
    engines = [blasgrad] + [peers[name] for name in options.rivals]
    known = load_tuning(options.tuning, engines)
    record = {"machine": machine(), "commit": commit(), "blasgrad_info": blasgrad.ask("info"),
              "libraries": f"PyTorch {metadata.version('torch')}, JAX {metadata.version('jax')}",
              "allocators_missing": missing, "seed": options.seed, "seconds": options.seconds, "workloads": {}}
    print_heading(record, options, expected_seconds(engines, options, known))

    failed, written, no_picture = False, [], None
    for workload in options.workloads:
        try:
            order = random.Random(f"{options.seed} {workload}")
            record["workloads"][workload] = compare(workload, engines, options, order, known.get(workload))
        except TrialError as error:
            failed = True
            print(f"  FAILED: {error}\n")
            continue
        written, no_picture = write_results(record, options)
    if record["workloads"]:
        report.print_summary({name: result["summary"] for name, result in record["workloads"].items()})
        minutes = math.ceil((time.monotonic() - started) / 60)
        print(f"\n{count(minutes, 'minute')}; results: {', '.join(map(str, written))}")
    if no_picture:
        print(f"no picture: {no_picture}")
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
