#!/bin/sh
# The program on arrays of NumPy and on the files of CIFAR.
. "${BLASGRAD_TEST_DATA:?the folder of the tests}/support/program.sh"

# npy NAME DTYPE SHAPE: an NPY file of what comes in.
npy()
{
    { printf '\223NUMPY\1\0\166\0%-117s\n' "{'descr': '$2', 'fortran_order': False, 'shape': ($3), }"; cat; } >"$1"
}

# Bytes of a number, the lowest first: little COUNT NUMBER.
little()
{
    count=$1 number=$2
    while [ "$count" -gt 0 ]; do
        # shellcheck disable=SC2059
        printf "\\$(printf %03o $((number % 256)))"
        number=$((number / 256)) count=$((count - 1))
    done
}

# npz NAME FILE..: an NPZ file of NPY files, deflated. What gzip writes holds the same stream, checksum and size.
npz()
{
    name=$1
    shift
    : >"$name"
    : >directory
    for file; do
        offset=$(wc -c <"$name")
        gzip -nc "$file" >packed
        size=$(($(wc -c <packed) - 18))
        { printf '\24\0\0\0\10\0\0\0\0\0'; tail -c 8 packed | head -c 4; little 4 $size; tail -c 4 packed; little 2 ${#file}; } >common
        { printf 'PK\3\4'; cat common; little 2 0; printf %s "$file"; tail -c +11 packed | head -c $size; } >>"$name"
        { printf 'PK\1\2\24\0'; cat common; little 8 0; little 4 0; little 4 "$offset"; printf %s "$file"; } >>directory
    done
    offset=$(wc -c <"$name")
    { cat directory; printf 'PK\5\6\0\0\0\0'; little 2 $#; little 2 $#; little 4 "$(wc -c <directory)"; little 4 "$offset"; little 2 0; } >>"$name"
}

# Two numbers an example; classes 1 and 2 that the first tells apart; the same as numbers.
awk 'BEGIN { for (i = 0; i < 80; i++) printf "%c%c", i % 2 ? 5 + i : 90 + i / 4, 1 + i % 7 }' | npy x.npy '|u1' '80, 2'
awk 'BEGIN { for (i = 0; i < 80; i++) printf "%c", 1 + i % 2 }' | npy y.npy '|u1' '80,'
awk 'BEGIN { for (i = 0; i < 80; i++) printf "%c", 1 + i % 2 }' | npy column.npy '|u1' '80, 1'
npz table.npz x.npy y.npy
npz alone.npz x.npy

# ---- Folders, and parts in files of their own ----
mkdir xs ys
for i in 1 2; do
    cp x.npy xs/$i.npy
    cp y.npy ys/$i.npy
done
expect 0 '160 training examples, .*cross_entropy' train --data xs --target-file ys --epochs 1 --out in_folders
expect 0 'all: 160 examples' eval --checkpoint in_folders/best.safetensors
expect 0 'all: 80 examples' eval --checkpoint in_folders/best.safetensors --data x.npy --target-file y.npy
expect 0 '^159,' predict --checkpoint in_folders/best.safetensors
expect 0 '80 training examples, 160 for validation, 80 for testing' train --data x.npy --target-file y.npy --epochs 1 \
    --validation-data xs --validation-target-file ys --test-data x.npy --test-target-file y.npy
expect 2 '--test-target-file is missing: the targets of x.npy are in a file of their own' \
    train --data x.npy --target-file y.npy --test-data x.npy
expect 2 'xs is a folder, but that of its targets, .*y.npy, is none' train --data xs --target-file y.npy
rm ys/2.npy
expect 1 'xs has 2 files, but that of the targets, .*ys, has 1' train --data xs --target-file ys
mkdir zs
cp table.npz zs
expect 0 'training examples' train --data zs --epochs 1
expect 2 '--input is an option of .npz files; --data is xs' train --data xs --input x
expect 0 'training examples' train --data zs --input x --epochs 1

# ---- NPY ----
expect 0 '"event":"done"' train --data x.npy --target-file y.npy --lr 1 --epochs 200 --json --out run
holds 'integers are classes' at_least "$(field train_accuracy)" 0.6
grep -q '"loss": "cross_entropy"' run/config.json || fail 'config.json: the loss of classes'
grep -q '"target_file": "y.npy"' run/config.json || fail 'config.json: target_file'
grep -q '"model": "dense:3"' run/config.json || fail 'config.json: as many scores as there are classes'
expect 0 '"event":"done"' train --data x.npy --target-file y.npy --loss l2 --json
holds 'numbers, if the loss asks for them: no accuracy' test -z "$(field train_accuracy)"
expect 0 '"event":"done"' train --data x.npy --target-file column.npy --method lstsq --json
holds 'a column of integers is numbers' test -n "$(field train_loss)"
expect 0 '"event":"done"' train --data x.npy --target-file y.npy --test-share 0.25 --epochs 2 --classes --dtype f64 --json
holds 'a part is held out' test -n "$(field test_accuracy)"
expect 2 'x.npy: the targets are missing: name their file with --target-file' train --data x.npy
expect 1 'none.npy: cannot open: No such file' train --data x.npy --target-file none.npy
head -c 168 x.npy | tail -c 40 | npy half.npy '|u1' '40,'
expect 1 'half.npy: \[40\] are not as many targets as there are inputs, \[80, 2\]' train --data x.npy --target-file half.npy
printf cut >cut.npy
expect 1 'cut.npy: offset 0: neither NPY' train --data cut.npy --target-file y.npy
: | npy nothing.npy '<f4' '0, 2'
: | npy no_targets.npy '<f4' '0, 1'
expect 1 'nothing.npy: holds no examples' train --data nothing.npy --target-file no_targets.npy

# ---- NPZ ----
expect 0 '"event":"done"' train --data table.npz --lr 1 --epochs 200 --json
loss=$(field train_loss)
expect 0 '"event":"done"' train --data x.npy --target-file y.npy --lr 1 --epochs 200 --json
holds 'the same numbers from both forms' test "$(field train_loss)" = "$loss"
expect 0 '"event":"done"' train --data table.npz --input x --target x --epochs 2 --model dense:2 --json --out named
expect 2 'alone.npz: there is no array y of targets; --target names another' train --data alone.npz
expect 1 'there is no array "z"; there are 2, the first is x' train --data table.npz --target z
expect 1 'there is no array "z"' train --data table.npz --input z

# ---- Evaluation and prediction ----
expect 0 'accuracy' eval --checkpoint run/best.safetensors
expect 0 'accuracy' eval --checkpoint run/best.safetensors --data table.npz
cp x.npy alone.npy
expect 2 'the targets are missing' eval --checkpoint run/best.safetensors --data alone.npy
expect 0 '"event":"eval"' eval --checkpoint named/best.safetensors --json
expect 0 'example,class,score0,score1,score2' predict --checkpoint run/best.safetensors
cp out with_targets
for data in alone.npy alone.npz table.npz; do
    expect 0 'example,class,score0,score1,score2' predict --checkpoint run/best.safetensors --data $data
    holds "the same predictions of $data" cmp out with_targets
done
holds 'predictions are arrays' "$BLASGRAD" predict --checkpoint run/best.safetensors --output scores.npy
holds 'scores of each example' test "$(wc -c <scores.npy)" -eq $((128 + 4 * 3 * 80))
holds 'with their shape' grep -q "'<f4', 'fortran_order': False, 'shape': (80, 3)" scores.npy
expect 0 '"event":"done"' train --data scores.npy --target-file y.npy --epochs 1 --json
expect 1 'cannot open its folder' predict --checkpoint run/best.safetensors --output none/scores.npy

# Nobody asks predict for targets, so those that are wrong do no harm.
head -c 320 /dev/zero | LC_ALL=C tr '\000' '\377' | npy y.npy '<f4' '80,'
npz wrong.npz x.npy y.npy
expect 1 'classes are integers, but these are f32' eval --checkpoint run/best.safetensors --data wrong.npz
expect 0 'example,class,score0,score1,score2' predict --checkpoint run/best.safetensors --data wrong.npz
holds "the same predictions beside wrong targets" cmp out with_targets
# A row of numbers for each example.
awk 'BEGIN { for (i = 0; i < 80; i++) printf "%c%c%c", 1, 1 + i % 2, 3 }' | npy y3.npy '|u1' '80, 3'
expect 0 '"dense:3", 9 parameters, l2' train --data x.npy --target-file y3.npy --epochs 1

# ---- Options of the wrong data ----
expect 2 '--input is an option of .npz files; --data is x.npy' train --data x.npy --input x
expect 2 '--target names an array of an .npz file; that of x.npy is in --target-file' train --data x.npy --target y
expect 2 '--target-file is an option of CSV tables and .npy files; --data is table.npz' train --data table.npz --target-file y.npy
expect 2 '--target-file is an option of CSV tables and .npy files; --data is digits' train --data digits --target-file y.npy
expect 2 '--coarse-labels is an option of CIFAR-100; --data is x.npy' train --data x.npy --coarse-labels
expect 2 '--delimiter is an option of CSV tables; --data is x.npy' train --data x.npy --delimiter ';'
expect 2 'those of x.npy are classes' train --data x.npy --target-file y.npy --classes --loss l2

# ---- CIFAR ----
mkdir ten hundred
for file in data_batch_1 data_batch_2 data_batch_3 data_batch_4 data_batch_5 test_batch; do
    awk 'BEGIN { for (i = 0; i < 20; i++) { printf "%c", 1 + i % 9; for (k = 0; k < 3072; k++) printf "%c", 1 + (k * (i % 9 + 1)) % 100 } }' >ten/$file.bin
done
expect 0 '"event":"done"' train --data ten --model 'dense:10' --lr 0.01 --epochs 3 --json --out cifar
holds 'CIFAR has a test part' test -n "$(field test_accuracy)"
expect 0 'test: 20 examples' eval --checkpoint cifar/best.safetensors
expect 0 '^119,' predict --checkpoint cifar/best.safetensors
expect 2 'CIFAR-10 has no coarse labels' train --data ten --coarse-labels
expect 2 '--test-share: ten has test examples of its own' train --data ten --test-share 0.1
expect 2 '--stratify: ten has test examples of its own' train --data ten --stratify
expect 0 '90 training examples, 10 for validation, 20 for testing' \
    train --data ten --model 'dense:10' --lr 0.01 --epochs 1 --validation-share 0.1 --stratify --out cut
expect 0 '^119,' predict --checkpoint cut/best.safetensors
for file in train test; do
    awk 'BEGIN { for (i = 0; i < 20; i++) { printf "%c%c", 1 + i % 19, 1 + i; for (k = 0; k < 3072; k++) printf "%c", 1 + (k * i) % 100 } }' >hundred/$file.bin
done
expect 0 '"event":"done"' train --data hundred --coarse-labels --steps 1 --json --out coarse
grep -q '"coarse_labels": true' coarse/config.json || fail 'config.json: coarse labels'
grep -q '"model": "resnet20"' coarse/config.json || fail 'config.json: the network of CIFAR'
expect 0 'test: 20 examples' eval --checkpoint coarse/best.safetensors
printf x >>hundred/test.bin
expect 1 'test.bin: 61481 bytes are no whole number of records of 3074' train --data hundred

finish
