"""Compares blasgrad with PyTorch and JAX; run by bench/compare.sh.

First each rival is tuned for each workload: every mode and thread count is timed briefly, then settings of its
environment on top of the fastest, and the fastest of all once more. Then come rounds of separate processes in random
order: each rival at its two best settings, since tuning is too short to tell them apart for certain, and blasgrad
twice, so that the ratio of the two shows what this machine can tell apart. Ratios are taken within a round and summed
up by their median; above 1, blasgrad is faster. GFLOP/s count the matrix products.
"""
import argparse
import json
import math
import os
import pathlib
import platform
import random
import statistics
import subprocess
import sys
from dataclasses import dataclass, field

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent / "peers"))
from workloads import WORKLOADS

BENCH = pathlib.Path(__file__).resolve().parent
ROOT = BENCH.parent
LOSS_STEPS = 10  # where blasgrad does not say after how many steps it took its loss


class TrialError(Exception):
    """A process that failed, or printed something else than its figures."""


@dataclass(frozen=True)
class Setting:
    """One way to run an engine."""
    label: str
    arguments: tuple = ()
    environment: dict = field(default_factory=dict)

    def plus(self, other):
        return Setting(f"{self.label}, {other.label}", self.arguments + other.arguments,
                       {**self.environment, **other.environment})


@dataclass
class Candidate:
    """A setting as it did while tuning."""
    setting: Setting
    times: list = field(default_factory=list)  # ms
    failure: str = None

    def rank(self):
        """Candidates that were tried twice first: they did best in their first trial."""
        return -len(self.times), statistics.mean(self.times)


def note(message):
    """Progress, apart from the results."""
    print(message, file=sys.stderr, flush=True)


def run(command, environment, timeout):
    """Standard output of a process."""
    try:
        done = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True,
                              timeout=timeout)
    except subprocess.TimeoutExpired:
        raise TrialError(f"no answer in {timeout:.0f} s")
    except OSError as error:
        raise TrialError(f"cannot run {command[0]}: {error.strerror}")
    if done.returncode != 0:
        last = [line for line in done.stderr.splitlines() if line.strip()][-3:]
        raise TrialError(f"exit code {done.returncode}: " + (" | ".join(last) or "nothing on standard error"))
    return done.stdout


def json_lines(text):
    for line in text.splitlines():
        if line.startswith("{"):
            try:
                yield json.loads(line)
            except json.JSONDecodeError as error:
                raise TrialError(f"not JSON: {line[:80]} ({error})")


def checked(record):
    """The record, if its figures make sense."""
    for key in ("step_ms", "per_second"):
        if not (isinstance(record.get(key), (int, float)) and math.isfinite(record[key]) and record[key] > 0):
            raise TrialError(f"{key} is {record.get(key)}")
    loss = record.get("loss")
    if loss is not None and not math.isfinite(loss):
        raise TrialError(f"the loss is {loss} after {record.get('loss_steps', '?')} steps")
    return record


# ---- Engines: settings to try, refinements to try on the fastest of them, how many go on to the rounds, a trial ----

def count(number, noun):
    return f"{number} {noun}" + ("s" if number != 1 else "")


class Blasgrad:
    """The program `blasgrad bench`, which prints a JSON object a thread count."""
    name, refinements, uncounted, finalists = "blasgrad", (), (), 1

    def __init__(self, binary, thread_counts):
        self.binary = binary
        self.settings = [Setting(count(n, "thread"), ("--threads", str(n))) for n in thread_counts]
        self.takes_seconds = "--seconds" in self.ask("bench", "--help")

    def ask(self, *arguments):
        try:
            return run([self.binary, *arguments], {}, 60)
        except TrialError as error:
            sys.exit(f"compare: {self.binary} {' '.join(arguments)}: {error}")

    def trial(self, workload, setting, seconds, loss_steps):
        command = [self.binary, "bench", workload, "--json", *setting.arguments]
        if self.takes_seconds:
            command += ["--seconds", f"{seconds:g}"]
        for record in json_lines(run(command, setting.environment, 120 + 20 * seconds)):
            if record.get("workload") == workload and "step_ms" in record:
                return checked(record)
        raise TrialError(f"printed no figures for {workload}; does this program know the workload?")


class Peer:
    """A script in bench/peers, which prints one JSON object. Uncounted settings are timed and shown, no more."""
    finalists = 2

    def __init__(self, name, script, settings, refinements, uncounted=()):
        self.name, self.script = name, BENCH / "peers" / script
        self.settings, self.refinements, self.uncounted = settings, refinements, uncounted

    def trial(self, workload, setting, seconds, loss_steps):
        command = [sys.executable, str(self.script), workload, *setting.arguments,
                   "--seconds", f"{seconds:g}", "--loss-steps", str(loss_steps)]
        # torch.compile may take minutes before the first step.
        for record in json_lines(run(command, setting.environment, 600 + 20 * seconds)):
            return checked(record)
        raise TrialError("printed no figures")


LARGE_BLOCKS = Setting("large malloc thresholds", (), {"MALLOC_MMAP_THRESHOLD_": "4000000000",
                                                       "MALLOC_TRIM_THRESHOLD_": "4000000000"})


def torch_peer(thread_counts, cache):
    modes = ("eager", "eager-foreach", "compile", "compile-autotune", "compile-all")
    settings = [Setting(f"{mode}, {count(n, 'thread')}", ("--mode", mode, "--threads", str(n)),
                        {"TORCHINDUCTOR_CACHE_DIR": str(cache)}) for mode in modes for n in thread_counts]
    return Peer("torch", "torch_train.py", settings, (LARGE_BLOCKS,))


def jax_peer(core_counts):
    def on_cores(mode):
        return [Setting(f"{mode}, {count(n, 'core')}", ("--mode", mode, "--cores", str(n))) for n in core_counts]

    refinements = (
        Setting("no donation", ("--without-donation",)),
        Setting("no async dispatch", ("--without-async",)),
        Setting("fast math", ("--xla=--xla_cpu_enable_fast_math=true",)),
        Setting("XNNPACK products", ("--xla=--xla_cpu_experimental_xnn_fusion_type=dot",)),
        LARGE_BLOCKS,
    )
    return Peer("jax", "jax_train.py", on_cores("sync") + on_cores("chain"), refinements, on_cores("scan"))


# ---- Tuning ----

class Tuner:
    """Finds the fastest settings of an engine for a workload."""

    def __init__(self, engine, workload, seconds, loss_steps):
        self.engine, self.workload, self.seconds, self.loss_steps = engine, workload, seconds, loss_steps
        self.candidates = []

    def time(self, candidate):
        what = f"{self.workload}: {self.engine.name}, {candidate.setting.label}"
        try:
            record = self.engine.trial(self.workload, candidate.setting, self.seconds, self.loss_steps)
            candidate.times.append(record["step_ms"])
            note(f"{what}: {record['step_ms']:.4f} ms")
        except TrialError as error:
            candidate.failure = str(error)
            note(f"{what}: failed: {error}")

    def add(self, setting):
        self.candidates.append(Candidate(setting))
        self.time(self.candidates[-1])

    def ranking(self):
        return sorted((c for c in self.candidates if not c.failure), key=Candidate.rank)

    def finalists(self, order, number):
        """The fastest settings, at most so many; none if all fail."""
        for setting in order.sample(self.engine.settings, len(self.engine.settings)):
            self.add(setting)
        for refinement in self.engine.refinements:
            if self.ranking():
                self.add(self.ranking()[0].setting.plus(refinement))
        for candidate in self.ranking()[:number + 2]:
            self.time(candidate)
        return [candidate.setting for candidate in self.ranking()[:number]]


@dataclass(frozen=True)
class Contestant:
    """An engine at one setting, in the rounds of a workload."""
    name: str
    engine: object
    setting: Setting

    def record(self):
        return {"name": self.name, "engine": self.engine.name, "label": self.setting.label,
                "arguments": self.setting.arguments, "environment": self.setting.environment}


def tune(engine, workload, options, order, loss_steps):
    """The contestants of an engine, and what was tried, as records."""
    tuner = Tuner(engine, workload, options.tune_seconds, loss_steps)
    settings = tuner.finalists(order, engine.finalists)
    counted = len(tuner.candidates)
    for setting in engine.uncounted:
        tuner.add(setting)
    tried = [{"setting": c.setting.label, "step_ms": c.times, "failure": c.failure, "counted": i < counted}
             for i, c in enumerate(tuner.candidates)]
    return [Contestant(engine.name if i == 0 else f"{engine.name} ({i + 1})", engine, setting)
            for i, setting in enumerate(settings)], tried


# ---- Measuring ----

def spread(values):
    """Median and quartiles."""
    if len(values) == 1:
        return {"median": values[0], "low": values[0], "high": values[0]}
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return {"median": middle, "low": low, "high": high}


CONTROL = "blasgrad again"


def measure(workload, contestants, options, order, loss_steps):
    """Rounds of one trial of each contestant: a list of {name: record}."""
    rounds = []
    for number in range(1, options.rounds + 1):
        records = {}
        for contestant in order.sample(contestants, len(contestants)):
            try:
                record = contestant.engine.trial(workload, contestant.setting, options.seconds, loss_steps)
            except TrialError as error:
                raise TrialError(f"{contestant.name}, {contestant.setting.label}: {error}")
            records[contestant.name] = record
            note(f"{workload}: round {number} of {options.rounds}: {contestant.name}: {record['step_ms']:.4f} ms")
        rounds.append(records)
    return rounds


def summarize(workload, rounds):
    """Median figures of each contestant, and blasgrad's speed over each other's, taken within the rounds."""
    # The FMA peak of a thread, which blasgrad measures beside each of its trials.
    peaks = [record["gflops"] / record["peak_share"] / record["threads"]
             for records in rounds for record in records.values() if record.get("gflops") and record.get("peak_share")]
    peak = statistics.median(peaks) if peaks else None

    engines, ratios = {}, {}
    for name, first in rounds[0].items():
        step_ms = spread([records[name]["step_ms"] for records in rounds])
        gflops = WORKLOADS[workload].flops / step_ms["median"] / 1e6
        engines[name] = {
            "step_ms": step_ms,
            "per_second": statistics.median(records[name]["per_second"] for records in rounds),
            "gflops": gflops,
            "peak_share": gflops / (peak * first["threads"]) if peak else None,
            "loss": first.get("loss"),
            "loss_steps": first.get("loss_steps"),
        }
        if name != "blasgrad":
            ratios[name] = spread([records[name]["step_ms"] / records["blasgrad"]["step_ms"] for records in rounds])
    rivals = [name for name in engines if name not in ("blasgrad", CONTROL)]
    return {"engines": engines, "ratios": ratios, "peak_gflops_per_thread": peak,
            "best_rival": min(rivals, key=lambda name: engines[name]["step_ms"]["median"], default=None)}


# ---- Printing ----

def with_spread(figures, digits):
    return f"{figures['median']:.{digits}f} [{figures['low']:.{digits}f} .. {figures['high']:.{digits}f}]"


def print_tuning(engine, tried):
    for row in sorted(tried, key=lambda row: (not row["counted"], -len(row["step_ms"]), sum(row["step_ms"]))):
        times = ", ".join(f"{t:.4f}" for t in row["step_ms"]) + " ms"
        outcome = f"failed: {row['failure']}" if row["failure"] else times
        remark = "" if row["counted"] else "   (shown only: its steps are one compiled loop)"
        print(f"    tried {engine:9} {row['setting']:62} {outcome}{remark}")


def print_workload(summary, contestants):
    settings = {contestant.name: contestant.setting.label for contestant in contestants}
    print(f"  {'engine':15} {'step, ms [quartiles]':34} {'per second':>12} {'GFLOP/s':>8} {'of peak':>8} "
          f"{'loss after steps':>17}  setting")
    for name, figures in sorted(summary["engines"].items(), key=lambda item: item[1]["step_ms"]["median"]):
        share = f"{figures['peak_share']:8.1%}" if figures["peak_share"] else " " * 8
        loss = f"{figures['loss']:.5f} {figures['loss_steps'] or '?':>4}" if figures["loss"] is not None else "-"
        print(f"  {name:15} {with_spread(figures['step_ms'], 4):34} {figures['per_second']:12,.0f} "
              f"{figures['gflops']:8.1f} {share} {loss:>17}  {settings[name]}")
    if summary["peak_gflops_per_thread"]:
        print(f"  FMA peak in these runs: {summary['peak_gflops_per_thread']:.1f} GFLOP/s a thread")
    for name, ratio in summary["ratios"].items():
        remark = ("   the same program twice (A/A)" if name == CONTROL
                  else "   the best rival" if name == summary["best_rival"] else "")
        print(f"  blasgrad is {with_spread(ratio, 3)} times as fast as {name}{remark}")
    for problem in loss_problems(summary["engines"]):
        print(f"  WARNING: {problem}")
    print()


def loss_problems(engines):
    """The rivals train the same numbers, blasgrad numbers of the same kind."""
    taken = {name: figures["loss"] for name, figures in engines.items() if figures["loss"] is not None}
    rivals = {name: loss for name, loss in taken.items() if name not in ("blasgrad", CONTROL)}
    if rivals and max(rivals.values()) - min(rivals.values()) > 1e-3 * max(1.0, max(rivals.values())):
        yield f"the rivals' losses differ: {rivals}"
    for name in engines.keys() - taken.keys():
        yield f"{name} printed no loss"


def print_summary(results):
    print(f"{'workload':12} {'best rival':12} {'blasgrad / best rival [quartiles]':36} A/A [quartiles]")
    for workload, result in results.items():
        summary = result["summary"]
        best = summary["best_rival"]
        ratio = with_spread(summary["ratios"][best], 3) if best else "-"
        print(f"{workload:12} {best or '-':12} {ratio:36} {with_spread(summary['ratios'][CONTROL], 3)}")


# ---- The machine ----

def machine():
    """What the figures were taken on."""
    cpu, flags = platform.machine(), set()
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            cpu = value.strip()
        elif key.strip() == "flags":
            flags = set(value.split())
    sets = [name for name in ("sse4_2", "avx2", "fma", "avx512f", "avx512_bf16", "amx_bf16") if name in flags]
    return {"cpu": cpu, "cores": len(os.sched_getaffinity(0)), "instruction_sets": sets, "system": platform.platform(),
            "load": os.getloadavg()[0]}


def commit():
    def git(*arguments):
        return run(["git", "-C", str(ROOT), *arguments], {}, 60).strip()
    try:
        return git("rev-parse", "HEAD") + ("-modified" if git("status", "--porcelain", "-uno") else "")
    except TrialError:
        return "unknown"


# ---- The command ----

def find_binary():
    for build in ("bench", "release"):
        path = ROOT / "build" / build / "blasgrad"
        if path.exists():
            return str(path)
    sys.exit("compare: there is no build/bench/blasgrad nor build/release/blasgrad. Build one:\n"
             "  cmake --preset bench && cmake --build --preset bench\n"
             "or name the program with --blasgrad PATH")


def parse_arguments():
    cores = len(os.sched_getaffinity(0))
    parser = argparse.ArgumentParser(prog="compare.sh", description="Compares blasgrad with PyTorch and JAX.")
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=f"default: all of {' '.join(WORKLOADS)}")
    parser.add_argument("--rounds", type=int, default=7, help="default 7")
    parser.add_argument("--seconds", type=float, default=3.0, help="timed part of a trial in a round; default 3")
    parser.add_argument("--tune-seconds", type=float, default=1.0, help="the same while tuning; default 1")
    parser.add_argument("--threads", default=",".join(map(str, sorted({1, cores}))),
                        help="thread counts to try; default %(default)s")
    parser.add_argument("--rivals", default="torch,jax", help="default %(default)s")
    parser.add_argument("--blasgrad", metavar="PATH", help="the program; default build/bench or build/release")
    parser.add_argument("--tuning", type=pathlib.Path, metavar="FILE",
                        help="take the settings found by an earlier comparison from its results")
    parser.add_argument("--output", type=pathlib.Path, metavar="FILE", default=ROOT / "build" / "compare.json",
                        help="where the results go, as JSON; default build/compare.json")
    parser.add_argument("--seed", type=int, default=1, help="of the order of trials; default 1")
    options = parser.parse_args()
    unknown = [name for name in options.workloads if name not in WORKLOADS]
    if unknown:
        parser.error(f"no workload '{unknown[0]}'; there are {', '.join(WORKLOADS)}")
    options.workloads = options.workloads or list(WORKLOADS)
    try:
        options.threads = sorted({int(n) for n in options.threads.split(",")})
    except ValueError:
        parser.error(f"--threads takes numbers such as 1,2, not '{options.threads}'")
    if options.threads[0] < 1 or options.threads[-1] > cores:
        parser.error(f"--threads: from 1 to the {cores} cores of this process")
    options.rivals = [name for name in options.rivals.split(",") if name]
    for name in options.rivals:
        if name not in ("torch", "jax"):
            parser.error(f"no rival '{name}'; there are torch, jax")
    if options.rounds < 1 or min(options.seconds, options.tune_seconds) <= 0:
        parser.error("--rounds, --seconds and --tune-seconds must be positive")
    return options


def load_tuning(path, engines):
    """{workload: contestants} of an earlier comparison."""
    if not path:
        return {}
    by_name = {engine.name: engine for engine in engines}
    try:
        return {workload: [Contestant(c["name"], by_name[c["engine"]],
                                      Setting(c["label"], tuple(c["arguments"]), c["environment"]))
                           for c in result["contestants"] if c["engine"] in by_name]
                for workload, result in json.loads(path.read_text())["workloads"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        sys.exit(f"compare: {path} does not hold the results of a comparison: {error!r}")


def compare(workload, engines, options, order, contestants):
    """Tunes (unless there are contestants already), measures, and prints; the record of one workload. TrialError if a
    contestant fails."""
    print(workload)
    blasgrad, *rivals = engines
    tuning, loss_steps = {}, LOSS_STEPS
    if not contestants:
        contestants, tuning[blasgrad.name] = tune(blasgrad, workload, options, order, loss_steps)
        print_tuning(blasgrad.name, tuning[blasgrad.name])
        if not contestants:
            raise TrialError("every setting of blasgrad failed")
        contestants.append(Contestant(CONTROL, blasgrad, contestants[0].setting))
        for rival in rivals:
            found, tuning[rival.name] = tune(rival, workload, options, order, loss_steps)
            print_tuning(rival.name, tuning[rival.name])
            if not found:
                print(f"  WARNING: {rival.name} is left out, all of its settings failed")
            contestants += found
    # The rivals print their loss after as many steps as blasgrad does.
    first = blasgrad.trial(workload, contestants[0].setting, options.tune_seconds, loss_steps)
    rounds = measure(workload, contestants, options, order, first.get("loss_steps") or LOSS_STEPS)
    summary = summarize(workload, rounds)
    print_workload(summary, contestants)
    return {"contestants": [c.record() for c in contestants], "tuning": tuning, "rounds": rounds, "summary": summary}


def main():
    sys.stdout.reconfigure(line_buffering=True)
    options = parse_arguments()
    blasgrad = Blasgrad(options.blasgrad or find_binary(), options.threads)
    peers = {"torch": torch_peer(options.threads, ROOT / "build" / "compare-cache"), "jax": jax_peer(options.threads)}
    engines = [blasgrad] + [peers[name] for name in options.rivals]
    known = load_tuning(options.tuning, engines)
    record = {"machine": machine(), "commit": commit(), "blasgrad_info": blasgrad.ask("info"), "seed": options.seed,
              "seconds": options.seconds, "workloads": {}}
    here = record["machine"]
    print(f"{here['cpu']}, {count(here['cores'], 'core')}, {' '.join(here['instruction_sets'])}; "
          f"load {here['load']:.2f}")
    print(f"commit {record['commit']}\n{record['blasgrad_info'].rstrip()}\n")

    if here["load"] > 0.3 * here["cores"]:
        print(f"WARNING: the machine is busy, its load was {here['load']:.2f} in the last minute\n")

    failed = False
    for workload in options.workloads:
        try:
            order = random.Random(f"{options.seed} {workload}")
            record["workloads"][workload] = compare(workload, engines, options, order, known.get(workload, []))
        except TrialError as error:
            failed = True
            print(f"  FAILED: {error}\n")
            continue
        options.output.parent.mkdir(parents=True, exist_ok=True)
        options.output.write_text(json.dumps(record, indent=1) + "\n")
    if record["workloads"]:
        print_summary(record["workloads"])
        print(f"\nresults: {options.output}")
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
