#!/bin/sh
# Training runs from the outside: resuming, configurations, limits, class weights, anomalies.
. "${BLASGRAD_TEST_DATA:?the folder of the tests}/support/program.sh"

# ---- Going on ----
expect 2 '--resume goes on with the run in a directory; name it with --out' train --data digits --resume
expect 2 '--resume goes on with the run in a directory; name it with --out' train --resume
expect 2 '--resume: there is no run in nowhere to go on with; to begin one there, name its --data' train --resume --out nowhere
expect 0 '"event":"start"' train --data digits --epochs 4 --json --threads 2 --out run --resume
expect 0 '"event":"done"' train --data digits --epochs 4 --json --out run --resume
loss=$(field test_loss)
holds 'a complete run stays as it is' sh -c '! grep -q "\"event\":\"epoch\"" out'
holds 'and says from where it went on' grep -q '"event":"resumed","epoch":4,"step":92,"data":"digits"' out
expect 1 'run: holds a run already (last.safetensors); go on with it with --resume, or choose' train --data digits --out run
expect 0 'run: going on after 4 epochs and 92 steps' train --resume --out run --epochs 6
holds 'the log reads as of one run' test "$(grep -c '"event":"epoch"' run/log.jsonl)" -eq 6
holds 'with one end' test "$(grep -c '"event":"done"' run/log.jsonl)" -eq 1
holds 'the new configuration is kept' grep -q '"epochs": 6' run/config.json
expect 0 '"event":"done"' train --data digits --epochs 6 --json --threads 2 --out whole
holds 'the same best' cmp -s run/best.safetensors whole/best.safetensors
expect 2 '--lr 0.5: the run in run has 0.1; --resume' train --resume --out run --lr 0.5
expect 2 '--data strokes: the run in run has "digits"' train --resume --out run --data strokes
expect 2 '--ema 0.9: the run in run was begun without it' train --resume --out run --ema 0.9
expect 2 '--nesterov: the run in run has false' train --resume --out run --nesterov
expect 2 '--detect-anomaly: the run in run was begun without it' train --resume --out run --detect-anomaly
expect 2 '--batch 32: the run in run has 64' train --resume --out run --batch 32
expect 0 'accuracy' train --resume --out run --lr 1e-1 --momentum .9 --batch 64 --seed 0 --model 'dense:128 relu dense:10'
expect 0 'done' train --data digits --batch 100000 --epochs 2 --out large --json
expect 0 'done' train --data digits --batch 100000 --epochs 3 --out large --json --resume
expect 2 '--batch 1000: the run in large has 1438' train --data digits --batch 1000 --out large --resume
# The same steps, cut in two by a limit: each option that a limit needs may change.
expect 0 '"steps":50' train --data digits --epochs 4 --steps 50 --out cut --json
expect 0 '"steps":92' train --resume --out cut --steps 1000 --log-every 20 --save-every 30 --time 1h --threads 1 --json
expect 0 '"event":"done"' train --data digits --epochs 4 --steps 1000 --json --out uncut
holds 'the same best' cmp -s cut/best.safetensors uncut/best.safetensors
holds '--time is of the call' sh -c '! grep -q time cut/config.json'
# What an end within an epoch has as its model is no candidate for best, even if it is better than what follows.
for steps in 10 40; do
    schedule="step:$((steps + 2)):50"
    expect 0 "\"steps\":$steps" train --data digits --schedule $schedule --epochs 3 --steps $steps --json --out within$steps
    holds 'there is a best' test -s within$steps/best.safetensors
    expect 0 '"steps":69' train --resume --steps 1000 --json --out within$steps
    expect 0 '"steps":69' train --data digits --schedule $schedule --epochs 3 --steps 1000 --json --out without$steps
    holds "$schedule: the same best" cmp -s within$steps/best.safetensors without$steps/best.safetensors
done
expect 0 'ended by --early-stopping after' train --data digits --epochs 1000 --early-stopping 2 --out early
grep ended out >ended
expect 0 'ended by --early-stopping after' train --resume --out early
holds 'and stays ended' sh -c 'grep ended out | cmp -s - ended'
expect 0 '"ended_by":"early-stopping"' train --resume --out early --early-stopping 3 --json
expect 0 '"ended_by":"early-stopping"' train --data digits --epochs 1000 --early-stopping 3 --json --out early3
holds 'an epoch that is not better leaves best alone' cmp -s early/best.safetensors early3/best.safetensors
# Steps alone say how many epochs there are, also when they change.
expect 0 '"steps":30' train --data digits --steps 30 --out steps --json
expect 0 '"epochs":4,"steps":70' train --resume --out steps --steps 70 --json
mkdir foreign
echo 'GET /' >foreign/log.jsonl
expect 1 'foreign: log.jsonl is none of a run' train --data digits --out foreign --resume
holds 'and is left alone' grep -q GET foreign/log.jsonl
printf '{"event":"sta' >foreign/log.jsonl
expect 0 '"event":"done"' train --data lecture --epochs 3 --out foreign --resume --json
holds 'a log that was cut in its first line is one' cmp -s out foreign/log.jsonl
rm run/log.jsonl
expect 0 'run/log.jsonl: has lost events' train --resume --out run
printf '{"data": 1' >run/config.json
expect 1 'run/config.json: line 1: ' train --resume --out run
# A configuration that is not that of the run.
sed 's/"lr": 0.1/"lr": 0.2/' whole/config.json >run/config.json
expect 1 'these are not the options that the run in run was saved with: its config.json was edited or is missing' \
    train --resume --out run
rm run/config.json
expect 1 'its config.json was edited or is missing' train --resume --data digits --lr 0.2 --out run
expect 0 'accuracy' train --resume --data digits --epochs 6 --threads 2 --out run
holds 'it is made again' cmp -s run/config.json whole/config.json
rm run/best.safetensors
expect 0 'best.safetensors: .*; the best of the epochs to come replaces it' train --resume --out run --epochs 7
holds 'and does' test -s run/best.safetensors
# Killed between the new checkpoint and its best model, which then waits under another name; killed before, when the
# one that waits is of an epoch that the checkpoint does not know; and a best of such an epoch itself.
epochs() { expect 0 'best epoch' train --data digits --validation-share 0.1 --lr 0.2 --batch 256 --epochs "$@"; }
epochs 3 --out short
epochs 6 --out long
holds 'another best' test "$(sed -n 's/.*"best_epoch":\([0-9]*\).*/\1/p' short/log.jsonl)" -lt \
    "$(sed -n 's/.*"best_epoch":\([0-9]*\).*/\1/p' long/log.jsonl)"
cp short/best.safetensors short.best
mv long/best.safetensors long/.best.new
cp short.best long/best.safetensors
expect 0 'best epoch' train --resume --out long
epochs 6 --out long6
holds 'the best that waited' cmp -s long/best.safetensors long6/best.safetensors
cp long6/best.safetensors short/.best.new
expect 0 'best epoch' train --resume --out short
holds 'the best of an epoch to come is not taken' cmp -s short/best.safetensors short.best
holds 'nothing waits' test ! -e short/.best.new -a ! -e long/.best.new
cp long6/best.safetensors short/best.safetensors
expect 0 'short/best.safetensors is of epoch [4-6], and the checkpoint of [1-3]; the best of the epochs to come replaces it' \
    train --resume --out short --epochs 6
holds 'and it is' cmp -s short/best.safetensors long6/best.safetensors
# A run of a version that described one option less goes on, and its configuration stays as it was; edited, it is none.
cp -R "$BLASGRAD_TEST_DATA/older_run" older
chmod -R u+w older
expect 0 'older: going on after 3 epochs and 3 steps' train --resume --out older --epochs 5
expect 0 'older: going on after 5 epochs and 5 steps' train --resume --out older --epochs 6
holds 'what has to stay stays' sh -c 'grep -v "epochs\|kernels\|blas\|version" older/config.json >new &&
    grep -v "epochs\|kernels\|blas\|version" "$BLASGRAD_TEST_DATA/older_run/config.json" | cmp -s - new'
# So does one that took the content of its data when they were cut and scaled.
cp -R "$BLASGRAD_TEST_DATA/older_cut_run" older_cut
chmod -R u+w older_cut
expect 0 'older_cut: going on after 3 epochs' train --resume --out older_cut --epochs 5
sed 's/"seed": 0/"seed": 1/' "$BLASGRAD_TEST_DATA/older_run/config.json" >older/config.json
expect 1 'its config.json was edited or is missing' train --resume --out older --epochs 7
# A best without the checkpoints that it came with is not written over; one of a run killed in its first save is.
mkdir bare
cp whole/best.safetensors whole/log.jsonl bare
expect 1 'bare: holds best.safetensors without last or previous.safetensors to go on from' train --resume --data digits \
    --out bare
rm bare/log.jsonl
expect 1 'bare: holds best.safetensors without last' train --resume --data digits --out bare
holds 'best is as it was' cmp -s bare/best.safetensors whole/best.safetensors
sed '2,$d' whole/log.jsonl >bare/log.jsonl
cp whole/config.json bare
# Nor do the options of such a run bind the next.
expect 0 '"event":"done"' train --resume --data digits --lr 0.25 --epochs 1 --json --out bare
holds 'those given win' grep -q '"lr": 0.25' bare/config.json
cp whole/best.safetensors run/last.safetensors
cp whole/best.safetensors run/previous.safetensors
expect 1 'run/last.safetensors: its metadata has no blasgrad.run' train --resume --out run
# Data that changed.
printf 'x,y\n1,2\n2,4\n3,7\n' >table.csv
expect 0 'train loss' train --data table.csv --epochs 5 --out table
expect 0 'train loss' train --data table.csv --epochs 2 --out resumed
expect 0 'train loss' train --resume --epochs 5 --out resumed
holds 'resumed, the same file of a table' cmp table/best.safetensors resumed/best.safetensors
printf 'x,y\n1,2\n2,4\n3,6\n' >table.csv
expect 1 'table.csv has other content (XXH3 .*) than when the run in table was saved' train --resume --out table --epochs 6
printf 'x,y\n1,2\n2,4\n' >table.csv
expect 1 'table.csv has 2 training examples, 3 when the run in table was saved' train --resume --out table --epochs 6
# Names that config.json cannot hold would not be found again.
latin=$(printf 'caf\351.csv')
cp table.csv "$latin"
expect 2 'not in UTF-8, so config.json in --out cannot hold it; give a file another name' train --data "$latin" --epochs 5 --out latin
holds 'nothing is begun' test ! -e latin
expect 2 'not in UTF-8, so config.json in --out cannot' train --data table.csv --target "$(printf '\351')" --epochs 5 --out latin
expect 0 'train loss' train --data "$latin" --epochs 5
ln -s "$latin" linked.csv
expect 0 'train loss' train --data linked.csv --epochs 5 --out linked
expect 0 'going on after 5 epochs' train --resume --epochs 6 --out linked
# Another machine.
BLASGRAD_KERNELS=scalar
export BLASGRAD_KERNELS
expect 0 'done' train --data lecture --epochs 5 --out scalar --json
unset BLASGRAD_KERNELS
"$BLASGRAD" info >out 2>err
if ! grep -q 'scalar' out; then
    expect 0 'warning: the instruction set is .* here and was scalar before: the last bits' train --resume --out scalar \
        --epochs 6
fi

# ---- Configurations ----
expect 0 '"event":"done"' train --config whole/config.json --json --out again
holds 'a configuration makes the same run' cmp -s again/best.safetensors whole/best.safetensors
expect 0 '"lr":0.25,' train --config whole/config.json --lr 0.25 --epochs 1 --json
expect 0 '"event":"done"' train --config whole/config.json --lr 0.25 --epochs 1 --json --out faster
expect 0 '"event":"resumed"' train --config whole/config.json --lr 0.25 --epochs 1 --json --out faster --resume
expect 2 '--lr 0.5: the run in faster has 0.25' train --config whole/config.json --lr 0.25 --lr 0.5 --out faster --resume
for options in '--optimizer adam --beta1 0' '--optimizer rprop --lr 0.001' '--optimizer muon --swa 1e --warm-up 3' \
    '--optimizer adamw --clip-value 1 --accumulate 2 --no-vector-decay' '--optimizer rmsprop --eps 1e-6 --ema 0.5' \
    '--nesterov --momentum 0.5 --schedule step:1e:0.5 --class-weights balanced --test-share 0.3'; do
    rm -rf first second
    # shellcheck disable=SC2086
    expect 0 '"event":"done"' train --data digits --epochs 2 $options --json --out first
    expect 0 '"event":"done"' train --config first/config.json --json --out second
    holds "$options: the same run" cmp -s first/best.safetensors second/best.safetensors
    holds "$options: the same configuration" cmp -s first/config.json second/config.json
done
printf '{"data": "digits", "lrr": 1}\n' >wrong.json
expect 2 'wrong.json: "lrr" is no option that a configuration has' train --config wrong.json
for value in false null '[1]' '{"lr": 1}' true; do
    printf '{"data": "digits", "lrr": %s}\n' "$value" >wrong.json
    expect 2 'wrong.json: "lrr" is no option that a configuration has' train --config wrong.json
done
printf '{"data": "digits", "lr": [0.1]}\n' >wrong.json
expect 2 'wrong.json: "lr" is a text or number, not a list or object' train --config wrong.json
printf '{"data": "digits", "nesterov": {}}\n' >wrong.json
expect 2 'wrong.json: "nesterov" is true or false, not a list or object' train --config wrong.json
printf '{"data": "digits", "nesterov": 3}\n' >wrong.json
expect 2 'wrong.json: "nesterov" is true or false' train --config wrong.json
printf '{"data": "digits", "lr": true}\n' >wrong.json
expect 2 'wrong.json: "lr" is a value, not true' train --config wrong.json
for key in out resume config json time; do
    printf '{"data": "digits", "%s": "1s"}\n' $key >wrong.json
    expect 2 "wrong.json: \"$key\" is no option that a configuration has" train --config wrong.json
done
printf '{"data": "digits",\n "lr": "fast"}\n' >wrong.json
expect 2 '--lr "fast": a number' train --config wrong.json
printf '{"data": "digits",\n "lr": }\n' >wrong.json
expect 1 'wrong.json: line 2: ' train --config wrong.json
printf '[1]\n' >wrong.json
expect 1 'wrong.json: holds no JSON object' train --config wrong.json
expect 1 'missing.json: No such file' train --config missing.json

# ---- Limits ----
expect 0 '"ended_by":"time"' train --data digits --epochs 100000000 --time 0.2s --json --out timed
holds 'saved' test -s timed/last.safetensors
holds 'and tested' test -n "$(field test_loss)"
for time in 5 0s -1s 3d nans s 1e999h; do
    expect 2 "--time \"$time\": a number above 0 with s, m or h behind it" train --data digits --time=$time
done
expect 2 '--early-stopping "0": a whole number, 1 or more' train --data digits --early-stopping 0
expect 2 '--save-every "0": a whole number, 1 or more' train --data digits --out never --save-every 0
expect 2 '--save-every saves in the directory of a run; name it with --out' train --data digits --save-every 5

# ---- Class weights ----
expect 2 '--class-weights are for the loss cross_entropy, not l2' train --data lecture --class-weights 1,2
expect 2 '--class-weights "1,2": 10 numbers, 0 or more, one a class' train --data digits --class-weights 1,2
printf 'x,c\n1,0\n2,0\n3,0\n4,1\n' >classes.csv
expect 2 '"1,x": 2 numbers' train --data classes.csv --classes --class-weights 1,x
expect 2 '"1,-2": 2 numbers' train --data classes.csv --classes --class-weights 1,-2
expect 2 '"1,2,3": 2 numbers' train --data classes.csv --classes --class-weights 1,2,3
# balanced is 4 / (2 · 3) and 4 / (2 · 1).
expect 0 '"event":"done"' train --data classes.csv --classes --epochs 20 --dtype f64 --class-weights balanced --json
balanced=$(field train_loss)
expect 0 '"event":"done"' train --data classes.csv --classes --epochs 20 --dtype f64 --json \
    --class-weights 0.66666666666666663,2
holds 'balanced weights' test "$balanced" = "$(field train_loss)"
expect 1 'step 1 (epoch 1): the class weights of all [34] examples of this batch are 0, so that their weighted mean' \
    train --data classes.csv --classes --class-weights 0,0
expect 1 'the class weights of all 1 examples of this batch are 0' train --data classes.csv --classes --class-weights 0,1 \
    --batch 1 --epochs 1 --out weightless
expect 0 '"event":"done"' train --data classes.csv --classes --class-weights 0,1 --batch 1 --epochs 1 --skip-nonfinite --json
expect 0 '"event":"done"' train --data classes.csv --classes --epochs 20 --dtype f64 --json --class-weights 1,1
holds 'equal weights are none' near "$(field train_loss)" "$("$BLASGRAD" train --data classes.csv --classes --epochs 20 \
    --dtype f64 --json 2>err | tail -n 1 | sed 's/.*"train_loss":\([-0-9.e+]*\).*/\1/')" 1e-12

# ---- Anomalies ----
expect 1 'step 2 (epoch 1, learning rate 1e+30): .*; the first such number is made by matmul \[64, 10\] at "2.weight" of input 0 from ' \
    train --data digits --lr 1e30 --detect-anomaly --save-every 1 --out anomaly
holds 'the checkpoint before it is kept' test -s anomaly/last.safetensors
expect 0 'trainer.step  *i64  *1$' info anomaly/last.safetensors
expect 2 'skip-nonfinite leaves out the steps that --detect-anomaly stops at' train --data digits --skip-nonfinite \
    --detect-anomaly
# Means of the log are over the steps that were not skipped, the first of which is here.
printf 'x,y\n1e200,1\n1,2\n2,4\n3,6\n' >skipped.csv
expect 0 '"event":"done"' train --data skipped.csv --batch 1 --dtype f64 --epochs 3 --lr 0 --skip-nonfinite --log-every 1 \
    --json
holds 'each other step has its loss' test "$(grep '"event":"steps"' out | grep -c -v '"train_loss":null')" -eq 9
holds 'a step that was skipped has none' test "$(grep '"event":"steps"' out | grep -c '"train_loss":null')" -eq 3
# Without it, a parameter that is no number is never saved.
printf 'x,y\n1000,1000\n1000,2000\n' >large.csv
expect 1 'the parameter "0.weight" has become infinite or NaN; huge keeps the checkpoint before' train --data large.csv \
    --lr 1e38 --save-every 1 --out huge
holds 'nothing was saved' test ! -e huge/last.safetensors

finish
