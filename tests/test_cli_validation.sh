#!/bin/sh
# A part for validation, and parts in files of their own, in the program.
. "${BLASGRAD_TEST_DATA:?the folder of the tests}/support/program.sh"

# ---- Usage ----
expect 2 '--validation-share "1": a number from 0 to 0.9' train --data digits --validation-share 1
: >t.csv
expect 2 '--test-share and --test-data both say what is held out' train --data t.csv --test-share 0.2 --test-data other.csv
expect 2 '--validation-share and --validation-data both say' train --data t.csv --validation-share 0.2 --validation-data o.csv
expect 2 '--test-data is an option of CSV tables, arrays, texts and IDX files; --data is digits' \
    train --data digits --test-data other.csv
expect 2 '--validation-target-file has the targets of --validation-data, which is missing' \
    train --data t.csv --validation-target-file y.csv
expect 2 '--test-target-file is missing: the targets of t.csv are in a file' train --data t.csv --target-file y.csv --test-data o.csv
expect 2 '--test-target-file: t.csv holds its own targets' train --data t.csv --test-data o.csv --test-target-file y.csv
expect 1 'lecture: a share of 0.05 of 5 examples is none for validation' train --data lecture --validation-share 0.05
expect 1 'lecture: holding out a share of 1 of 5 examples leaves none' train --data lecture --validation-share 0.6 --test-share 0.4

# ---- The best epoch is chosen by validation, and tested once ----
# Noise that a large network learns by heart: the validation loss rises again.
awk 'BEGIN {
    srand(3)
    print "a,b,c,d,y"
    for (i = 0; i < 120; i++) {
        a = rand() * 2 - 1; b = rand() * 2 - 1
        print a "," b "," rand() "," rand() "," a - b + rand() * 2 - 1
    }
}' >noise.csv
common='--data noise.csv --model "dense:64 tanh dense:1" --validation-share 0.2 --test-share 0.25 --lr 0.02 --momentum 0.9'
run() { eval "expect \"\$1\" \"\$2\" train $common $3"; }
run 0 '66 training examples, 24 for validation, 30 for testing' '--epochs 60 --out run --json'
best=$(field best_epoch) validation=$(field validation_loss) test=$(field test_loss) train=$(field train_loss)
holds 'a best epoch is told' test -n "$best"
holds 'it is not the last' test "$best" -lt 60
lowest=$(sed -n 's/.*"event":"epoch".*"validation_loss":\([-0-9.e+]*\).*/\1/p' run/log.jsonl | sort -g | head -n 1)
holds 'its validation loss is the lowest' near "$validation" "$lowest" 1e-6
holds 'the test is made at the end alone' test "$(grep -c test_loss run/log.jsonl)" -eq 1
holds 'the log names the parts' grep -q '"train_examples":66,"validation_examples":24,"test_examples":30' run/log.jsonl
holds 'config.json: validation_share' grep -q '"validation_share": 0.2' run/config.json
near_test() { near "$(field loss)" "$1" 1e-6; }
for part in train validation test; do
    expect 0 "\"part\":\"$part\"" eval --checkpoint run/best.safetensors --part $part --json
    eval "loss=\$$part"
    # shellcheck disable=SC2154
    holds "eval repeats the $part loss" near_test "$loss"
done
expect 0 '"part":"test","examples":30' eval --checkpoint run/best.safetensors --json
expect 0 '"part":"all","examples":120' eval --checkpoint run/best.safetensors --part all --json
expect 0 '^119,' predict --checkpoint run/best.safetensors
# Without a run directory the same; and for people.
run 0 '"event":"done"' '--epochs 60 --json'
holds 'the same without --out' test "$test" = "$(field test_loss)"
run 0 "^best epoch $best\$" '--epochs 60'
holds 'epochs have validation losses' grep -q '^epoch 60  train loss [^ ]*  validation loss [^ ]*  ' out
run 0 '^ended by --early-stopping' '--epochs 60 --early-stopping 6'
stopped=$(sed -n 's/^best epoch //p' out)
holds 'stopped six epochs behind the best' grep -q "after $((3 * (stopped + 6))) steps" out
# A plateau follows the validation loss: with the test part changed the run is the same.
run 0 'lr' '--epochs 30 --schedule plateau --json'
first=$(field validation_loss)
eval "expect 0 lr train $(echo "$common" | sed 's/--test-share 0.25//') --epochs 30 --schedule plateau --json"
holds 'another cut is another run' test "$first" != "$(field validation_loss)"

# Averages of the parameters are what is validated, kept and tested.
run 0 '"event":"done"' '--epochs 40 --ema 0.9 --out ema --json'
test=$(field test_loss)
expect 0 '"part":"test"' eval --checkpoint ema/best.safetensors --json
holds 'eval repeats the test of averages' near_test "$test"

# ---- Going on ----
run 0 '' '--epochs 60 --steps 55 --out cut --json'
expect 0 '"event":"done"' train --resume --out cut --steps 180 --json
holds 'the best epoch is that of a run without interruption' test "$(field best_epoch)" = "$best"
holds 'so is its validation' test "$(field validation_loss)" = "$validation"
expect 0 '"event":"done"' train --resume --out cut --json
holds 'a complete run tells its best again' test "$(field validation_loss)" = "$validation"
run 2 "validation-share 0.3: the run in cut has 0.2" '--epochs 60 --resume --out cut --validation-share 0.3'

# ---- Only validation; classes; images that have a test of their own ----
expect 0 '1438 training examples, 359 for validation, 0 for testing' \
    train --data digits --test-share 0 --validation-share 0.2 --stratify --epochs 1 --out only
holds 'no test' sh -c '! grep -q "^test" out'
expect 0 '^validation: 359 examples' eval --checkpoint only/best.safetensors
expect 2 '--part test: nothing is held out of digits for the test' eval --checkpoint only/best.safetensors --part test
expect 0 '"event":"done"' train --data digits --epochs 2 --json
test=$(field test_loss)
expect 0 '1258 training examples, 180 for validation, 359 for testing' train --data digits --validation-share 0.1 --epochs 2 --out both
expect 2 'nothing is held out of digits for validation' eval --checkpoint both/best.safetensors --test-share 0.1 --part validation

# ---- Texts ----
awk 'BEGIN { for (i = 0; i < 60; i++) print "ROMEO: The " i " winds do blow, and still I wait." }' >text.txt
expect 0 ' for validation, ' train --data text.txt --model "embedding:64:8 dense:64" --context 8 --batch 8 --validation-share 0.2 \
    --json --out text
awk 'BEGIN { for (i = 0; i < 6; i++) print "and still I wait" }' >other.txt
expect 0 '"validation_perplexity":' train --data text.txt --model "embedding:64:8 dense:64" --context 8 --batch 8 \
    --validation-data other.txt --test-data other.txt --json --out others
holds 'both are the same' test "$(field validation_loss)" = "$(field test_loss)"
expect 0 'test: 12 examples' eval --checkpoint others/best.safetensors
printf 'Quite other letters: xyz, and more of them\n' >foreign.txt
expect 1 'foreign.txt: offset 0: the character U+0051 is not in the vocabulary' \
    train --data text.txt --model "embedding:64:8 dense:64" --context 8 --test-data foreign.txt

# ---- Tables of their own: columns and classes by their names ----
printf 'kind,weight,width\n' >fruit.csv
i=0
while [ $i -lt 20 ]; do
    printf 'pear,%d.5,-1\nfig,-%d,2\n' $((i % 3 + 1)) $((i % 2 + 1))
    i=$((i + 1))
done >>fruit.csv
printf 'width,kind,weight\n-1,pear,2.5\n2,fig,-1\n-1,pear,1.5\n' >turned.csv
expect 0 '40 training examples, 3 for testing' \
    train --data fruit.csv --target kind --classes --epochs 20 --lr 0.1 --scale standard --test-data turned.csv --out fruit
holds 'each is recognised' grep -q '^test loss .* accuracy 100' out
holds 'config.json: test_data' grep -q '"test_data": "turned.csv"' fruit/config.json
expect 0 '^test: 3 examples.*accuracy 100' eval --checkpoint fruit/best.safetensors
expect 0 '^39,' predict --checkpoint fruit/best.safetensors
expect 0 '^test: 12 examples' eval --checkpoint fruit/best.safetensors --test-share 0.3
printf 'width,kind,weight\n-1,plum,2.5\n' >plums.csv
expect 1 'plums.csv, line 2: .*"plum" is none of the 2 classes' \
    train --data fruit.csv --target kind --classes --epochs 1 --validation-data plums.csv
printf '1,2,0\n2,1,1\n3,3,1\n0,1,0\n' >plain.csv
printf '1,2,3\n' >more.csv
expect 1 'more.csv: has the class 3, and plain.csv only classes up to 1' train --data plain.csv --classes --test-data more.csv
printf '1,2,2,3\n' >wide.csv
expect 1 'wide.csv: the inputs are of another form than those of plain.csv: 3 f32 an example, not 2' \
    train --data plain.csv --test-data wide.csv
printf '1,2\n2,1\n4,4\n' >x.csv
printf '3\n3\n1\n' >y.csv
expect 0 '3 training examples, 3 for testing' \
    train --data x.csv --target-file y.csv --method lstsq --test-data x.csv --test-target-file y.csv --out two
holds 'the test is that of the same examples' test "$(sed -n 's/^train //p' out)" = "$(sed -n 's/^test //p' out)"
expect 0 '^test: 3 examples' eval --checkpoint two/best.safetensors
expect 2 '--test-data text.txt: of another kind than plain.csv' train --data plain.csv --test-data text.txt
expect 1 'gone.csv: No such file' train --data plain.csv --test-data gone.csv

# ---- Images of their own ----
# images NAME: ten of 2 x 2 pixels, with two classes.
images()
{
    { printf '\000\000\010\003\000\000\000\012\000\000\000\002\000\000\000\002'; printf 'abcdefghijklmnopqrstabcdefghijklmnopqrst'; } >"$1-images-idx3-ubyte"
    { printf '\000\000\010\001\000\000\000\012'; printf '\001\000\001\000\001\000\001\000\001\000'; } >"$1-labels-idx1-ubyte"
}
images one
images two
expect 0 '10 training examples, 10 for validation, 10 for testing' train --data one-images-idx3-ubyte --model dense:2 --epochs 1 \
    --validation-data one-images-idx3-ubyte --test-data two-images-idx3-ubyte --out images
expect 0 '^test: 10 examples' eval --checkpoint images/best.safetensors

# ---- Curves ----
if command -v gnuplot >/dev/null; then
    expect 0 '' plot run only -o curves.svg
    holds 'the curve of the validation is named' grep -q 'run, validation' curves.svg
    holds 'and no test is drawn' sh -c '! grep -q "run, test" curves.svg'
    expect 0 '' plot both --what confusion -o confusion.svg
    holds 'the picture is of the test' grep -q '359 test examples' confusion.svg
    expect 0 '' plot only --what confusion -o confusion.svg
    holds 'or of the validation' grep -q '359 validation examples' confusion.svg
fi

finish
