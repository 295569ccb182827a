#!/bin/sh
# Certificates from the outside: tables, events, mistakes.
. "${BLASGRAD_TEST_DATA:?the folder of the tests}/support/program.sh"

# certified EPS: the accuracy in the event of that eps.
certified() { sed -n "s/.*\"eps\":$1,\"certified_accuracy\":\\([0-9.]*\\).*/\\1/p" out; }
# attacked EPS: the accuracy that PGD leaves.
attacked() { sed -n "s/.*\"method\":\"pgd\".*\"eps\":$1,\"accuracy\":\\([0-9.]*\\).*/\\1/p" out; }

expect 0 '"event":"done"' train --data digits --model "dense:32 relu dense:10" --lr 0.1 --epochs 10 --out run --json
clean=$(field test_accuracy)
run=--checkpoint=run/best.safetensors

# ---- Intervals ----
expect 0 '"event":"done"' certify $run --eps 0.03125,0,0.0078125 --json
cp out first
holds 'eps stands in order' test "$(sed -n 's/.*"eps":\([0-9.]*\),.*/\1/p' out | tr '\n' ' ')" = '0.0 0.0078125 0.03125 '
holds 'the part is that of the test' near "$(field clean_accuracy)" "$clean" 1e-12
holds 'nothing but rounding is lost with eps 0' at_least "$(certified 0.0)" 0.9
holds 'more room, fewer certificates' at_least "$(certified 0.0078125)" "$(certified 0.03125)"
holds 'a small eps is certified' at_least "$(certified 0.0078125)" 0.5
small=$(certified 0.0078125) large=$(certified 0.03125)
expect 0 '"event":"done"' attack $run --method pgd --eps 0.0078125,0.03125 --json
holds 'an attack leaves no less' at_least "$(attacked 0.0078125)" "$small"
holds 'nor with more room' at_least "$(attacked 0.03125)" "$large"
expect 0 '"event":"done"' certify $run --eps 0.03125,0,0.0078125 --json --threads 2
holds 'two threads make no difference' cmp -s out first
expect 0 '"event":"done"' certify $run --eps 0.03125 --box none --json
holds 'more room without a box' at_least "$large" "$(certified 0.03125)"
expect 0 '^test: 5 examples, accuracy' certify $run --limit 5 --batch 2
expect 0 '^eps  *0.001  *0.01  *0.1$' certify $run --limit 5
expect 0 '^certified  *[0-9.]*$' certify $run --eps 0.01

# ---- Smoothing ----
smooth="certify $run --method smoothing --sigma 0.25 --samples 500 --limit 40"
expect 0 '"event":"done"' $smooth --eps 0,0.125,2 --json
cp out first
holds 'the accuracy is that of radius 0' near "$(field accuracy)" "$(certified 0.0)" 1e-12
holds 'it is no bad one' at_least "$(certified 0.0)" 0.7
holds 'a larger radius, fewer certificates' at_least "$(certified 0.0)" "$(certified 0.125)"
holds 'some are certified' at_least "$(certified 0.125)" 0.3
holds 'no radius is larger than the samples can tell' near "$(certified 2.0)" 0 0
holds 'all are asked as often' near "$(field queries)" 600 0
expect 0 '"event":"done"' $smooth --eps 0,0.125,2 --json --threads 2 --batch 128
holds 'two threads make no difference to it' cmp -s out first
expect 0 'accuracy under noise' $smooth
expect 0 '"abstained":40' certify $run --method smoothing --samples 9 --limit 40 --json

# ---- Inputs that the run scaled: eps is in their own units ----
awk 'BEGIN { print "a,b,class"; for (i = 0; i < 90; i++) { a = i * 37 % 90; b = i * 41 % 90 / 90; print a "," b "," (a / 90 + b > 0.9) } }' >table.csv
expect 0 . train --data table.csv --classes --scale standard --model dense:2 --lr 0.5 --epochs 20 --test-share 0.3 --out scaled --json
clean=$(field test_accuracy)
expect 0 '"event":"done"' certify --checkpoint scaled --eps 0.0001220703125,9 --json
holds 'the network gets what it was trained on' near "$(field clean_accuracy)" "$clean" 1e-12
holds 'very little does nothing' near "$(certified 0.0001220703125)" "$clean" 0
holds 'much does all' near "$(certified 9.0)" 0 0

# ---- Mistakes ----
expect 2 'eps "-1"' certify $run --eps -1
expect 2 'twice' certify $run --eps 1,1
expect 2 'words with commas' certify $run --eps 1,,2
expect 2 'method "magic"' certify $run --method magic
expect 2 'sigma "0"' certify $run --method smoothing --sigma 0
expect 2 'alpha "1"' certify $run --method smoothing --alpha 1
expect 2 'samples "0"' certify $run --method smoothing --samples 0
expect 2 '--sigma: the method interval does not take it' certify $run --sigma 1
expect 2 '--box: the method smoothing does not take it' certify $run --method smoothing --box 0:1
expect 2 'inputs outside of it' certify $run --box 0.2:0.5
expect 2 'nothing is held out' certify $run --part validation
expect 2 'checkpoint' certify
expect 1 'no-such-file' certify --checkpoint no-such-file
expect 0 . train --data lecture --model dense:1 --loss l2 --epochs 1 --out line
expect 2 'certify: it needs a network of classes' certify --checkpoint line/best.safetensors
expect 0 . train --data digits --model "dense:8 layer_norm dense:10" --epochs 1 --out norm
expect 1 'interval_bounds: .*its part' certify --checkpoint norm
expect 0 'accuracy under noise' certify --checkpoint norm --method smoothing --samples 100 --limit 3

# ---- In a terminal ----
if has_terminal; then
    script -qec "stty cols 60; '$BLASGRAD' $smooth --samples 5000 --limit 300 --json" /dev/null </dev/null >raw 2>/dev/null
    holds 'a bar' grep -q 'smoothing \[[#.]*\] [0-9]*/300 examples' raw
    holds 'it is gone before anything else is said' sh -c '! grep "examples{" raw'
fi

# ---- Pipes and signals ----
"$BLASGRAD" certify $run --json 2>err | head -n 1 >out
holds 'a closed pipe is no reason for a message' test ! -s err
"$BLASGRAD" certify $run --method smoothing --samples 100000000 >out 2>err &
sleep 1
kill -INT $!
wait $!
holds 'an interrupt ends it' test $? -eq 130

finish
