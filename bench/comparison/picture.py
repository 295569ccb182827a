"""A picture of the comparison, drawn by gnuplot: speed relative to the best rival, a bar a workload."""
import shutil
import subprocess

from comparison.processes import count
from comparison.rounds import CONTROL

SCRIPT = """
set terminal {terminal}
set output "{output}"
set title "Speed of blasgrad over the better of PyTorch and JAX\\n{where}" font ",13" noenhanced
set ylabel "times as fast (logarithmic)"
set logscale y 2
set yrange [{low}:{high}]
set ytics nomirror
set xtics rotate by 30 right nomirror ({names})
set xrange [0.4:{count}.6]
set grid ytics linecolor rgb "#d8d8d8" linewidth 0.5
set border 3
set key outside bottom center horizontal samplen 1.5
set style fill solid 0.9 noborder
set arrow from graph 0, first 1 to graph 1, first 1 nohead linecolor rgb "#404040" linewidth 1.2 front
$bars << end
{bars}
end
$same << end
{same}
end
color(ratio) = ratio < 1 ? 0xc0552d : 0x2d6ca8
plot $bars using 1:2:($1-0.3):($1+0.2):(1):2:(color($2)) with boxxyerror linecolor rgb variable notitle, \\
     $bars using ($1-0.05):3:(0):($4-$3) with vectors heads size graph 0.005,90 linecolor rgb "#202020" \\
         linewidth 1.4 title "quartiles of the rounds", \\
     $bars using ($1-0.05):($4 > 1 ? $4 : 1):(sprintf("%.2f", $2)) with labels offset 0,0.7 font ",10" notitle, \\
     $same using ($1+0.3):3:(0):($4-$3) with vectors heads size graph 0.003,90 linecolor rgb "#808080" \\
         title "the same program twice"
"""


def draw(record, paths):
    """Writes a picture a path, .svg or .png; the reason if it cannot."""
    if not shutil.which("gnuplot"):
        return "gnuplot is not installed (Debian: gnuplot-nox)"
    rows = [(workload, result["summary"]) for workload, result in record["workloads"].items()
            if result["summary"]["best_rival"]]
    if not rows:
        return "no workload was compared with a rival"
    bars = [summary["ratios"][summary["best_rival"]] for _, summary in rows]
    same = [summary["ratios"][CONTROL] for _, summary in rows]
    low, high = min(r["low"] for r in bars + same), max(r["high"] for r in bars + same)
    where = f"{record['machine']['cpu']}, {count(record['machine']['cores'], 'core')}"
    for path in paths:
        part = path.with_name(f".{path.name}.part")
        script = SCRIPT.format(
            terminal='svg size 960,480 font "sans,12" background "white"' if path.suffix == ".svg"
            else 'pngcairo size 1440,720 font "sans,12" fontscale 1.3',
            output=quoted(part), where=quoted(where),
            low=min(0.8, low / 1.1), high=max(1.6, high * 1.3), count=len(rows),
            names=", ".join(f'"{workload}" {i}' for i, (workload, _) in enumerate(rows, 1)),
            bars=lines(bars), same=lines(same))
        done = subprocess.run(["gnuplot"], input=script, capture_output=True, text=True)
        if done.returncode != 0 or not part.exists():
            part.unlink(missing_ok=True)
            return f"gnuplot: {done.stderr.strip()}"
        part.replace(path)
    return None


def quoted(text):
    """For the inside of a string between double quotes, in gnuplot."""
    return str(text).replace("\\", "\\\\").replace('"', '\\"')


def lines(spreads):
    return "\n".join(f"{i} {s['median']:.5f} {s['low']:.5f} {s['high']:.5f}" for i, s in enumerate(spreads, 1))
