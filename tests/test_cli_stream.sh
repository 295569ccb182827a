#!/bin/sh
# The program on arrays that stay in their files.
. "${BLASGRAD_TEST_DATA:?the folder of the tests}/support/program.sh"

# npy NAME DTYPE SHAPE: an NPY file of what comes in.
npy()
{
    { printf '\223NUMPY\1\0\166\0%-117s\n' "{'descr': '$2', 'fortran_order': False, 'shape': ($3), }"; cat; } >"$1"
}

# Images of 4 x 4 whose first rows are bright in one class.
awk 'BEGIN { for (i = 0; i < 200; i++) for (k = 0; k < 16; k++)
    printf "%c", (i % 2 == (k < 8) ? 90 : 20) + (i * 7 + k * 5) % 37 }' | npy x.npy '|u1' '200, 4, 4'
awk 'BEGIN { for (i = 0; i < 200; i++) printf "%c", 1 + i % 2 }' | npy y.npy '|u1' '200,'
awk 'BEGIN { for (i = 0; i < 200; i++) printf "%c", i % 3 ? 49 : 50 }' | npy numbers.npy '|u1' '200, 1'
: >y.npz

# What a run ends with, as numbers for people: the same bits print the same.
outcome() { grep -e '"event":"done"' -e '"event":"epoch"' "$1/log.jsonl" |
    sed -e 's/"\(seconds\|stall_seconds\|samples_per_second\)":[-0-9.e+]*,*//g'; }
same_run() { [ "$(outcome "$1")" = "$(outcome "$2")" ] && [ -n "$(outcome "$1")" ]; }

data='--data x.npy --target-file y.npy'
train()
{
    expect 0 'training examples, .*40 for testing' train --data x.npy --target-file y.npy --test-share 0.2 --scale standard --batch 16 --epochs 3 \
        --model 'dense:8 relu dropout:0.2 dense:3' --optimizer adamw --lr 0.01 --augment 'flip shift:1 noise:0.1' "$@"
}

train --threads 1 --out memory
for threads in 1 2 3 4; do
    train --threads $threads --stream --out stream$threads
    holds "on $threads threads the streamed run is the same" same_run memory stream$threads
done
holds 'config.json: stream' grep -q '"stream": true' stream1/config.json
holds 'log.jsonl: the stall' grep -q '"stall_seconds":' stream1/log.jsonl

# Interrupted in the second epoch; with and without --stream it goes on to the same end.
for first in '' --stream; do
    for second in '' --stream; do
        rm -rf parts
        # shellcheck disable=SC2086
        train --steps 13 $first --out parts
        # shellcheck disable=SC2086
        expect 0 'going on after 1 epoch and 13 steps' train --resume --out parts --epochs 3 --steps 30 $second
        holds "begun '$first' and resumed '$second'" same_run memory parts
    done
done

# ---- What else reads the data ----
expect 0 '"part":"test","examples":40' eval --checkpoint memory/best.safetensors --confusion --json
mv out memory.eval
expect 0 '"part":"test","examples":40' eval --checkpoint stream1/best.safetensors --confusion --json
holds 'eval of both' test "$(sed 's/"checkpoint":"[^"]*"//' out)" = "$(sed 's/"checkpoint":"[^"]*"//' memory.eval)"
holds 'predict' "$BLASGRAD" predict --checkpoint memory/best.safetensors --output memory.csv
holds 'predict --stream' "$BLASGRAD" predict --checkpoint memory/best.safetensors --data x.npy --stream \
    --output stream.csv
holds 'the same predictions' cmp memory.csv stream.csv
holds 'predict: all examples' test "$(wc -l <stream.csv)" -eq 201
# shellcheck disable=SC2086
expect 0 '"event":"done"' train $data --stream --class-weights balanced --epochs 1 --json
expect 0 '"event":"done"' train --data x.npy --target-file numbers.npy --stream --loss l2 --epochs 1 --json

# ---- Folders ----
mkdir shards targets
for i in 0 1 2 3; do
    { tail -c +129 x.npy | head -c $((i * 800 + 800)) | tail -c 800; } | npy shards/$i.npy '|u1' '50, 4, 4'
    { tail -c +129 y.npy | head -c $((i * 50 + 50)) | tail -c 50; } | npy targets/$i.npy '|u1' '50,'
done
train --out shards_in_memory --data shards --target-file targets
train --out streamed_shards --data shards --target-file targets --stream
holds 'files of a folder, streamed' same_run memory streamed_shards
holds 'files of a folder' same_run memory shards_in_memory

# ---- Parts by classes ----
for how in '' --stream; do
    # shellcheck disable=SC2086
    train --stratify --validation-share 0.1 $how --out "by_classes$how"
done
holds 'parts by classes' same_run by_classes by_classes--stream
train --validation-share 0.1 --out not_by_classes
holds 'other parts than without --stratify' test "$(outcome by_classes)" != "$(outcome not_by_classes)"

# ---- Images ----
mkdir mnist
for part in train t10k; do
    { printf '\0\0\10\3\0\0\0\310\0\0\0\4\0\0\0\4'; tail -c +129 x.npy; } >mnist/$part-images-idx3-ubyte
    { printf '\0\0\10\1\0\0\0\310'; tail -c +129 y.npy; } >mnist/$part-labels-idx1-ubyte
done
images()
{
    expect 0 'training examples, .*for testing' train --epochs 3 --model 'dense:8 relu dense:10' --batch 16 "$@"
}
for how in '' --stream; do
    # shellcheck disable=SC2086
    images --data mnist/train-images-idx3-ubyte --test-share 0.2 --stratify $how --out "idx$how"
    # shellcheck disable=SC2086
    images --data mnist --validation-share 0.1 --augment shift:1 $how --out "mnist$how"
done
holds 'images in IDX' same_run idx idx--stream
holds 'a folder of images' same_run mnist mnist--stream
gzip mnist/train-labels-idx1-ubyte
for name in mnist mnist/train-images-idx3-ubyte.gz; do
    [ -e $name ] || gzip mnist/train-images-idx3-ubyte
    expect 2 'idx[13]-ubyte.gz: compressed, so that no example lies in one place' train --data $name --stream
done

# ---- Tables ----
awk 'BEGIN { print "a,b,kind"; for (i = 0; i < 300; i++)
    print (i % 3) + i % 7 / 10 "," (i % 11 ? i % 5 : "NA") "," (i % 3 == 0 ? "ash" : i % 3 == 1 ? "oak" : "elm") }' >t.csv
gzip -c t.csv >t.csv.gz
table()
{
    expect 0 'training examples, 60 for testing' train --classes --test-share 0.2 --batch 16 --epochs 3 --missing mean \
        --scale min-max --class-weights balanced "$@"
}
table --data t.csv --out table_in_memory
table --data t.csv --stream --out streamed_table
holds 'a table' same_run table_in_memory streamed_table
table --data t.csv.gz --stream --out packed_table
holds 'a table that is gzipped' same_run table_in_memory packed_table
for how in '' --stream; do
    # shellcheck disable=SC2086
    holds 'predict on a table' "$BLASGRAD" predict --checkpoint table_in_memory/best.safetensors --data t.csv \
        --missing drop $how --output "table$how.csv"
done
holds 'the same predictions of the same rows' cmp table.csv table--stream.csv
holds 'rows left out' test "$(wc -l <table.csv)" -eq 273
TMPDIR=/nonexistent expect 1 'a temporary file in /nonexistent cannot be made: No such file' \
    train --data t.csv --classes --stream

# ---- Mistakes ----
for name in digits y.npz; do
    expect 2 "--stream is an option of CSV tables, .npy files, and the images of IDX and CIFAR; --data is $name" \
        train --data $name --stream
done
expect 2 '--method lstsq needs all examples at once; leave out --stream' \
    train --data x.npy --target-file numbers.npy --stream --method lstsq
expect 2 '--stratify is for classes; the targets of x.npy are numbers' \
    train --data x.npy --target-file numbers.npy --loss l2 --stream --stratify --test-share 0.2
head -c 3000 x.npy >short.npy
expect 1 'short.npy: offset 128: \[200, 4, 4\] elements' train --data short.npy --target-file y.npy --stream
finish
