"""Tests of bench/scaling.py, on results that are made up."""
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

BENCH = pathlib.Path(__file__).resolve().parents[1] / "bench"
sys.path.insert(0, str(BENCH))
sys.dont_write_bytecode = True

import scaling


class Bench:
    """Gives each size its times one after another; of one operation a nanosecond and size."""

    def __init__(self, times):
        self.times, self.asked = {size: list(all) for size, all in times.items()}, []

    def step(self, arguments, threads):
        size = int(arguments[arguments.index("--batch") + 1])
        self.asked.append((size, threads))
        time = self.times[size].pop(0)
        return {"min_ms": time * size, "step_ms": 2 * time * size, "flops": 1e6 * size, "peak_share": 0.5,
                "planned_bytes": 1 << 20, "peak_resident_bytes": None, "compile_seconds": 0.001}


class Sweep(unittest.TestCase):
    def test_a_rise_is_measured_again(self):
        bench = Bench({1: [4], 2: [2, 2], 4: [3, 2.2], 8: [2.3], 16: [2.4, 2.4], 32: [3, 2.9]})
        result = scaling.sweep(bench, "batch", 3, 32)
        self.assertEqual([size for size, _ in bench.asked], [1, 2, 4, 8, 16, 32, 2, 4, 16, 32])
        self.assertEqual({threads for _, threads in bench.asked}, {"3"})
        rows = {row["size"]: row for row in result["rows"]}
        self.assertEqual(rows[4]["ns_per_flop"], 2.2)
        self.assertEqual([size for size, row in rows.items() if row["rises"]], [32])
        self.assertAlmostEqual(rows[32]["relative"], 2.9 / 2)
        text = scaling.sweep_text(result)
        self.assertEqual([line.split("|")[1].strip() for line in text.splitlines() if "**rises**" in line], ["32"])
        self.assertIn("3 threads", text)

    def test_caches_are_named(self):
        bench = Bench({})
        bench.outside = lambda: 10 << 20
        speeds = {1: 100, 2: 90, 3: 88, 5: 40, 9: 39}
        bench.stream = lambda size: speeds[round(size / 2**20)]
        rows = [{"size": n, "planned_bytes": n << 19, "peak_resident_bytes": (10 << 20) + n * (1 << 19)} for n in (2, 4)]
        scaling.name_caches(bench, rows, {"L2": 1 << 20, "L3": 8 << 20})
        self.assertEqual([row["fits"] for row in rows], ["L2", "L3"])
        self.assertTrue(rows[1]["is_explained"])
        rows = [{"size": n, "planned_bytes": n << 20, "peak_resident_bytes": (10 + n) << 20}
                for n in (2, 3, 5, 9)]
        scaling.name_caches(bench, rows, {"L2": 1 << 20, "L3": 8 << 20})
        self.assertEqual([row.get("is_explained") for row in rows], [None, False, True, True])
        self.assertEqual([row["fits"] for row in rows], ["L3", "L3", "L3", "memory"])
        self.assertEqual([scaling.rise_text({**row, "rises": True}) for row in rows[1:]],
                         [" **rises**", " rises: L3, 40 GB/s", " rises: memory, 39 GB/s"])
        self.assertEqual(scaling.rise_text({**rows[2], "rises": False}), "")
        none = [{"peak_resident_bytes": None, "planned_bytes": 1}]
        scaling.name_caches(bench, none, {})
        self.assertNotIn("fits", none[0])
        self.assertEqual(scaling.rise_text({"rises": True}), " **rises**")

    def test_what_doubles(self):
        self.assertEqual(scaling.doubling(16, 2048), [16, 32, 64, 128, 256, 512, 1024, 2048])
        for name, (_, _, sizes, arguments) in scaling.SWEEPS.items():
            self.assertEqual(sizes, sorted(set(sizes)), name)
            self.assertNotEqual(arguments(sizes[0]), arguments(sizes[-1]), name)


class Parts(unittest.TestCase):
    def test_projection(self):
        record = {"phases": 2, "barrier_us": 0.5, "barrier_workers": 2, "phase_work": [{"tasks": 2}, {"tasks": 30}],
                  "projected": [{"cores": n, "step_ms": 8 / min(n, 4)} for n in (1, *scaling.PROJECTED_CORES)]}
        rows = scaling.projections(lambda arguments, threads: [record], ["tiny"])
        self.assertEqual(rows[0]["speed_up"], {2: 2, 4: 4, 16: 4, 32: 4, 64: 4})
        self.assertEqual(rows[0]["least_tasks"], 2)
        self.assertIn("| tiny | 2 | 2 | 8 | 2.00 | 4.00 |", scaling.cores_text(rows))

    def test_compile_times(self):
        rows = scaling.compile_times(lambda arguments, threads, seconds: [{"compile_seconds": 0.002}])
        self.assertEqual([row["is_slow"] for row in rows], [True, False])
        self.assertEqual(scaling.compile_text(rows).count("**slow**"), 1)


class Command(unittest.TestCase):
    def test_options(self):
        self.assertEqual(scaling.parse_arguments([]).parts, scaling.PARTS)
        for words, message in ((["hight"], "no part 'hight'; there are batch, width"),
                               (["--seconds", "0"], "must be positive"), (["--largest", "0"], "must be positive"),
                               (["--output", "/nowhere/x.json"], "no directory /nowhere")):
            run = subprocess.run([sys.executable, str(BENCH / "scaling.py"), *words], capture_output=True, text=True)
            self.assertEqual(run.returncode, 2, words)
            self.assertIn(message, run.stderr)

    def test_a_failing_part(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "s.json"
            run = subprocess.run([sys.executable, str(BENCH / "scaling.py"), "compile", "batch", "--blasgrad",
                                  "/bin/false", "--output", str(path)], capture_output=True, text=True)
            self.assertEqual(run.returncode, 1)
            self.assertIn("compile: FAILED: exit code 1", run.stdout)
            self.assertFalse(path.exists())

    def test_markdown(self):
        record = {"machine": {"cpu": "a CPU", "cores": 1, "instruction_sets": ["avx2"]}, "commit": "0123456789abcdef-modified",
                  "parts": {"compile": [{"workload": "tiny", "compile_ms": 0.25, "limit_ms": 1.0, "is_slow": False}]}}
        self.assertIn("a CPU, 1 core, avx2; commit 0123456789ab-modified.", scaling.markdown(record))
        self.assertIn("| tiny | 0.25 | 1 |", scaling.markdown(record))
        json.dumps(record)


if __name__ == "__main__":
    unittest.main()
