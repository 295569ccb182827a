#!/bin/sh
# The examples of --help, as they are printed.
. "${BLASGRAD_TEST_DATA:?the folder of the tests}/support/program.sh"
commands=$("$BLASGRAD" --help | sed -n 's/^  \([a-z]\{1,\}\)  *[a-z].*/\1/p' | grep -v '^blasgrad$')
: >out
: >err
holds 'there are commands' test "$(echo "$commands" | wc -w)" -ge 7

# What they are about: a table with classes, tables of digits, and a text.
printf 'x1;x2;y\n1;2,2;4\n-2;4;0\n1;1,5;3\n5;-2;8\n-1;-1;-3,8\n' >table.csv
awk 'BEGIN { for (r = 0; r < 9; r++) { for (c = 0; c < 64; c++) printf "%d,", (r + c) % 16; print r } }' >other.csv
cp other.csv new.csv
awk 'BEGIN { print "150,4,a,b,c"; for (i = 0; i < 30; i++) print i % 3 ".5," i ",1,2," i % 3 }' >iris.csv
awk 'BEGIN { for (i = 0; i < 60; i++) print "ROMEO: The " i " winds do blow, and still I wait." }' >text.txt
"$BLASGRAD" train --data digits --epochs 1 --out digits-run >out 2>err
"$BLASGRAD" train --data text.txt --steps 3 --out text-run >out 2>err
# run COMMAND EXAMPLE: as it is printed; but measurements are short, and all ops are one.
run()
{
    example=$2
    case $2 in
    *--what* | *--resume* | *--config*) ;;
    *'--out '*) rm -rf run slower ;;
    *--prompt*) rm -rf run; cp -R text-run run ;;
    *) rm -rf run slower; cp -R digits-run run; cp -R digits-run slower ;;
    esac
    case $1 in
    bench) example="$2 --seconds 0" ;;
    gradcheck) [ "${2#*--op}" != "$2" ] || example="$2 --op relu" ;;
    esac
    checks=$((checks + 1))
    (blasgrad() { "$BLASGRAD" "$@"; }; eval "$example") >out 2>err
    got=$?
    [ $got -eq 0 ] || fail "the example \"$2\": exit code $got"
}
for command in $commands; do
    "$BLASGRAD" "$command" --help | sed '1,/^Examples:/d;/^$/,$d' | sed ':a;/\\$/{N;s/\\\n *//;ba}' >examples
    holds "examples of $command are not broken" sh -c '! grep -v "^  blasgrad [a-z]" examples'
    if ! command -v gnuplot >/dev/null; then
        grep -v -e '^  blasgrad plot' -e ' -o [a-z]*[.]\(svg\|png\|pdf\)' examples >others
        mv others examples
    fi
    # Arrays are files that no command of ours makes of nothing.
    grep -v ' x[.]npy' examples >others
    mv others examples
    holds "$command has examples" test -s examples -o "$command" = plot
    while IFS= read -r line; do
        run "$command" "${line#  }" <&3
    done <examples 3</dev/null
done

finish
