"""The results as text: what was tried, tables, Markdown for the README."""
from comparison.processes import count, short_commit
from comparison.rounds import CONTROL, OPENBLAS
from workloads import WORKLOADS

NAMES = {"torch": "PyTorch", "jax": "JAX"}


def with_spread(figures, digits):
    return f"{figures['median']:.{digits}f} [{figures['low']:.{digits}f} .. {figures['high']:.{digits}f}]"


def print_tuning(engine, tried):
    for row in sorted(tried, key=lambda row: (bool(row["shown_only"]), -len(row["step_ms"]), sum(row["step_ms"]))):
        times = ", ".join(f"{t:.4f}" for t in row["step_ms"]) + " ms"
        outcome = row["failure"] or times
        remark = f"   (shown only: {row['shown_only']})" if row["shown_only"] else ""
        print(f"    tried {engine:9} {row['setting']:62} {outcome}{remark}")


def print_workload(summary):
    print(f"  {'engine':17} {'step, ms [quartiles]':34} {summary['unit'] + ' /s':>12} {'GFLOP/s':>8} {'of peak':>8} "
          f"{'MiB':>6} {'loss after steps':>18}  setting")
    for name, figures in sorted(summary["engines"].items(), key=lambda item: item[1]["step_ms"]["median"]):
        share = f"{figures['peak_share']:8.1%}" if figures["peak_share"] else " " * 8
        loss = f"{figures['loss']:.7g} {figures['loss_steps'] or '?':>4}" if figures["loss"] is not None else "-"
        print(f"  {name:17} {with_spread(figures['step_ms'], 4):34} {figures['per_second']:12,.0f} "
              f"{figures['gflops']:8.1f} {share} {mebibytes(figures['peak_resident_bytes']):>6} {loss:>18}  "
              f"{figures['setting']}")
    if summary["peak_gflops_per_thread"]:
        print(f"  FMA peak in these runs: {summary['peak_gflops_per_thread']:.1f} GFLOP/s a thread")
    for name, ratio in summary["ratios"].items():
        remark = ("   the same program twice (A/A)" if name == CONTROL
                  else "   the best rival" if name == summary["best_rival"] else "")
        print(f"  blasgrad is {with_spread(ratio, 3)} times as fast as {name}{remark}")
    for problem in summary["problems"]:
        print(f"  WARNING: {problem}")
    print()


def print_summary(summaries):
    print(f"{'workload':10} {'best rival':10} {'blasgrad / best rival [quartiles]':34} {'A/A [quartiles]':25} "
          "blasgrad / itself with OpenBLAS")
    for workload, summary in summaries.items():
        ratios, best = summary["ratios"], summary["best_rival"]
        print(f"{workload:10} {best or '-':10} {with_spread(ratios[best], 3) if best else '-':34} "
              f"{with_spread(ratios[CONTROL], 3):25} "
              f"{with_spread(ratios[OPENBLAS], 3) if OPENBLAS in ratios else '-'}")


def mebibytes(size):
    return f"{size / 2**20:.0f}" if size else "-"


def row(cells):
    return "| " + " | ".join(cells) + " |\n"


def heading(cells):
    return row(cells) + "|" + "---|" * len(cells) + "\n"


def of_rival(summary, engine):
    """Speed of an engine's best setting, and the setting."""
    name = summary["best"][engine]
    if not name:
        return "-"
    figures = summary["engines"][name]
    return f"{figures['per_second']:,.0f} ({figures['setting']})"


def percent(share):
    return f"{share:.0%}" if share else "-"


def speed_table(summaries):
    has_openblas = any(OPENBLAS in summary["engines"] for summary in summaries.values())
    text = heading(["workload", "blasgrad", "best PyTorch", "best JAX", "blasgrad is .. times as fast as the best",
                    "of the FMA peak", "best rival's", "the same program twice"] +
                   ["all products by OpenBLAS"] * has_openblas)
    for workload, summary in summaries.items():
        engines, ratios, best = summary["engines"], summary["ratios"], summary["best_rival"]
        ours = engines["blasgrad"]
        cells = [workload, f"{ours['per_second']:,.0f} {summary['unit']}/s ({ours['setting']})",
                 of_rival(summary, "torch"), of_rival(summary, "jax"),
                 f"{with_spread(ratios[best], 2)} {NAMES[engines[best]['engine']]}" if best else "-",
                 percent(ours["peak_share"]), percent(engines[best]["peak_share"]) if best else "-",
                 with_spread(ratios[CONTROL], 2)]
        if has_openblas:
            cells.append(f"{engines[OPENBLAS]['per_second']:,.0f}" if OPENBLAS in engines else "-")
        text += row(cells)
    return text


def memory_table(summaries):
    text = heading(["workload", "blasgrad, MiB", "PyTorch at its fastest eager setting", "share of it",
                    "PyTorch at its smallest", "share of it"])
    for workload, summary in summaries.items():
        ours, cells = summary["engines"]["blasgrad"]["peak_resident_bytes"], []
        for kind in ("fastest", "smallest"):
            rival = summary["memory"].get(kind)
            cells += ([f"{mebibytes(rival['peak_resident_bytes'])} ({rival['setting']})",
                       f"{ours / rival['peak_resident_bytes']:.2f}" if ours else "-"] if rival else ["-", "-"])
        text += row([workload, mebibytes(ours)] + cells)
    return text


def markdown(record):
    """Both tables, with what they were taken on."""
    machine = record["machine"]
    summaries = {workload: result["summary"] for workload, result in record["workloads"].items()}
    peaks = [s["peak_gflops_per_thread"] for w, s in summaries.items()
             if s["peak_gflops_per_thread"] and not WORKLOADS[w].is_f64]
    peak = f"; FMA peak {min(peaks):.0f} to {max(peaks):.0f} GFLOP/s a core in f32" if peaks else ""
    rounds = sorted({summary["rounds"] for summary in summaries.values()})
    return (f"{machine['cpu']}, {count(machine['cores'], 'core')}, {' '.join(machine['instruction_sets'])}{peak}; "
            f"{record['libraries']}; commit {short_commit(record['commit'])}. "
            f"Medians of {' or '.join(map(str, rounds))} rounds of separate processes in random order, "
            "ratios taken within a round, with quartiles.\n\n"
            f"{speed_table(summaries)}\nThe most memory that the process had in RAM while it made steps, counted "
            f"anew after the warm-up, with what its libraries take:\n\n{memory_table(summaries)}")
