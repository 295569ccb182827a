#!/bin/sh
# The program from the outside: exit codes, messages, events, run directories, signals.
. "${BLASGRAD_TEST_DATA:?the folder of the tests}/support/program.sh"

# ---- Usage ----
expect 0 'train .*fit a network' --help
holds 'help fits 79 columns' awk 'length > 79 { long = 1 } END { exit long }' out
expect 0 '^blasgrad [0-9]' --version
expect 2 'Usage'
expect 2 'no command "trian"; is it train? the commands are train sweep eval predict search attack certify lecture info gradcheck bench plot' trian
expect 2 'no command "fly"; the commands are train' fly
expect 2 'unknown option "--epoch5"; is it --epochs? the options are --' train --epoch5 3
expect 2 'unknown option "--xyz"; the options are --' train --xyz
for command in train sweep eval predict search attack certify lecture info gradcheck bench plot; do
    expect 0 'Examples:' $command --help
    expect 0 "Usage: blasgrad $command" $command -h
    expect 0 "Usage: blasgrad $command" help $command
    expect 2 'unknown option "--frobnicate"; the options are .*--.* --help' $command --frobnicate
done
expect 2 'unknown option "-x"' train -x
expect 2 'ambiguous option "--de=1"' train --de=1
expect 2 '--data is missing; there are .*lecture, digits and strokes' train
expect 2 'no data set "digit"; --data takes .*lecture, digits and strokes' train --data digit
expect 2 'word 2, "rleu", is no layer; is it relu?' train --data digits --model 'dense:8 rleu dense:10'
holds 'the word is underlined' grep -qx '          ^~~~' err
expect 2 'word 1, "conv:32": K is missing; right is conv:N:K' train --data digits --model 'conv:32 dense:10'
holds 'the line stands above' grep -qx '  conv:32 dense:10' err
expect 0 '^  conv:N:K  ' train --help
holds 'all activations are in the help' grep -q '^  relu tanh sigmoid ' out
holds 'help fits 79 columns' awk 'length > 79 { long = 1 } END { exit long }' out
expect 2 'l1, l2, smooth_l1, huber, .*cross_entropy, nll' train --data digits --loss l3
expect 2 'there is no optimizer "sdg", only sgd, adam, adamw' train --data digits --optimizer sdg
expect 2 '--momentum is nothing that --optimizer adam has' train --data digits --optimizer adam --momentum 0.9
expect 2 '--weight-decay is nothing that --optimizer rprop' train --data digits --optimizer rprop --weight-decay 1
expect 2 'beta1 1, it must be in' train --data digits --optimizer adam --beta1 1
expect 2 'there is no schedule "cosin", only constant, step' train --data digits --schedule cosin
expect 2 '"abc" at character 8: a number of updates, or of epochs as in 10e' train --data digits --schedule cosine:abc
expect 2 'step takes 2 parts behind its name' train --data digits --schedule step:10
expect 2 '"3" at character 13: nothing more' train --data digits --schedule step:10:0.5:3
expect 2 '"2e,4" at character 12: up to 16 numbers' train --data digits --schedule multi-step:2e,4:0.1
expect 2 'milestone 2 stands behind 4' train --data digits --schedule multi-step:4,2:0.1
expect 2 '--warm-up stands before schedules that count updates' train --data digits --warm-up 3 --schedule plateau
expect 2 '--ema and --swa are two kinds of average' train --data digits --ema 0.9 --swa 3
expect 2 '--clip-norm "0": a number above 0' train --data digits --clip-norm 0
expect 2 '--warm-up "0": a number of updates, or of epochs' train --data digits --warm-up 0
expect 2 '--method "newton": one of sgd lstsq' train --data digits --method newton
expect 2 '--lr "fast": a number' train --data digits --lr fast
expect 2 '--lr "-0.1": a number' train --data digits --lr -0.1
expect 2 '--batch "0": a whole number, 1 or more' train --data digits --batch 0
expect 2 '--threads "0"' train --data digits --threads 0
expect 2 'momentum 1, it must be' train --data digits --momentum 1
expect 2 'Nesterov' train --data lecture --nesterov
expect 2 '"relu" does not belong to an option' train --data digits --model dense:8 relu
expect 2 '--lr "nan": a number' train --data digits --lr nan
expect 2 '--out: the name of a directory is missing' train --data lecture --out ''
expect 2 '--count is an option of strokes; --data is digits' train --data digits --count 5
for option in '--target y' '--delimiter ;' '--decimal ,' --no-header --classes; do
    # shellcheck disable=SC2086
    expect 2 "${option%% *} is an option of CSV tables; --data is digits" train --data digits $option
done
expect 2 'those of digits are classes, whose losses are cross_entropy, nll and multi_margin' train --data digits --loss l2
expect 2 'the targets of lecture are numbers' train --data lecture --loss cross_entropy
expect 2 'multi_margin is for classes; the targets of lecture' train --data lecture --loss multi_margin
expect 2 '--dump is text for people' bench tiny --dump --json
expect 2 'lstsq solves one dense layer for the loss l2' train --data lecture --method lstsq --loss l1
expect 2 'lstsq solves one dense layer' train --data lecture --method lstsq --model 'dense:2 dense:1'
expect 2 '--checkpoint is missing' eval
expect 2 'no workload "mlp"; there are tiny mlp-b1' bench mlp

# ---- Files that are not there or not what they should be ----
echo text >notes.txt
echo text >notes.md
printf 'x,y\n1,2\n3\n' >ragged.csv
mkdir empty
expect 1 'missing.csv: No such file' train --data missing.csv
expect 2 'notes.md: not a kind of file' train --data notes.md
expect 1 'notes.txt: 5 characters, where an example of context 64 needs 65' train --data notes.txt
expect 1 'ragged.csv' train --data ragged.csv
expect 2 'empty: the folder holds no files' train --data empty
expect 1 'notes.txt' eval --checkpoint notes.txt
expect 1 'missing' info missing.safetensors
expect 2 "cannot be the delimiter" train --data ragged.csv --delimiter 5
expect 2 "decimal mark is '.' or ','" train --data ragged.csv --decimal x
expect 1 'layers: word 2, "conv:8:9x9": conv: ' train --data digits --model 'unflatten:1x8x8 conv:8:9x9 dense:10'
expect 0 '1386 parameters' train --data digits --epochs 3 --json \
    --model 'unflatten:1x8x8 conv:8:3x3:pad=same batch_norm relu max_pool:2 dropout:0.1 dense:10'
holds 'a convolutional network learns' at_least "$(field test_accuracy)" 0.9
expect 1 '"dense:5" ends in 5 scores, but digits has 10 classes' train --data digits --model dense:5 --out made
holds 'a network that does not fit leaves no run directory' test ! -e made

# ---- The lecture's problem ----
printf 'x1;x2;y\n1;2,2;4\n-2;4;0\n1;1,5;3\n5;-2;8\n-1;-1;-3,8\n' >lecture.csv
for seed in 0 1 2; do
    expect 0 '"event":"done"' train --data lecture --seed $seed --json
    holds 'lecture, l2: w1' near "$(parameter 1)" 1.99670633 1e-5
    holds 'lecture, l2: w2' near "$(parameter 2)" 0.98455657 1e-5
    holds 'lecture, l2: loss' near "$(field train_loss)" 0.18486129 1e-7
    expect 0 '"event":"done"' train --data lecture --loss l1 --lr 0.002 --epochs 20000 --seed $seed --json
    holds 'lecture, l1: w1' near "$(parameter 1)" 2 1e-2
    holds 'lecture, l1: w2' near "$(parameter 2)" 1 1e-2
done
expect 0 '"event":"done"' train --data lecture --method lstsq --json --out solved
holds 'lecture, lstsq: w1' near "$(parameter 1)" 1.99670633 1e-8
holds 'lecture, lstsq: w2' near "$(parameter 2)" 0.98455657 1e-8
holds 'lstsq saves' test -s solved/best.safetensors
expect 0 '"event":"done"' train --data lecture.csv --delimiter ';' --decimal , --target y --dtype f64 \
    --model dense:1:nobias --method lstsq --json
holds 'CSV, lstsq: w1' near "$(parameter 1)" 1.99670633 1e-8
expect 0 '--weight-decay has no effect' train --data lecture --method lstsq --weight-decay 1 --model ' dense:1 '
expect 0 '--augment has no effect' train --data lecture --method lstsq --augment noise:0.5
expect 0 'train loss 0.184861' train --data lecture --method lstsq --ema 0.9 --out averaged
expect 0 'loss 0.184861' eval --checkpoint averaged/best.safetensors
expect 0 '--init has no effect' train --data lecture --method lstsq --init solved/best.safetensors
expect 0 '0.bias  *-0.5226' train --data lecture --model dense:1 --method lstsq
expect 0 '^0.weight  *1.99670633 0.98455657' train --data lecture

# ---- Optimizers and schedules ----
expect 0 '"lr":1.25e-3\|"lr":0.00125' train --data digits --epochs 4 --optimizer nadam --lr 0.01 --schedule step:1e:0.5 --json
# A schedule of the whole run ends with its steps: (1 - 45/46) of the rate in the last of 46, in two epochs of 23.
expect 0 '"lr":2.1739\|"lr":0.00021739' train --data digits --epochs 4 --steps 46 --optimizer adam --lr 0.01 \
    --schedule linear:1:0 --json
expect 0 'test loss .* accuracy' train --data digits --epochs 2 --optimizer muon --lr 0.01 --schedule one-cycle --skip-nonfinite
expect 0 'done\|accuracy' train --data digits --epochs 4 --optimizer adamw --no-vector-decay --schedule cosine --warm-up 1e \
    --clip-norm 1 --clip-value 0.5 --accumulate 2 --ema 0.9 --out adamw
holds 'config.json: accumulate' grep -q '"accumulate": 2' adamw/config.json
holds 'config.json: schedule' grep -q '"schedule": "cosine"' adamw/config.json
expect 0 'optimizer.0.weight.average  *f32  *\[128, 64\]' info adamw/last.safetensors
expect 0 'trainer.updates  *i64  *48' info adamw/last.safetensors
expect 0 'accuracy' eval --checkpoint adamw/best.safetensors

# ---- A table from training to eval ----
printf 'x,c\n1,0\n2,1\n3,2\n4,1\n' >classes.csv
expect 2 'those of classes.csv are classes' train --data classes.csv --classes --loss l2
expect 0 '1 training example, 0 for testing' train --data strokes --count 1 --epochs 1
expect 0 '"dense:3", 6 parameters, cross_entropy' train --data classes.csv --classes --epochs 2
expect 0 '"dense:3", 6 parameters, multi_margin' train --data classes.csv --loss multi_margin --epochs 2
expect 0 '"event":"done"' train --data lecture.csv --delimiter ';' --decimal , --target x2 --test-share 0.4 --epochs 9 \
    --json --out table
loss=$(field test_loss)
expect 0 '"part":"test","examples":2' eval --checkpoint table/last.safetensors --json
holds 'eval has the options of the table' near "$(field loss)" "$loss" 1e-12
cp lecture.csv same.csv
expect 0 'all: 5 examples' eval --checkpoint table/last.safetensors --data same.csv
expect 0 'blasgrad.decimal  *","' info table/last.safetensors
expect 1 'table/last.safetensors with digits: .*"0.weight" has the shape \[1, 2\], not \[1, 64\]' \
    eval --checkpoint table/last.safetensors --data digits

# ---- Texts ----
for i in 1 2 3 4 5 6 7 8 9; do
    printf 'the quick brown fox jumps over %d lazy dogs, \303\244 and back\n' "$i"
done >line.txt
cat line.txt line.txt line.txt line.txt >fox.txt
expect 2 '--context is an option of texts; --data is digits' train --data digits --context 5
expect 2 '--tokens "words": one of characters bytes' train --data fox.txt --tokens words
expect 2 'no network "char-gtp"; the networks are mnist-cnn, .*there are dense' train --data fox.txt --model char-gtp
expect 2 '--target is an option of CSV tables; --data is fox.txt' train --data fox.txt --target y
expect 0 '"event":"done"' train --data fox.txt --context 16 --steps 21 --log-every 7 --lr 0.003 --json --out fox
holds 'losses of steps' test "$(grep -c '"event":"steps"' out)" -eq 3
holds 'stops after the steps' test "$(field steps)" -eq 21
holds 'its settings' grep -q '"model":"char-gpt",.*"context":16,"tokens":"characters"' out
loss=$(field test_loss)
holds 'bits and perplexity' awk -v l="$loss" -v b="$(field test_bits)" -v p="$(field test_perplexity)" \
    'BEGIN { d = l / log(2) - b; e = log(p) - l; exit !(d * d < 1e-18 && e * e < 1e-18) }'
expect 0 'blasgrad.vocabulary  *".* ,123456789abcd' info fox/best.safetensors
expect 0 '"part":"test"' eval --checkpoint fox/last.safetensors --json
holds 'eval repeats the test of a text' near "$(field loss)" "$loss" 1e-6
expect 1 'offset 1: the character U+0021 is not in the vocabulary' \
    eval --checkpoint fox/last.safetensors --data "$(printf 'a!%0400d' 0 >strange.txt && echo strange.txt)"
expect 0 '^the ' predict --checkpoint fox/best.safetensors --prompt 'the ' --length 20 --temperature 9
holds 'as many characters as were asked for' test "$(wc -m <out)" -le 25
cp out first
expect 0 '^the ' predict --checkpoint fox/best.safetensors --prompt 'the ' --length 20 --temperature 9 --threads 1
holds 'the same text from the same seed' cmp -s out first
expect 0 '^the ' predict --checkpoint fox/best.safetensors --prompt 'the ' --length 20 --temperature 9 --seed 1
holds 'another text from another seed' sh -c '! cmp -s out first'
expect 0 '"event":"text".*"prompt":"quick","text":"quick' predict --checkpoint fox/best.safetensors --prompt quick \
    --length 3 --temperature 0 --json
: >out
"$BLASGRAD" predict --checkpoint fox/best.safetensors --prompt 'the ' --length 1000000 >out 2>err &
process=$!
for i in 1 2 3 4 5 6 7 8 9; do
    test -s out || sleep 1 # until it has begun to write
done
kill -TERM $process
wait $process
holds 'predict ends at a signal' test $? -eq 143
holds 'with what it has written' grep -q '^the ' out
"$BLASGRAD" predict --checkpoint fox/best.safetensors --prompt 'the ' --length 1000000 2>err | head -c 9 >out
holds 'predict ends with its reader' test "$(wc -c <out)" -eq 9
holds 'without a message' test ! -s err
expect 2 'the character ! (U+0021) at byte 4 is not in the vocabulary' predict --checkpoint fox/best.safetensors \
    --prompt 'the !'
expect 2 '--prompt .*takes no --output' predict --checkpoint fox/best.safetensors --prompt the --output x.csv
expect 2 '--length is for --prompt' predict --checkpoint fox/best.safetensors --length 5
expect 0 '"event":"done"' train --data line.txt --tokens bytes --model char-lstm --context 8 --batch 60 --steps 1 --json \
    --out bytes_run
expect 0 '"scores":\[' predict --checkpoint bytes_run/best.safetensors --json
holds 'a row for each position' test "$(wc -l <out)" -eq $(((($(wc -c <line.txt) - 1) / 8) * 8))
expect 0 'the' predict --checkpoint bytes_run/best.safetensors --prompt the --length 5

# ---- A run directory ----
expect 0 '"event":"done"' train --data digits --epochs 6 --json --out deep/run --threads 2
holds 'test accuracy' at_least "$(field test_accuracy)" 0.93
loss=$(field test_loss)
holds 'one event an epoch' test "$(grep -c '"event":"epoch"' out)" -eq 6
holds 'starts with the configuration' grep -q '"event":"start","data":"digits","model":"dense:128 relu dense:10"' out
for file in log.jsonl config.json best.safetensors last.safetensors previous.safetensors; do
    holds "$file is there" test -s deep/run/$file
done
holds 'the log has the same events' cmp -s out deep/run/log.jsonl
holds 'nothing else is there' test "$(ls -A deep/run | wc -l)" -eq 5
expect 0 'optimizer.0.weight.momentum  *f32  *\[128, 64\]' info deep/run/last.safetensors
expect 0 'trainer.epoch  *i64  *6' info deep/run/last.safetensors
expect 0 '"blasgrad.model":"dense:128 relu dense:10"' info deep/run/best.safetensors --json
holds 'best is the state alone' sh -c '! grep -q "name.:.optimizer" out'
expect 0 '"part":"test"' eval --checkpoint deep/run/last.safetensors --json
holds 'eval repeats the test' near "$(field loss)" "$loss" 1e-12
expect 0 'all: 1797 examples' eval --checkpoint deep/run/best.safetensors --part all
expect 1 'holds a run already' train --data digits --out deep/run
holds 'and is left alone' test "$(grep -c '"event":"epoch"' deep/run/log.jsonl)" -eq 6
expect 1 'not a directory' train --data digits --out notes.txt
head -c 3000 deep/run/best.safetensors >cut.safetensors
expect 1 'cut.safetensors' eval --checkpoint cut.safetensors
expect 1 'learning rate 1e+30' train --data digits --lr 1e30 --out diverged
holds 'a failure is logged' grep -q '"event":"failed"' diverged/log.jsonl
holds 'and nothing saved' test ! -e diverged/last.safetensors
expect 0 '"event":"done"' train --data digits --epochs 1 --json --out diverged
holds 'a run that failed before it saved makes room for the next' cmp -s out diverged/log.jsonl
holds 'which saves' test -s diverged/last.safetensors
expect 1 'holds a run already (last.safetensors)' train --data digits --out diverged
mkdir foreign
echo '{}' >foreign/config.json
expect 1 'foreign: holds a run already (config.json)' train --data digits --out foreign
echo 'GET /' >foreign/log.jsonl
expect 1 'foreign: holds a run already (log.jsonl)' train --data digits --out foreign
holds 'and the files of others are left alone' sh -c 'grep -q GET foreign/log.jsonl && grep -q "{}" foreign/config.json'
mkdir dead
echo '{"event":"start","data":"digits"}' >dead/log.jsonl
if command -v flock >flock.path; then
    checks=$((checks + 1))
    flock dead/log.jsonl "$BLASGRAD" train --data lecture --out dead >out 2>err
    got=$?
    if [ $got -ne 1 ] || ! grep -q 'a run is under way there' err; then
        fail "beside a run that has not saved yet: exit code $got"
    fi
fi
expect 0 '"event":"done"' train --data lecture --json --out dead

# ---- Predictions, and first values from a file ----
expect 0 'example,class,score0,score1' predict --checkpoint deep/run/best.safetensors
holds 'a line for each example' test "$(wc -l <out)" -eq 1798
holds 'writes an array' "$BLASGRAD" predict --checkpoint deep/run/best.safetensors --output digits.npy
holds 'an array of all scores' test "$(wc -c <digits.npy)" -eq $((128 + 4 * 10 * 1797))
holds 'writes objects' "$BLASGRAD" predict --checkpoint deep/run/best.safetensors --output digits.jsonl
holds 'an object for each example' test "$(grep -c '^{"example":[0-9]*,"class":[0-9],"scores":\[[-0-9.e+,]*\]}$' digits.jsonl)" \
    -eq 1797
expect 0 '^0,[-0-9.]*$' predict --checkpoint table/last.safetensors
expect 2 '--output digits.txt: the name ends in .csv, .npy or .jsonl' predict --checkpoint deep/run/best.safetensors \
    --output digits.txt
expect 1 'No such file' predict --checkpoint deep/run/best.safetensors --output none/digits.csv
expect 1 'has the shape \[128, 64\], not \[128, 2\]' predict --checkpoint deep/run/best.safetensors --data lecture
expect 0 '"event":"eval"' eval --checkpoint deep/run/best.safetensors --json
loss=$(field loss)
expect 0 '"event":"done"' train --data digits --init deep/run/best.safetensors --lr 0 --epochs 1 --json
holds 'first values from a file' near "$(field test_loss)" "$loss" 1e-12
expect 1 'best.safetensors: holds 2.weight, which the network has not' train --data digits --model 'dense:128 relu' \
    --init deep/run/best.safetensors
expect 1 'lacks 4.weight, which the network has' train --data digits --model 'dense:128 relu dense:10 relu dense:10' \
    --init deep/run/best.safetensors
for network in mnist-cnn resnet20; do
    expect 0 '"event":"done"' train --data strokes --count 20 --batch 8 --model $network --epochs 1 --json \
        --out $network
    loss=$(field test_loss)
    expect 0 '"part":"test"' eval --checkpoint $network/last.safetensors --json
    holds "eval repeats the test of $network" near "$(field loss)" "$loss" 1e-6
done

# The thread count changes nothing.
expect 0 '"event":"done"' train --data digits --epochs 2 --json --threads 1
first=$(field test_loss)
expect 0 '"event":"done"' train --data digits --epochs 2 --json --threads 3
holds 'same loss with 1 and 3 threads' test "$first" = "$(field test_loss)"

# ---- Output that cannot be written ----
if [ -w /dev/full ]; then
    for arguments in 'train --data lecture' 'train --data lecture --json' 'train --help' 'info'; do
        checks=$((checks + 1))
        # shellcheck disable=SC2086
        "$BLASGRAD" $arguments >/dev/full 2>err
        got=$?
        : >out
        if [ $got -ne 1 ] || ! grep -q 'standard output: ' err; then
            fail "$arguments to a full device: exit code $got"
        fi
    done
fi
"$BLASGRAD" train --data lecture --json 2>err | head -n 1 >out
holds 'a closed pipe ends quietly' sh -c '! grep -q "standard output" err'

# ---- Signals ----
# interrupt SIGNAL CODE
interrupt()
{
    rm -rf stopped
    # A shell without job control starts background processes with SIGINT ignored; the program catches it all the same.
    "$BLASGRAD" train --data digits --epochs 1000000 --out stopped --json >out 2>err &
    process=$!
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        [ -e stopped/last.safetensors ] && break
        sleep 0.5 # until there is a checkpoint
    done
    kill -s "$1" $process
    wait $process
    got=$?
    checks=$((checks + 1))
    [ $got -eq "$2" ] || fail "SIG$1: exit code $got, expected $2"
    holds "SIG$1 is logged" grep -q '"event":"interrupted"' stopped/log.jsonl
    expect 0 'examples, loss' eval --checkpoint stopped/last.safetensors
}
interrupt INT 130
interrupt TERM 143
interrupt HUP 129
# Under nohup the program outlives its terminal.
(trap '' HUP; exec "$BLASGRAD" train --data digits --epochs 1000000 --out outlived --json) >out 2>err &
process=$!
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    [ -e outlived/last.safetensors ] && break
    sleep 0.5
done
kill -s HUP $process
sleep 0.5
kill -s TERM $process
wait $process
got=$?
checks=$((checks + 1))
[ $got -eq 143 ] || fail "SIGTERM after a SIGHUP that is ignored: exit code $got, expected 143"
# While data are made there is nothing to save.
"$BLASGRAD" train --data strokes --count 300000 --epochs 1 --out early >out 2>err &
process=$!
sleep 0.2
kill -s TERM $process
{ wait $process; } 2>/dev/null
got=$?
checks=$((checks + 1))
[ $got -eq 143 ] || fail "SIGTERM while data are made: exit code $got, expected 143"
holds 'and leaves nothing behind' test ! -e early

# ---- Gradcheck ----
expect 0 '^[0-9]* rows, [0-9]* derivatives, [1-9][0-9]* of them at kinks: all are right' gradcheck --op max_along
holds 'its table fits 79 columns' awk 'length > 79 { long = 1 } END { exit long }' out
expect 0 '"case":"relu","op":"relu","kind":"differentiable","shapes":2[0-9],.*"is_right":true' gradcheck --op relu --json
expect 0 '"kind":"kink","shapes":1,"derivatives":[0-9]*,"kinks":[1-9]' gradcheck --op relu --json
expect 0 '^stop_gradient  *2[0-9]  *0 ' gradcheck --op stop_gradient
expect 0 '^floor  *2[0-9] ' gradcheck --op floor --fast --seed 3 --threads 2
# A step that leads over a pole: differences are wrong there.
expect 1 'div, shapes [0-9]*: gradcheck: the .* is .*, differences give' gradcheck --op div --step 1
expect 1 '"is_right":false,"message":"gradcheck: ' gradcheck --op div --step 1 --json
expect 2 'there is no op "expp"' gradcheck --op expp
expect 0 '^adaptive_max_pool, places alone$' gradcheck --op adaptive_max_pool --op stop_gradient
holds 'long names fit 79 columns too' awk 'length > 79 { long = 1 } END { exit long }' out
expect 0 '^1 row, ' gradcheck --op stop_gradient
expect 0 '^conv_transpose$' gradcheck --list
holds 'each name once' test -z "$(sort out | uniq -d)"
# The old output is gone before the program starts: what is there then, it has written, with the handler in place.
rm out
"$BLASGRAD" gradcheck >out 2>err &
process=$!
until [ -s out ]; do sleep 0.01; done
kill -INT $process
{ wait $process; } 2>/dev/null
got=$?
checks=$((checks + 1))
[ $got -eq 130 ] || fail "gradcheck: SIGINT: exit code $got, expected 130"
holds 'and it is not called right' test -z "$(grep 'all are right' out)"
expect 2 'what is "exp"?' gradcheck exp
expect 0 'FMA peak' info

finish
