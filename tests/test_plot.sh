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

# ---- Pictures of speed ----
expect 0 'Examples:' plot --help
expect 2 'RUN or FILE is missing' plot
expect 2 'speed is drawn of one file at a time' plot a b
expect 2 '--what "pie": one of curves confusion wrong filters speed sweep' plot speed.jsonl --what pie
expect 2 '--by time is for curves; this is a picture of speed' plot speed.jsonl --by time
expect 2 '--log is an option of curves and sweeps; this is a picture of speed' plot speed.jsonl --log
expect 2 '--metric is an option of curves' plot speed.jsonl --metric loss
expect 2 '.: a directory; speed is drawn of a file' plot . --what speed
expect 2 '--output x.gif: the name ends in .svg, .png or .pdf' plot speed.jsonl -o x.gif
expect 2 '--by "date": one of batch threads epoch step time' plot speed.jsonl --by date
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
holds 'gnuplot reads a script' grep -q '^set terminal svg' read
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
    # A full disk, of which gnuplot says nothing.
    if command -v unshare >/dev/null && unshare -rm true 2>/dev/null; then
        mkdir small
        # shellcheck disable=SC2016
        unshare -rm sh -c 'mount -t tmpfs -o size=8k none small && "$BLASGRAD" plot speed.jsonl -o small/x.svg
            echo $? >code; ls small >left' >out 2>err
        holds 'a full disk: the cause' grep -q 'plot: small/x.svg: No space left on device' err
        holds 'a failure' test "$(cat code)" -eq 1
        holds 'and no picture' test ! -s left
    fi
    holds 'nothing is left behind' sh -c '! ls | grep -q "[.]part"'
fi

# An interrupt takes the half-drawn picture away, and what draws it.
printf '#!/bin/sh\ncat >/dev/null\necho $$ >drawing\nexec sleep 60\n' >bin/gnuplot
checks=$((checks + 1))
PATH=$work/bin:$PATH "$program" plot speed.jsonl -o slow.svg >out 2>err &
while [ ! -s drawing ] && kill -0 $! 2>/dev/null; do sleep 0.05; done
kill -TERM $!
wait $!
got=$?
[ $got -eq 143 ] || fail "an interrupt while gnuplot draws: exit code $got, expected 143"
holds 'and taken away' test ! -e slow.svg.part -a ! -e slow.svg
holds 'nothing draws any more' sh -c '! kill -0 "$(cat drawing)" 2>/dev/null'

# ---- Curves of runs ----
# gnuplot of our own: it keeps the script, and draws nothing.
mkdir stub
# shellcheck disable=SC2016
printf '#!/bin/sh\ncat >"%s/script"\n' "$work" >stub/gnuplot
chmod +x stub/gnuplot
# drawn CODE PATTERN ARGUMENT..: as expect, with that gnuplot.
drawn()
{
    rm -f script
    printf '#!/bin/sh\nPATH=%s exec "%s" "$@"\n' "$work/stub:$PATH" "$program" >elsewhere
    chmod +x elsewhere
    BLASGRAD=./elsewhere
    expect "$@"
    BLASGRAD=$program
}
# epoch N TRAIN TEST: a line of a log, of runs with ten steps an epoch.
epoch()
{
    printf '{"event":"epoch","epoch":%d,"step":%d,"train_loss":%s,"train_accuracy":0.5,"test_loss":%s,"seconds":%d}\n' \
        "$1" "$(($1 * 10))" "$2" "$3" "$1"
}
start='{"event":"start","data":"digits"}'
mkdir empty one two dir dir/one
expect 1 'empty: no run directory: it has no log.jsonl, which `blasgrad train --out DIR. writes' plot empty
expect 1 'one: no run directory' plot one absent
echo text >file
expect 1 'file: a file; curves are drawn of run directories' plot file --what curves
{ echo "$start"; epoch 1 2.5 2.25; epoch 2 1.5 1.75; } >one/log.jsonl
drawn 0 '^one.svg$' plot one
holds 'the curve of training' grep -q '^1 2.5$' script
holds 'and of the test' grep -q '^2 1.75$' script
holds 'accuracy is in percent' grep -q '^2 50$' script
holds 'the legend has the name' grep -q "title 'one, test' noenhanced" script
holds 'the scale is linear' sh -c '! grep -q "^set logscale" script'
drawn 0 '^one.svg$' plot one/ --log
holds 'a logarithmic scale, of the loss alone' test "$(grep -c '^set logscale y' script)" -eq 1
drawn 0 '^x.pdf$' plot one --by step -o x.pdf
holds 'by step' grep -q '^20 1.5$' script
drawn 0 '^x.pdf$' plot one --by time -o x.pdf
holds 'by time' grep -q "^set xlabel 'training time, s'" script
drawn 0 '^x.svg$' plot one --metric accuracy -o x.svg
holds 'one metric' sh -c '! grep -q "^1 2.5$" script'
expect 1 'absent: No such file' plot one absent
drawn 1 'one: no value of f1 that can be drawn' plot one --metric loss,f1
expect 2 '--metric ",": the name of a metric is missing' plot one --metric ,
expect 2 '--metric "a,b,c,d,e,f,g": at most 6' plot one --metric a,b,c,d,e,f,g
expect 2 '--by threads is for speed; this is a picture of curves' plot one --by threads
expect 2 'confusion is drawn of one run at a time' plot one two --what confusion
expect 2 '--by step is for curves; this is a picture of wrong' plot one --what wrong --by step
# A run that was killed leaves half a line, or zeros; what is damaged further up is an error.
{ cat one/log.jsonl; printf '{"event":"epoch","epoch":3,"st'; } >two/log.jsonl
drawn 0 '^x.svg$' plot two -o x.svg
holds 'a last line that is cut off is passed over' grep -q '^2 1.5$' script
{ cat one/log.jsonl; printf '\\0\\0\\0\\0\n\n'; } >two/log.jsonl
drawn 0 '^x.svg$' plot two -o x.svg
{ echo "$start"; echo '{"event":'; epoch 1 2 2; } >two/log.jsonl
drawn 1 'two/log.jsonl, line 2: not a JSON object, and more lines follow' plot two
echo "$start" >two/log.jsonl
drawn 1 'two/log.jsonl: holds no epoch and no steps yet' plot two
: >two/log.jsonl
drawn 1 'two/log.jsonl: holds no epoch and no steps yet' plot two
# Values that are not finite are gaps; there may be nothing else.
{ epoch 1 null null; epoch 2 2 null; epoch 3 1 null; } >two/log.jsonl
drawn 0 '^x.svg$' plot two -o x.svg
holds 'what is not finite is left out' sh -c '! grep -q -i nan script'
holds 'and what there is of it has no line' sh -c '! grep -q "two, test" script'
epoch 1 null null | sed 's/"train_accuracy":0.5,//' >two/log.jsonl
drawn 1 'two: no loss that can be drawn: all are infinite or NaN' plot two
{ epoch 1 0 -1; } | sed 's/"train_accuracy":0.5,//' >two/log.jsonl
drawn 1 'not above 0 as --log wants them' plot two --log
# Of a run that went back, the newer events count.
{ epoch 1 3 3; epoch 2 2 2; epoch 3 1 1; epoch 2 7 7; } >two/log.jsonl
drawn 0 '^x.svg$' plot two --metric loss -o x.svg
holds 'the newer events count' sh -c 'grep -q "^2 7$" script && ! grep -q "^2 2$\|^3 1$" script'
# Steps between, and a run that ended within its first epoch.
printf '{"event":"steps","step":%d,"train_loss":%d,"seconds":1}\n' 2 9 4 8 6 7 >two/log.jsonl
echo '{"event":"done","test_loss":6.5,"steps":7,"seconds":2}' >>two/log.jsonl
drawn 0 '^x.svg$' plot two -o x.svg
holds 'without an epoch it is drawn by step' sh -c 'grep -q "^4 8$" script && grep -q "^set xlabel .step" script'
holds 'with the test at its end' grep -q '^7 6.5$' script
drawn 1 'two: no epoch of it has ended; draw it with --by step' plot two --by epoch
# Names.
cp one/log.jsonl dir/one/log.jsonl
drawn 0 '^x.svg$' plot one dir/one -o x.svg
holds 'runs of one name are called by their paths' grep -q "title 'dir/one, train'" script
expect 2 'one and ./one are the same run' plot one ./one
expect 2 'name the picture with --output' plot .
long=$(printf 'n%.0s' 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40)
cp -R one "it's $long $long"
drawn 0 '^x.svg$' plot "it's $long $long" -o x.svg
holds 'the end of a long name' grep -q "title '\\.\\.\\.n.* $long, train'" script
# Ten thousand epochs: no more points than can be seen, the peak among them.
awk 'BEGIN { for (i = 1; i <= 10000; i++)
    printf "{\"event\":\"epoch\",\"epoch\":%d,\"step\":%d,\"train_loss\":%g,\"seconds\":%d}\n", i, i, i == 7777 ? 99 : 1 / i, i }' \
    >two/log.jsonl
drawn 0 '^x.svg$' plot two -o x.svg
holds 'few points' test "$(grep -c '^[0-9]' script)" -le 2001
holds 'the peak is there' grep -q '^7777 99$' script

# ---- Pictures of networks ----
expect 1 'empty: no run with a checkpoint: it has neither best.safetensors nor last.safetensors' plot empty --what filters
expect 1 'file: a file; this picture is drawn of a run directory' plot file --what wrong
expect 1 'absent: No such file' plot absent --what confusion
echo text >empty/best.safetensors
expect 1 'empty/best.safetensors: ' plot empty --what confusion
expect 0 'test loss' train --data digits --epochs 1 --out digits
right=$(sed -n 's/^test loss .* accuracy \([0-9.]*\) .*/\1/p' out)
drawn 0 '^digits-confusion.svg$' plot digits --what confusion
holds 'the share that is right is that of the test' grep -q "'digits, 359 test examples, $right % right'" script
# The numbers in the cells stand in the middle of boxes of 42 x 42.
holds 'the numbers add up' test "$(sed -n "s/^set label '\([0-9]*\)' noenhanced at [0-9.]*,[0-9.]* center front textcolor rgb '#[0f]*'\$/\1/p" script |
    awk '{ sum += $1 } END { print sum - 45 }')" -eq 359
drawn 0 '^digits-wrong.svg$' plot digits --what wrong
holds 'an image for each that is wrong, up to 60' test "$(grep -c "^set label 'predicted [0-9]'" script)" -eq \
    "$(awk -v right="$right" 'BEGIN { n = int(359 * (100 - right) / 100 + 0.5); print n < 60 ? n : 60 }')"
holds 'none of them is right' test "$(sed -n "s/^set label '\(true\|predicted\) \([0-9]\)' .*/\2/p" script | paste -d ' ' - - |
    awk '$1 == $2' | wc -l)" -eq 0
holds 'and its class' test "$(grep -c "^set label 'true [0-9]'" script)" -ge 1
drawn 0 '^digits-filters.svg$' plot digits/ --what filters
holds 'the weights of the first layer' grep -q "0.weight \[128, 64\], from blue" script
expect 0 'train loss' train --data digits --epochs 1 --out conv \
    --model 'unflatten:1x8x8 conv:8:3x3 relu conv:4:3x3 relu dense:10'
drawn 0 '^x.png$' plot conv --what filters -o x.png
holds 'of a convolution' grep -q '1.weight \[8, 1, 3, 3\]' script
expect 0 'train loss' train --data lecture --epochs 3 --out lecture
drawn 1 'lecture/best.safetensors: a network for numbers' plot lecture --what confusion
drawn 0 '^lecture-filters.svg$' plot lecture --what filters
{ echo x1,x2,c; for i in 1 2 3 4; do echo "$i,0,0"; echo "0,$i,1"; done; } >table.csv
expect 0 'train loss' train --data table.csv --classes --epochs 200 --lr 0.5 --out table
drawn 1 'all 8 examples of table.csv are predicted right, so there is nothing to draw\|has the shape \[2\], which is no image' \
    plot table --what wrong
drawn 0 '^table-confusion.svg$' plot table --what confusion
holds 'without a test part, of all examples' grep -q "'table.csv, 8 examples, 100.00 % right'" script
rm table.csv
expect 1 'table.csv: No such file' plot table --what confusion
# Classes by their names, as eval has them; the short ones lie along the axis, and longer ones stand.
awk 'BEGIN { for (r = 0; r < 12; r++) { for (c = 0; c < 64; c++) printf "%d,", (r * c) % 7
    print r % 2 ? "Jack-of-all-trades and more" : "Queen" } }' >named.csv
expect 0 'train loss' train --data named.csv --classes --epochs 1 --lr 1e-9 --out named
drawn 0 '^named-confusion.svg$' plot named --what confusion
holds 'rows and columns by names' test "$(grep -c "^set label 'Queen' noenhanced at" script)" -eq 2
holds 'that are cut, and turned if they are long' grep -q \
    "^set label 'Jack-of-all-trad' noenhanced at [0-9.]*,[0-9.]* right rotate front" script
drawn 0 '^named-wrong.svg$' plot named --what wrong
holds 'images by names' sh -c "grep -q \"^set label 'true \(Queen\|Jack-of-all-trad\)'\" script &&
    grep -q \"^set label 'predicted \(Queen\|Jack-of-all-trad\)'\" script"
awk 'BEGIN { for (i = 0; i < 60; i++) print "The " i " winds do blow." }' >text.txt
expect 0 'loss' train --data text.txt --steps 2 --out text
drawn 1 'text/.*.safetensors: a network for texts' plot text --what confusion
drawn 0 '^text-filters.svg$' plot text --what filters

# ---- Pictures of sweeps ----
expect 0 '' sweep --data lecture --epochs 3 --grid loss=l1,l2 --grid lr=0.0001,0.001,0.01 --jobs 1 --out sweeps/a
drawn 0 '^sweeps/a.svg$' plot sweeps/a/
holds 'a panel for each axis' grep -q "^set multiplot layout 1,2 title 'sweeps/a/' noenhanced$" script
holds 'values that are no numbers have places' grep -q "^set xtics .*('l1' 0, 'l2' 1)$" script
holds 'numbers far apart have a logarithmic scale' grep -q '^set logscale x$' script
loss=$(sed -n 's/.*"train_loss":\([^,]*\),.*"loss":"l2","lr":0.01[0-9]*}.*/\1/p' sweeps/a/sweep.jsonl)
holds 'a point for each run' test "$(sed -n '/^.panel1 <</,/^END/p' script | grep -c '^0.')" -eq 6
sed -n '/^.panel1 <</,/^END/p' script | awk '$1 + 0 == 0.01' >points
holds 'where it belongs' awk -v y="$loss" '{ d = $2 - y; found += d * d < 1e-18 } END { exit !(y != "" && found == 1) }' points
holds 'its loss is linear' sh -c '! grep -q "^set logscale y" script'
drawn 0 '^x.svg$' plot sweeps/a --log -o x.svg
holds 'or logarithmic' grep -q '^set logscale y$' script
drawn 1 'sweeps/a: no run has a metric speed' plot sweeps/a --metric speed
drawn 2 'sweep is drawn of one run at a time' plot sweeps/a sweeps/a
drawn 2 '--by time is for curves; this is a picture of sweep' plot sweeps/a --by time
drawn 2 'one: no directory that .blasgrad sweep' plot one --what sweep
expect 0 '' sweep --data digits --epochs 1 --grid nesterov=true,false --jobs 1 --out sweeps/flags
drawn 0 '^sweeps/flags.svg$' plot sweeps/flags
holds 'loss and accuracy' test "$(grep -c "^set ylabel 'test_\(loss\|accuracy\)' noenhanced$" script)" -eq 2
holds 'true and false' grep -q "('false' 0, 'true' 1)" script
drawn 0 '^sweeps/flags.svg$' plot sweeps/flags --metric accuracy
holds 'or one of them' grep -q "^set multiplot layout 1,1 " script
expect 0 '' sweep --data lecture --epochs 3 --seeds 2 --jobs 1 --out sweeps/seeds
drawn 1 'sweeps/seeds/sweep.jsonl: the sweep has no axes' plot sweeps/seeds
cp -R sweeps/a sweeps/damaged
echo '{"trial' >>sweeps/damaged/sweep.jsonl
drawn 1 'sweeps/damaged/sweep.jsonl, line 7: no run of a sweep' plot sweeps/damaged
: >sweeps/damaged/sweep.jsonl
drawn 1 'sweeps/damaged/sweep.jsonl: holds no run that is done' plot sweeps/damaged
rm sweeps/damaged/sweep.jsonl
drawn 1 'sweeps/damaged/sweep.jsonl: not there yet; a sweep writes it at its end' plot sweeps/damaged

if command -v gnuplot >gnuplot.path; then
    for what in curves confusion wrong filters; do
        for ending in svg png pdf; do
            expect 0 "^x.$ending$" plot digits --what $what -o x.$ending
            holds "$what: nothing to complain of" test ! -s err
            holds "$what as $ending" test -s x.$ending
        done
    done
    expect 0 '^x.svg$' plot one dir/one two -o x.svg
    # Names that gnuplot would give to a shell, or take for a home.
    expect 0 'p.svg$' plot one two -o '|touch taken;: p.svg'
    holds 'a name is no command' test ! -e taken -a -s '|touch taken;: p.svg'
    expect 0 '^~p.svg$' plot one two -o '~p.svg'
    holds 'a tilde is no home' test -s '~p.svg'
    holds 'curves of three runs' grep -q 'dir/one, train' x.svg
    expect 0 '^lecture-filters.svg$' plot lecture --what filters
    for ending in svg png pdf; do
        expect 0 "^x.$ending$" plot sweeps/a --log -o x.$ending
        holds 'a sweep: nothing to complain of' test ! -s err
        holds "a sweep as $ending" test -s x.$ending
    done
fi

finish
