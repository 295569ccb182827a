"""Finds the fastest settings of an engine for a workload: stage by stage, each choice on top of the best setting so
far, then the best few once more."""
import statistics
import time
from dataclasses import dataclass, field

from comparison.engines import Choice, Setting
from comparison.processes import TrialError, note
from workloads import WORKLOADS

TUNE_STEPS = 2  # before the timed part of a trial
# A second setting goes on to the rounds if it is nearly as fast as the first: tuning is too short to tell them apart.
CLOSE = 1.08
# The fastest are timed once more if they are within this of the first.
WORTH_A_RETRY, RETRIES = 1.2, 3


def allowed_difference(workload, value):
    """How far from a loss or norm another may be: an objective is in f64, and does not train."""
    return 1e-9 * abs(value) if WORKLOADS[workload].is_f64 else 1e-3 * max(1.0, abs(value))


@dataclass
class Candidate:
    """A setting as it did while tuning."""
    setting: Setting
    shown_only: str = None  # why it does not count
    times: list = field(default_factory=list)  # ms
    peak_resident_bytes: int = None
    failure: str = None  # why there is no time

    def rank(self):
        """Candidates that were tried twice first: they did best in their first trial."""
        return -len(self.times), statistics.mean(self.times)

    def record(self):
        return {"setting": self.setting.label, "arguments": self.setting.arguments, "step_ms": self.times,
                "peak_resident_bytes": self.peak_resident_bytes, "failure": self.failure, "shown_only": self.shown_only}


@dataclass(frozen=True)
class Contestant:
    """An engine at one setting, in the rounds of a workload."""
    name: str
    engine: object
    setting: Setting

    def record(self):
        return {"name": self.name, "engine": self.engine.name, "setting": self.setting.label,
                "choices": [vars(choice) for choice in self.setting.choices]}

    @staticmethod
    def of_record(record, engines):
        choices = tuple(Choice.of_record(choice) for choice in record["choices"])
        return Contestant(record["name"], engines[record["engine"]], Setting(choices))


class Tuner:
    def __init__(self, engine, workload, seconds):
        self.engine, self.workload, self.seconds = engine, workload, seconds
        self.candidates, self.first = [], {}

    def time(self, candidate):
        what = f"{self.workload}: {self.engine.name}, {candidate.setting.label}"
        try:
            record = self.engine.trial(self.workload, candidate.setting, self.seconds, TUNE_STEPS)
            self.check_same(record)
            candidate.times.append(record["step_ms"])
            candidate.peak_resident_bytes = record.get("peak_resident_bytes")
            note(f"{what}: {record['step_ms']:.4f} ms")
        except TrialError as error:
            candidate.failure = f"failed: {error}"
            note(f"{what}: {candidate.failure}")

    def check_same(self, record):
        """No setting counts whose loss, or norm of the results, is another than that of the first one."""
        for key in ("loss", "norm"):
            value = record.get(key)
            first = self.first.setdefault(key, value)
            if first is None:
                continue
            if value is None or not abs(value - first) <= allowed_difference(self.workload, first):
                raise TrialError(f"its {key} is {value}, that of the first setting {first}")

    def add(self, setting, shown_only=None):
        self.candidates.append(Candidate(setting, shown_only))
        self.time(self.candidates[-1])

    def ranking(self):
        return sorted((c for c in self.candidates if not c.shown_only and not c.failure), key=Candidate.rank)

    def tune(self, order, limit):
        """After so many seconds only the stages begin that always do; other choices are recorded as not tried."""
        end = time.monotonic() + limit
        for stage in self.engine.stages(self.workload):
            best = self.ranking()[0].setting if self.ranking() else Setting()
            if not stage.applies(best):
                continue
            is_late = time.monotonic() > end and not stage.always
            if stage.why_not or is_late:
                why_not = stage.why_not or f"{limit:g} s of tuning were over"
                self.candidates += [Candidate(best.plus(choice), failure=f"not tried, {why_not}")
                                    for choice in stage.choices]
                continue
            for choice in order.sample(stage.choices, len(stage.choices)):
                self.add(best.plus(choice))
        ranking = self.ranking()
        retried = [c for c in ranking[:RETRIES] if c.times[0] <= WORTH_A_RETRY * ranking[0].times[0]]
        if len(retried) > 1:
            for candidate in retried:
                self.time(candidate)
        for choice, reason in self.engine.shown(self.workload):
            if self.ranking():
                self.add(self.ranking()[0].setting.plus(choice), reason)

    def finalists(self, number):
        """The fastest settings, at most so many; none if all failed."""
        ranking = self.ranking()[:number]
        return [c.setting for c in ranking if statistics.mean(c.times) <= CLOSE * statistics.mean(ranking[0].times)]


def tune(engine, workload, options, order, number):
    """The contestants of an engine, at most so many, and what was tried, as records."""
    tuner = Tuner(engine, workload, options.tune_seconds)
    tuner.tune(order, options.tune_limit)
    contestants = [Contestant(engine.name if i == 0 else f"{engine.name} ({i + 1})", engine, setting)
                   for i, setting in enumerate(tuner.finalists(number))]
    return contestants, [candidate.record() for candidate in tuner.candidates]


def trials_expected(engine, workload):
    """About how many trials tuning takes, with some retries; what depends on an earlier result is not among them."""
    stages = [stage for stage in engine.stages(workload) if stage.applies(Setting()) and not stage.why_not]
    return sum(len(stage.choices) for stage in stages) + 2 + len(engine.shown(workload))
