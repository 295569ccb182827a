"""Tests of the comparison with other engines (bench/compare.sh), on engines and processes that are made up.

Exits with 77 (skipped) where there is no numpy.
"""
import json
import os
import pathlib
import re
import sys
import tempfile
import types
import unittest
from unittest import mock

try:
    import numpy  # noqa: F401: the workloads need it
except ImportError:
    print("skipped: needs numpy")
    sys.exit(77)

BENCH = pathlib.Path(__file__).resolve().parents[1] / "bench"
sys.path[:0] = [str(BENCH), str(BENCH / "peers")]
sys.dont_write_bytecode = True

import random

from comparison import picture, processes, report
from comparison.engines import LARGE, Choice, Jax, Setting, Stage, Torch
from comparison.processes import TrialError, checked, json_lines, run, short_commit, write_whole
from comparison.rounds import CONTROL, OPENBLAS, measure, summarize
from comparison.tuning import Contestant, tune
from workloads import MATRICES, ROUTINES, USUAL, WORKLOADS, numbers, of_routine

OPTIONS = types.SimpleNamespace(seconds=0.1, tune_seconds=0.1, tune_limit=60.0, rounds=4)


class Engine:
    """Takes 8 ms, times the factor of each choice; its loss is that of the last choice which has one."""

    def __init__(self, name, factors, losses={}, stages=None, fails=()):
        self.name, self.factors, self.losses, self.fails, self.asked = name, factors, losses, fails, []
        self.choices = stages or [Stage([Choice(label, label) for label in factors])]
        self.failures_to_come = []

    def stages(self, workload):
        return self.choices

    def shown(self, workload):
        return [(Choice("shown", "unfair"), "a reason")]

    def trial(self, workload, setting, seconds, loss_steps):
        self.asked.append((setting.label, loss_steps))
        if self.failures_to_come and self.failures_to_come.pop(0):
            raise TrialError("it hung")
        step_ms, loss = 8.0, 2.5
        for choice in setting.choices:
            if choice.label in self.fails:
                raise TrialError("it fell over")
            step_ms *= self.factors.get(choice.label, 0.1)
            loss = self.losses.get(choice.label, loss)
        return {"step_ms": step_ms, "per_second": 1e3 / step_ms, "threads": 2, "loss": loss, "norm": 0.0,
                "loss_steps": loss_steps, "peak_resident_bytes": 1 << 20, "gflops": 50.0, "peak_share": 0.25}


def stage(kind, *labels, **rest):
    return Stage([Choice(kind, label) for label in labels], **rest)


class Tuning(unittest.TestCase):
    def tried(self, engine, **options):
        contestants, tried = tune(engine, "mlp-b32", types.SimpleNamespace(**{**vars(OPTIONS), **options}),
                                  random.Random(1), 2)
        return [c.setting.label for c in contestants], {row["setting"]: row for row in tried}

    def test_choices_combine(self):
        engine = Engine("torch", {"one": 1.0, "two": 0.5, "slow": 2.0, "fast": 0.5},
                        stages=[stage("threads", "one", "two"), stage("mode", "slow", "fast")])
        self.assertEqual(self.tried(engine)[0], ["two, fast"])

    def test_two_that_are_close_go_on(self):
        engine = Engine("torch", {"one": 1.0, "two": 1.05, "three": 1.5})
        self.assertEqual(self.tried(engine)[0], ["one", "two"])

    def test_what_is_only_shown_is_not_chosen(self):
        settings, tried = self.tried(Engine("jax", {"one": 1.0}))
        self.assertEqual(settings, ["one"])
        self.assertEqual(tried["one, unfair"]["shown_only"], "a reason")
        self.assertLess(tried["one, unfair"]["step_ms"][0], tried["one"]["step_ms"][0])

    def test_a_setting_with_another_loss_does_not_count(self):
        engine = Engine("torch", {"plain": 1.0, "wrong": 0.1}, {"wrong": 2.6},
                        stages=[stage("mode", "plain"), stage("math", "wrong")])
        settings, tried = self.tried(engine)
        self.assertEqual(settings, ["plain"])
        self.assertIn("its loss is 2.6", tried["plain, wrong"]["failure"])

    def test_an_objective_has_to_be_exact(self):
        stages = [stage("mode", "plain"), stage("math", "other")]
        for workload, expected in (("gmm", "plain"), ("mlp-b32", "plain, other")):
            engine = Engine("torch", {"plain": 1.0, "other": 0.1}, {"other": 2.5 * (1 + 1e-8)}, stages=stages)
            contestants, _ = tune(engine, workload, OPTIONS, random.Random(1), 2)
            self.assertEqual([c.setting.label for c in contestants], [expected])

    def test_a_loss_that_is_not_a_number_does_not_count(self):
        engine = Engine("torch", {"plain": 1.0, "wrong": 0.1}, {"wrong": float("nan")},
                        stages=[stage("mode", "plain"), stage("math", "wrong")])
        self.assertEqual(self.tried(engine)[0], ["plain"])

    def test_stages_that_do_not_apply(self):
        engine = Engine("torch", {"eager": 1.0, "compile": 2.0, "wrapper": 0.1}, stages=[
            stage("mode", "eager", "compile"),
            stage("inductor", "wrapper", applies=lambda setting: setting.has("mode", "compile"))])
        self.assertEqual(set(self.tried(engine)[1]), {"eager", "compile", "eager, unfair"})

    def test_the_limit_leaves_out_and_says_so(self):
        settings, tried = self.tried(Engine("torch", {"one": 1.0}), tune_limit=-1.0)
        self.assertEqual(settings, [])
        self.assertIn("not tried", tried["one"]["failure"])

    def test_some_are_tried_after_the_limit(self):
        engine = Engine("torch", {"one": 1.0, "compile": 0.5, "two": 0.1}, stages=[
            stage("threads", "one"), stage("mode", "compile", always=True), stage("more", "two")])
        settings, tried = self.tried(engine, tune_limit=0.0)
        self.assertEqual(settings[0], "one, compile" if tried["one"]["step_ms"] else "compile")
        self.assertIn("not tried", tried[settings[0] + ", two"]["failure"])

    def test_some_are_not_tried(self):
        engine = Engine("torch", {"one": 1.0, "hopeless": 0.1}, stages=[
            stage("threads", "one"), stage("mode", "hopeless", why_not="it takes a year")])
        settings, tried = self.tried(engine)
        self.assertEqual((settings, tried["one, hopeless"]["failure"]), (["one"], "not tried, it takes a year"))

    def test_compilation_is_always_tried(self):
        for name in WORKLOADS:
            stages = [stage for stage in Torch([1, 2], [], None).stages(name)
                      if any(choice.label == "compile" for choice in stage.choices)]
            self.assertEqual([stage.always or bool(stage.why_not) for stage in stages], [True], name)

    def test_failures_are_kept(self):
        settings, tried = self.tried(Engine("torch", {"one": 1.0, "two": 0.5}, fails=("two",)))
        self.assertEqual(settings, ["one"])
        self.assertEqual(tried["two"]["failure"], "failed: it fell over")

    def test_settings(self):
        setting = Setting().plus(Choice("mode", "a", ("--mode", "a"))).plus(Choice("mode", "b", ("--mode", "b")))
        self.assertEqual(setting.arguments, ["--mode", "b"])
        for kind, library in (("malloc", "one.so"), ("maker", "two.so")):
            setting = setting.plus(Choice(kind, kind, (), {"LD_PRELOAD": library}))
        self.assertEqual(setting.environment, {"LD_PRELOAD": "one.so two.so"})
        contestant = Contestant("torch", Engine("torch", {}), setting)
        again = Contestant.of_record(json.loads(json.dumps(contestant.record())), {"torch": contestant.engine})
        self.assertEqual(again, contestant)


    def test_settings_of_the_rivals(self):
        """Every way to write a network is tried, under its name, and nothing twice."""
        malloc_choices = [Choice("malloc", "one"), Choice("malloc", "two")]
        engines = {"torch": Torch([1, 2], malloc_choices, None), "jax": Jax([1, 2], malloc_choices)}
        for workload, (name, engine) in ((w, item) for w in WORKLOADS for item in engines.items()):
            with self.subTest(workload, engine=name):
                choices = [choice for stage in engine.stages(workload) for choice in stage.choices]
                keys = [(choice.kind, choice.label) for choice in choices]
                self.assertEqual(len(keys), len(set(keys)))
                variants = getattr(WORKLOADS[workload], f"{name}_variants")[1:]
                self.assertEqual([label for kind, label in keys if kind == "variant"], list(variants))
                counts = 1 if WORKLOADS[workload].flops > LARGE and workload not in MATRICES else 2
                self.assertEqual(sum(kind == "threads" for kind, _ in keys), counts)
                has_optimizer = hasattr(WORKLOADS[workload], "loss")
                self.assertEqual(any("compile-all" in choice.arguments for choice in choices),
                                 has_optimizer and name == "torch")


class Rounds(unittest.TestCase):
    def setUp(self):
        self.ours = Engine("blasgrad", {"ours": 0.5})
        self.torch, self.jax = Engine("torch", {"eager": 1.0}), Engine("jax", {"jit": 0.75}, {"jit": 2.501})
        self.tuning = {"torch": [
            {"setting": label, "arguments": ["--mode", mode], "step_ms": [ms], "peak_resident_bytes": size,
             "failure": None, "shown_only": None}
            for label, mode, ms, size in (("a", "eager", 2.0, 30), ("b", "eager", 1.0, 40), ("c", "compile", 0.5, 20))]}

    def summary(self, *engines, workload="mlp-b32"):
        contestants = [Contestant(name, engine, Setting((Choice("mode", mode),))) for name, engine, mode in (
            ("blasgrad", self.ours, "ours"), (CONTROL, self.ours, "ours"), *engines)]
        rounds = measure(workload, contestants, OPTIONS, random.Random(1), 11)
        return summarize(workload, rounds, contestants, self.tuning)

    def both(self):
        return self.summary(("torch", self.torch, "eager"), ("jax", self.jax, "jit"))

    def test_ratios(self):
        summary = self.both()
        self.assertEqual({name: ratio["median"] for name, ratio in summary["ratios"].items()},
                         {CONTROL: 1.0, "torch": 2.0, "jax": 1.5})
        self.assertEqual((summary["best_rival"], summary["best"]), ("jax", {"torch": "torch", "jax": "jax"}))
        self.assertEqual(summary["peak_gflops_per_thread"], 100.0)
        self.assertAlmostEqual(summary["engines"]["blasgrad"]["gflops"], WORKLOADS["mlp-b32"].flops / 4e6)
        self.assertEqual([steps for _, steps in self.torch.asked], [11, 3, 3, 3])

    def test_memory_is_of_eager_settings(self):
        memory = self.both()["memory"]
        self.assertEqual((memory["fastest"]["setting"], memory["smallest"]["setting"]), ("b", "a"))

    def test_no_problems(self):
        self.assertEqual(self.both()["problems"], [])

    def test_problems(self):
        self.jax.losses["jit"] = 2.51
        self.assertTrue(self.both()["problems"][0].startswith("the rivals differ in their loss"))
        self.assertEqual(self.summary(("torch", self.torch, "eager"))["problems"], ["compared with torch only"])
        self.assertEqual(self.summary()["problems"], ["compared with nothing only"])

    def test_a_failure_is_tried_again(self):
        self.jax.failures_to_come = [False, True]
        summary = self.both()
        self.assertEqual(summary["ratios"]["jax"]["median"], 1.5)
        self.assertEqual(summary["problems"], ["failed once in round 2: jax, jit: it hung"])
        self.jax.failures_to_come = [False, True, True]
        with self.assertRaisesRegex(TrialError, "jax, jit: it hung, twice"):
            self.both()

    def test_values_of_objectives(self):
        """All compute with the same numbers, blasgrad too."""
        contestants = (("torch", self.torch, "eager"), ("jax", self.jax, "jit"))
        self.jax.losses["jit"] = 2.5 * (1 + 1e-10)
        self.assertEqual(self.summary(*contestants, workload="gmm")["problems"], [])
        for engine, label in ((self.ours, "ours"), (self.jax, "jit")):
            engine.losses[label] = 2.5 * (1 + 1e-8)
            problems = self.summary(*contestants, workload="gmm")["problems"]
            self.assertTrue(problems[0].startswith("the engines differ in their loss"), problems)
            self.assertEqual(self.summary(*contestants)["problems"], [])
            engine.losses.clear()

    def test_text(self):
        record = {"machine": {"cpu": 'A "CPU" @ 3_0^x', "cores": 2, "instruction_sets": ["avx2"]}, "libraries": "x",
                  "commit": "0" * 40, "workloads": {"mlp-b32": {"summary": self.both()}}}
        text = report.markdown(record)
        self.assertIn("1.50 [1.50 .. 1.50] JAX", text)
        self.assertNotIn("OpenBLAS", text)
        summary = self.summary(("torch", self.torch, "eager"), (OPENBLAS, self.ours, "ours"))
        record["workloads"]["mlp-b32"]["summary"] = summary
        self.assertIn("| 250 |\n", report.markdown(record))
        rows = [line.count("|") for line in text.splitlines() if line.startswith("|")]
        self.assertEqual(rows, [rows[0]] * 3 + [rows[3]] * 3)
        with tempfile.TemporaryDirectory() as directory:
            paths = [pathlib.Path(directory, "a \"picture\"" + suffix) for suffix in (".svg", ".png")]
            failure = picture.draw(record, paths)
            if failure != "gnuplot is not installed (Debian: gnuplot-nox)":
                self.assertIsNone(failure)
                self.assertIn("mlp-b32", paths[0].read_text())
                self.assertIn("&quot;CPU&quot; @ 3_0^x, 2 cores" if "&quot;" in paths[0].read_text() else
                              '"CPU" @ 3_0^x, 2 cores', paths[0].read_text())
                self.assertEqual(sorted(os.listdir(directory)), sorted(path.name for path in paths))
                self.assertTrue(paths[1].read_bytes().startswith(b"\x89PNG"))


class Processes(unittest.TestCase):
    def test_failures_are_told(self):
        for code, timeout, expected in (("raise SystemExit('no such thing')", 20, "no such thing"),
                                        ("import time; time.sleep(60)", 0.2, "no answer in 0 s")):
            with self.subTest(code), self.assertRaisesRegex(TrialError, expected):
                run([sys.executable, "-c", code], {}, timeout)
        with self.assertRaisesRegex(TrialError, "cannot run /nothing"):
            run(["/nothing"], {}, 1)

    def test_commits(self):
        self.assertEqual(short_commit("0123456789abcdef-modified"), "0123456789ab-modified")
        self.assertEqual(short_commit("0123456789abcdef"), "0123456789ab")
        self.assertEqual(short_commit("unknown"), "unknown")

    def test_files_are_whole(self):
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory, "x.json")
            write_whole(path, "old")
            with mock.patch.object(pathlib.Path, "write_text", side_effect=OSError), self.assertRaises(OSError):
                write_whole(path, "new")
            self.assertEqual(path.read_text(), "old")
            write_whole(path, "new")
            self.assertEqual((path.read_text(), os.listdir(directory)), ("new", ["x.json"]))

    def test_cores(self):
        """Of hardware threads that share a core the first counts; what is not known is a core."""
        cases = [({0, 1, 2, 3}, {0: "0,2", 1: "1,3", 2: "0,2", 3: "1,3"}, [0, 1, 2, 3], 2),
                 ({0, 1, 2, 3}, {0: "0-1", 1: "0-1", 2: "2-3", 3: "2-3"}, [0, 2, 1, 3], 2),
                 ({1, 3}, {1: "0-1", 3: "2-3"}, [1, 3], 2), ({2, 3}, {2: "2-3", 3: "2-3"}, [2, 3], 1),
                 ({0, 1}, {}, [0, 1], 2)]
        for available, siblings, order, cores in cases:
            with tempfile.TemporaryDirectory() as folder, self.subTest(siblings):
                for processor, text in siblings.items():
                    place = pathlib.Path(folder, f"cpu{processor}", "topology")
                    place.mkdir(parents=True)
                    (place / "thread_siblings_list").write_text(text + "\n")
                with mock.patch.object(processes, "SYSTEM", pathlib.Path(folder)), \
                        mock.patch.object(os, "sched_getaffinity", lambda process: available):
                    self.assertEqual(processes.processors(), (order, cores))

    def test_memory_of_the_steps_alone(self):
        """What was needed before does not count."""
        code = ("import timing, json\nbytearray(200 << 20)\nbefore = timing.peak_resident_bytes()\n"
                "assert timing.forget_memory()\nafter = timing.peak_resident_bytes()\nbytearray(100 << 20)\n"
                "print(json.dumps([before, after, timing.peak_resident_bytes()]))")
        output = run([sys.executable, "-c", code], {"PYTHONPATH": str(BENCH / "peers")}, 60)
        before, after, steps = json.loads(output)
        self.assertLess(after, before - (150 << 20))
        self.assertTrue(90 << 20 < steps - after < 110 << 20, (after, steps))

    def test_figures_that_make_no_sense(self):
        good = {"step_ms": 1.0, "per_second": 2.0, "loss": 0.0}
        self.assertEqual(checked(good), good)
        for wrong in ({"step_ms": 0.0}, {"per_second": float("inf")}, {"step_ms": None}, {"loss": float("nan")}):
            with self.subTest(wrong), self.assertRaises(TrialError):
                checked({**good, **wrong})
        with self.assertRaisesRegex(TrialError, "not JSON"):
            list(json_lines('{"step_ms": 1'))


class Workloads(unittest.TestCase):
    # FLOPs of products, from the shapes.
    FLOPS = {"tiny": 3 * 2 * 32 * (2 * 16 + 16 * 16 + 16) - 2 * 32 * 2 * 16, "mlp-b128": 410779648,
             "mnist-cnn": 64 * (2 * 389376 + 3 * 21233664 + 3 * 2359296 + 3 * 2560), "gmm": 819200000,
             "char-gpt": 3 * (2 * 768 * (4 * 12 * 128**2 + 128 * 65) + 4 * 12 * 4 * 2 * 2 * 32 * sum(range(1, 65))),
             "hvp": 788529152}

    def test_flops(self):
        for name, flops in self.FLOPS.items():
            with self.subTest(name):
                self.assertEqual(WORKLOADS[name].flops, flops)

    def test_every_workload_is_there(self):
        table = (BENCH / "workloads.c").read_text()
        self.assertEqual(sorted(re.findall(r'\.name = "([^"]*)"', table)), sorted(USUAL))
        self.assertEqual(re.findall(r"\bSIZES\((\w*)\),", table), list(ROUTINES))
        sizes = re.findall(r'#routine_ "-(\w*)", routine_, (\d*), (\d*)\)', table)
        for routine in ROUTINES:
            names = [f"{routine}-{name}" for name, _, _ in sizes]
            self.assertEqual(sorted(of_routine(routine)), sorted(names + [f"{name}-f64" for name in names]))
            for name, (_, n, batch) in zip(names, sizes):
                self.assertEqual((WORKLOADS[name].n, WORKLOADS[name].batch), (int(n), int(batch)))

    def test_operands_are_numbers_of_f32(self):
        for routine in ROUTINES:
            single, double = (WORKLOADS[f"{routine}-4x1000{suffix}"] for suffix in ("", "-f64"))
            for a, b in zip([x for _, x in single.parameters()] + single.cotangents(),
                            [x for _, x in double.parameters()] + double.cotangents()):
                self.assertEqual((str(a.dtype), str(b.dtype)), ("float32", "float64"))
                self.assertTrue((a == b).all())

    def test_numbers_are_blasgrads(self):
        """The first outputs of SplitMix64 from 0, and the sizes of the table."""
        first = [0xe220a8397b1dcdaf, 0x6e789e6aa1b965f4, 0x06c45d188009454f]
        self.assertEqual(list(numbers(0, -1, 3, 3)), [4 * (number >> 40) / 2**24 - 1 for number in first])
        table = (BENCH / "workloads.c").read_text()
        for name, sizes in (("gmm", {"n": 1000, "k": 50, "d": 64, "gamma": 1}), ("lse", {"n": 1280000}),
                            ("llsq", {"n": 16384, "m": 128}), ("kmeans", {"n": 10000, "k": 100, "d": 16}),
                            ("lstm", {"n": 1024, "k": 2, "d": 14})):
            text = ", ".join(f".{size} = {value}" for size, value in sizes.items())
            self.assertIn(f".objective = &objective_{name}, .sizes = {{ {text} }}", table)
            got = vars(WORKLOADS[name]).values()
            self.assertEqual(sorted(got), sorted(value for size, value in sizes.items() if size != "gamma"))

    def test_numbers_are_the_same_each_time(self):
        for name in ("tiny", "mnist-cnn", "resnet20", "char-lstm", "char-gpt", "gmm", "kmeans", "lstm", "hvp"):
            with self.subTest(name):
                first, again = (dict(WORKLOADS[name].parameters()) for _ in range(2))
                self.assertEqual(list(first), list(again))
                self.assertTrue(all((first[key] == again[key]).all() for key in first))


if __name__ == "__main__":
    unittest.main()
