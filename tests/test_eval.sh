#!/bin/sh
# The metrics that eval shows, against what awk makes of the outputs that predict writes.
. "${BLASGRAD_TEST_DATA:?the folder of the tests}/support/program.sh"

# has FIELD VALUE: a number of the last event, before its lists.
has() { holds "$1 is $2" near "$(sed 's/,"classes".*//; s/,"targets".*//' out | sed -n "s/.*\"$1\":\\([-0-9.e+]*\\).*/\\1/p")" "$2" 1e-12; }
# of MEAN FIELD VALUE: the same in an object.
of() { holds "$1 $2 is $3" near "$(sed -n "s/.*\"$1\":{[^}]*\"$2\":\\([-0-9.e+]*\\).*/\\1/p" out)" "$3" 1e-12; }

# ---- Classes: of four, none is 2 ----
awk 'BEGIN {
    print "a,b,class"
    for (i = 0; i < 90; i++) {
        a = i * 37 % 90 / 90; b = i * 41 % 90 / 90
        print a "," b "," (i % 11 == 0 ? 1 : a > 0.7 ? 3 : a + b > 0.9 ? 1 : 0)
    }
}' >four.csv
expect 0 '"event":"done"' train --data four.csv --classes --model dense:4 --lr 0.5 --epochs 20 --threads 1 --json --out four
expect 0 '"checkpoint":"four/best.safetensors"' eval --checkpoint four/ --json
mkdir none
expect 1 '--checkpoint none: a directory that holds neither best.safetensors nor last.safetensors' eval --checkpoint none
expect 0 '^example,class,score0' predict --checkpoint four/best.safetensors
cp out four.scores
# Scores beside classes: what is right, and the counts of each pair.
paste -d , four.scores four.csv | awk -F , 'NR > 1 {
    n++; right += $2 == $NF; pair[$NF, $2]++; support[$NF]++; answers[$2]++
    above = 0
    for (j = 3; j <= 6; j++) above += $j > $(3 + $NF)
    near += above < 2
    for (i = 0; i < 4; i++) {
        others = 0
        for (j = 0; j < 4; j++) if (j != i) others += exp($(3 + j))
        odds[NR, i] = $(3 + i) - log(others)
    }
    class[NR] = $NF
}
END {
    printf "accuracy=%.17g near=%.17g\n", right / n, near / n
    for (j = 0; j < 4; j++) {
        p = answers[j] ? pair[j, j] / answers[j] : 0; r = support[j] ? pair[j, j] / support[j] : 0
        f = answers[j] + support[j] ? 2 * pair[j, j] / (answers[j] + support[j]) : 0
        P += p / 4; R += r / 4; F += f / 4; wf += f * support[j] / n
        matrix = matrix (j ? ",[" : "[")
        for (i = 0; i < 4; i++) matrix = matrix (i ? "," : "") pair[j, i] + 0
        matrix = matrix "]"
        pairs = won = 0
        for (a = 2; a <= n + 1; a++) for (b = 2; b <= n + 1; b++) if (class[a] == j && class[b] != j) {
            pairs++; won += odds[a, j] > odds[b, j] ? 1 : odds[a, j] == odds[b, j] ? 0.5 : 0
        }
        if (pairs) { curves++; area += won / pairs }
    }
    printf "precision=%.17g recall=%.17g f1=%.17g weighted=%.17g area=%.17g matrix=%s\n", P, R, F, wf, area / curves, matrix
}' >four.expected
# shellcheck disable=SC1090
eval "$(cat four.expected)"
expect 0 '"event":"eval"' eval --checkpoint four/best.safetensors --json --top-k 2 --roc-auc --confusion
has accuracy "$accuracy"
has top_k 2
has top_k_accuracy "$near"
has roc_auc "$area"
has nan_rows 0
of macro precision "$precision"
of macro recall "$recall"
of macro f1 "$f1"
of weighted recall "$accuracy"
of weighted f1 "$weighted"
holds 'the matrix' grep -qF "\"confusion\":[$matrix]" out
holds 'a class without examples' grep -q '{"class":"2","precision":0.0,"recall":0.0,"f1":0.0,"support":0,"predicted":0,"roc_auc":null}' out
cp out one
expect 0 '"event":"eval"' eval --checkpoint four/best.safetensors --json --top-k 2 --roc-auc --confusion --threads 3
holds 'three threads give the same' cmp -s out one
expect 0 '"event":"eval"' eval --checkpoint four/best.safetensors --json
holds 'only what is asked for' sh -c '! grep -q "confusion\|roc_auc\|top_k" out'
expect 0 "^all: 90 examples, loss .*, accuracy $(awk "BEGIN { printf \"%.2f\", 100 * $accuracy }") %$" \
    eval --checkpoint four/best.safetensors --top-k 2 --roc-auc --confusion
holds 'top 2' grep -qx "top 2 accuracy $(awk "BEGIN { printf \"%.2f\", 100 * $near }") %" out
holds 'a head' grep -qx 'class     precision  recall      f1  roc auc  support' out
holds 'a class without a curve' grep -qx '2            0.0000  0.0000  0.0000        -        0' out
holds 'means' grep -qx "macro   $(awk "BEGIN { printf \"%11.4f%8.4f%8.4f%9.4f\", $precision, $recall, $f1, $area }")       90" out
holds 'what is not defined' grep -qx 'without examples, recall 0: 1 of 4 classes' out
holds 'a matrix of lines' sh -c 'grep -A 3 "^   *0  *1  *2  *3$" out | grep -q "^2  *\\.  *\\.  *\\.  *\\.$"'
expect 0 '"part":"test","examples":18' eval --checkpoint four/best.safetensors --test-share 0.2 --json
expect 0 '"part":"all","examples":90' eval --checkpoint four/best.safetensors --test-share 0.2 --part all --json --roc-auc
has accuracy "$accuracy"
has roc_auc "$area"
of macro f1 "$f1"

# ---- Classes with names ----
awk 'BEGIN { print "a,kind"; for (i = 0; i < 40; i++) print i % 2 ? "-1,Äpfel" : "1,a name that is too long" }' >names.csv
expect 0 '"event":"done"' train --data names.csv --classes --model dense:2 --lr 0.5 --epochs 20 --threads 1 --json --out names
expect 0 '^class  *precision' eval --checkpoint names/best.safetensors --confusion
holds 'a name of 2 bytes in one column' grep -qx 'Äpfel \{16\}1.0000  1.0000  1.0000       20' out
holds 'a long one is cut' grep -qx 'a name that is t     1.0000  1.0000  1.0000       20' out
holds 'names over the matrix' grep -q '^Äpfel  .* 20' out
expect 0 '"class":"a name that is too long"' eval --checkpoint names/best.safetensors --json

# ---- Terminals ----
if has_terminal; then
    on_terminal()
    {
        script -qec "stty cols $1; exec '$BLASGRAD' eval --checkpoint $2 --confusion --roc-auc" /dev/null </dev/null |
            tr -d '\r' >out
    }
    on_terminal 79 four/best.safetensors
    holds 'a wide terminal has all digits' grep -qx 'class     precision  recall      f1  roc auc  support' out
    on_terminal 40 four/best.safetensors
    holds 'a narrow one short heads' grep -qx 'class     prec   rec    f1   auc  n' out
    expect 0 '"event":"done"' train --data digits --model dense:10 --epochs 1 --threads 1 --json --out digits
    on_terminal 24 digits/best.safetensors
    holds 'a matrix in parts' grep -qx '   0  1  2  3  4  5  6' out
    holds 'the rest below' grep -qx '   7  8  9' out
fi

# ---- Two classes by a threshold ----
awk 'BEGIN {
    print "a,b,y"
    for (i = 0; i < 60; i++) { a = i * 37 % 60 / 60; b = i * 17 % 60 / 60; print a "," b "," (a + b > 1.1) }
}' >two.csv
expect 0 '"event":"done"' train --data two.csv --model dense:1 --loss bce_with_logits --lr 0.5 --epochs 10 --threads 1 --json \
    --out two
expect 0 '^example,' predict --checkpoint two/best.safetensors
two=$(paste -d , out two.csv | awk -F , 'NR > 1 { n++; right += ($2 > 0) == $NF } END { printf "%.17g", right / n }')
expect 0 '"event":"eval"' eval --checkpoint two/best.safetensors --json --roc-auc --confusion
has accuracy "$two"
of weighted recall "$two"
holds 'two rows' grep -q '"confusion":\[\[[0-9]*,[0-9]*\],\[[0-9]*,[0-9]*\]\]' out
expect 2 '--top-k is for more than two classes' eval --checkpoint two/best.safetensors --top-k 1
sed 's/,1$/,0.5/' two.csv >shares.csv
expect 0 'all: 60 examples, loss [0-9.]*$' eval --checkpoint two/best.safetensors --data shares.csv
expect 2 '--confusion is for classes; the targets of shares.csv with the loss bce_with_logits are not' \
    eval --checkpoint two/best.safetensors --data shares.csv --confusion

# ---- Numbers ----
expect 0 '"event":"done"' train --data lecture --model dense:1:nobias --loss l2 --lr 0.02 --epochs 50 --threads 1 --json \
    --out lecture
expect 0 '^example,' predict --checkpoint lecture/best.safetensors
awk -F , 'BEGIN { split("4 0 3 8 -3.8", y, " ") }
    NR > 1 { d = $2 - y[NR - 1]; a += d < 0 ? -d : d; s += d * d }
    END {
        for (i = 1; i <= 5; i++) m += y[i] / 5
        for (i = 1; i <= 5; i++) v += (y[i] - m) ^ 2
        printf "mae=%.17g rmse=%.17g r2=%.17g\n", a / 5, sqrt(s / 5), 1 - s / v
    }' out >lecture.expected
# shellcheck disable=SC1090
eval "$(cat lecture.expected)"
expect 0 '"event":"eval"' eval --checkpoint lecture/best.safetensors --json
has mae "$mae"
has rmse "$rmse"
has r2 "$r2"
holds 'a list of targets' grep -q '"targets":\[{"mae":[^]]*}\]' out
expect 0 '^target  *mae  *rmse  *r2$' eval --checkpoint lecture/best.safetensors
holds 'its line' grep -qx "0     $(awk "BEGIN { printf \" %11.5g %11.5g %8.4f\", $mae, $rmse, $r2 }")" out
expect 2 '--roc-auc is for classes; the targets of lecture' eval --checkpoint lecture/best.safetensors --roc-auc
expect 2 '--top-k is for more than two classes; the loss is l2' eval --checkpoint lecture/best.safetensors --top-k 2
expect 2 '--top-k "0": a whole number, 1 or more' eval --checkpoint lecture/best.safetensors --top-k 0

# ---- Losses and data without a table ----
expect 0 '"event":"done"' train --data lecture --model dense:1 --loss poisson_nll --lr 0.001 --epochs 1 --json --out rates
expect 0 'all: 5 examples, loss [-0-9.]*$' eval --checkpoint rates/best.safetensors
holds 'one line' test "$(wc -l <out)" -eq 1
awk 'BEGIN { for (i = 0; i < 60; i++) printf "the fox is %d. ", i }' >fox.txt
expect 0 '"event":"done"' train --data fox.txt --context 8 --model char-lstm --epochs 1 --json --out fox
expect 0 '^weighted ' eval --checkpoint fox/best.safetensors
holds 'no line for each character' test "$(wc -l <out)" -lt 8
finish
