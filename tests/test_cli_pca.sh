#!/bin/sh
# Principal components and whitening of inputs in the program, from training to predictions.
. "${BLASGRAD_TEST_DATA:?the folder of the tests}/support/program.sh"

# ---- Usage ----
for text in 0 -1 1.0 1.5 '' x 3x nan inf 99999999999999999999 0.0; do
    expect 2 "--pca \"$text\": a whole number of components, or a share between 0 and 1" train --data digits --pca "$text"
done
expect 2 '--whiten "none": one of pca zca' train --data digits --whiten none
expect 2 '--whiten-eps says nothing without --whiten' train --data digits --pca 3 --whiten-eps 0.1
expect 2 '--whiten-eps "-1": a number, 0 or more' train --data digits --whiten zca --whiten-eps -1
expect 2 '--pca 65: 1438 training examples of 64 inputs have 64 components' train --data digits --pca 65
printf 'to be or not to be, that is the question: whether it is nobler\n' >text.txt
expect 2 '--pca says nothing about a text' train --data text.txt --pca 3
expect 2 '--whiten says nothing about a text' train --data text.txt --whiten pca
expect 2 'have the network project the inputs\|the network project the inputs' train --data digits --pca 9 \
    --adversarial fgsm:eps=0.1 --augment noise:0.1

# ---- A table: two directions, of which the classes follow the one that varies less, and units of their own ----
awk 'BEGIN {
    print "a,b,c,class"
    for (i = 0; i < 240; i++) {
        u = (i * 37 % 101) / 10 - 5; v = (i * 53 % 97) / 97 - 0.5; class = v > 0
        v += class ? 0.1 : -0.1
        print 1000 * (u + v) "," 0.001 * (u - v) "," 7 "," class
    }
}' >table.csv
common='--data table.csv --classes --test-share 0.25 --optimizer adam --lr 0.05 --epochs 80 --batch 30 --seed 3'
# shellcheck disable=SC2086
{
    expect 0 'inputs: 3 numbers become 2, with 100 % of their variance' train $common --scale standard --pca 2 \
        --whiten pca --out whitened
    holds 'whitened, the classes are told apart' at_least "$(sed -n 's/^test loss .* accuracy \([0-9.]*\) %/\1/p' out)" 99
    loss=$(sed -n 's/^test loss \([^ ]*\) .*/\1/p' out)
    expect 0 'inputs: 3 numbers become 1, with' train $common --scale standard --pca 0.5 --out share
    expect 0 'inputs: 3 numbers become 3, with 100 %' train $common --scale standard --whiten zca --whiten-eps 1e-6 \
        --out zca
    expect 0 '"event":"done"' train $common --scale standard --pca 2 --whiten pca --json --threads 1
    plain=$(field test_loss)
    expect 0 '"event":"done"' train $common --scale standard --pca 2 --whiten pca --json --threads 3 --stream
    holds 'a stream has the same components' test "$(field test_loss)" = "$plain"
}
for pair in 'scale": "standard' 'pca": "2' 'whiten": "pca'; do
    holds "config.json: $pair" grep -q "\"$pair\"" whitened/config.json
done
holds 'config.json: whiten_eps' grep -q '"whiten_eps": .*e-0*7' zca/config.json
holds 'config.json: components' grep -q '"components": 2' whitened/config.json
expect 0 'blasgrad.projection_values .*\.\. (144 bytes)\|blasgrad.projection_values *"[0-9a-f]\{144\}"' info whitened
expect 0 'blasgrad.variance_share' info whitened
expect 0 "test: 60 examples, loss ${loss:-none}" eval --checkpoint whitened/last.safetensors

# Other data become components as the training examples did; columns are found by their names.
awk -F , 'NR > 1 && NR < 6 || NR == 1 { print $4 "," $3 "," $2 "," $1 }' table.csv >few.csv
expect 0 'all: 4 examples, .*accuracy 100' eval --checkpoint whitened --data few.csv --target class
expect 0 'all: 4 examples, .*accuracy 100' eval --checkpoint zca --data few.csv --target class
sed 's/^[^,]*,//' few.csv >inputs.csv
expect 0 '^3,' predict --checkpoint whitened --data inputs.csv
holds 'four predictions' test "$(wc -l <out)" -eq 5
sed 's/^[^,]*,//' inputs.csv >narrow.csv
expect 1 'narrow.csv' predict --checkpoint whitened --data narrow.csv

# Missing numbers have no covariance; in predictions they are NaN.
sed '3s/^[^,]*,/,/' table.csv >holes.csv
expect 1 'holes.csv: pca_create: place 0 of example [0-9]* is NaN' train --data holes.csv --classes --missing nan --pca 2
expect 0 'inputs: 3' train --data holes.csv --classes --missing mean --pca 2 --epochs 1
# Fewer examples than inputs.
awk 'BEGIN { for (i = 0; i < 5; i++) { for (j = 0; j < 9; j++) printf "%g,", (i * i * 7 + j * 3 * i) % 11; print i } }' >wide.csv
expect 2 '--pca 6: 5 training examples of 9 inputs have 5 components' train --data wide.csv --pca 6
expect 0 'inputs: 9 numbers become 5, with 100 %' train --data wide.csv --whiten pca --epochs 3
expect 0 'inputs: 9 numbers become 3' train --data wide.csv --pca 3 --method lstsq

# ---- Least squares on all components is least squares on the inputs ----
awk 'BEGIN { print "a,b,c,y"; for (i = 0; i < 30; i++) print (i * 7 % 11) "," (i * 5 % 13) "," (i * 3 % 7) "," (i * i % 17) }' >line.csv
expect 0 '"event":"done"' train --data line.csv --method lstsq --dtype f64 --json
plain=$(field train_loss)
expect 0 '"event":"done"' train --data line.csv --method lstsq --dtype f64 --json --whiten pca
holds 'the same loss' near "$(field train_loss)" "$plain" 1e-9
expect 0 '"event":"done"' train --data line.csv --method lstsq --dtype f64 --json --pca 1
holds 'another loss' at_least "$(field train_loss)" "$plain"

# ---- Images keep their form by ZCA, and only so ----
images='--data strokes --count 400 --epochs 2 --seed 5 --batch 50'
# shellcheck disable=SC2086
{
    expect 0 'test loss' train $images --model 'conv:4:3x3 relu dense:10' --whiten zca --whiten-eps 0.1 --pca 50 \
        --out images
    expect 1 'conv' train $images --model 'conv:4:3x3 relu dense:10' --pca 50
    loss=$(sed -n 's/^test loss \([^ ]*\) .*/\1/p' out)
    expect 0 'test: 80 examples' eval --checkpoint images
    expect 0 'test loss' train $images --model 'dense:16 relu dense:10' --pca 16 --out squares
}
expect 1 'of principal components (--pca), which are no images' plot squares --what filters -o filters.svg
holds 'no picture' test ! -e filters.svg
if command -v gnuplot >/dev/null; then
    # Of the images, not of their components.
    expect 0 '' plot squares --what wrong -o wrong.svg
    expect 0 '' plot images --what filters -o filters.svg
    holds 'a picture of digits' test -s wrong.svg
fi

# ---- The network has the inputs' own units ----
expect 0 'test loss' train --data digits --model 'dense:16 relu dense:10' --epochs 3 --lr 0.1 --scale standard --pca 30 \
    --whiten pca --whiten-eps 0.01 --out plain
accuracy=$(sed -n 's/^test loss .* accuracy \([0-9.]*\) %/\1/p' out)
expect 0 "accuracy ${accuracy:-none}" attack --checkpoint plain --method fgsm --eps 0,0.1
holds 'eps 0.1 is felt' awk '/^fgsm/ { exit !($3 < $2 - 5) }' out
expect 0 "accuracy ${accuracy:-none}" certify --checkpoint plain --eps 0,0.001
expect 0 'inputs: 64 numbers become 30' train --data digits --model 'dense:16 relu dense:10' --epochs 2 --lr 0.1 \
    --scale standard --pca 30 --adversarial fgsm:eps=0.05 --out robust
loss=$(sed -n 's/^test loss \([^ ]*\) .*/\1/p' out)
expect 0 "test: 359 examples, loss $(printf %.4s "$loss")" eval --checkpoint robust/last.safetensors
expect 0 'blasgrad.sample  *"30"' info robust
expect 0 'training step' info robust
expect 0 '' search --data digits --model dense:10 --method random --budget evaluations:64 --pca 5 --out searched
expect 0 'test: 359 examples' eval --checkpoint searched

# ---- Going on ----
# shellcheck disable=SC2086
{
    expect 0 'test loss' train $common --scale standard --pca 2 --whiten pca --out cut --steps 250
    expect 0 'inputs: 3 numbers become 2, with 100 %' train --resume --out cut --steps 480
    tail -c 90 cut/last.safetensors >first # parameters and moments
    tail -c 90 whitened/last.safetensors >second
    holds 'the same when it goes on' cmp first second
}
expect 2 '--pca' train --resume --out cut --pca 1
# What is in the checkpoint counts, as the last bits may be others on another machine.
sed 's/\("blasgrad.projection_values": *"\).\{16\}/\13ff0000000000000/' cut/last.safetensors >turned
cp turned cut/last.safetensors
expect 0 'test loss' train --resume --out cut --epochs 81 --steps 490
expect 0 'blasgrad.projection_values  *"3ff0000000000000' info cut/last.safetensors
sed 's/\("blasgrad.projection_values": *"\).\{4\}/\17ff8/' cut/last.safetensors >damaged.safetensors
expect 1 'the checkpoint is damaged: blasgrad.projection_values' eval --checkpoint damaged.safetensors
sed 's/\("blasgrad.projection_values": *"\).\{4\}/\1zzzz/' cut/last.safetensors >damaged.safetensors
expect 1 'the checkpoint is damaged: blasgrad.projection_values' eval --checkpoint damaged.safetensors
expect 0 'test loss' train --config whitened/config.json --out again
tail -c 32 whitened/best.safetensors >first
tail -c 32 again/best.safetensors >second
holds 'the same run again' cmp first second

finish
