#!/bin/sh
# Cutting data by classes and scaling inputs in the program, from training to predictions.
. "${BLASGRAD_TEST_DATA:?the folder of the tests}/support/program.sh"

# ---- Usage ----
expect 2 '--scale "none": one of standard min-max' train --data digits --scale none
expect 2 '--stratify is for classes; the targets of lecture are numbers' train --data lecture --test-share 0.2 --stratify
printf 'to be or not to be, that is the question: whether it is nobler\n' >text.txt
expect 2 '--scale says nothing about a text' train --data text.txt --scale standard
expect 2 '--stratify says nothing about a text' train --data text.txt --stratify

# ---- A table whose columns differ by nine powers of ten; the second class is rare ----
awk 'BEGIN {
    print "small,large,constant,class"
    for (i = 0; i < 200; i++) {
        class = i % 10 == 3
        print (i * 37 % 101) * 1e-6 + class * 1e-4 "," 1e6 + (i * 53 % 97) * 1e3 - class * 2e5 "," 7 "," class
    }
}' >table.csv
expect 2 '--stratify: nothing is held out of table.csv; give --test-share' train --data table.csv --classes --stratify
common='--data table.csv --classes --lr 0.5 --epochs 60 --momentum 0.9 --test-share 0.15'
# shellcheck disable=SC2086
{
    expect 1 'loss is \(nan\|inf\)\|not finite' train $common --loss cross_entropy --lr 1e300
    expect 0 '170 training examples, 30 for testing' train $common --scale standard --stratify --out standard
    holds 'scaled, the classes are told apart' at_least "$(sed -n 's/^test loss .* accuracy \([0-9.]*\) %/\1/p' out)" 99
    loss=$(sed -n 's/^test loss \([^ ]*\) .*/\1/p' out)
    expect 0 'test loss' train $common --scale min-max --stratify --out minmax
}
holds 'config.json: scale' grep -q '"scale": "standard"' standard/config.json
holds 'config.json: stratify' grep -q '"stratify": true' standard/config.json
expect 0 'blasgrad.scale_values' info standard/best.safetensors
expect 0 "test: 30 examples, loss ${loss:-none}" eval --checkpoint standard/last.safetensors
# Of 30 examples held out, a tenth are of the rare class, as in the whole.
expect 0 '^0,' predict --checkpoint standard/best.safetensors
expect 0 'all: 200 examples' eval --checkpoint standard/best.safetensors --part all

# Other data are scaled as the training examples were: one example by itself tells nothing of its scale.
head -n 5 table.csv >few.csv
expect 0 'all: 4 examples, .*accuracy 100' eval --checkpoint standard/best.safetensors --data few.csv
expect 0 'all: 4 examples, .*accuracy 100' eval --checkpoint minmax/best.safetensors --data few.csv
expect 0 '^3,1,' predict --checkpoint standard/best.safetensors --data few.csv
sed 's/,[^,]*,7,/,7,/' few.csv >narrow.csv
expect 1 'narrow.csv' eval --checkpoint standard/best.safetensors --data narrow.csv --features 0-1

# ---- Images changed at random ----
for words in '' ' ' flop flips 'flip,shift:1' shift shift: shift:0 shift:1.5 noise:0 noise:nan 'flip shift:2x'; do
    expect 2 '--augment ".*": words of flip, shift:N and noise:S' train --data strokes --augment "$words"
done
expect 1 'examples of rank 1 are flipped or shifted' train --data digits --augment flip
expect 1 'images of 28 x 28 are shifted by up to 29' train --data strokes --count 100 --augment shift:29
images='--data strokes --count 600 --epochs 4 --seed 5'
# shellcheck disable=SC2086
{
    expect 0 '"event":"done"' train $images --json
    plain=$(field train_loss)
    expect 0 '"event":"done"' train $images --augment 'noise:0.05  shift:2 flip' --json --threads 1
    changed=$(field train_loss)
    holds 'training is another' test "$plain" != "$changed"
    expect 0 '"event":"done"' train $images --augment 'noise:0.05  shift:2 flip' --json --threads 3 --out images
    holds 'it is the same on three threads' test "$(field train_loss)" = "$changed"
    expect 0 'test loss' train $images --augment 'noise:0.05  shift:2 flip' --out cut --steps 7
    expect 0 '"event":"done"' train --resume --out cut --epochs 4 --steps 16 --json
    holds 'it is the same when it goes on' test "$(field train_loss)" = "$changed"
}
holds 'config.json: augment' grep -q '"augment": "noise:0.05  shift:2 flip"' images/config.json

# ---- Configurations, and going on ----
expect 0 'test loss' train --config standard/config.json --out again
tail -c 32 standard/best.safetensors >first # the tensors: 8 parameters
tail -c 32 again/best.safetensors >second
holds 'the same run again' cmp first second
expect 0 'test loss' train --resume --out standard --epochs 70

finish
