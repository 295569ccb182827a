"""Processes that print their figures as JSON, and the machine they run on."""
import json
import math
import os
import pathlib
import platform
import signal
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
SYSTEM = pathlib.Path("/sys/devices/system/cpu")


class TrialError(Exception):
    """A process that failed, or printed something else than its figures."""


def note(message):
    """Progress, apart from the results."""
    print(message, file=sys.stderr, flush=True)


def count(number, noun):
    return f"{number} {noun}" + ("s" if number != 1 else "")


def run(command, environment, timeout):
    """Standard output of a process."""
    try:
        process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, text=True, start_new_session=True)
    except OSError as error:
        raise TrialError(f"cannot run {command[0]}: {error.strerror}")
    try:
        output, errors = process.communicate(timeout=timeout)
    except BaseException as error:
        # With the compilers that it started, which would disturb the next trials.
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        if isinstance(error, subprocess.TimeoutExpired):
            raise TrialError(f"no answer in {timeout:.0f} s")
        raise
    if process.returncode != 0:
        last = [line.strip() for line in errors.splitlines() if line.strip()][-3:]
        raise TrialError(f"exit code {process.returncode}: " + (" | ".join(last) or "nothing on standard error"))
    return output


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
    for key in ("loss", "norm"):
        if record.get(key) is not None and not math.isfinite(record[key]):
            raise TrialError(f"the {key} is {record[key]} after {record.get('loss_steps', '?')} steps")
    return record


def write_whole(path, text):
    """The file appears whole under its name, or stays as it was."""
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(text)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def processors():
    """The processors that this process may run on: the first of each core, then the others; and how many cores."""
    available = sorted(os.sched_getaffinity(0))

    def is_first(processor):
        try:
            text = (SYSTEM / f"cpu{processor}" / "topology" / "thread_siblings_list").read_text()
            siblings = [range(int(ends[0]), int(ends[-1]) + 1)
                        for ends in (part.split("-") for part in text.strip().split(","))]
        except (OSError, ValueError):
            return True
        return not any(sibling in part for part in siblings for sibling in available if sibling < processor)

    first = [processor for processor in available if is_first(processor)]
    return first + [processor for processor in available if processor not in first], len(first)


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
    order, cores = processors()
    return {"cpu": cpu, "cores": cores, "processors": len(order), "instruction_sets": sets,
            "system": platform.platform(), "load": os.getloadavg()[0]}


def find_binary(command):
    """The program that was built; ends the command of this name if there is none."""
    for build in ("bench", "release"):
        path = ROOT / "build" / build / "blasgrad"
        if path.exists():
            return str(path)
    sys.exit(f"{command}: there is no build/bench/blasgrad nor build/release/blasgrad. Build one:\n"
             "  cmake --preset bench && cmake --build --preset bench\n"
             "or name the program with --blasgrad PATH")


def commit():
    def git(*arguments):
        return run(["git", "-C", str(ROOT), *arguments], {}, 60).strip()
    try:
        return git("rev-parse", "HEAD") + ("-modified" if git("status", "--porcelain", "-uno") else "")
    except TrialError:
        return "unknown"


def short_commit(commit):
    """For tables: its first digits, and whether files were modified."""
    digits, _, rest = commit.partition("-")
    return digits[:12] + (f"-{rest}" if rest else "")
