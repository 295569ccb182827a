"""Finds the fastest settings of an engine for a workload: stage by stage, each choice on top of the best setting so far,
then the best few once more."""
import statistics
from dataclasses import dataclass, field

from comparison.engines import Choice, Setting
from comparison.processes import TrialError, note

TUNE_STEPS = 3  # before the timed part of a trial
# A second setting goes on to the rounds if it is nearly as fast as the first: tuning is too short to tell them apart.
CLOSE = 1.08


@dataclass
class Candidate:
    """A setting as it did while tuning."""
    setting: Setting
    shown_only: str = None  # why it does not count
    times: list = field(default_factory=list)  # ms
    peak_resident_bytes: int = None
    failure: str = None

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
        self.candidates = []

    def time(self, candidate):
        what = f"{self.workload}: {self.engine.name}, {candidate.setting.label}"
        try:
            record = self.engine.trial(self.workload, candidate.setting, self.seconds, TUNE_STEPS)
            candidate.times.append(record["step_ms"])
            candidate.peak_resident_bytes = record.get("peak_resident_bytes")
            note(f"{what}: {record['step_ms']:.4f} ms")
        except TrialError as error:
            candidate.failure = str(error)
            note(f"{what}: failed: {error}")

    def add(self, setting, shown_only=None):
        self.candidates.append(Candidate(setting, shown_only))
        self.time(self.candidates[-1])

    def ranking(self):
        return sorted((c for c in self.candidates if not c.shown_only and not c.failure), key=Candidate.rank)

    def tune(self, order):
        for stage in self.engine.stages(self.workload):
            best = self.ranking()[0].setting if self.ranking() else Setting()
            if stage.applies(best):
                for choice in order.sample(stage.choices, len(stage.choices)):
                    self.add(best.plus(choice))
        if len(self.ranking()) > 1:
            for candidate in self.ranking()[:3]:
                self.time(candidate)
        for choice, reason in self.engine.shown(self.workload):
            if self.ranking():
                self.add(self.ranking()[0].setting.plus(choice), reason)

    def finalists(self, number):
        """The fastest settings, at most so many; none if all failed."""
        ranking = self.ranking()[:number]
        return [c.setting for c in ranking if statistics.mean(c.times) <= CLOSE * statistics.mean(ranking[0].times)]


def tune(engine, workload, seconds, order, number):
    """The contestants of an engine, at most so many, and what was tried, as records."""
    tuner = Tuner(engine, workload, seconds)
    tuner.tune(order)
    contestants = [Contestant(engine.name if i == 0 else f"{engine.name} ({i + 1})", engine, setting)
                   for i, setting in enumerate(tuner.finalists(number))]
    return contestants, [candidate.record() for candidate in tuner.candidates]


def trials_expected(engine, workload):
    """How many trials tuning takes at most, and the retries."""
    return sum(len(stage.choices) for stage in engine.stages(workload)) + 3 + len(engine.shown(workload))
