#!/bin/sh
# `blasgrad lecture`, line by line. What is expected is computed here from the five rows, by other formulas than derivatives
# by the chain rule: the gradient of the L2 loss written out, differences, Cramer's rule.
. "${BLASGRAD_TEST_DATA:?the folder of the tests}/support/program.sh"

# What the awk programs below have in common.
cat >common.awk <<'END'
function absolute(a) { return a < 0 ? -a : a }
function shown(a, decimals) { return absolute(a) < 0.5 * 10 ^ -decimals ? 0 : a }
function error(row, t1, t2) { return t1 * x1[row] + t2 * x2[row] - y[row] }
function l2(t1, t2,   row, sum) { for (row = 1; row <= 5; row++) sum += error(row, t1, t2) ^ 2; return sum / 5 }
# One step of gradient descent from t; g is the gradient there.
function descend(   row)
{
    g[1] = g[2] = 0
    for (row = 1; row <= 5; row++) {
        g[1] += 2 / 5 * error(row, t[1], t[2]) * x1[row]
        g[2] += 2 / 5 * error(row, t[1], t[2]) * x2[row]
    }
    t[1] -= 0.05 * g[1]
    t[2] -= 0.05 * g[2]
}
# The normal equations of least squares by Cramer's rule.
function solve(   row, a, b, c, d, e)
{
    for (row = 1; row <= 5; row++) {
        a += x1[row] ^ 2; b += x1[row] * x2[row]; c += x2[row] ^ 2
        d += x1[row] * y[row]; e += x2[row] * y[row]
    }
    best[1] = (d * c - b * e) / (a * c - b * b)
    best[2] = (a * e - b * d) / (a * c - b * b)
    least = l2(best[1], best[2])
}
BEGIN {
    split("1 -2 1 5 -1", x1)
    split("2.2 4 1.5 -2 -1", x2)
    split("4 0 3 8 -3.8", y)
    solve()
}
END
expected() { cat common.awk - >program.awk && awk -f program.awk >words; }
# lines TEXT: the last lines of out, as many as there are expected ones, are these.
lines()
{
    tail -n "$(wc -l <words)" out >last
    holds "$1" cmp -s words last
    cmp -s words last || diff words last | sed 's/^/    /' | head -n 20
}

# ---- The table ----
expect 0 '^The table: ' lecture --section table
printf 'x1;x2;y\n1;2,2;4\n-2;4;0\n1;1,5;3\n5;-2;8\n-1;-1;-3,8\n' >words
lines 'the table has a decimal comma'
cp last lecture.csv
expect 0 '"event":"done"' train --data lecture.csv --delimiter ';' --decimal , --dtype f64 --model dense:1:nobias --loss l2 \
    --method lstsq --json
expected <<'END'
BEGIN { printf "%.17g %.17g\n", best[1], best[2] }
END
read -r theta1 theta2 <words
holds 'it can be read: theta1' near "$(parameter 1)" "$theta1" 1e-12
holds 'it can be read: theta2' near "$(parameter 2)" "$theta2" 1e-12

# ---- Predictions and losses ----
expect 0 '^Predictions: ' lecture --section predictions
cat >words <<'END'
row       x1       x2        y        f  |f - y|
  1        1      2.2        4      4.2      0.2
  2       -2        4        0        0        0
  3        1      1.5        3      3.5      0.5
  4        5       -2        8        8        0
  5       -1       -1     -3.8       -3      0.8
END
lines 'predictions of 2 x1 + x2 and the column L1'

expect 0 '^Losses: ' lecture --section losses
expected <<'END'
BEGIN {
    for (row = 1; row <= 5; row++) {
        f = 2 * x1[row] + x2[row]; label = y[row] > 0; p = 1 / (1 + exp(-f))
        loss[1] = absolute(f - y[row]); loss[2] = (f - y[row]) ^ 2
        loss[3] = -log(label ? p : 1 - p); loss[4] = log(1 + exp(f)) - (label ? f : 0)
        for (k = 1; k <= 4; k++)
            mean[k] += loss[k] / 5
        printf "%3d %8.6g %8.6g %6d %8.4f %8.4f %8.4f %8.4f\n", row, y[row], f, label, loss[1], loss[2], loss[3], loss[4]
        fy += f * y[row]; ff += f * f; yy += y[row] * y[row]
    }
    printf "mean %30.4f %8.4f %8.4f %8.4f\n\n", mean[1], mean[2], mean[3], mean[4]
    cosine = fy / sqrt(ff * yy)
    printf "cosine similarity %.6f, loss %.6f\n", cosine, 1 - cosine
}
END
sed -i '/^Cosine similarity/,/^$/d' out
lines 'losses of the rows, their means, the cosine'

# ---- Differentiability ----
expect 0 '^Differentiability: ' lecture --section differentiability
# Verdicts and gradients are what the calculus says, at kinks the conventions of ops.h.
expected <<'END'
function f(name, x)
{
    if (name == "x^2") return x * x
    if (name == "sin x") return sin(x)
    if (name == "|x|") return absolute(x)
    if (name == "relu(x)") return x > 0 ? x : 0
    if (name == "max(x, 2 x)") return x > 0 ? 2 * x : x
    if (name == "x |x|") return x * absolute(x)
    if (name == "relu(x) - relu(-x)") return x
    if (name == "sqrt(x)") return sqrt(x)
    return x > 0
}
function side(name, at, sign,   k, h)
{
    for (k = 1; k <= 4; k++) {
        h = sign * steps[k]
        if (name == "sqrt(x)" && h < 0)
            printf "%10s", "none"
        else
            printf "%10.6g", (f(name, at + h) - f(name, at)) / h + 0 # not -0
    }
    printf "\n"
}
function both(name, at, verdict, gradient)
{
    printf "%-20s%3d  left ", name, at
    side(name, at, -1)
    printf "%-23s  right", ""
    side(name, at, 1)
    printf "    %s, gradient of the engine: %s\n", verdict, gradient
}
BEGIN {
    split("0.1 0.01 0.0001 0.000001", steps)
    both("x^2", 1, "differentiable", "2")
    both("sin x", 0, "differentiable", "1")
    both("|x|", -1, "differentiable", "-1")
    both("|x|", 0, "kink", "0")
    both("relu(x)", 0, "kink", "0")
    both("max(x, 2 x)", 0, "kink", "1.5")
    both("x |x|", 0, "differentiable", "0")
    both("relu(x) - relu(-x)", 0, "differentiable (!)", "0")
    both("sqrt(x)", 0, "no derivative", "inf")
    both("step(x)", 0, "no derivative", "0")
}
END
lines 'quotients from left and right'

# ---- The gradient ----
expect 0 '^The gradient: ' lecture --section gradient
expected <<'END'
function row_line(name, a, b, c, d)
{
    printf "%-22s %9.4f %9.4f %14.4f %9.4f\n", name, shown(a, 4), shown(b, 4), shown(c, 4), shown(d, 4)
}
BEGIN {
    for (row = 1; row <= 5; row++) {
        e = error(row, 2, 1)
        sign = (e > 0) - (e < 0)
        split(sign * x1[row] " " sign * x2[row] " " 2 * e * x1[row] " " 2 * e * x2[row], g)
        row_line("of row " row, g[1], g[2], g[3], g[4])
        for (k = 1; k <= 4; k++)
            mean[k] += g[k] / 5
    }
    row_line("mean of the rows'", mean[1], mean[2], mean[3], mean[4])
    row_line("of the mean loss", mean[1], mean[2], mean[3], mean[4])
}
END
difference=$(tail -n 1 out)
sed -i '$d' out
lines 'gradients of rows, their mean, that of the mean'
holds 'the two do not differ' sh -c 'echo "$1" | awk "{ exit !(/^greatest difference / && NF == 4 && \$3 <= 1e-15 && \$4 <= 1e-15) }"' sh "$difference"

# ---- The update ----
for seed in 0 7; do
    expect 0 '"section":"update"' lecture --section update --seed $seed --json
    start=$(sed 's/.*"step":0,"theta":\[\([^]]*\)\].*/\1/' out | tr , ' ')
    echo "$start" >>starts
    expect 0 '^The update: ' lecture --section update --seed $seed
    expected <<END
BEGIN {
    split("$start", t)
    for (step = 0; step <= 50; step++) {
        before[1] = t[1]; before[2] = t[2]
        descend()
        if (step <= 5 || step == 10 || step == 20 || step == 30 || step == 50)
            printf "%4d %11.6f %11.6f %13.6f %11.6f %13.6f\n", step, before[1], before[2], shown(g[1], 6), shown(g[2], 6), l2(before[1], before[2])
    }
    printf "\nThe normal equations X'X theta = X'y, solved at once (least squares), say:\n\n"
    printf "     %11.6f %11.6f\n", best[1], best[2]
}
END
    lines "steps with seed $seed"
done
holds 'another seed starts elsewhere' test "$(sort -u starts | wc -l)" -eq 2

# ---- The searches ----
# curve METHOD KEY: the numbers of that list; also theta.
curve() { sed "s/.*\"method\":\"$1\"[^}]*\"$2\":\\[\\([^]]*\\)\\].*/\\1/" searches.json | tr , ' '; }
counted() { sed "s/.*\"method\":\"$1\",\"evaluations\":\\([0-9]*\\),.*/\\1/" searches.json; }
for seed in 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19; do
    expect 0 '"section":"searches"' lecture --section searches --seed $seed --json
    cp out searches.json
    expect 0 '^Three searches ' lecture --section searches --seed $seed
    # The plot is drawn again from the curves; losses at theta are computed again; descent begins at its first point.
    expected <<END
function take(k, name, mark, count, theta, evaluations, losses)
{
    names[k] = name; marks[k] = mark; counts[k] = count
    split(theta, pair); theta1[k] = pair[1]; theta2[k] = pair[2]
    n[k] = split(evaluations, these)
    split(losses, those)
    for (i = 1; i <= n[k]; i++) { at[k, i] = these[i]; loss[k, i] = those[i] }
}
function height(value) { value -= least; return log((value > 1e-12 ? value : 1e-12) / 1e-12) / log(10 ^ power / 1e-12) }
BEGIN {
    take(1, "random search", "r", "$(counted 'random search')", "$(curve 'random search' theta)", "$(curve 'random search' curve_evaluations)", "$(curve 'random search' curve_loss)")
    take(2, "evolution", "e", "$(counted evolution)", "$(curve evolution theta)", "$(curve evolution curve_evaluations)", "$(curve evolution curve_loss)")
    take(3, "gradients", "g", "$(counted gradients)", "$(curve gradients theta)", "$(curve gradients curve_evaluations)", "$(curve gradients curve_loss)")
    for (k = 1; k <= 3; k++)
        first = loss[k, 1] > first ? loss[k, 1] : first
    for (power = -11; 10 ^ power < first - least; power++)
        ;
    print "          best L2 so far - least L2 (log scale; * several)"
    for (k = 1; k <= 3; k++)
        for (column = 0; column < 69; column++) {
            last = 0
            for (i = 1; i <= n[k] && at[k, i] <= 2000 ^ (column / 68); i++)
                last = i
            if (last) {
                row = int((1 - height(loss[k, last])) * 16 + 0.5)
                mark = (row, column) in cell ? "*" : marks[k] # before the assignment makes it
                cell[row, column] = mark
            }
        }
    for (row = 0; row <= 16; row++) {
        line = row % 8 ? sprintf("%8s |", "") : sprintf("%8s |", sprintf("%.0e", 1e-12 * (10 ^ power / 1e-12) ^ (1 - row / 16)))
        for (column = 0; column < 69; column++)
            line = line ((row, column) in cell ? cell[row, column] : " ")
        sub(/ +\$/, "", line)
        print line
    }
    printf "          1%68s\n\n", "2000 evaluations (log scale)"
    printf "%-14s %12s %11s %11s %11s %15s\n", "search", "evaluations", "theta1", "theta2", "L2", "above the least"
    for (k = 1; k <= 3; k++) {
        value = l2(theta1[k], theta2[k])
        printf "%-14s %12d %11.6f %11.6f %11.6f %15s\n", names[k], counts[k], theta1[k], theta2[k], value, \
            value - least < 1e-12 ? "< 1e-12" : sprintf("%.1e", value - least)
    }
    printf "%-14s %12s %11.6f %11.6f %11.6f\n", "least squares", "", best[1], best[2], least
}
END
    lines "plot and table with seed $seed"
    expect 0 '"section":"update"' lecture --section update --seed $seed --json
    start=$(sed 's/.*"step":0,"theta":\[\([^]]*\)\].*/\1/' out | tr , ' ')
    expected <<END
BEGIN {
    split("$start", t)
    n = split("$(curve gradients curve_evaluations)", at)
    split("$(curve gradients curve_loss)", loss)
    for (i = 1; i <= 10; i++) {
        if (at[i] != 2 * i || absolute(loss[i] - l2(t[1], t[2])) > 1e-12 * loss[i])
            print "gradients: point", i
        descend()
    }
    split("$(curve 'random search' theta) $(curve evolution theta) $(curve gradients theta)", theta)
    for (k = 1; k <= 6; k++)
        if (absolute(theta[k] - best[k % 2 ? 1 : 2]) > (k <= 2 ? 0.5 : 1e-6))
            print "theta", k, theta[k]
    $(for method in 'random search' evolution gradients; do
        echo "split(\"$(curve "$method" curve_evaluations)\", at); n = split(\"$(curve "$method" curve_loss)\", loss)"
        echo 'for (i = 2; i <= n; i++) if (loss[i] >= loss[i - 1] || at[i] <= at[i - 1] || at[i] > 2000) print "point", i'
    done)
}
END
    holds "curves fall, descent is descent, and all end at about (2, 1) with seed $seed" test ! -s words
done
if command -v gnuplot >/dev/null; then
    expect 0 '^least squares' lecture --section searches -o searches.svg
    holds 'the searches are drawn' sh -c 'for name in "random search" evolution gradients; do grep -q "$name: (" searches.svg || exit 1; done'
fi

# ---- The whole ----
expect 0 '^Three searches' lecture
holds 'it fits 79 columns' awk 'length > 79 { long = 1 } END { exit long }' out
holds 'and is ASCII' sh -c '! LC_ALL=C grep -q "[^ -~]" out'
cp out whole
sed -n '/^[$] blasgrad lecture$/,/^```$/p' "$BLASGRAD_TEST_DATA/../README.md" | grep -v -x -e '[$`.].*' >readme
holds 'the README has a part of it' test "$(wc -l <readme)" -ge 30
while IFS= read -r line; do
    holds "the README's \"$line\"" grep -q -x -F -e "$line" whole
done <readme
: >parts
for section in table predictions losses differentiability gradient update searches; do
    "$BLASGRAD" lecture --section $section >>parts
    [ $section = searches ] || printf '\n\n' >>parts
done
holds 'sections stand in order' cmp -s parts whole
expect 0 . lecture --threads 2
holds 'two threads make no difference' cmp -s out whole
expect 0 . lecture --json
holds 'an object a section' test "$(sed -n 's/^{"event":"section","section":"\([a-z]*\)",.*}$/\1/p' out | tr '\n' ' ')" = \
    'table predictions losses differentiability gradient update searches '
holds 'and no other line' test "$(wc -l <out)" -eq 7
expect 0 . lecture --section losses --section table
holds 'two sections, in their order' sh -c 'grep -n "^The table\|^Losses" out | tr "\n" " " | grep -q "^1:The table.* 1[0-9]:Losses"'

# ---- Mistakes ----
expect 2 'section "loss": one of table predictions losses differentiability gradient update searches' lecture --section loss
expect 2 'the name ends in .svg, .png or .pdf' lecture -o picture.txt
expect 2 'the section searches, which is not asked for' lecture --section table -o picture.svg
expect 2 'what is "losses"? A part is named with --section' lecture losses
expect 2 'seed "-1"' lecture --seed -1
if [ -w /dev/full ]; then
    "$BLASGRAD" lecture >/dev/full 2>err
    holds 'a full disk is an error' test $? -eq 1
fi

finish
