#!/bin/sh
# Ridge regression in the program. Expected numbers are those of scikit-learn 1.9.1's Ridge(alpha) on the same rows.
. "${BLASGRAD_TEST_DATA:?the folder of the tests}/support/program.sh"

# weights NUMBER..: the weights and biases in the last event of out.
weights()
{
    for i in 1 2 3 4 5 6 7 8; do
        [ $# -eq 0 ] || { near "$(parameter $i)" "$1" 1e-8 || return 1; shift; }
    done
}

awk 'BEGIN {
    print "a,b,c,y,z"
    for (i = 0; i < 30; i++)
        print 100 + i * 7 % 11 "," i * 5 % 13 "," i * 3 % 7 "," 50 + i * i % 17 "," i % 5 - i * 7 % 11
}' >table.csv
common='--data table.csv --target y,z --method lstsq --dtype f64 --json'
# shellcheck disable=SC2086
{
    expect 0 '"event":"done"' train $common --ridge 7.5 --out ridge
    holds 'ridge 7.5' weights 0.025472790323811716 -0.24378572415278807 -0.24866813104794958 -0.9076614495406031 \
        -0.08280416831851525 0.06446442473672707 57.51729409 92.5888535
    # The loss is that of the predictions alone.
    holds 'the loss' near "$(field train_loss)" 16.274458167342143 1e-9
    expect 0 '"event":"done"' train $common --ridge 7.5 --threads 3
    cp out three
    expect 0 '"event":"done"' train $common --ridge 7.5 --threads 1
    holds 'the same on three threads' test "$(parameter 1)" = "$(tail -n 1 three | sed 's/.*"parameters":\[\([^],]*\).*/\1/')"
    expect 0 '"event":"done"' train $common --ridge 7.5 --model dense:2:nobias
    holds 'without a bias' weights 0.576249812508314 -0.3524105996031349 -0.17128484655580759 -0.02104440973039094 \
        -0.2576637968839169 0.1890326907749269
    expect 0 '"event":"done"' train $common
    plain=$(parameter 1)
    expect 0 '"event":"done"' train $common --ridge 0
    holds 'ridge 0 is least squares' test "$(parameter 1)" = "$plain"
    # In f32, far from 0: the columns lose their means before they are squared.
    expect 0 '"event":"done"' train $common --ridge 7.5 --dtype f32
    holds 'f32' near "$(parameter 1)" 0.025472790323811716 1e-6
    # Fewer rows than columns, and columns that depend on each other, have one solution.
    head -n 4 table.csv >wide.csv
    expect 1 'wide.csv: 3 training examples are fewer rows than the 4 columns of inputs and bias.* --ridge finds one' train \
        --data wide.csv --target y,z --method lstsq --dtype f64
    expect 0 '"event":"done"' train --data wide.csv --target y,z --method lstsq --dtype f64 --ridge 2 --json
    holds 'three rows' weights -0.15677061085006413 0.3193079880392996 0.19158479282357951 -0.9064502349423323 \
        0.12281076463050014 0.07368645877829938 65.69500214 90.49807774
}

# ---- What has no solution ----
head -n 2 table.csv >row.csv
expect 1 'row.csv: 1 training example is fewer rows than the 4 columns' train --data row.csv --method lstsq --target y,z
awk 'BEGIN { print "a,b,y"; for (i = 0; i < 9; i++) print i "," 2 * i "," i % 5 }' >equal.csv
expect 1 'equal.csv: .*full rank.*; blasgrad train --method lstsq --ridge finds a solution' train --data equal.csv --method lstsq
expect 0 'train loss' train --data equal.csv --method lstsq --ridge 0.1
expect 1 'equal.csv: .*full rank.*; a larger --ridge finds a solution' train --data equal.csv --method lstsq --ridge 1e-30
expect 1 'equal.csv: .*full rank' search --data equal.csv --method lstsq
sed '4s/,[^,]*,/,,/' equal.csv >holes.csv
sed '4s/,[^,]*$/,/' table.csv >gap.csv
sed '4s/[^,]*$/-inf/' table.csv >infinite.csv
for ridge in 0 1; do
    expect 1 'holes.csv: input 1 of example 2 is nan' train --data holes.csv --missing nan --method lstsq --ridge $ridge
    expect 1 'gap.csv: target 1 of example 2 is nan' train --data gap.csv --target y,z --missing nan --method lstsq \
        --ridge $ridge
    expect 1 'infinite.csv: the target of example 2 is -inf' train --data infinite.csv --target z --infinite \
        --method lstsq --ridge $ridge
done

# ---- What is kept of it ----
holds 'config.json' grep -q '"ridge": 7.5' ridge/config.json
holds 'log.jsonl' grep -q '"ridge":7.5' ridge/log.jsonl
expect 0 'blasgrad.training  *"{.*method.*lstsq.*ridge.*7.5}"' info ridge
expect 0 'training step' info ridge
expect 0 '"event":"done"' train --config ridge/config.json --json
holds 'the same by its configuration' near "$(parameter 1)" 0.025472790323811716 1e-8
expect 0 '"event":"done"' train --config ridge/config.json --ridge 0 --json
holds 'another ridge' test "$(parameter 1)" = "$plain"

# ---- Usage ----
for text in -1 nan inf x ''; do
    expect 2 "--ridge \"$text\": a number, 0 or more" train --data lecture --method lstsq --ridge "$text"
done
expect 0 '--optimizer has no effect: --method lstsq' train --data lecture --method lstsq --optimizer lm
expect 2 'for the loss l2, not for cross_entropy' train --data digits --method lstsq
expect 2 '--ridge is for --method lstsq; for gradient steps there is --weight-decay' train --data lecture --ridge 1

finish
