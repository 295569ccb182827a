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
expect 2 '--threads "0": a whole number from 1 to 1024' bench tiny --threads 0
expect 2 '--threads: a number is missing' bench tiny --threads ''
expect 2 '--dump is text for people' bench tiny --dump --json
stops bench mlp-b128 --seconds 60

finish
