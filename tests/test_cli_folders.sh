#!/bin/sh
# Folders of tables, arrays and texts in the program.
. "${BLASGRAD_TEST_DATA:?the folder of the tests}/support/program.sh"

# ---- What is no folder of data ----
mkdir empty mixed
expect 2 'empty: the folder holds no files; --data takes folders with the files of MNIST or CIFAR' train --data empty
: >empty/.hidden
expect 2 'empty: the folder holds no files' train --data empty
: >mixed/b.csv
: >mixed/a.csv.gz
: >mixed/notes.md
expect 2 'mixed: the folder holds 2 .csv (a.csv.gz), 1 of other names (notes.md); --data takes' train --data mixed
rm mixed/notes.md
mkdir mixed/inside
expect 2 'mixed: the folder holds 2 .csv (a.csv.gz), 1 of folders (inside)' train --data mixed
rmdir mixed/inside
: >mixed/c.npy
: >mixed/d.npz
: >mixed/e.txt.gz
: >mixed/f.npy.gz
expect 2 'holds 2 .csv (a.csv.gz), 1 .npy (c.npy), 1 .npz (d.npz), 1 .txt (e.txt.gz), 1 of other names (f.npy.gz)' train --data mixed

# ---- Tables ----
mkdir fruit
printf 'weight,width,kind\n2.5,-1,pear\n1.5,-1,pear\n' >fruit/1.csv
printf 'weight,width,kind\n-1,2,fig\n-2,2,fig\n' | gzip >fruit/0.csv.gz
expect 0 '4 training examples, .*"dense:2"' train --data fruit --classes --epochs 30 --lr 0.2 --out run
expect 0 'all: 4 examples.*accuracy 100' eval --checkpoint run/best.safetensors
expect 0 '^0,fig,' predict --checkpoint run/best.safetensors
expect 0 '^example,class' predict --checkpoint run/best.safetensors --data fruit/1.csv
gzip -cd fruit/0.csv.gz >whole.csv
tail -n +2 fruit/1.csv >>whole.csv
expect 0 'all: 4 examples.*accuracy 100' eval --checkpoint run/best.safetensors --data whole.csv
grep '^[^ ]*: 4' out >first
expect 0 'all: 4' eval --checkpoint run/best.safetensors --data fruit/
sed 's/fruit.//' out | grep '^[^ ]*: 4' >second
holds 'a folder is as its tables in one' cmp first second
expect 0 '4 training examples, 4 for validation, 4 for testing' \
    train --data whole.csv --classes --epochs 1 --validation-data fruit --test-data fruit
printf 'weight,length,kind\n1,2,fig\n' >fruit/2.csv
expect 1 'fruit/2.csv: input 1 has the name "length", in fruit/0.csv.gz the name "width"' train --data fruit --classes
printf 'weight,width,kind\n1,2\n' >fruit/2.csv
expect 1 'fruit/2.csv, line 2: the line has 2 fields, line 1 has 3' train --data fruit --classes
printf 'weight,width,kind\n,2,fig\n' >fruit/2.csv
expect 2 'fruit: rows have numbers in one file, not in a folder' predict --checkpoint run/best.safetensors --missing drop

# ---- Texts ----
mkdir texts
printf 'to be or not to be, ' >texts/1.txt
printf 'that is the question' >texts/2.txt
cat texts/*.txt >whole.txt
common='--model "embedding:64:8 dense:64" --context 4 --batch 2 --epochs 2 --test-share 0.3 --json'
eval "expect 0 done train --data whole.txt $common"
loss=$(field train_loss)
eval "expect 0 done train --data texts $common --out text"
holds 'texts are one text' test "$(field train_loss)" = "$loss"
expect 0 '^test: ' eval --checkpoint text/best.safetensors
mv texts/2.txt texts/2.md
expect 2 '1 .txt (1.txt), 1 of other names (2.md)' train --data texts
eval "expect 0 done train --data texts --tokens characters $common"
holds 'of any names, if they are told to be texts' test "$(field train_loss)" = "$loss"

finish
