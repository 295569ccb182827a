#!/bin/sh
# Attacks from the outside: tables, events, files, mistakes.
. "${BLASGRAD_TEST_DATA:?the folder of the tests}/support/program.sh"

# accuracy METHOD EPS: of the event of that attack.
accuracy() { sed -n "s/.*\"method\":\"$1\",\"norm\":\"[a-z0-9]*\",\"eps\":$2,\"accuracy\":\\([0-9.]*\\).*/\\1/p" out; }

expect 0 '"event":"done"' train --data digits --model "dense:32 relu dense:10" --lr 0.1 --epochs 10 --out run --json
clean=$(field test_accuracy)

# ---- Numbers ----
run=--checkpoint=run/best.safetensors
expect 0 '"event":"done"' attack $run --method noise,fgsm,bim,mi-fgsm,pgd,apgd,apgd-dlr,square --eps 0.1,0,0.2 --steps 20 --limit 200 --json
cp out first
holds 'eps stands in order' test "$(sed -n 's/.*"method":"pgd".*"eps":\([0-9.]*\),.*/\1/p' out | tr '\n' ' ')" = '0.0 0.10000000000000001 0.20000000000000001 '
for method in noise fgsm bim mi-fgsm pgd apgd apgd-dlr square worst; do
    holds "$method with eps 0 is the accuracy" near "$(accuracy $method 0.0)" "$(field clean_accuracy)" 0
    holds "the worst case is not above $method" at_least "$(accuracy $method 0.20000000000000001)" "$(accuracy worst 0.20000000000000001)"
done
holds 'steps do more than one step' at_least "$(accuracy fgsm 0.20000000000000001)" "$(accuracy pgd 0.20000000000000001)"
holds 'and more than noise' at_least "$(accuracy noise 0.20000000000000001)" "$(accuracy pgd 0.20000000000000001)"
holds 'the network is fooled' at_least 0.5 "$(accuracy pgd 0.20000000000000001)"
holds 'the box is said' grep -q '"examples":200,"lower":0.0,"upper":1.0,' out
holds 'nothing looks masked' grep -q '"warnings":\[\]' out
expect 0 '"event":"done"' attack $run --method noise,fgsm,bim,mi-fgsm,pgd,apgd,apgd-dlr,square --eps 0.1,0,0.2 --steps 20 --limit 200 --json --threads 2
holds 'two threads make no difference' cmp -s out first
expect 0 '"event":"done"' attack $run --eps 0 --json
holds 'the part is that of the test' near "$(field clean_accuracy)" "$clean" 1e-12
expect 0 '"event":"done"' attack $run --norm l2 --method pgd,deepfool,cw --eps 0.2,0.6,1.2 --steps 30 --limit 60 --json
holds 'what is said of a small eps is of it' at_least 0.20000000000000001 "$(sed -n 's/.*"method":"cw".*"eps":0.2[0-9]*,.*"max_norm":\([0-9.]*\).*/\1/p' out)"
holds 'and counts what is fooled by it' test "$(sed -n 's/.*"method":"cw".*"eps":0.2[0-9]*,.*"fooled":\([0-9]*\).*/\1/p' out)" -lt "$(sed -n 's/.*"method":"cw".*"eps":1.2,.*"fooled":\([0-9]*\).*/\1/p' out)"
holds 'the smallest perturbations count by eps' at_least "$(accuracy cw 0.20000000000000001)" "$(accuracy cw 1.2)"
expect 0 '^worst ' attack $run --norm l1 --eps 1 --limit 50
expect 0 'not answered as class 3, linf, inputs in 0 .. 1:$' attack $run --targeted 3 --method pgd --limit 50

# ---- Files ----
expect 0 '^worst' attack $run --method pgd --eps 0.2 --limit 40 --save adversarial.npy
holds 'the inputs are saved' test "$(head -c 128 adversarial.npy | tr -d '\0' | grep -c "'shape': (40, ")" = 1
if command -v gnuplot >/dev/null; then
    expect 0 '^worst' attack $run --method pgd --eps 0.1,0.2 --limit 40 -o curves.svg --examples examples.svg
    holds 'the curves are drawn' grep -q 'worst' curves.svg
    holds 'the examples are drawn' grep -q 'adversarial' examples.svg
    expect 0 '^worst' attack $run --method fgsm --targeted 3 --eps 0.1 --limit 60 --examples targeted.svg
    answers() { grep -o '>\(adversarial\|answer\)[^<]*' targeted.svg | grep -A 1 adversarial | grep answer; }
    holds 'with a target, what is drawn is answered as the target' test "$(answers | sort | uniq -c | tr -s ' ')" = ' 8 >answer 3'
    expect 1 'no example is fooled at eps 0' attack $run --method pgd --eps 0 --limit 5 --examples none.svg
    holds 'no picture is left there' test ! -e none.svg
fi

# ---- Inputs that the run scaled: eps is in their own units ----
awk 'BEGIN { print "a,b,class"; for (i = 0; i < 90; i++) { a = i * 37 % 90; b = i * 41 % 90 / 90; print a "," b "," (a / 90 + b > 0.9) } }' >table.csv
expect 0 . train --data table.csv --classes --scale standard --model dense:2 --lr 0.5 --epochs 20 --test-share 0.3 --out scaled --json
clean=$(field test_accuracy)
expect 0 '"event":"done"' attack --checkpoint scaled/best.safetensors --eps 0,0.001,9 --json
holds 'the network gets what it was trained on' near "$(field clean_accuracy)" "$clean" 1e-12
holds 'a thousandth of a unit does nothing' near "$(accuracy pgd 0.001)" "$clean" 0
# Scores that are large leave no gradient of the cross-entropy in f32: what starts at random does not find back.
holds 'that is said' grep -q '"warnings":\[{"text":"noise, the weaker attack, leaves 0.00 % at eps 9, but pgd' out
expect 0 'under attack, linf, no box:$' attack --checkpoint scaled --eps 0.1
expect 0 'under attack, l2, inputs in -3 .. inf:$' attack --checkpoint scaled --eps 0.1 --norm l2 --box -3:inf
expect 0 'the gradients may be masked' attack --checkpoint scaled/best.safetensors --eps 0.001,9
expect 0 '^pgd  *100.00  *0.00$' attack --checkpoint scaled/best.safetensors --method pgd --loss margin --eps 0.001,9

# The data may hold one class of the network's two.
grep -v ',1$' table.csv >zeros.csv
expect 0 'not answered as class 1' attack --checkpoint scaled --data zeros.csv --part train --targeted 1 --method pgd --eps 0.5
expect 1 'all examples of zeros.csv are of class 0' attack --checkpoint scaled --data zeros.csv --part train --targeted 0
expect 2 'targeted 2: the classes are 0 .. 1' attack --checkpoint scaled --data zeros.csv --part train --targeted 2

# ---- In a terminal ----
if has_terminal; then
    : >err
    script -qec "stty cols 60; '$BLASGRAD' attack $run --limit 40 --method square --eps 0,0.01,0.02,0.03,0.04,0.05,0.06" \
        /dev/null </dev/null 2>err | tr -s '\r' '\n' >out
    holds 'a bar' grep -q '^square, eps 0\.0[1-6] \[[#.]*\] 0/40 examples$' out
    holds 'the table is as wide as the terminal' test "$(grep -c '^eps ' out)" = 2
    holds 'and no line wider' awk 'length > 60 { wide = 1 } END { exit wide }' out
fi

# ---- Gradients that are masked: each warning where they are, and none where they are not ----
masked() { # MODEL RATE: a network for the table of two features
    rm -rf masked
    expect 0 . train --data table.csv --classes --scale standard --model "$1" --lr $2 --epochs 20 --test-share 0.3 --out masked
    expect 0 '^worst' attack --checkpoint masked --part train --eps 0.01,0.1,2,9 --method noise,square,fgsm,pgd,deepfool
}
says() { holds "$1" grep -Eq "^warning: $2" out; }
masked 'dense:2' 0.02
holds 'a plain network brings no warning' test "$(grep -c '^warning' out)" = 0
masked 'dense:2' 1000000
says 'saturated: room does nothing' 'fgsm leaves [0-9.]+ % at eps 0.01, and no less at 9: these are small, or the gradients are masked$'
says 'saturated: noise beats PGD' 'noise, the weaker attack, leaves [0-9.]+ % at eps [29], but pgd'
says 'saturated: a search without gradients beats PGD' 'square, the weaker attack, leaves [0-9.]+ % at eps [29], but pgd'
holds 'DeepFool needs no cross-entropy' test "$(grep -c '^warning: .*deepfool' out)" = 0
holds 'a pair has one warning' test "$(grep -c '^warning: noise.*pgd' out)" = 1
masked 'dense:8 hardtanh dense:2' 200
says 'steps: room does nothing to FGSM' 'fgsm leaves [0-9.]+ % at eps 0.01, and no less at 9'
says 'steps: noise beats FGSM' 'noise, the weaker attack, leaves [0-9.]+ % at eps [29], but fgsm'
says 'steps: noise beats PGD' 'noise, the weaker attack, leaves [0-9.]+ % at eps [29], but pgd'
says 'steps: noise beats DeepFool' 'noise, the weaker attack, leaves [0-9.]+ % at eps [29], but deepfool'
expect 0 . train --data digits --model "dense:32 hardsigmoid dense:10" --lr 50 --epochs 2 --out dead
expect 0 '^warning: the network answers every example as class [0-9]: it tells nothing apart$' attack --checkpoint dead --limit 50
holds 'no other warning' test "$(grep -c '^warning' out)" = 1
expect 0 '^worst' attack --checkpoint scaled --part train --eps 2,9 --method pgd
says 'more room does less' 'pgd leaves [0-9.]+ % at eps 9, but [0-9.]+ % at 2: more room does less; the gradients may be masked$'
expect 0 '^worst' attack --checkpoint masked --part train --eps 0,9 --method fgsm
holds 'eps 0 is no room to compare with' test "$(grep -c '^warning' out)" = 0

# ---- Mistakes ----
expect 2 'eps "-1"' attack $run --eps -1
expect 2 'twice' attack $run --eps 1,1
expect 2 'words with commas' attack $run --method ,
expect 2 'no attack "magic", only fgsm' attack $run --method magic
expect 2 'pgd stands there twice' attack $run --method pgd,pgd
expect 2 'steps "0"' attack $run --steps 0
expect 2 'no form for the norm linf' attack $run --method cw
expect 2 'no form with a target' attack $run --method deepfool --targeted 1
expect 2 'the classes are 0 .. 9' attack $run --targeted 10
expect 2 'two numbers, the lower first' attack $run --box 1:0
expect 2 'inputs outside of it' attack $run --box 0.2:0.5
expect 2 'steps: none of the attacks takes it' attack $run --method fgsm,noise --steps 3
expect 2 'step-size: none of the attacks takes it' attack $run --method fgsm,apgd --step-size 0.1
expect 2 'restarts: none of the attacks takes it' attack $run --method fgsm,bim,deepfool --restarts 2
expect 2 'loss: none of the attacks takes it' attack $run --method apgd,square --loss margin
expect 2 'apgd-dlr: the loss dlr needs 3 classes or more, the network has 2' attack --checkpoint scaled --method pgd,apgd-dlr --json
holds 'before any work' test ! -s out
expect 2 'pgd: the loss dlr needs 4 classes or more, the network has 2' attack --checkpoint scaled --method pgd --loss dlr --targeted 1
expect 2 'ends in .svg' attack $run -o picture.txt
expect 2 'ends in .npy' attack $run --save inputs.csv
for option in save=no/x.npy output=no/x.svg examples=no/x.png; do
    expect 1 "^blasgrad: --${option%=*} ${option#*=}: No such file or directory" attack $run --limit 5 --$option
    holds 'before any work' sh -c '! grep "^eps" out'
done
expect 2 'no images' attack --checkpoint scaled/best.safetensors --examples x.svg
expect 2 'nothing is held out' attack $run --part validation
expect 2 'checkpoint' attack
expect 1 'no-such-file' attack --checkpoint no-such-file
expect 0 . train --data lecture --model dense:1 --loss l2 --epochs 1 --out line
expect 2 'it needs a network of classes' attack --checkpoint line/best.safetensors

# ---- Pipes and signals ----
"$BLASGRAD" attack $run --eps 0.1 2>err | head -n 1 >out
holds 'a closed pipe is no reason for a message' test ! -s err
"$BLASGRAD" attack $run --norm l2 --method cw --steps 100000 >out 2>err &
sleep 1
kill -INT $!
wait $!
holds 'an interrupt ends it' test $? -eq 130

finish
