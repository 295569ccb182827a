#!/bin/sh
# Sweeps from the outside: axes, draws, seeds, the table, failures, resuming, signals.
. "${BLASGRAD_TEST_DATA:?the folder of the tests}/support/program.sh"

digits='--data digits --epochs 1'
# lines FILE PATTERN: how many lines have it.
lines() { grep -c -e "$2" "$1"; }
# words FILE WORD..: the file has these words, one a line.
words()
{
    file=$1
    shift
    printf '%s\n' "$@" | cmp -s - "$file"
}

# ---- Mistakes ----
# shellcheck disable=SC2086
{
expect 2 '--out is missing' sweep $digits --grid lr=0.1,1
expect 2 'there is nothing to search; name an axis with --grid or --random, or give --seeds' sweep $digits --out s
expect 2 '--grid "lr": a name, =, and values, as in lr=0.01,0.1' sweep $digits --out s --grid lr
expect 2 '--grid "=1,2": a name' sweep $digits --out s --grid =1,2
expect 2 '--grid lr=0.1: one value is no axis' sweep $digits --out s --grid lr=0.1
expect 2 '--grid lr=0.1,,1: a value is empty' sweep $digits --out s --grid lr=0.1,,1
expect 2 '--grid lr=0.1,1,0.1: "0.1" stands there twice' sweep $digits --out s --grid lr=0.1,1,0.1
expect 2 '--grid lr: there is an axis of this name already' sweep $digits --out s --grid lr=0.1,1 --grid lr=2,3
expect 2 '--random lr: there is an axis of this name already' sweep $digits --out s --grid lr=0.1,1 --random lr=2,3
expect 2 '--grid lr: --lr is given too' sweep $digits --lr 1 --out s --grid lr=0.1,1
expect 2 '--grid lrr: neither an option of blasgrad train, nor does {lrr} stand in the value of one' \
    sweep $digits --out s --grid lrr=0.1,1
expect 2 '--grid out: no axis; the sweep itself gives it to its runs' sweep $digits --out s --grid out=a,b
expect 2 '--grid nesterov: "1": the option has no value; it is true or false' sweep $digits --out s --grid nesterov=1,0
expect 2 '--random nesterov: the option has no value' sweep $digits --out s --random nesterov=int:0:1 --trials 2
expect 2 '--grid seed: --seeds is given too' sweep $digits --out s --grid seed=1,2 --seeds 2
expect 2 '--random: say with --trials how often to draw' sweep $digits --out s --random lr=log:0.1:1
expect 2 '--trials "0": a whole number from 1 to' sweep $digits --out s --random lr=log:0.1:1 --trials 0
expect 2 '--trials says how often to draw at random' sweep $digits --out s --grid lr=0.1,1 --trials 3
expect 2 '--grid lr=log:0.1:1: values are drawn from a range with --random' sweep $digits --out s --grid lr=log:0.1:1
for range in log:0:1 log:1:0.1 uniform:1:1 uniform:1 uniform:a:1 uniform:0:1x uniform:0:inf int:0:1.5 log-int:0:4 int:0:1e300; do
    expect 2 "--random lr=$range: it takes ${range%%:*}:LOW:HIGH" sweep $digits --out s --random lr=$range --trials 2
done
expect 2 '--seeds "0": a whole number from 1 to' sweep $digits --out s --seeds 0
expect 2 'too large for --seeds 2' sweep $digits --out s --seeds 2 --seed 9223372036854775807
expect 2 '--jobs "0": a whole number' sweep $digits --out s --grid lr=0.1,1 --jobs 0
expect 2 '--by "speed": validation_, test_ or train_' sweep $digits --out s --grid lr=0.1,1 --by speed
expect 2 'unknown option "--gird"; is it --grid? the options are --grid' sweep $digits --out s --gird lr=0.1,1
expect 2 '"0.1" does not belong to an option' sweep $digits --out s 0.1 --grid lr=0.1,1
expect 2 '"more" does not belong to an option' sweep $digits --out s --grid lr=0.1,1 more
expect 2 '"--" does not belong to an option' sweep $digits --out s --grid lr=0.1,1 -- more
expect 2 '--grid: its value is missing' sweep $digits --out s --grid
expect 2 '--plot draws the curve of one run' sweep $digits --out s --grid lr=0.1,1 --plot
expect 2 'more than 1000000 points' sweep $digits --out s --seeds 2 $(for i in a b c d e f g; do printf ' --grid %s=1,2,3,4,5,6,7,8' $i; done) \
    --model '{a}{b}{c}{d}{e}{f}{g}'
expect 2 'make more than 1000000 runs' sweep $digits --out s --seeds 1000000 --grid lr=0.1,1
# What train refuses, with its message and the run.
expect 2 'blasgrad train: --lr "x": a number' sweep $digits --out s --grid lr=0.1,x
expect 2 'these are options of run 0002: lr=x' sweep $digits --out s --grid lr=0.1,x
expect 2 '--momentum is nothing that --optimizer adam has' sweep $digits --momentum 0.5 --out s --grid optimizer=sgd,adam
expect 2 'these are options of run 0002: optimizer=adam' sweep $digits --momentum 0.5 --out s --grid optimizer=sgd,adam
expect 2 'there is no data set "digit"' sweep --data digit --out s --grid lr=0.1,1
expect 2 '"dens:5"' sweep $digits --out s --grid 'model=dense:10,dens:5'
holds 'nothing was begun' test ! -e s
mkdir full
echo note >full/note
expect 1 '--out full: not empty, and no sweep; choose another directory' sweep $digits --out full --grid lr=0.1,1
expect 1 'full/note/s: Not a directory' sweep $digits --out full/note/s --grid lr=0.1,1
expect 1 '--out full/note: ' sweep $digits --out full/note --grid lr=0.1,1
holds 'and is left alone' words full/note note
}

# ---- A grid ----
# shellcheck disable=SC2086
expect 0 'test_loss' sweep $digits --grid lr=0.0001,0.1 --grid 'model=dense:{width} relu dense:10,dense:10' \
    --grid width=8,16 --grid nesterov=true,false --momentum 0.5 --out grid --jobs 2
holds 'a run for each point' test "$(ls -d grid/0* | wc -l)" -eq 16
holds 'the last axis goes first' grep -q '"nesterov": false' grid/0002/config.json
holds 'an option without a value' grep -q '"nesterov": true' grid/0001/config.json
holds 'a name of the sweep itself' grep -q '"model": "dense:16 relu dense:10"' grid/0003/config.json
holds 'the first axis goes last' grep -q '"lr": 0.1' grid/0009/config.json
holds 'what is the same in all' test "$(cat grid/*/config.json | lines - '"momentum": 0.5')" -eq 16
holds 'one thread' test "$(cat grid/*/config.json | lines - '"threads": 1,')" -eq 16
holds 'the head' sh -c "head -n 1 out | grep -q '^run *lr *model *width *nesterov *test_loss *train_loss *test_accuracy *train_accuracy *seconds$'"
holds 'a row for each' test "$(sed 1d out | wc -l)" -eq 16
holds 'progress is on the other stream' test "$(lines err '^00.. done ([0-9]* of 16): lr=')" -eq 16
# The model has blanks, so the metrics are counted from the end: seconds, "%", test_accuracy, "%", ..
sed 1d out | awk '{ print $(NF - 6) }' >losses
holds 'the best comes first' sh -c 'sort -g losses | cmp -s - losses'
holds 'as a table' test "$(sed 1d grid/sweep.csv | wc -l)" -eq 16
sed 1d grid/sweep.csv | sed 's/.*,1,\([^,]*\),[^,]*,[^,]*,[^,]*,[^,]*,$/\1/' >csv
holds 'in the same order' awk 'NR > 1 && $1 + 0 < last + 0 { exit 1 } { last = $1 } END { exit NR != 16 }' csv
holds 'as events' test "$(lines grid/sweep.jsonl '^{"event":"trial","trial":"00..","run":"grid/00..","status":"done",')" -eq 16
holds 'of the values' grep -q '"options":{"lr":0.1[0-9]*,"model":"dense:{width} relu dense:10","width":16,"nesterov":true}' grid/sweep.jsonl
holds 'losses are those of the runs' grep -q "\"test_loss\":$(tail -n 1 grid/0005/log.jsonl | sed 's/.*"test_loss":\([^,]*\),.*/\1/')," grid/sweep.jsonl
# shellcheck disable=SC2086
expect 0 '"event":"done"' train $digits --lr 0.1 --model 'dense:16 relu dense:10' --nesterov --momentum 0.5 --out alone --json
holds 'a run is what train makes' cmp -s alone/best.safetensors grid/0011/best.safetensors
expect 0 '"event":"done"' train --config grid/0011/config.json --out again --json
holds 'and can be made again' cmp -s again/best.safetensors grid/0011/best.safetensors

# The name of the directory is left as it is.
# shellcheck disable=SC2086
expect 0 'test_loss' sweep $digits --grid width=8,16 --model 'dense:{width} relu dense:10' --out '{width}'
holds 'of runs too' test -s '{width}/0002/best.safetensors'

# ---- The table ----
expect 0 '' sweep --resume --out grid --by test_accuracy
sed 1d out | awk '{ print $(NF - 6) }' >accuracies
holds 'ordered by accuracy, the greatest first' sh -c 'sort -gr accuracies | cmp -s - accuracies'
holds 'the metric is the first' grep -q 'nesterov  *test_accuracy  *test_loss' out
expect 1 '--by train_bits: no run has it; the table is ordered by test_loss' sweep --resume --out grid --by train_bits
holds 'no run was made again' sh -c '! grep -q "\"event\":\"resumed\"" grid/*/log.jsonl'
expect 0 '^{"event":"done","runs":16,"done":16,"failed":0,"by":"test_loss","best":"00..","test_loss":' \
    sweep --resume --out grid --json
holds 'an object for each run' test "$(lines out '^{"event":"trial"')" -eq 16
if has_terminal; then
    # in_terminal COLUMNS ARGUMENT..: what stands there, without what was wiped out.
    in_terminal()
    {
        columns=$1
        shift
        script -qefc "stty cols $columns; \"$BLASGRAD\" $*" typescript >/dev/null </dev/null
        sed '1d;$d' typescript | tr -d '\r' >out
    }
    for columns in 200 80 60 40 24; do
        in_terminal $columns sweep --resume --out grid
        holds "$columns columns are enough" awk -v n=$columns '!/^grid: / && length($0) > n { exit 1 }' out
        holds "the first metric is there in $columns" grep -q '^run *lr .*te' out
    done
    in_terminal 100 sweep --data strokes --count 4000 --grid lr=0.1,0.01,0.001 --epochs 8 --batch 16 --jobs 1 --out bar
    holds 'a bar is drawn' grep -q 'run 0/3 \[' out
    holds 'and the best is shown' grep -q 'best test_loss 0' out
fi

# With a part for validation, its loss is what runs are compared by.
# shellcheck disable=SC2086
expect 0 '^run *lr *validation_loss *test_loss *train_loss ' sweep $digits --grid lr=0.01,0.1 --validation-share 0.2 --out validated

# ---- Draws ----
# shellcheck disable=SC2086
{
expect 0 'test_loss' sweep $digits --random lr=log:1e-3:1 --random p=uniform:0:0.5 --random width=log-int:4:64 \
    --random batch=int:16:64 --random optimizer=sgd,adam --model 'dense:{width} dropout:{p} dense:10' --trials 5 --jobs 1 --out one
expect 0 'test_loss' sweep $digits --random lr=log:1e-3:1 --random p=uniform:0:0.5 --random width=log-int:4:64 \
    --random batch=int:16:64 --random optimizer=sgd,adam --model 'dense:{width} dropout:{p} dense:10' --trials 5 --jobs 3 --out three
for run in 0001 0002 0003 0004 0005; do
    holds "run $run is the same side by side" cmp -s one/$run/best.safetensors three/$run/best.safetensors
done
expect 0 'test_loss' sweep $digits --random lr=log:1e-3:1 --seed 7 --trials 5 --out other
}
sed 's/.*"lr":\([^,}]*\).*/\1/' one/sweep.jsonl | sort >drawn
holds 'values differ' test "$(sort -u drawn | wc -l)" -eq 5
holds 'from their range' awk '!($1 >= 1e-3 && $1 <= 1) { exit 1 }' drawn
holds 'whole numbers' test "$(lines one/sweep.jsonl '"width":[0-9]*,"batch":[0-9]*,')" -eq 5
sed 's/.*"lr":\([^,}]*\).*/\1/' other/sweep.jsonl | sort >seeded
holds 'another seed draws others' sh -c '! cmp -s drawn seeded'
expect 0 'test_loss' sweep --resume --out one --trials 7
holds 'more can be drawn' test "$(ls -d one/0* | wc -l)" -eq 7
holds 'those before stay' test "$(sed 's/.*"lr":\([^,}]*\).*/\1/' one/sweep.jsonl | sort | comm -12 - drawn | wc -l)" -eq 5
holds 'and are not made again' sh -c '! grep -q "\"event\":\"resumed\"" one/*/log.jsonl'
# A grid and draws: each with each.
expect 0 'train_loss' sweep --data lecture --epochs 3 --grid loss=l1,l2 --random lr=uniform:0:0.01 --trials 2 --out both
holds 'no test part: the train loss' grep -q '^run *loss *lr *train_loss' out
holds 'the same draw with each point' test "$(sed 's/.*"lr":\([^,}]*\).*/\1/' both/sweep.jsonl | sort | uniq -c | awk '$1 == 2' | wc -l)" -eq 2
# Commas within values.
printf 'x,c\n1,0\n2,0\n3,0\n4,1\n' >classes.csv
expect 0 'train_loss' sweep --data classes.csv --classes --epochs 2 --grid 'class-weights=1\,2,balanced' --out commas
holds 'a comma is a part of the value' grep -q '"class_weights": "1,2"' commas/0001/config.json
holds 'and stands in quotes' grep -q '"1,2"' commas/sweep.csv

# ---- Seeds ----
# shellcheck disable=SC2086
expect 0 '' sweep $digits --grid lr=0.01,0.1 --seeds 3 --seed 5 --out seeds
holds 'the head' grep -q '^setting *lr *test_loss *+- *train_loss *+- .* runs *seconds$' out
holds 'a row for each setting' test "$(sed 1d out | wc -l)" -eq 2
holds 'a run for each seed' test "$(ls -d seeds/000[12]-s[567] | wc -l)" -eq 6
holds 'with it' grep -q '"seed": 6' seeds/0002-s6/config.json
# mean and deviation of test_loss of setting 0002, from the logs
tail -q -n 1 seeds/0002-s*/log.jsonl | sed 's/.*"test_loss":\([^,]*\),.*/\1/' >three_losses
mean=$(awk '{ s += $1 } END { printf "%.12g", s / NR }' three_losses)
deviation=$(awk -v m="$mean" '{ s += ($1 - m) * ($1 - m) } END { printf "%.12g", sqrt(s / (NR - 1)) }' three_losses)
holds 'their mean' near "$(awk -F , '$1 == "0002" { print $4 }' seeds/sweep.csv)" "$mean" 1e-6
holds 'their deviation' near "$(awk -F , '$1 == "0002" { print $5 }' seeds/sweep.csv)" "$deviation" 1e-6
# Seeds alone.
# shellcheck disable=SC2086
expect 0 '^0001 .* 2 ' sweep $digits --seeds 2 --out alone2

# ---- Failures ----
# shellcheck disable=SC2086
expect 1 '1 of 3 runs failed' sweep $digits --grid 'model=dense:10,dense:5,dense:16 dense:10' --out failed
holds 'with its reason, last' sh -c "tail -n 1 out | grep -q '^0002  dense:5 *failed: \"dense:5\" ends in 5 scores, but digits has 10 classes$'"
holds 'in CSV' grep -q '^0002,dense:5,0,,.*,"""dense:5"" ends in 5 scores, but digits has 10 classes"$' failed/sweep.csv
holds 'in JSON' grep -q '"trial":"0002".*"status":"failed".*"reason":"\\"dense:5\\" ends in 5' failed/sweep.jsonl
expect 1 '"status":"failed"' sweep --resume --out failed --json
holds 'it was tried again' grep -q '^0002 failed (3 of 3)' err
holds 'counted' grep -q '"runs":3,"done":2,"failed":1' out
# A limit of file sizes stands for a full disk.
# shellcheck disable=SC2086
(ulimit -f 40; "$BLASGRAD" sweep $digits --grid 'model=dense:10,dense:512 relu dense:10' --out limited >out 2>err)
got=$?
holds "a disk that is full is a failure of the run, not $got" test $got -eq 1
holds 'that says so' grep -q '^0002 .*failed: .*File too large' out
expect 0 'test_loss' sweep --resume --out limited

# ---- Resuming ----
expect 1 '--out grid: holds a sweep already; go on with it with --resume' sweep --data digits --grid lr=1,2 --out grid
expect 2 '--grid lr=1,2: the sweep in grid has "0.0001,0.1"; --resume goes on with its definition' \
    sweep --resume --grid lr=1,2 --out grid
expect 2 '--grid batch=1,2: the sweep in grid was begun without it' sweep --resume --grid batch=1,2 --out grid
expect 2 '--random lr=1,2: the sweep in grid was begun without it' sweep --resume --random lr=1,2 --out grid
expect 2 '--epochs 2: the sweep in grid has "1"' sweep --resume --epochs 2 --out grid
expect 2 '--ema 0.5: the sweep in grid was begun without it' sweep --resume --ema 0.5 --out grid
expect 2 '--seeds 2: the sweep in seeds has 3' sweep --resume --seeds 2 --out seeds
expect 2 '--seeds 2: the sweep in grid was begun without it' sweep --resume --seeds 2 --out grid
expect 2 '--trials 3: the sweep in one has 7; --resume goes on with its definition, or with more' \
    sweep --resume --trials 3 --out one
# Seeds that no double tells apart.
expect 0 '2 runs' sweep --data lecture --grid lr=0.01,0.02 --epochs 1 --seed 9007199254740993 --out far_seed
expect 2 '--seed 9007199254740992: the sweep in far_seed has "9007199254740993"' \
    sweep --resume --seed 9007199254740992 --out far_seed
expect 0 'going on; 16 runs are done' sweep --resume --grid lr=0.0001,0.1 --epochs 1 --data digits --out grid
cp -R seeds broken
echo '{"train": {"data": "digits"}, "grid": {"lr": 3}}' >broken/sweep.json
expect 2 'broken/sweep.json: "lr" in "grid" is a text' sweep --resume --out broken
echo '{"train": {"dat": "digits"}}' >broken/sweep.json
expect 2 'broken/sweep.json: "dat" is no option of blasgrad train' sweep --resume --out broken
echo '{"grid": {}}' >broken/sweep.json
expect 2 'broken/sweep.json: "train" is missing' sweep --resume --out broken
echo '{"train": {"data": "digits"}, "trials": 0.5}' >broken/sweep.json
expect 2 'broken/sweep.json: "trials": 0.5: a sweep.s definition has' sweep --resume --out broken
echo '{"train"' >broken/sweep.json
expect 1 'broken/sweep.json: line ' sweep --resume --out broken

# Sweeps that take long enough to be met on the way. Runs draw, so that what is lost would show.
long='--data strokes --count 2000 --epochs 12 --batch 16 --save-every 5 --grid lr=0.01,0.02,0.05,0.1 --jobs 2'
long_model='dense:64 relu dropout:0.1 dense:10'
# shellcheck disable=SC2086
expect 0 'test_loss' sweep $long --model "$long_model" --out whole
# begin DIR: in the background, until a run has ended and two more are under way.
begin()
{
    # shellcheck disable=SC2086
    "$BLASGRAD" sweep $long --model "$long_model" --out "$1" >"$1.out" 2>"$1.err" &
    sweep=$!
    waited=0
    while [ $waited -lt 1200 ] && ! { grep -q '^000. done' "$1.err" && grep -q '"event":"epoch"' "$1/0003/log.jsonl"; } 2>/dev/null; do
        sleep 0.05
        waited=$((waited + 1))
    done
}
# runs_of DIR: the processes of runs whose directory begins so, in this folder.
runs_of()
{
    for file in $(grep -l -s -a -e "--out=$1" /proc/[0-9]*/cmdline); do
        process=${file%/cmdline}
        [ "$(readlink "$process/cwd")" = "$(pwd -P)" ] && [ "$(tr '\0' '\n' <"$file" | sed -n 2p)" = train ] &&
            echo "${process#/proc/}"
    done 2>/dev/null
}
# same DIR: its runs are those of the sweep that was not met.
same()
{
    for run in 0001 0002 0003 0004; do
        holds "$1: run $run is the same" cmp -s "whole/$run/best.safetensors" "$1/$run/best.safetensors"
        holds "$1: one end of $run" test "$(lines "$1/$run/log.jsonl" '"event":"done"')" -eq 1
    done
}
for signal in INT TERM HUP; do
    begin $signal
    expect 1 'a sweep is under way there' sweep --resume --out $signal
    kill -$signal $sweep
    wait $sweep
    got=$?
    # A shell has background processes ignore SIGINT, but the program catches it.
    case $signal in INT) wanted=130 ;; TERM) wanted=143 ;; *) wanted=129 ;; esac
    holds "SIG$signal ends with $wanted, not $got" test $got -eq $wanted
done
for signal in INT TERM HUP; do
    holds "SIG$signal: runs under way are saved" test "$(cat $signal/000?/log.jsonl | lines - '"event":"interrupted"')" -ge 1
    expect 0 "$signal: going on; [12] run" sweep --resume --out $signal --jobs 2
    same $signal
done
begin killed
kill -KILL $sweep
wait $sweep 2>/dev/null
# The runs are told by the system, save and end.
waited=0
while [ $waited -lt 600 ] && [ -n "$(runs_of killed)" ]; do
    sleep 0.05
    waited=$((waited + 1))
done
holds 'SIGKILL: runs under way are saved' test "$(cat killed/000?/log.jsonl | lines - '"event":"interrupted"')" -ge 1
expect 0 'killed: going on; [12] run' sweep --resume --out killed
same killed
# Who stops services sends SIGTERM to each process, and the sweep passes its own on.
begin group
members=$(runs_of group)
for process in $sweep $members; do kill -TERM "$process" 2>/dev/null; done
wait $sweep
got=$?
holds "a group that is stopped ends with 143, not $got" test $got -eq 143
holds 'its runs under way are saved' test "$(cat group/000?/log.jsonl | lines - '"event":"interrupted"')" -ge 1
expect 0 'group: going on; [12] run' sweep --resume --out group
same group
# Ctrl-Z reaches the sweep alone, which stops its runs with itself; they go on together.
# state PID: T of a process that is stopped.
state() { sed 's/.*) \(.\) .*/\1/' "/proc/$1/stat" 2>/dev/null; }
# states WANTED PID..: waits until all processes are in it, or none is any more.
states()
{
    wanted=$1 waited=0
    shift
    for process; do
        while [ $waited -lt 600 ] && [ "$(state $process)" != "$wanted" ]; do
            sleep 0.05
            waited=$((waited + 1))
        done
    done
    [ $waited -lt 600 ]
}
begin stopped
members=$(runs_of stopped)
kill -TSTP $sweep
# shellcheck disable=SC2086
holds 'SIGTSTP: the sweep and its runs stand still' states T $sweep $members
holds 'there are runs' test -n "$members"
kill -CONT $sweep
wait $sweep
got=$?
holds "SIGCONT: it goes on to its end, not to $got" test $got -eq 0
same stopped
# The keys of a terminal reach its whole group, but runs are told by the sweep alone.
if has_terminal; then
    press_interrupt()
    {
        waited=0
        while [ $waited -lt 1200 ] && ! grep -q '"event":"epoch"' keys/0003/log.jsonl 2>/dev/null; do
            sleep 0.05
            waited=$((waited + 1))
        done
        printf '\003'
        sleep 1
    }
    : >err
    press_interrupt | script -qefc "\"$BLASGRAD\" sweep $long --model \"$long_model\" --out keys" out >/dev/null
    got=$?
    holds "Ctrl-C ends with 130, not $got" test $got -eq 130
    holds 'it says how to go on' grep -q 'interrupted: [0-3] of 4 runs are done; go on with blasgrad sweep --resume --out keys' out
    holds 'runs under way are saved' test "$(cat keys/000?/log.jsonl | lines - '"event":"interrupted"')" -ge 1
    expect 0 'keys: going on; [0-3] run' sweep --resume --out keys
    same keys
fi
# Seeds alone: there is one setting, and nothing to say of it.
expect 0 '2 runs of 1 setting,' sweep --data digits --epochs 1 --seeds 2 --jobs 1 --out seeds_alone
holds 'a run without axes' grep -q '^0001-s0 done (1 of 2): test_loss [0-9.]*$' err
# With options from a file, over which the axes win: what it says is a part of the definition, and its changes are not.
expect 0 '' train --data digits --epochs 1 --nesterov --lr 0.05 --threads 2 --out flag
expect 0 '2 runs' sweep --config flag/config.json --grid nesterov=true,false --out flags
holds 'true in the file, and by the axis' grep -q '"nesterov": true' flags/0001/config.json
holds 'and false by the axis' grep -q '"nesterov": false' flags/0002/config.json
holds 'one thread, of two in the file' grep -q '"threads": 1,' flags/0001/config.json
rm -r flags/0002
sed 's/"lr": 0.05[0-9]*/"lr": 0.3/' flag/config.json >changed.json
cp changed.json flag/config.json
expect 0 'flags: going on; 1 run is done' sweep --resume --out flags
holds 'as it was when the sweep began' grep -q '"lr": 0.05' flags/0002/config.json
expect 2 '--lr 0.3: the sweep in flags has "0.05"' sweep --resume --config changed.json --grid nesterov=true,false --out flags
# As earlier versions wrote it.
sed 's/"0.05"/"0.050000000000000003"/' flags/sweep.json >earlier.json
holds 'more digits' grep -q '0.050000000000000003' earlier.json
cp earlier.json flags/sweep.json
sed 's/"lr": 0.3/"lr": 0.05/' changed.json >earlier.json
expect 0 'flags: going on; 2 runs are done' sweep --resume --config earlier.json --grid nesterov=true,false --out flags
expect 1 'none.json' sweep --config none.json --grid lr=1,2 --out none
expect 0 '2 runs' sweep --config '{file}.json' --grid file=changed,flag/config --out files
holds 'files as an axis' grep -q '"nesterov": true' files/0002/config.json
expect 0 '' train --data strokes --count 2000 --epochs 12 --batch 16 --save-every 5 --model "$long_model" --out config
long='--config config/config.json --save-every 5 --grid lr=0.01,0.02,0.05,0.1 --jobs 2'
begin filed
kill -TERM $sweep
wait $sweep
expect 0 'filed: going on; [12] run' sweep --resume --out filed
same filed
# A run that is killed does not end the sweep.
begin shot
kill -KILL "$(runs_of shot/0003)"
wait $sweep
got=$?
holds "the sweep ends with 1, not $got" test $got -eq 1
holds 'the run has failed' grep -q '^0003 .*failed: ended by signal 9 (Killed)$' shot.out
holds 'the others are done' test "$(lines shot/sweep.jsonl '"status":"done"')" -eq 3
expect 0 'shot: going on; 3 runs are done' sweep --resume --out shot
same shot
# The table goes to one file even if it cannot be written to the other.
# shellcheck disable=SC2086
expect 0 '' sweep $digits --seeds 2 --jobs 1 --out half
rm half/sweep.csv half/sweep.jsonl
mkdir half/sweep.csv
expect 1 'half/sweep.csv' sweep --resume --out half
holds 'the other file' test "$(lines half/sweep.jsonl '"status":"done"')" -eq 2
# A full disk: what a run had to say is the reason, though it does not fit into its file.
if command -v unshare >/dev/null && unshare -rm true 2>/dev/null; then
    mkdir small
    # shellcheck disable=SC2016
    unshare -rm sh -c 'mount -t tmpfs -o size=256k none small &&
        "$BLASGRAD" sweep --data digits --epochs 1 --model "dense:{width}" --grid width=10,400 --jobs 1 --out small/s
        echo $? >code' >out 2>err
    holds 'a full disk fails' test "$(cat code)" -eq 1
    holds 'with its reason in the table' grep -q '^0002 .*failed: .*small/s/0002/.*No space left on device' out
fi
# Nobody reads the output any more.
# shellcheck disable=SC2086
"$BLASGRAD" sweep $digits --grid lr=0.01,0.02,0.05,0.1 --jobs 1 --json --out unread 2>err | head -n 1 >out
holds 'it ends early' test ! -e unread/0004/last.safetensors

finish
