#!/bin/sh
# Search from the outside: methods with one budget, comparisons, files, interrupts, mistakes.
. "${BLASGRAD_TEST_DATA:?the folder of the tests}/support/program.sh"

# event METHOD KEY: a number of the first run of a method.
event() { sed -n "s/.*\"event\":\"run\",\"method\":\"$1\".*\"$2\":\\([-0-9.e+]*\\).*/\\1/p" out | head -n 1; }
# row METHOD BUDGET KEY: of the comparison.
row() { sed -n "s/.*\"event\":\"comparison\",\"method\":\"$1\",\"[a-z]*\":$2,.*\"$3\":\\([-0-9.e+]*\\).*/\\1/p" out; }
# loss_at I: the place on the curve of the first run, from 1 to 61.
loss_at() { sed -n 's/.*"losses":\[\(.*\)\].*/\1/p' out | head -n 1 | cut -d , -f "$1"; }
# Seeds of a method.
runs() { grep -c "\"event\":\"run\",\"method\":\"$1\"" out; }

# ---- The lecture ----
least=0.18486132
for method in es-1+1 es cmaes sep-cmaes de pso sgd lstsq; do
    expect 0 '"event":"done"' search --data lecture --method $method --budget evaluations:5000 --json
    holds "$method finds the least loss" near "$(field loss)" "$least" 2e-4
    holds "$method finds the parameters" near "$(parameter 1)" 1.99670633 0.02
done
holds 'the closed form is exact' near "$(parameter 2)" 0.984556573 1e-8
for method in random openai-es spsa adam; do
    expect 0 '"event":"done"' search --data lecture --method $method --budget evaluations:3000 --json
    holds "$method does better than its start" at_least 7 "$(field loss)"
done

# ---- The budget ----
expect 0 . search --data lecture --method sgd --budget evaluations:100 --json
holds 'a gradient counts as three losses' near "$(event sgd evaluations)" 99 0
holds 'in 33 steps' near "$(event sgd steps)" 33 0
holds 'of exact operations' near "$(event sgd flops)" 1320 0
expect 0 . search --data lecture --method cmaes --population 7 --budget evaluations:100 --json
holds 'no generation begins that would go beyond' near "$(event cmaes evaluations)" 98 0
expect 0 . search --data lecture --method cmaes --population 7 --budget flops:1000 --json
holds 'as many losses as the operations are enough for' near "$(event cmaes evaluations)" 49 0
holds 'each of 20 operations' near "$(event cmaes flops)" 980 0
expect 0 . search --data lecture --method random --budget seconds:0.2 --json
holds 'seconds end it' at_least 2 "$(event random seconds)"
holds 'and not before' at_least "$(event random seconds)" 0.2
expect 0 . search --data lecture --method sgd --batch 2 --budget evaluations:90 --json
holds 'three batches of five examples are two and a half' near "$(event sgd steps)" 36 0
expect 2 'a step of sgd takes 3' search --data lecture --method sgd --budget evaluations:2
for method in random sgd 'openai-es --batch 3'; do
    expect 0 . search --data lecture --method $method --budget seconds:0.2 --json
    holds "with $method seconds tell losses on the way" at_least 5 "$(loss_at 41)"
done
expect 2 'the first generation of cmaes takes 6' search --data lecture --budget evaluations:5
expect 2 'the solution of lstsq takes 40' search --data lecture --method lstsq --budget flops:39

expect 0 '"reason":"the loss became infinite or NaN"' search --data lecture --method sgd --lr 1e4 --budget evaluations:900 --json
holds 'what was found before that counts' at_least 60 "$(field loss)"

expect 2 'the first generation of es takes 24' search --data lecture --compare de,es --budget evaluations:20
holds 'before any work' test ! -s out

# ---- Comparisons ----
expect 0 '"event":"done"' search --data lecture --compare random,es,cmaes,sgd --seeds 5 --budget evaluations:1000 --json
for method in random es cmaes sgd; do
    holds "$method has five seeds" test "$(runs $method)" = 5
    holds "$method does not get worse" at_least "$(row $method 10.0 median)" "$(row $method 1000.0 median)"
    holds "the quartiles of $method are in order" at_least "$(row $method 100.0 quartile_3)" "$(row $method 100.0 quartile_1)"
done
holds 'the quartiles are those of five numbers' test "$(sed -n 's/.*"method":"random".*"loss":\([0-9.]*\),.*/\1/p' out | sort -g | sed -n '2p;3p;4p' | tr '\n' ' ')" = \
    "$(row random 1000.0 quartile_1) $(row random 1000.0 median) $(row random 1000.0 quartile_3) "
expect 0 '^ *1000  cmaes  ' search --data lecture --compare random,cmaes --seeds 2 --budget evaluations:1000
holds 'the table has each method' test "$(grep -c '^ *10  ' out)" = 2

# ---- Files ----
net='dense:16 relu dense:10'
expect 0 '"event":"done"' search --data digits --model "$net" --compare sep-cmaes,de,sgd --sigma 0.1 --population 20 --seeds 2 --budget evaluations:200 --out found --json
loss=$(field test_loss) accuracy=$(field test_accuracy)
holds 'the log is what was said' cmp -s out found/log.jsonl
expect 0 . eval --checkpoint found/best.safetensors --json
holds 'eval finds the same loss' near "$(field loss)" "$loss" 1e-12
holds 'and accuracy' near "$(field accuracy)" "$accuracy" 0
holds 'predict takes it' "$BLASGRAD" predict --checkpoint found --output found.csv
holds 'of each example' test "$(wc -l <found.csv)" -ge 359
expect 1 'holds a run already (best.safetensors); choose another directory' search --data lecture --out found
expect 1 'holds a run already (best.safetensors); choose another directory' train --data digits --out found
expect 1 'without last or previous.safetensors to go on from' train --data digits --out found --resume
mkdir begun killed
echo '{"event":"start","data":"lecture"}' >begun/log.jsonl
{ cat begun/log.jsonl && echo '{"event":"run","method":"es"}'; } >killed/log.jsonl
expect 0 . search --data lecture --budget evaluations:60 --out begun
expect 1 'holds a run already (log.jsonl); choose another directory' search --data lecture --out killed
holds 'the results of a search that was killed stay' test "$(wc -l <killed/log.jsonl)" = 2
for threads in 1 2 3 4; do
    expect 0 . search --data digits --model "$net" --compare sep-cmaes,de,sgd --sigma 0.1 --population 20 --seeds 2 --batch 100 --budget evaluations:200 --out by$threads --threads $threads
    holds "$threads threads find the same" cmp -s by1/best.safetensors by$threads/best.safetensors
done
expect 0 . search --data digits --model "$net" --method sep-cmaes --sigma 0.1 --batch 100 --budget evaluations:60 --seed 1 --out seed1
expect 0 . search --data digits --model "$net" --method sep-cmaes --sigma 0.1 --batch 100 --budget evaluations:60 --seed 2 --out seed2
holds 'another seed finds something else' sh -c '! cmp -s seed1/best.safetensors seed2/best.safetensors'
expect 0 . search --data digits --model 'unflatten:1x8x8 conv:2:3x3:stride=2 relu dense:10' --method es --sigma 0.1 --budget evaluations:200
awk 'BEGIN { print "a,b,y"; for (i = 0; i < 40; i++) { a = i * 37 % 40; b = i * 13 % 40; print a "," b "," 3 * a - b + 7 } }' >table.csv
expect 0 '"event":"done"' search --data table.csv --scale standard --test-share 0.25 --dtype f64 --budget evaluations:3000 --json --out table
holds 'a table whose inputs are scaled' at_least 1e-6 "$(field test_loss)"
expect 0 . search --data lecture --bounds -1:1.5 --budget evaluations:500 --json
holds 'bounds hold' near "$(parameter 1)" 1.5 1e-6
expect 0 . search --data lecture --bounds 5:6 --budget evaluations:500 --json
holds 'for the start too' at_least "$(parameter 2)" 5
expect 1 'no loss of de with seed 0 is a finite number' search --data lecture --compare sgd,de --seeds 1 --bounds 1e200:2e200 --out failed --json
expect 0 . eval --checkpoint failed --json
holds 'what was found before a failure is there' near "$(field loss)" "$least" 1e-3
if command -v gnuplot >/dev/null; then
    expect 0 . search --data lecture --compare random,cmaes --seeds 3 --budget evaluations:300 --plot --out drawn
    holds 'the picture is in the directory' grep -q cmaes drawn/search.svg
    expect 0 . search --data lecture --compare random,cmaes --seeds 3 --budget evaluations:300 -o own.svg
    holds 'or has a name of its own' grep -q evaluations own.svg
fi

# ---- Interrupts ----
for signal in INT TERM; do
    "$BLASGRAD" search --data digits --model "$net" --compare sgd,es --sigma 0.1 --budget evaluations:10000000 --out "stopped$signal" >out 2>err &
    pid=$!
    sleep 1
    kill -$signal $pid
    wait $pid
    code=$?
    holds "SIG$signal ends it" test $code = "$([ $signal = INT ] && echo 130 || echo 143)"
    holds 'which is said' grep -q "interrupted; what was found is in stopped$signal" err
    holds 'and logged' grep -q '"event":"interrupted"' "stopped$signal/log.jsonl"
    expect 0 . eval --checkpoint "stopped$signal"
    cp "stopped$signal/log.jsonl" out
    holds 'the run has no losses for what it did not spend' test "$(loss_at 60) $(loss_at 61)" = 'null null'
    holds 'nor the comparison' test "$(row sgd 10000000.0 median)" = ''
done

# ---- Mistakes ----
expect 2 'population "0"' search --data lecture --population 0
expect 2 'de: a population of 2, it must be at least 4' search --data lecture --method de --population 2
expect 2 'no method "magic"; there are: random, .* no optimizer "magic", only sgd, .* lstsq' search --data lecture --method magic
expect 2 'cmaes stands there twice' search --data lecture --compare cmaes,cmaes
expect 2 'names of methods with commas' search --data lecture --compare cmaes,
expect 2 'budget "evaluations:0"' search --data lecture --budget evaluations:0
expect 2 'budget "evaluations:2.5"' search --data lecture --budget evaluations:2.5
expect 2 'budget "steps:5"' search --data lecture --budget steps:5
expect 2 'budget "5"' search --data lecture --budget 5
expect 2 'bounds "2:1"' search --data lecture --bounds 2:1
expect 2 'sigma "0": a number above 0' search --data lecture --sigma 0
expect 2 'lr is for methods with gradient steps' search --data lecture --lr 0.1
expect 2 'momentum is for sgd' search --data lecture --method adam --momentum 0.1
expect 2 'sigma is for methods without gradients' search --data lecture --method sgd --sigma 0.1
expect 2 'population is for methods without gradients' search --data lecture --method sgd --population 8
expect 2 'population is for methods without gradients other than es-1+1' search --data lecture --method es-1+1 --population 8
expect 0 '"event":"done"' search --data lecture --compare es-1+1,es --seeds 1 --population 8 --budget evaluations:100 --json
expect 2 'sigma is for methods that take steps; random, de and pso' search --data lecture --compare de,random --sigma 0.1 --bounds -1:1
expect 0 '"event":"done"' search --data lecture --method de --sigma 0.1 --budget evaluations:100 --json
expect 2 'restarts is for cmaes and sep-cmaes' search --data lecture --method de --restarts 2
expect 2 'batch is for methods that take more than one step' search --data lecture --method lstsq --batch 2
expect 2 'lstsq solves one dense layer' search --data digits --method lstsq
expect 2 'the targets of lecture are numbers' search --data lecture --loss cross_entropy
expect 2 'leave out --validation-share' search --data lecture --validation-share 0.2
printf 'x,y\n1,2\n2,3\n' >line.csv
expect 2 'flops: "prelu" has no products of matrices' search --data line.csv --model prelu --budget flops:100
expect 1 'the network keeps running statistics, "1.running_mean"' search --data digits --model 'dense:8 batch_norm dense:10'
expect 1 'no parameters to search for' search --data digits --model 'flatten relu'
expect 1 'ends in 5 scores, but digits has 10 classes' search --data digits --model dense:5
echo 'a text' >text.txt
expect 2 'the networks of a text are for train' search --data text.txt
finish
