#!/bin/sh
# The README's run from start to end, in a terminal: train, Ctrl-C, resume, eval, predict, plot.
. "${BLASGRAD_TEST_DATA:?the folder of the tests}/support/program.sh"

has_terminal || { echo 'skipped: needs script (on Debian: bsdutils) and pseudo-terminals'; exit 77; }
readme=$BLASGRAD_TEST_DATA/../README.md
# What stands between the lines of the shell block.
walk=$(sed -n '/^### A run from start to end/,/^### /p' "$readme" | sed -n '/^```sh/,/^```$/p' | sed '1d;$d')
# step N: the N-th line, with the program's path.
step() { printf '%s\n' "$walk" | sed -n "$1s|^blasgrad|\"\$BLASGRAD\"|p"; }
holds 'the walk has seven lines' test "$(printf '%s\n' "$walk" | wc -l)" -eq 7

# The keys are pressed when the second epoch is under way; a terminal sends SIGINT for them.
press_interrupt()
{
    waited=0
    while [ $waited -lt 600 ] && ! grep -q '"event":"epoch"' run/log.jsonl 2>/dev/null; do
        sleep 0.1
        waited=$((waited + 1))
    done
    printf '\003'
    sleep 1
}
: >err
press_interrupt | script -qefc "stty cols 100; $(step 1)" out >/dev/null
got=$?
holds "Ctrl-C ends with 130, not $got" test $got -eq 130
holds 'a bar was drawn' grep -q 'epoch 1/30 \[' out
holds 'it says where it was saved' grep -q 'interrupted in epoch [0-9]* after step [0-9]*; saved in run; go on with blasgrad train --resume --out run' out
holds 'the log says so' grep -q '"event":"interrupted"' run/log.jsonl
script -qefc "stty cols 40; $(step 3)" out >/dev/null </dev/null
got=$?
holds "going on ends with 0, not $got" test $got -eq 0
holds 'it goes on' grep -q 'run: going on after' out
holds 'it comes to its end' grep -q '"event":"done"' run/log.jsonl
holds 'four epochs in all' test "$(grep -c '"event":"epoch"' run/log.jsonl)" -eq 4
script -qefc "stty cols 80; $(step 4)" out >/dev/null </dev/null
holds 'a row for each class' test "$(tr -d '\r' <out | grep -c '^[0-9]  *[01]\.[0-9]* ')" -eq 10
holds 'no line is too wide' awk '!/^Script/ { sub(/\r$/, ""); if (length($0) > 80) exit 1 }' out
eval "$(step 5)" >out 2>err
holds 'scores are written' test -s scores.npy
if command -v gnuplot >/dev/null; then
    eval "$(step 6)" >out 2>err
    holds 'curves are drawn' grep -q '<svg' curves.svg
    eval "$(step 7)" >out 2>err
    holds 'wrong digits are drawn' test -s wrong.png
fi
finish
