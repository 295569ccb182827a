"""The engines that are compared: the settings to try for each, and a trial at one setting."""
import ctypes.util
import pathlib
import shutil
import subprocess
import sys
from dataclasses import dataclass, field

from comparison.processes import ROOT, TrialError, checked, count, json_lines, machine, processors, run
from workloads import CharLstm, Gpt, Hvp, Lstm, Matrices, MnistCnn, Resnet20, WORKLOADS

LARGE = 1e9  # FLOPs of a step; above that, all cores are faster than one, but for a library that takes matrices one by one
COMPILE_TIMEOUT = 90  # s; torch.compile may take minutes before the first step


@dataclass(frozen=True)
class Choice:
    """One option of an engine; of the same kind (threads, mode ..) only one can hold."""
    kind: str
    label: str
    arguments: tuple = ()
    environment: dict = field(default_factory=dict)

    @staticmethod
    def of_record(record):
        return Choice(record["kind"], record["label"], tuple(record["arguments"]), record["environment"])


@dataclass(frozen=True)
class Setting:
    """One way to run an engine."""
    choices: tuple = ()

    def plus(self, choice):
        return Setting(tuple(c for c in self.choices if c.kind != choice.kind) + (choice,))

    def has(self, kind, label):
        return any((c.kind, c.label) == (kind, label) for c in self.choices)

    @property
    def label(self):
        return ", ".join(c.label for c in self.choices)

    @property
    def arguments(self):
        return [argument for c in self.choices for argument in c.arguments]

    @property
    def environment(self):
        environment = {name: value for c in self.choices for name, value in c.environment.items()}
        preloaded = [c.environment["LD_PRELOAD"] for c in self.choices if "LD_PRELOAD" in c.environment]
        return environment | ({"LD_PRELOAD": " ".join(preloaded)} if preloaded else {})


@dataclass(frozen=True)
class Stage:
    """Choices to try on top of the best setting so far, if that one is as it says; some however long tuning took, and
    some not at all, for a reason that is told."""
    choices: list
    applies: object = lambda setting: True
    always: bool = False
    why_not: str = None


def worth_trying(workload, counts):
    is_large = WORKLOADS[workload].flops > LARGE and not isinstance(WORKLOADS[workload], Matrices)
    return [n for n in counts if n > 1 or counts == [1] or not is_large]


def thread_choices(workload, counts):
    return [Choice("threads", count(n, "thread"), ("--threads", str(n))) for n in worth_trying(workload, counts)]


# ---- blasgrad ----

class Blasgrad:
    """The program `blasgrad bench`, which prints a JSON object a thread count."""
    name = "blasgrad"

    def __init__(self, binary, thread_counts):
        self.binary, self.thread_counts = binary, thread_counts
        options = self.ask("bench", "--help")
        if "--seconds" not in options:
            sys.exit(f"compare: {binary} bench does not know --seconds; build the program of this tree")
        openblas = Choice("products", "all products by OpenBLAS", ("--gemm-provider", "openblas"))
        self.openblas = openblas if "--gemm-provider" in options else None

    def ask(self, *arguments):
        try:
            return run([self.binary, *arguments], {}, 60)
        except TrialError as error:
            sys.exit(f"compare: {self.binary} {' '.join(arguments)}: {error}")

    def stages(self, workload):
        return [Stage(thread_choices(workload, self.thread_counts))]

    def shown(self, workload):
        return []

    def trial(self, workload, setting, seconds, loss_steps):
        command = [self.binary, "bench", workload, "--json", *setting.arguments, "--seconds", f"{seconds:g}"]
        for record in json_lines(run(command, setting.environment, 300 + 20 * seconds)):
            if record.get("workload") == workload and "step_ms" in record:
                return checked(record)
        raise TrialError(f"printed no figures for {workload}; does this program know the workload?")


# ---- The rivals ----

def allocators():
    """Choices of malloc, and what is missing."""
    blocks = {"MALLOC_MMAP_THRESHOLD_": "4000000000", "MALLOC_TRIM_THRESHOLD_": "4000000000"}
    found, missing = [Choice("malloc", "large malloc thresholds", (), blocks)], []
    for names, package in ((("jemalloc",), "libjemalloc2"), (("tcmalloc_minimal", "tcmalloc"), "libtcmalloc-minimal4")):
        libraries = [library for library in map(ctypes.util.find_library, names) if library]
        if libraries:
            found.append(Choice("malloc", names[0], (), {"LD_PRELOAD": libraries[0]}))
        else:
            missing.append(f"{names[0]} (Debian: {package})")
    return found, missing


class Peer:
    """A script in bench/peers, which prints one JSON object."""

    def __init__(self, name, script, thread_counts, malloc_choices):
        self.name, self.script = name, ROOT / "bench" / "peers" / script
        self.thread_counts, self.malloc_choices = thread_counts, malloc_choices

    def trial(self, workload, setting, seconds, loss_steps):
        command = [sys.executable, str(self.script), workload, *setting.arguments,
                   "--seconds", f"{seconds:g}", "--loss-steps", str(loss_steps)]
        for record in json_lines(run(command, setting.environment, COMPILE_TIMEOUT + 20 * seconds)):
            return checked(record)
        raise TrialError("printed no figures")


def option(kind, label, *arguments, **environment):
    return Choice(kind, label, arguments, environment)


def as_on_intel():
    """MKL takes slower kernels on a processor of another maker; a library that tells it otherwise, or None."""
    library = ROOT / "build" / "compare-cache" / "libmkl-intel.so"
    if "GenuineIntel" in pathlib.Path("/proc/cpuinfo").read_text() or not shutil.which("cc"):
        return None
    library.parent.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", str(library)], capture_output=True,
                          text=True, input="int mkl_serv_intel_cpu_true(void) { return 1; }")
    return Choice("maker", "MKL as on Intel", (), {"LD_PRELOAD": str(library)}) if done.returncode == 0 else None


def compiled(mode, *arguments):
    cache = {"TORCHINDUCTOR_CACHE_DIR": str(ROOT / "build" / "compare-cache")}
    return Choice("mode", mode, ("--mode", mode, *arguments), cache)


def is_compiled(setting):
    return any(c.kind == "mode" and c.label.startswith("compile") for c in setting.choices)


class Torch(Peer):
    def __init__(self, thread_counts, malloc_choices, intel):
        """intel: the choice that as_on_intel() gives, or None."""
        super().__init__("torch", "torch_train.py", thread_counts, malloc_choices)
        self.intel = intel

    def stages(self, name):
        """What takes longest, compilation, comes last, but is tried even where the time for tuning is over by then."""
        workload = WORKLOADS[name]
        is_network, is_small = hasattr(workload, "loss"), workload.is_small
        yield Stage(thread_choices(name, self.thread_counts))
        yield Stage([option("variant", variant, "--variant", variant) for variant in workload.torch_variants[1:]])
        if is_network and is_small:
            yield Stage([option("mode", "foreach", "--mode", "eager-foreach")])
        if not is_small:
            yield Stage(self.malloc_choices)
        if isinstance(workload, (MnistCnn, Resnet20, CharLstm, Gpt)):
            yield Stage([option("products", "without oneDNN", "--without-onednn")])
        yield Stage([option("places", "threads bound to cores", OMP_PROC_BIND="true")],
                    lambda setting: not setting.has("threads", "1 thread"))
        if isinstance(workload, Hvp):
            # What is compiled cannot be differentiated twice.
            yield Stage([compiled("compile", "--variant", "forward-over-reverse")], always=True)
        elif isinstance(workload, Lstm):
            yield Stage([compiled("compile")], why_not="it unrolls the loop over a thousand steps, which takes minutes")
        elif not is_network:
            yield Stage([compiled("compile")], always=True)
        else:
            # Where a step is short, compiling the optimizer may be what pays.
            first, more = ["compile"], ["compile-autotune"]
            (first if is_small else more).append("compile-all")
            yield Stage([compiled(mode) for mode in first], always=True)
            yield Stage([compiled(mode) for mode in more], lambda setting: setting.has("mode", "compile"))
        yield Stage([option("inductor", "C++ wrapper", TORCHINDUCTOR_CPP_WRAPPER="1")], is_compiled)

    def shown(self, workload):
        """Timed and printed, no more."""
        if not self.intel or WORKLOADS[workload].is_small:
            return []
        return [(self.intel, "MKL's kernels for Intel's processors, by replacing one of its functions")]


class Jax(Peer):
    def __init__(self, thread_counts, malloc_choices):
        super().__init__("jax", "jax_train.py", thread_counts, malloc_choices)

    def stages(self, name):
        workload = WORKLOADS[name]
        is_network, is_small = hasattr(workload, "loss"), workload.is_small
        order = list(map(str, processors()[0]))
        yield Stage([option("threads", count(n, "thread"), "--processors", ",".join(order[:n]))
                     for n in worth_trying(name, self.thread_counts)])
        yield Stage([option("variant", variant, "--variant", variant) for variant in workload.jax_variants[1:]])
        if is_network and workload.flops < LARGE:
            yield Stage([option("mode", "chain", "--mode", "chain")])
        if is_network and is_small:
            yield Stage([option("donation", "no donation", "--without-donation"),
                         option("dispatch", "no async dispatch", "--without-async")])
        yield Stage([option("math", "fast math", "--xla=--xla_cpu_enable_fast_math=true")])
        if "avx512f" in machine()["instruction_sets"]:
            yield Stage([option("vectors", "vectors of 512 bits", "--xla=--xla_cpu_prefer_vector_width=512")])
        yield Stage([option("products", "XNNPACK products", "--xla=--xla_cpu_experimental_xnn_fusion_type=dot")])
        if not is_small:
            yield Stage(self.malloc_choices)

    def shown(self, name):
        """Timed and printed, no more."""
        workload = WORKLOADS[name]
        is_network, is_small = hasattr(workload, "loss"), workload.is_small
        scan = option("mode", "scan", "--mode", "scan")
        return [(scan, "its steps are one compiled loop")] if is_network and is_small else []
