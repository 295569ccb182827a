#!/bin/sh
# `blasgrad bench --output` and `blasgrad plot` from the outside.
. "${BLASGRAD_TEST_DATA:?the folder of the tests}/support/program.sh"

# ---- The file of results ----
expect 0 '^tiny ' bench tiny --threads 1 --seconds 0 --output speed.jsonl
expect 0 '"workload":"mlp-b1"' bench mlp-b1 --threads 1,2 --seconds 0 --json --output speed.jsonl
holds 'a line a result' test "$(wc -l <speed.jsonl)" -eq 3
holds 'the fields are those of --json' sh -c 'sed "s/}$/,/" out >begins && tail -n 2 speed.jsonl | grep -q -F -f begins'
holds 'with date and machine' test "$(grep -c '"date":"20[0-9-]*T[0-9:]*Z","machine":"[^"]*","processors":[0-9]' speed.jsonl)" \
    -eq 3
printf '{"workload":"half' >half.jsonl
expect 0 '^tiny ' bench tiny --threads 1 --seconds 0 --output half.jsonl
holds 'a half line of somebody else stays apart' sh -c 'sed -n 2p half.jsonl | grep -q "^{.*}$" && test "$(wc -l <half.jsonl)" -eq 2'
expect 1 '--output none/speed.jsonl: No such file or directory' bench tiny --output none/speed.jsonl
expect 1 '--output .: Is a directory' bench tiny --output .
expect 1 '--output /dev/null: not a file that lines can be appended to' bench tiny --output /dev/null
for i in 1 2 3 4; do
    "$BLASGRAD" bench tiny --threads 1 --seconds 0.01 --output many.jsonl >/dev/null 2>>err &
done
wait
holds 'lines of several processes are whole' test "$(grep -c '^{"workload":"tiny".*"processors":[0-9]*}$' many.jsonl)" -eq 4
# A write that the system cuts short is taken back.
checks=$((checks + 1))
(ulimit -f 1; exec "$BLASGRAD" bench tiny --threads 1 --seconds 0 --output short.jsonl) >out 2>err
got=$?
[ $got -eq 1 ] && grep -q -e '--output short.jsonl: ' err || fail "a file that may not grow: exit code $got"
holds 'there is no half a line' test ! -s short.jsonl

# ---- Pictures ----
expect 0 'Examples:' plot --help
expect 2 'FILE is missing' plot
expect 2 'one file at a time' plot a b
expect 2 '--output x.gif: the name ends in .svg, .png or .pdf' plot speed.jsonl -o x.gif
expect 2 '--by "time": one of batch threads' plot speed.jsonl --by time
expect 1 'none.jsonl: No such file' plot none.jsonl
expect 1 'half.jsonl, line 1: not a JSON object' plot half.jsonl
echo '{"gemm":"2x3x4"}' >other.jsonl
expect 1 'other.jsonl: holds no speed of a workload' plot other.jsonl
echo '{"workload":"tiny","engines":2,"threads":1,"alone_ms":1,"at_once_ms":1}' >>other.jsonl
expect 1 'other.jsonl: holds no speed of a workload' plot other.jsonl
echo '{"workload":"tiny","batch":32,"threads":1,"per_second":null}' >null.jsonl
expect 1 'null.jsonl, line 1: batch, threads and per_second have to be numbers above 0' plot null.jsonl
# with_path PATH TEXT: what plot says where programs are found on PATH.
program=$BLASGRAD
with_path()
{
    printf '#!/bin/sh\nPATH=%s exec "%s" "$@"\n' "$1" "$program" >elsewhere
    chmod +x elsewhere
    BLASGRAD=./elsewhere
    expect 1 "$2" plot speed.jsonl
    BLASGRAD=$program
}
mkdir bin
with_path "$work/bin" 'gnuplot is not there; on Debian: apt-get install gnuplot-nox'
holds 'no picture without gnuplot' test ! -e speed.svg
printf '#!/bin/sh\ncat >read\necho "line 3: the pen is dry" >&2\nexit 1\n' >bin/gnuplot
chmod +x bin/gnuplot
with_path "$work/bin:$PATH" 'plot: gnuplot failed: line 3: the pen is dry'
holds 'gnuplot reads a script' grep -q "^set output 'speed.svg.part'" read
printf '#!/bin/sh\nexit 3\n' >bin/gnuplot
with_path "$work/bin:$PATH" 'plot: gnuplot failed: it said nothing'
if command -v gnuplot >gnuplot.path; then
    expect 0 '^speed.svg$' plot speed.jsonl
    holds 'a picture' grep -q '</svg>' speed.svg
    holds 'with a line for each workload' grep -q 'mlp-b1 (samples)' speed.svg
    holds 'and each network' grep -q 'mlp, 2 threads (samples)' speed.svg
    expect 0 "^it's one.png" plot speed.jsonl --by threads --output "it's one.png"
    holds 'a picture of another kind' sh -c 'head -c 4 "it'"'"'s one.png" | grep -q PNG'
    echo '{"workload":"gmm","unit":"gradients","threads":1,"per_second":12}' >gmm.jsonl
    expect 0 '^gmm.svg$' plot gmm.jsonl
    holds 'what has no batch is drawn by threads' grep -q 'gmm (gradients)' gmm.svg
    expect 1 'gmm.jsonl: holds no workload that has a batch' plot gmm.jsonl --by batch
    cat speed.jsonl >>gmm.jsonl
    expect 0 '^gmm.svg$' plot gmm.jsonl --by batch
    holds 'and left out by batch' sh -c '! grep -q gradients gmm.svg'
    for loss in cross_entropy l2; do
        for input in 4 5; do
            "$BLASGRAD" bench --model 'dense:3' --input $input --loss $loss --batch 2,4 --threads 1 --seconds 0 --output own.jsonl >>err
        done
    done
    expect 0 '^own.svg$' plot own.jsonl --by batch
    holds 'networks of another input or loss are others' test "$(grep -o 'dense:3 of [45][a-z0-9, ]*thread' own.svg | sort -u | wc -l)" -eq 4
    echo '{"workload":"m","model":"m","input":"3","token_kinds":1e300,"classes":1e300,"batch":1,"threads":1,"per_second":1}' \
        >long.jsonl
    expect 0 '^long.svg$' plot long.jsonl
    holds 'numbers are short' grep -q 'm of 3 tokens of 1e+300 kinds, 1e+300 classes' long.svg
    expect 1 'plot: none/x.svg: No such file' plot speed.jsonl -onone/x.svg
    holds 'nothing is left behind' sh -c '! ls | grep -q "[.]part"'
fi

finish
