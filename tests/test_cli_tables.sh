#!/bin/sh
# CSV tables in the program: columns, missing fields, names of classes, from training to predictions.
. "${BLASGRAD_TEST_DATA:?the folder of the tests}/support/program.sh"

# ---- Usage ----
for option in '--features a' '--missing nan' '--skip-lines 1'; do
    # shellcheck disable=SC2086
    expect 2 "${option%% *} is an option of CSV tables; --data is digits" train --data digits $option
done
expect 2 '--target-file is an option of CSV tables and .npy files; --data is digits' train --data digits --target-file y.csv
expect 2 '--missing "none": error, nan, mean, drop, or a number' train --data t.csv --missing none
expect 2 '--missing "inf"' train --data t.csv --missing inf
expect 2 '--skip-lines "0": a whole number, 1 or more' train --data t.csv --skip-lines 0

# ---- Classes with names ----
printf 'kind,weight,width\n' >fruit.csv
i=0
while [ $i -lt 30 ]; do
    printf 'pear,%d.5,-1\n"fig, dried",-%d,2\n' $((i % 3 + 1)) $((i % 2 + 1))
    i=$((i + 1))
done >>fruit.csv
expect 1 '"pear" is not a number; the decimal mark is .[.]., and names need a target of classes' \
    train --data fruit.csv --target kind
expect 0 '"dense:2", 6 parameters, cross_entropy' train --data fruit.csv --target kind --classes --epochs 30 --lr 0.1 --out fruit
expect 0 'accuracy 100' eval --checkpoint fruit/best.safetensors
expect 0 'blasgrad.class_names' info fruit/best.safetensors
expect 0 '^0,pear,' predict --checkpoint fruit/best.safetensors
holds 'a name with a comma is quoted' grep -q '^1,"fig, dried",' out
grep -v example out >first
# Another order of the columns, one more, and no classes.
sed 's/^"fig, dried",\(.*\),\(.*\)/\2,none,\1/; s/^[a-z]*,\(.*\),\(.*\)/\2,none,\1/' fruit.csv >turned.csv
holds 'the columns are turned' grep -q '^width,none,weight$' turned.csv
expect 0 '^0,pear,' predict --checkpoint fruit/best.safetensors --data turned.csv
grep -v example out >second
holds 'columns are found by their names' cmp first second
expect 0 '^{"example":1,"class":"fig, dried","scores":' predict --checkpoint fruit/best.safetensors --data turned.csv --json
expect 1 'turned.csv, line 1: no column is named "kind"; there are width none weight' \
    eval --checkpoint fruit/best.safetensors --data turned.csv
# Fewer classes are numbered as they were, and no new one comes in.
printf 'width,weight,kind\n-1,2.5,pear\n' >pears.csv
expect 0 'all: 1 example, .*accuracy 100' eval --checkpoint fruit/best.safetensors --data pears.csv
printf 'width,weight,kind\n-1,2.5,plum\n' >plums.csv
expect 1 '"plum" is none of the 2 classes' eval --checkpoint fruit/best.safetensors --data plums.csv
printf '2,2.5,-1\n' >bare.csv
expect 1 'no header names a column "weight"' predict --checkpoint fruit/best.safetensors --data bare.csv
printf 'pear,2.5,-1\n' >bare.csv
expect 0 'all: 1 example, .*accuracy 100' eval --checkpoint fruit/best.safetensors --data bare.csv --no-header --target 0

# A header that is not in UTF-8: its columns are found by their places.
printf 'gr\366\337e,y\n1,2\n2,4\n' >latin.csv
expect 0 'train loss' train --data latin.csv --method lstsq --out latin
expect 0 'all: 2 examples' eval --checkpoint latin/best.safetensors

# ---- The target of another table ----
printf 'a,b,y\n1,2,5\n2,1,4\n3,3,9\n0,1,2\n' >aby.csv
expect 0 '"dense:1", 3 parameters, l2' train --data aby.csv --method lstsq --out aby
printf 'id,b,y,a\n7,2,5,1\n8,1,4,2\n' >more_columns.csv
expect 1 'more_columns.csv, line 1: 2 columns are no inputs; say which is the target' \
    eval --checkpoint aby/best.safetensors --data more_columns.csv
expect 0 'all: 2 examples' eval --checkpoint aby/best.safetensors --data more_columns.csv --target y
loss=$(sed 's/.*loss //' out)
printf 'y,b,a\n5,2,1\n4,1,2\n' >turned.csv
expect 0 "all: 2 examples, loss $loss\$" eval --checkpoint aby/best.safetensors --data turned.csv
# The run's own table is read as it was, with columns that are neither.
expect 0 '"dense:1", 2 parameters, l2' train --data aby.csv --features a --method lstsq --out a
loss=$(sed -n 's/^train loss //p' out)
expect 0 "loss $loss" eval --checkpoint a/best.safetensors

# ---- Several targets, lines skipped, missing fields ----
printf 'made by hand\na b c d\n1 2 3 6\n2 1 NA 9\n0 1 1 5\n4 4 8 3\n' >more.csv
expect 1 'line 1: no column is named "c"; there are made by hand' train --data more.csv --delimiter ' ' --target c,d
expect 1 'line 4: column 3 (number 2): "NA" is not a number' train --data more.csv --delimiter ' ' --skip-lines 1 --target c,d
expect 0 '4 training examples, .*"dense:2", 6 parameters, l2' train --data more.csv --delimiter ' ' --skip-lines 1 \
    --target c,d --missing mean --out more
loss=$(sed -n 's/^train loss //p' out)
holds 'config.json: missing' grep -q '"missing": "mean"' more/config.json
holds 'config.json: skip_lines' grep -q '"skip_lines": 1' more/config.json
expect 0 "loss $loss" eval --checkpoint more/last.safetensors
expect 0 '3 training examples' train --data more.csv --delimiter ' ' --skip-lines 1 --target c,d --missing drop --epochs 1
expect 0 '"dense:1", 3 parameters' train --data more.csv --delimiter ' ' --skip-lines 1 --features a-b --target 3 --epochs 1 \
    --missing 0 --features 0-1
expect 1 'loss is not finite\|nan' train --data more.csv --delimiter ' ' --skip-lines 1 --missing nan --epochs 1

# ---- Rows that are left out ----
printf 'a,b,y\n1,2,5\n,1,4\n3,3,9\n0,1,2\n' >holes.csv
expect 0 '3 training examples' train --data holes.csv --missing drop --method lstsq --out holes
expect 1 'holes.csv, line 3: column 1 (number 0): the field is empty' predict --checkpoint holes/best.safetensors
expect 0 '^example,y0$' predict --checkpoint holes/best.safetensors --missing drop
holds 'the numbers are those of the rows' test "$(grep -v example out | cut -d, -f1 | tr '\n' ' ')" = '0 2 3 '
expect 0 '^{"example":3,' predict --checkpoint holes/best.safetensors --missing drop --json
expect 0 '^1,' predict --checkpoint holes/best.safetensors --missing mean
expect 0 'all: 3 examples' eval --checkpoint holes/best.safetensors

# ---- No header ----
printf '1,2,pear\n-1,1,fig\n2,3,pear\n-2,2,fig\n' >bare.csv
expect 0 '4 training examples' train --data bare.csv --classes --epochs 1 --out bare
printf 'pear,2,x\n1,2,pear\n' >headed.csv
expect 0 '4 training examples' train --data bare.csv --classes --no-header --epochs 1 --out bare_too
cp bare.csv again.csv
expect 0 'all: 4 examples' eval --checkpoint bare_too/best.safetensors --data again.csv
expect 1 'headed.csv, line 1: column 1 (number 0): "pear" is not a number' \
    eval --checkpoint bare_too/best.safetensors --data headed.csv

# ---- A file of targets ----
printf '1 2\n3 4\n5 7\n' >inputs.csv
printf '1\n2\n3.5\n' >outputs.csv
expect 0 '"dense:1", 3 parameters, l2' train --data inputs.csv --target-file outputs.csv --delimiter ' ' --method lstsq --json \
    --out two
holds 'lstsq solves it' near "$(field train_loss)" 0 1e-9
expect 0 'all: 3 examples' eval --checkpoint two/best.safetensors
# Inputs alone have a prediction too.
printf '1 2\n3 4\n' >new.csv
expect 0 '^1,' predict --checkpoint two/best.safetensors --data new.csv
expect 1 'two/best.safetensors' predict --checkpoint two/best.safetensors --data new.csv --target 1
printf '1\n2\n' >outputs.csv
expect 1 'inputs.csv, line 3: this is row 3, and .*outputs.csv has no more than 2' eval --checkpoint two/best.safetensors
expect 1 'none.csv: cannot open' train --data inputs.csv --target-file none.csv

# ---- Standard input ----
printf '1 2\n3 4\n5 7\n' >inputs.csv
expect 0 '^1,' predict --checkpoint two --data inputs.csv
cp out from_file
holds 'rows that another program writes' sh -c 'cat inputs.csv | "$1" predict --checkpoint two --data - | cmp - from_file' sh "$BLASGRAD"
holds 'gzipped' sh -c 'gzip -c inputs.csv | "$1" predict --checkpoint two --data - | cmp - from_file' sh "$BLASGRAD"
expect 0 'all: 4 examples' eval --checkpoint bare_too --data - <again.csv
expect 1 '/dev/stdin, line 1: column 1' eval --checkpoint bare_too --data - <headed.csv
expect 2 '--data -: only eval and predict read a table from standard input' train --data - <again.csv
expect 2 '--count is an option of strokes' eval --checkpoint bare_too --data - --count 3 <again.csv

finish
