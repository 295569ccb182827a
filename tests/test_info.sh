#!/bin/sh
# What info says of networks: tensors, counts, and what a training step costs.
. "${BLASGRAD_TEST_DATA:?the folder of the tests}/support/program.sh"

# count KEY: the number after "key": in the last line of out, as a whole number.
count() { printf '%.0f' "$(field "$1")"; }

# ---- A network that is named ----
line='dense:128 relu dense:10'
expect 0 '^0.weight  *f32  *\[128, 64\]  *8192$' info --model "$line" --input 64
expect 0 '^parameters  *9610, 37.5 KiB$' info --model "$line" --input 64
expect 0 '^batch of 32, 1 thread  *[0-9]* steps, 2 phases, ' info --model "$line" --input 64 --batch 32 --threads 1
expect 0 '"event":"info"' info --model "$line" --input 64 --batch 32 --json
holds 'parameters: 64·128 + 128 + 128·10 + 10' test "$(count parameter_count)" -eq 9610
holds 'of four bytes' test "$(count parameter_bytes)" -eq 38440
holds 'SGD has a momentum for each' test "$(count optimizer_bytes)" -eq 38440
# Forward 2 (64·128 + 128·10), as much for the gradients of weights, 2·128·10 for that of the hidden layer.
holds 'products of a step' test "$(count product_flops)" -eq $((32 * 40448))
holds 'which are most of it' near "$(field step_flops_per_example)" 40448 1500
holds 'and of the forward pass' near "$(field forward_flops_per_example)" 18944 700
holds 'planning saves memory' awk -v a="$(count planned_bytes)" -v b="$(count unplanned_bytes)" 'BEGIN { exit !(0 < a && a < b) }'
planned=$(count planned_bytes)
holds 'tensors are listed' grep -q '{"name":"2.weight","dtype":"f32","shape":\[10,128\],"count":1280}' out
expect 0 'done\|info' info --model "$line" --input 64 --batch 64 --json
holds 'a larger batch needs more' test "$(count planned_bytes)" -gt "$planned"
expect 0 '"optimizer":"adam"' info --model "$line" --input 64 --optimizer adam --json
holds 'Adam has two moments' test "$(count optimizer_bytes)" -ge 76880
holds 'and little else' test "$(count optimizer_bytes)" -lt 77000
expect 0 '^buffers  *3$' info --model 'dense:1 batch_norm relu dense:2' --input 3 --loss cross_entropy
expect 0 '^parameters  *272474' info --model resnet20 --input 3x32x32 --batch 2
expect 0 '^f.weight  *f32  *\[100, 64\]' info --model resnet20 --input 3x32x32 --classes 100 --batch 2
expect 0 '^we.weight  *f32  *\[50, ' info --model char-gpt --input 16 --tokens 50 --batch 2
# The same program as that which bench reports.
expect 0 '"workload"' bench --model "$line" --input 64 --batch 32 --threads 1 --seconds 0 --json
measured=$(field planned_bytes)
flops=$(field flops)
expect 0 '"event":"info"' info --model "$line" --input 64 --batch 32 --threads 1 --json
holds 'bench plans the same' test "$(field planned_bytes)" = "$measured"
holds 'and counts the same' test "$(field flops)" = "$flops"

# ---- Mistakes ----
expect 2 '--model: give the shape of a sample with --input' info --model "$line"
expect 2 '--input is for a network of your own; name it with --model' info --input 64
expect 2 '--batch is for a network: a checkpoint, or one that --model names' info --batch 3
expect 2 '--optimizer: .*sgd' info --model "$line" --input 64 --optimizer best
expect 2 'a file or --model, not both' info --model "$line" --input 64 run/best.safetensors
expect 2 '"dens:3"' info --model dens:3 --input 4
expect 2 'the losses are' info --model "$line" --input 64 --loss best
expect 2 '--classes is for networks that have a name' info --model "$line" --input 64 --classes 3
expect 1 'conv' info --model 'conv:3:3x3' --input 4
expect 2 'one file at a time' info a b

# ---- A checkpoint ----
expect 0 'done' train --data digits --epochs 1 --model "$line" --out run --json
expect 0 '^parameters  *9610, 37.5 KiB$' info run/best.safetensors
expect 0 '^0.weight  *f32  *\[128, 64\]  *8192$' info run/last.safetensors --batch 32 --optimizer adam
holds 'its optimizer has state too' grep -q '^optimizer.0.weight.momentum  *f32  *\[128, 64\]  *8192$' out
expect 0 '"blasgrad.model":"dense:128 relu dense:10"' info run/best.safetensors --batch 32 --json
holds 'the same cost' test "$(count product_flops)" -eq $((32 * 40448))
holds 'tensors once' test "$(grep -o '"name":' out | wc -l)" -eq 4
# Its own batch, loss and optimizer, unless others are asked for.
expect 0 '^batch of 64, ' info run
holds 'the loss' grep -q '^loss  *cross_entropy$' out
holds 'SGD as it was' grep -q '^optimizer  *sgd with momentum, 37.5 KiB$' out
expect 0 'done' train --data digits --epochs 1 --model "$line" --optimizer adamw --weight-decay 0.1 --no-vector-decay --amsgrad \
    --batch 100 --out adamw --json
expect 0 '^batch of 100, ' info adamw
holds 'AdamW, with the largest squares' grep -q '^optimizer  *adamw, 112.6 KiB$' out
expect 0 '"optimizer":"adamw","batch":100' info adamw --json
expect 0 '"optimizer":"sgd","batch":10,' info adamw --json --optimizer sgd --batch 10
holds 'which has no momentum unless it is given' test "$(count optimizer_bytes)" -eq 0
expect 0 'done' train --data lecture --loss l2 --momentum 0 --epochs 1 --out lecture --json
expect 0 '^batch of 5, ' info lecture
holds 'plain SGD' grep -q '^optimizer  *sgd, 0 B$' out
expect 0 'done' train --data strokes --count 50 --steps 1 --model 'conv:2:3x3 relu dense:10' --dtype f64 --out conv --json
expect 0 '"loss_function":"cross_entropy"' info conv/best.safetensors --json
holds 'in f64' test "$(count parameter_bytes)" -eq $((8 * (2 * 9 + 2 + 10 * 2 * 26 * 26 + 10)))
awk 'BEGIN { for (i = 0; i < 60; i++) print "the " i " quick foxes" }' >fox.txt
expect 0 'done' train --data fox.txt --context 16 --steps 2 --model char-gpt --out gpt --json
classes=$("$BLASGRAD" info gpt/best.safetensors | sed -n 's/^we.weight .*\[\([0-9]*\), .*/\1/p')
expect 0 '"optimizer":"adamw","batch":2,' info gpt/best.safetensors --batch 2 --json
holds 'tokens of a text' sh -c "grep -q '\"blasgrad.sample\":\"tokens 16\"' out"
parameters=$(count parameter_count)
expect 0 '"optimizer":"sgd"' info --model char-gpt --input 16 --tokens "$classes" --batch 2 --json
holds 'as many parameters as without the file' test "$(count parameter_count)" -eq "$parameters"
# A run directory stands for the best of its checkpoints, as in eval and predict.
expect 0 '^parameters  *9610, 37.5 KiB$' info run/
holds 'of best' sh -c '! grep -q ^optimizer.0 out'
expect 0 '"file":"run/best.safetensors"' info run --json
rm gpt/best.safetensors
expect 0 '"file":"gpt/last.safetensors"' info gpt --json --batch 2
mkdir bare
expect 1 'bare: a directory that holds neither best.safetensors nor last.safetensors' info bare
# Whoever else wrote it.
printf '\110\0\0\0\0\0\0\0{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}                  \0\0\0\0\0\0\0\0' >other.safetensors
expect 0 '^w  *f32  *\[2\]  *2$' info other.safetensors
expect 1 '--batch: other.safetensors does not say what its network is' info other.safetensors --batch 3

# ---- The machine ----
# OpenBLAS that takes the processor for an older one, which an OpenBLAS for many processors can be told to do.
export OPENBLAS_CORETYPE=Prescott
expect 0 '^kernels' info
if grep -q '^            core Prescott' out && grep -qE '^kernels  *avx(2|512)$' out; then
    holds 'says how it becomes faster' grep -qE '^            .*OPENBLAS_CORETYPE=(SkylakeX|Haswell)' out
    OPENBLAS_CORETYPE=Haswell
    expect 0 '^            core Haswell' info
    holds 'says nothing where it is fast' test "$(grep -c OPENBLAS_CORETYPE out)" -eq 0
fi
unset OPENBLAS_CORETYPE

finish
