#!/bin/sh
# L-BFGS and Levenberg-Marquardt from the outside: whole batches, the end, resuming, options that are theirs or not.
. "${BLASGRAD_TEST_DATA:?the folder of the tests}/support/program.sh"

net='dense:6 tanh dense:1'
awk 'BEGIN { print "a,b,y"; for (i = 0; i < 60; i++) { a = sin(1.7 * i); b = cos(0.9 * i)
    printf "%.6f,%.6f,%.6f\n", a, b, sin(2 * a) * b + 0.05 * cos(31 * i) } }' >table.csv

# ---- Runs ----
for optimizer in lbfgs lm; do
    expect 0 '"ended_by":"convergence"' train --data lecture --optimizer $optimizer --json
    holds "$optimizer: w1" near "$(parameter 1)" 1.99670633 1e-5
    holds "$optimizer: in few steps" at_least 20 "$(field steps)"
    expect 0 'converged after [0-9]* steps' train --data lecture --optimizer $optimizer
    expect 0 '"event":"done"' train --data table.csv --model "$net" --optimizer $optimizer --json --epochs 40
    holds "$optimizer: a network" at_least 0.005 "$(field train_loss)"
    expect 0 '"batch":60,' train --data table.csv --model "$net" --optimizer $optimizer --json --epochs 2
    expect 0 '"epochs":3,"steps":3' train --data table.csv --model "$net" --optimizer $optimizer --json --steps 3
    expect 0 '"event":"done"' train --data table.csv --model "$net" --optimizer $optimizer --json --epochs 2 --batch 60
    expect 0 '"event":"done"' train --data table.csv --model "$net" --optimizer $optimizer --json --epochs 2 --batch 100
    expect 2 "--optimizer $optimizer takes all 60 examples a step, not 20; leave out --batch" train --data table.csv \
        --model "$net" --optimizer $optimizer --batch 20
    expect 0 'validation' train --data table.csv --model "$net" --optimizer $optimizer --validation-share 0.2 --epochs 5 \
        --dtype f64 --detect-anomaly --log-every 2
done
expect 0 'converged after 1 step$' train --data lecture --optimizer lm --damping 1e308
expect 0 '"damping":' train --data table.csv --model "$net" --optimizer lm --json --epochs 1
holds 'no learning rate' sh -c '! grep -q "\"lr\"" out'
expect 0 'accuracy 9[0-9]' train --data digits --optimizer lbfgs --epochs 20
expect 0 'done' train --data table.csv --loss huber --optimizer lbfgs --lr 0.5 --history 5 --schedule cosine --epochs 5 --json

# ---- What does not go together ----
expect 2 '--optimizer lm lowers sums of squares, which are the loss l2, not l1; lbfgs takes any' train --data lecture --loss l1 \
    --optimizer lm
expect 2 'are the loss l2, not cross_entropy' train --data digits --optimizer lm
expect 2 '--lr is nothing that --optimizer lm has' train --data lecture --optimizer lm --lr 1
expect 2 '--schedule is nothing that --optimizer lm has' train --data lecture --optimizer lm --schedule cosine
expect 2 '--history is nothing that --optimizer lm has' train --data lecture --optimizer lm --history 5
expect 2 '--damping is nothing that --optimizer lbfgs has' train --data lecture --optimizer lbfgs --damping 5
expect 2 '--damping is nothing that --optimizer sgd has' train --data lecture --damping 5
expect 2 '--history is nothing that --optimizer adam has' train --data lecture --optimizer adam --history 5
expect 2 '--history "0": a whole number' train --data lecture --optimizer lbfgs --history 0
expect 2 '--damping "-1": a number' train --data lecture --optimizer lm --damping=-1
for option in '--momentum 0.5' '--weight-decay 0.1' '--clip-norm 1' '--clip-value 1' '--accumulate 2' '--ema 0.9' '--swa 1' \
    --skip-nonfinite --no-vector-decay; do
    # shellcheck disable=SC2086
    expect 2 "${option%% *} is nothing that --optimizer lbfgs has" train --data lecture --optimizer lbfgs $option
done
awk 'BEGIN { print "a,y"; for (i = 0; i < 40000; i++) print i % 7 ",1" }' >long.csv
expect 1 'lm: the Jacobian of 40000 residuals by 8975 parameters.* takes .* GiB, more than max_bytes, 4 GiB' train --data long.csv \
    --model 'dense:128 tanh dense:64 tanh dense:7 dense:1' --optimizer lm
expect 2 'the steps of lm have no fixed cost .* blasgrad train --optimizer lm takes them' search --data lecture --method lm

# ---- Going on ----
for run in 'lm f64' 'lm f32' 'lbfgs f64' 'lbfgs f32'; do
    optimizer=${run% *}
    rm -rf whole cut
    # shellcheck disable=SC2086
    set -- train --data table.csv --model "$net" --optimizer $optimizer --dtype ${run#* }
    expect 0 done "$@" --epochs 12 --out whole --json
    expect 0 done "$@" --epochs 5 --out cut --json --threads 1
    expect 0 '"event":"resumed"' train --resume --out cut --epochs 12 --threads 3 --json
    holds "$run: resumed, the same file" cmp whole/best.safetensors cut/best.safetensors
    expect 0 '"steps":12' train --resume --out cut --json
    expect 0 "^optimizer  *$optimizer" info whole
done
expect 0 'converged' train --data lecture --optimizer lm --out short
expect 0 'converged after' train --resume --out short --epochs 5000
holds 'what converged takes no step more' test "$(grep -c '"event":"epoch"' short/log.jsonl)" -le 6
expect 2 '--damping 2: the run in short has 0.001' train --resume --out short --damping 2
holds 'config.json: damping' grep -q '"damping": 0.001' short/config.json
expect 0 done train --config short/config.json --out again --json
holds 'a configuration makes the same run' cmp short/best.safetensors again/best.safetensors

# A step ends before an interrupt does.
"$BLASGRAD" train --data digits --optimizer lbfgs --epochs 100000 --out stopped >out 2>err &
process=$!
while [ ! -e stopped/last.safetensors ] && kill -0 $process 2>/dev/null; do sleep 0.05; done
kill -INT $process
wait $process
holds 'interrupted: 130, or at its end' sh -c "[ $? -eq 130 ] || grep -q converged out"
expect 0 'accuracy' eval --checkpoint stopped/last.safetensors --data digits

finish
