#!/bin/sh
# `blasgrad bench` from the outside: what it prints, what it refuses, how it is stopped.
. "${BLASGRAD_TEST_DATA:?the folder of the tests}/support/program.sh"

# fits TEXT: what was printed last fits a terminal of 80 columns.
fits() { holds "$1 fits 79 columns" awk 'length > 79 { long = 1 } END { exit long }' out; }

# stops ARGUMENT..: Ctrl-C ends the command with 130.
stops()
{
    "$BLASGRAD" "$@" >out 2>err &
    process=$!
    sleep 1
    kill -INT $process
    { wait $process; } 2>/dev/null
    got=$?
    checks=$((checks + 1))
    [ $got -eq 130 ] || fail "$*: SIGINT: exit code $got, expected 130"
}

# ---- Workloads ----
expect 0 '"workload":"tiny","threads":1,"step_ms":[0-9.e-]*,' bench tiny --threads 1 --seconds 0.1 --json
holds 'a commit' grep -q '"commit":"\([0-9a-f]\{12\}\(-dirty\)\{0,1\}\|unknown\)"' out
holds 'it says of what' grep -q '"model":"dense:16 tanh dense:16 tanh dense:1","batch":32,"input":"2","loss_function":"bce_with_logits"' out
holds 'no allocation in a step' test "$(field allocations_per_step)" = 0.0
holds 'memory is known' at_least "$(field peak_resident_bytes)" 1000000
holds 'forward takes a part of the step' awk -v f="$(field forward_ms)" -v s="$(field min_ms)" \
    'BEGIN { exit !(f > 0 && f < s) }'
parts=$(echo "$(field forward_ms) $(field backward_ms) $(field update_ms)" | awk '{ print $1 + $2 + $3 }')
holds 'forward, backward and update are about a step' awk -v p="$parts" -v s="$(field min_ms)" \
    'BEGIN { exit !(p > s / 3 && p < s * 3) }'
expect 0 '^tiny  *2 ' bench tiny --threads 2 --seconds 0.1 --report
holds 'the parts are shown' grep -q '^ *least [0-9.e-]* ms: forward [0-9.e-]*, backward [-0-9.e]*, update [-0-9.e]*$' out
fits 'the table with a report'
expect 0 'update of' bench tiny --dump
expect 0 'forward, loss, backward' bench --help
fits 'the help'
expect 2 'there is no workload "mpl-b32"; there are tiny mlp-b1 mlp-b32' bench mpl-b32
expect 2 '--threads "0": it takes whole numbers from 1 to 1024, with .,. between them' bench tiny --threads 0
expect 2 '--threads "": it takes whole numbers' bench tiny --threads ''
expect 2 '--threads "1,,2": it takes whole numbers' bench tiny --threads 1,,2
expect 2 '--threads "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17": too many' bench tiny \
    --threads 1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17
expect 2 '--dump is text for people' bench tiny --dump --json
stops bench mlp-b128 --seconds 60
expect 2 '--dump measures nothing; leave out --report, --profile and --cores' bench tiny --dump --report
expect 2 '--dump measures nothing; leave out --report, --profile and --cores' bench tiny --dump --profile
# Many trials are no reason to end before the time.
begin=$(date +%s)
expect 0 '^tiny ' bench tiny --threads 1 --seconds 6
holds 'all of 6 and 3 s' test $(($(date +%s) - begin)) -ge 9
expect 0 '"workload":"lse".*"norm":0.000919407129' bench lse --threads 1 --seconds 0 --json

# ---- Where the time goes ----
expect 0 '^ *0 product 32 x 16 x 2 Tw by ' bench tiny --threads 1 --seconds 0 --profile
fits 'the profile'
holds 'a row a step' test "$(grep -c '^ *[0-9]* *\(product\|loop\|fold\|call\) .*B/s$' out)" -ge 6
expect 0 '^ *behind 0 *[0-9]' bench mlp-b1 --threads 2 --seconds 0 --profile
fits 'the profile of two workers'
expect 0 'us waited *worker 0 .*worker 5$' bench mlp-b1 --threads 7 --seconds 0 --profile
fits 'the profile of seven workers'
holds 'the seventh has rows of its own' grep -q '^ *us waited *worker 6$' out
expect 0 '"profile":\[{"step":0,"phase":0,"kind":"' bench tiny mlp-b1 --threads 1,2 --seconds 0 --profile --trace trace.json --json
holds 'waits of each phase and worker' grep -q '"waits":\[{"phase":0,"ms":\[[0-9.e-]*,[0-9.e-]*\]}' out
holds 'a trace is an array' test "$(head -n 1 trace.json)$(tail -n 1 trace.json)" = '[]'
holds 'of complete events' grep -q '"ph":"X","pid":3,"tid":1,"cat":"wait","ts":[0-9.]*,"dur":[0-9.e-]*,"args":{"phase":0}}' trace.json
holds 'with names of workloads and lanes' sh -c 'grep -c "\"ph\":\"M\"" trace.json | grep -qx 9'
if command -v python3 >python.path; then
    holds 'in JSON' python3 -c 'import json; assert len(json.load(open("trace.json"))) > 100'
fi
holds 'nothing else is left beside it' test "$(ls -A | grep -c 'trace')" -eq 1
expect 1 '--trace: none/t.json: .*No such file' bench tiny --trace none/t.json
# What is there already stays as it was until the new one is whole.
cp trace.json old.json
"$BLASGRAD" bench mlp-b128 --threads 1 --seconds 60 --trace trace.json >out 2>err &
process=$!
sleep 1
kill -KILL $process
{ wait $process; } 2>/dev/null
holds 'an older trace survives' cmp -s trace.json old.json
expect 1 'depends on no parameter' bench --model relu --input 8 --trace trace.json
holds 'and one of nothing is not written' cmp -s trace.json old.json
expect 2 'leave out --json, --output and --trace' bench tiny --dump --trace t.json

# ---- More cores, and more engines ----
if [ "$(nproc)" -ge 2 ]; then
    expect 0 '^ *phase  *tasks  *MFLOP ' bench mlp-b128 --threads 1 --seconds 0 --cores 1,16
    fits 'the projection'
    holds 'it says that it is none' grep -q 'projected from the phases, not measured; a barrier: [0-9.e-]* us' out
    holds 'a row for each number of cores' test "$(grep -c '^ *\(1\|16\) .*samples .*%$' out)" -eq 2
    expect 0 '"projected":\[{"cores":4,"step_ms":' bench mlp-b128 --threads 1 --seconds 0 --cores 4 --json
    holds 'tasks of both phases' grep -q '"phase_work":\[{"phase":0,"tasks":[0-9]*,.*{"phase":1,"tasks":[0-9]*,' out
    expect 0 'too little work to share' bench tiny --threads 1 --seconds 0 --cores 64
    # Projections begin with one worker alone, not with the sum of what several took in each other's way.
    expect 0 '"projected"' bench mlp-b128 --threads 2 --seconds 0 --profile --cores 1 --json
    if command -v python3 >python.path; then
        holds 'it is measured apart from the profile' python3 -c 'import json
r = json.load(open("out"))
assert abs(sum(step["ms"] for step in r["profile"]) / r["projected"][0]["step_ms"] - 1) > 1e-9'
    fi
    checks=$((checks + 1))
    taskset -c 0 "$BLASGRAD" bench tiny --threads 1 --seconds 0 --cores 4 >out 2>err
    holds 'one core cannot tell what a barrier takes' test $? -eq 1
    holds 'it says so' grep -q -e '--cores: a barrier is measured with two workers or more' err
fi
expect 2 '--cores "0": it takes whole numbers from 1 to 1024' bench tiny --cores 0
expect 2 '--dump measures nothing; leave out --report, --profile and --cores' bench tiny --dump --cores 4
expect 0 '^tiny: 2 engines of 1 thread$' bench tiny --threads 1 --seconds 0 --engines 2
holds 'times' grep -q '^ *[0-9.e-]* ms a step alone, [0-9.e-]* at once: [0-9.]* times as many a second$' out
fits 'engines'
expect 0 '"workload":"tiny","engines":3,"threads":2,"alone_ms":[0-9.e-]*,"at_once_ms":[0-9.e-]*,"speed_up":' \
    bench tiny --threads 2 --seconds 0 --engines 3 --json
expect 2 '--engines measures steps alone; leave out --report' bench tiny --engines 2 --report
stops bench mlp-b128 --engines 2 --seconds 60

# ---- A network of one's own ----
expect 0 '^dense:8 relu dense:3, batch 5$' bench --model 'dense:8 relu dense:3' --input 4 --batch 5,7 --threads 1 --seconds 0
holds 'a row for each batch size' test "$(grep -c '^  *1 .* samples ' out)" -eq 2
expect 0 '^cholesky-4x1000$' bench cholesky-4x1000 --threads 1 --seconds 0
expect 0 '"workload":"conv:2:3 dense:3".*"batch":3,"input":"1x5x6",.*"unit":"samples",' bench --model 'conv:2:3 dense:3' --input 1x5x6 \
    --batch 3 --threads 1 --seconds 0 --json
holds 'the product of its last layer' awk -v f="$(field product_flops)" 'BEGIN { exit !(f >= 3 * 2 * 3 * 2 * 12 * 3) }'
expect 0 '^char-gpt .* tokens ' bench --model char-gpt --input 8 --tokens 11 --batch 2 --threads 1 --seconds 0
expect 0 '"batch":2,"input":"3",.*"token_kinds":9,"unit":"tokens",' bench --model 'embedding:9:4 dense:9' --input 3 --tokens 9 --batch 2 --threads 1 \
    --seconds 0 --json
holds 'a speed of tokens' awk -v s="$(field per_second)" -v m="$(field step_ms)" \
    'BEGIN { p = s * m / 6000; exit !(p > 0.999 && p < 1.001) }'
expect 0 '^dense:1 ' bench --model dense:1 --input 4 --loss l2 --batch 5 --threads 1 --seconds 0
expect 0 '^mnist-cnn ' bench --model mnist-cnn --input 1x28x28 --batch 2 --classes 7 --threads 1 --seconds 0 --report
holds 'the loss of seven classes' grep -q 'loss 1.9' out
expect 2 '--classes is for networks that have a name' bench --model dense:3 --input 4 --classes 3
expect 2 '--model: give the shape of a sample with --input' bench --model dense:3
expect 2 '--batch is for a network of your own; name it with --model' bench --batch 3
expect 2 'a workload or --model, not both' bench tiny --model dense:3 --input 4
expect 2 '--input "3x0": it takes whole numbers from 1 to [0-9]*, with .x. between them; at most 7' bench --model dense:3 --input 3x0
expect 2 'word 1, "dnese:3", is no layer' bench --model dnese:3 --input 4
expect 2 "there is no loss 'l3'" bench --model dense:3 --input 4 --loss l3
expect 1 '3 does not fit x \[64, 8\]' bench --model conv:8:3 --input 8
expect 1 'relu, batch 64: .*depends on no parameter' bench --model relu --input 8
# One that fails does not end the list.
export ASAN_OPTIONS="${ASAN_OPTIONS:-}:allocator_may_return_null=1" # memory that is not there is no error of ours
expect 1 'dense:1048576, batch 16777216: .*memory' bench --model dense:1048576 --input 1 --batch 16777216,1 --threads 1 --seconds 0
holds 'the next is measured' grep -q '^dense:1048576, batch 1$' out
# The gradient of a bias before a batch norm is zero.
expect 0 '"gradient_error":' bench --model 'dense:8 batch_norm relu dense:3' --input 4 --batch 64 --threads 1 --seconds 0 --json

# ---- Products ----
expect 0 '^3x4x5:nn  *1 ' bench --gemm 3x4x5 2x70x9:tt --threads 1 --seconds 0
holds 'a transposed one' grep -q '^2x70x9:tt ' out
fits 'the table of products'
expect 0 '"product":"32x512x784:nt","from":"mlp-b32","dtype":"f64","threads":1,' \
    bench --gemm mlp-b32 --threads 1 --seconds 0 --dtype f64 --json
holds 'the products of three layers' test "$(grep -c '"from":"mlp-b32"' out)" -eq 8
holds 'the ratio is that of the times' awk -v r="$(field ratio)" -v a="$(field blas_ms)" -v b="$(field step_ms)" \
    'BEGIN { q = r * b / a; exit !(q > 0.999999 && q < 1.000001) }'
holds 'the exact product' awk -v e="$(field error)" -v b="$(field blas_error)" -v a="$(field allowed_error)" \
    'BEGIN { exit !(e != "" && b != "" && e < a && b < a && a < 1e-13) }'
# What is allowed grows with the sum's length.
expect 0 '^16x8x1000000:tn ' bench --gemm 16x8x1000000:tn --threads 1 --seconds 0
expect 0 '"overhead_ns":null' bench --gemm 3x4x5 --threads 2 --seconds 0 --json
expect 0 '^3x4x5:nn .* -$' bench --gemm 3x4x5 --threads 2 --seconds 0
for shape in 3x4 3x4x5x6 0x4x5 3x-4x5 3x4x5:n 3x4x5:nx 3x4x5:nnn 99999999x2x2 axbxc; do
    expect 2 "--gemm \"$shape\": a shape as in 64x512x784 or 64x512x784:nt .*; or one of tiny mlp-b1 .* gpt2 deepbench" \
        bench --gemm $shape
done
expect 1 'is left out: it takes' bench --gemm 16000000x16000000x2 3x4x5 --threads 1,2 --seconds 0
holds 'what follows is measured' test "$(grep -c '^3x4x5:nn ' out)" -eq 2
expect 2 '--report is for workloads' bench --gemm 3x4x5 --report
expect 2 '--model is for workloads' bench --gemm --model dense:3 --input 4
expect 2 '--dtype is for --gemm' bench tiny --dtype f64
expect 2 '--dtype "f16": one of f32 f64' bench --gemm --dtype f16
stops bench --gemm 2000x2000x2000 --seconds 60 --threads 1

# ---- Kernels and ops ----
expect 0 '^tanh  *[0-9.]*  *[0-9.]*  *[0-9.]* at ' bench --ops tanh --threads 1 --seconds 0
holds 'and the op' grep -q '^tanh  *10485[0-9]* ' out
fits 'the table of kernels and ops'
for dtype in f32 f64; do
    expect 0 '"kernel":"exp","dtype":"'$dtype'","elements":2048,' bench --ops exp --dtype $dtype --threads 1 --seconds 0 --json --size 100
    holds "an error below 1.1 units, $dtype" sh -c \
        'sed -n "s/.*\"worst_ulp\":\([0-9.e-]*\),.*/\1/p" out | awk "{ n++; exit !(\$1 > 0.4 && \$1 < 1.1) } END { exit n != 1 }"'
done
holds 'the op beside it' grep -q '"op":"exp","is_gradient":false,"dtype":"f64","threads":1,"inputs":\[{"shape":\[' out
expect 0 '^store_bool  *[0-9.]*  *[0-9.]*$' bench --ops store_bool --threads 1 --seconds 0
expect 0 '"kernel":"fma".*"worst_at":\[[-0-9.e]*,[-0-9.e]*,[-0-9.e]*\],"points":65536' bench --ops fma --threads 1 --seconds 0 --json
expect 0 '^matmul  *[0-9]' bench --ops matmul --gradient --size 5000 --threads 2 --seconds 0
holds 'of the op alone' grep -q '^gradient of op ' out
# A loop over time is not unrolled over as many places as the size asks for.
expect 0 '^ctc_loss, gradient  *[0-9]' bench --ops 'ctc_loss, gradient' --gradient --size 100000 --threads 1 --seconds 0
expect 2 'there is no kernel or op "tahn"; .blasgrad gradcheck --list. names the ops' bench --ops tahn
expect 1 'nothing that is named has a gradient' bench --ops store_bool --gradient
expect 1 'nothing that is named has a gradient' bench --ops argmax --gradient
expect 2 '--size is for --ops' bench tiny --size 3
expect 2 '--gradient is for --ops' bench --gemm 3x3x3 --gradient
expect 2 'measure one thing at a time' bench --gemm --ops
stops bench --ops pow --seconds 60 --threads 1

finish
expect 1 'nothing that is named has a gradient' bench --ops store_bool --gradient
expect 1 'nothing that is named has a gradient' bench --ops argmax --gradient
