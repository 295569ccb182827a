#!/bin/sh
# Training against attacks from the outside: what it is good for, the same bits, scaled inputs, mistakes.
. "${BLASGRAD_TEST_DATA:?the folder of the tests}/support/program.sh"

recipe() { expect 0 '"event":"done"' train --data digits --model 'dense:32 relu dense:10' --lr 0.1 --epochs 12 --json "$@"; }
against() { recipe --adversarial "$@"; }
# robust RUN: its accuracy under PGD at 0.1.
robust()
{
    expect 0 '"event":"done"' attack --checkpoint "$1/best.safetensors" --method pgd --eps 0.1 --json
    sed -n 's/.*"method":"pgd".*"accuracy":\([0-9.]*\).*/\1/p' out >robust
}

recipe --out plain
robust plain
needed=$(awk '{ print $1 + 0.08 }' robust)
for word in fgsm:eps=0.1 pgd:eps=0.1 trades:eps=0.1; do
    name=${word%%:*}
    against $word --out "$name"
    holds "$name evaluates with the network" at_least "$(field test_accuracy)" 0.85
    robust "$name"
    holds "$name makes it robust" at_least "$(cat robust)" "$needed"
done
holds 'the configuration has the word' grep -q '"adversarial": *"pgd:eps=0.1"' pgd/config.json
against pgd:eps=0.1 --out other --threads 3
holds 'three threads make no difference' cmp -s pgd/best.safetensors other/best.safetensors
against pgd:eps=0.1 --out part --steps 100
expect 0 '"event":"done"' train --resume --out part --epochs 12 --steps 100000 --threads 2 --json
holds 'the run goes on bit for bit' cmp -s pgd/best.safetensors part/best.safetensors
expect 2 'the run in part has "pgd:eps=0.1"' train --resume --out part --adversarial pgd:eps=0.2
against pgd:eps=0 --out zero
holds 'with eps 0 there is no attack' cmp -s zero/best.safetensors plain/best.safetensors

# ---- Inputs that the network scales ----
# The same attack whatever their unit is.
for unit in 1 100; do
    awk -v u=$unit 'BEGIN { print "a,b,class"; for (i = 0; i < 90; i++) { a = i * 37 % 90; b = i * 41 % 90; print a / 64 * u "," b / 64 * u "," (a + b > 81) } }' >unit.csv
    expect 0 '"event":"done"' train --data unit.csv --classes --scale standard --model 'dense:8 tanh dense:2' --dtype f64 --lr 0.2 --epochs 20 --out unit$unit --json \
        --adversarial pgd:eps=$(awk -v u=$unit 'BEGIN { print 0.25 * u }')
    field train_loss >loss$unit
    expect 0 . eval --checkpoint unit$unit/last.safetensors --data unit.csv --json
    holds 'eval scales the data to the same' near "$(field loss)" "$(cat loss$unit)" 1e-9
done
holds 'the unit makes no difference' near "$(cat loss1)" "$(cat loss100)" 1e-6
expect 0 . train --data unit.csv --classes --scale standard --model 'dense:8 tanh dense:2' --dtype f64 --lr 0.2 --epochs 20 --json
holds 'but the attack does' at_least "$(cat loss100)" "$(field train_loss | awk '{ print $1 + 0.01 }')"
expect 2 'leave out noise or --scale' train --data unit.csv --classes --scale standard --adversarial pgd:eps=1 --augment noise:0.1

# ---- Words ----
expect 0 '"event":"done"' train --data digits --adversarial pgd:eps=0.5:steps=2:step=0.4:norm=l2:box=none --steps 3 --json
expect 0 '"event":"done"' train --data digits --adversarial trades:eps=0.1:beta=1:box=-1,2 --steps 3 --json
# refuses WORD PATTERN
refuses() { expect 2 "$2" train --data digits --adversarial "$1" --out never; }
refuses magic:eps=1 'no such training "magic", only fgsm, pgd, trades'
refuses pgd 'eps is missing, as in pgd:eps=0.2'
refuses pgd:eps=-1 '"eps=-1" at character 5: a number, 0 or more'
refuses pgd:eps=0.1:steps=2.5 'a whole number above 0'
refuses pgd:eps=0.1:steps=101 'it takes 1 to 100'
refuses fgsm:eps=0.1:steps=2 'it takes 1$'
refuses pgd:eps=0.1:step=0 'a number above 0'
refuses pgd:eps=0.1:norm=l1 'linf or l2'
refuses pgd:eps=0.1:beta=1 'beta is a number of trades'
refuses pgd:eps=0.1:box=1,0 'two numbers, the lower first'
refuses pgd:eps=0.1:box=0,0.5 'the box is 0,0.5, and digits has the input'
refuses pgd:eps=0.1:eps=0.2 'eps stands there twice'
refuses pgd:eps=0.1:lr=0.2 '"lr=0.2" at character 13: one of eps= steps='
refuses pgd:eps=0.1: 'at character 13'
holds 'nothing is left of that' test ! -e never
expect 2 'is for the loss cross_entropy, not nll' train --data digits --adversarial pgd:eps=0.1 --loss nll
expect 2 'cross_entropy, not l2' train --data lecture --adversarial pgd:eps=0.1
expect 2 'class-weights do not reach' train --data digits --adversarial pgd:eps=0.1 --class-weights balanced
expect 2 'cross_entropy, not l2' train --data lecture --method lstsq --adversarial pgd:eps=0.1
awk 'BEGIN { for (i = 0; i < 60; i++) print "ROMEO: The " i " winds do blow." }' >text.txt
expect 2 'the characters of a text have no gradients' train --data text.txt --adversarial pgd:eps=0.1

finish
