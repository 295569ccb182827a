#!/bin/sh
# `blasgrad train --plot`, in a terminal and without one.
. "${BLASGRAD_TEST_DATA:?the folder of the tests}/support/program.sh"

expect 0 'plot has no effect: standard error is no terminal' train --data lecture --epochs 3 --plot
holds 'no curve without a terminal' sh -c '! grep -q "0 .*step" out err'

# terminal COLUMNS ROWS COMMAND..: what the command writes to a terminal of this size, without carriage returns.
terminal()
{
    columns=$1 rows=$2
    shift 2
    : >err
    script -qec "stty cols $columns rows $rows; $*" /dev/null </dev/null 2>err | tr -d '\r' >out
}
if has_terminal; then
    train="'$BLASGRAD' train --data lecture --epochs 300 --plot"
    terminal 80 24 "LC_ALL=C TERM=dumb $train"
    holds 'a head' grep -q '^ *loss (log scale)   : train 0\.[0-9]*$' out
    holds 'the steps' grep -q '^          0  *step 300$' out
    holds 'a curve in ASCII' test "$(grep -c "|.*[:.']" out)" -ge 5
    holds 'a curve of half of the rows' test "$(grep -c '^[ 0-9.e-]* |' out)" -eq 12
    holds 'the end of the curve is the last step' sh -c "grep -q '^.\{78\}[:.'\'']\$' out"
    holds 'it fits the columns' awk '/[|]/ && length > 79 { long = 1 } END { exit long }' out
    holds 'nothing but text' sh -c '! grep -q "$(printf "\\033")" out'
    terminal 60 40 "LC_ALL=C.UTF-8 TERM=dumb $train"
    holds 'a curve in blocks' test "$(grep -c '|.*[▘▝▀▖▌▞▛▗▚▐▜▄▙▟█]' out)" -ge 5
    holds 'a taller one' test "$(grep -c '^[ 0-9.e-]* |' out)" -eq 20
    terminal 80 24 "LC_ALL=C TERM=xterm '$BLASGRAD' train --data digits --epochs 30 --plot"
    holds 'the test loss' grep -q '   o test 0\.' out
    holds 'its marks' test "$(tail -n 20 out | grep -c '|.*o')" -ge 2
    holds 'it goes away for other lines' grep -q "$(printf '\033\\[14A\033\\[J')" out
    holds 'and stays at the end' sh -c 'tail -n 1 out | grep -q "step [1-9]"'
    # Lines about epochs leave words out where they would not fit.
    for columns in 60 120; do
        terminal $columns 24 "TERM=dumb '$BLASGRAD' train --data digits --epochs 2"
        mv out out$columns
    done
    holds 'a short line' grep -q 'epoch 2  train [0-9.]* [0-9.]* %  test [0-9.]* [0-9.]* %$' out60
    holds 'a long line' grep -q 'epoch 2  train loss [0-9.]* accuracy [0-9.]* %  test loss .* samples/s' out120
    # The first point of a run that goes on is of its first step, not of all before.
    "$BLASGRAD" train --data lecture --epochs 3 --out run >out 2>err
    terminal 80 24 "LC_ALL=C TERM=dumb '$BLASGRAD' train --resume --epochs 4 --plot --out run"
    holds 'a run that goes on' sh -c 'loss=$(sed -n "s/.*\"epoch\":4,.*\"train_loss\":\([0-9.]*\),.*/\1/p" run/log.jsonl) &&
        grep -q " : train $(printf %.4g "$loss")\$" out'
    terminal 24 24 "$train"
    holds 'a terminal that is too small' grep -q 'less than' out
    terminal 80 24 "'$BLASGRAD' train --data lecture --method lstsq --plot"
    holds 'nothing to draw' grep -q 'plot has no effect: no step was taken' out
fi

finish
