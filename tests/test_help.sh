#!/bin/sh
# What explains the program: examples of --help, the man page, completion in bash.
. "${BLASGRAD_TEST_DATA:?the folder of the tests}/support/program.sh"
cmake=$BLASGRAD_TEST_DATA/../cmake
export BLASGRAD
commands=$("$BLASGRAD" --help | sed -n 's/^  \([a-z]\{1,\}\)  *[a-z].*/\1/p' | grep -v '^blasgrad$')
# The options of a command, with = behind those that take a value.
options() { "$BLASGRAD" "$1" --help | sed -n 's/^ \{2,6\}\(-[a-zA-Z?], *\)\{0,1\}\(--[a-z0-9-]*=\{0,1\}\).*/\2/p'; }
: >out
: >err
holds 'there are commands' test "$(echo "$commands" | wc -w)" -ge 7
holds 'and options' test "$(options train | wc -l)" -ge 40
# sections COMMAND: its options in order, under headings.
sections() { "$BLASGRAD" "$1" --help | sed -n 's/^ \([A-Z].*\):$/\1;/p; s/^      --\(model\|data\|validation-share\|input\|lr\|batch\|json\)=*.*/\1/p' | tr '\n' ' '; }
holds 'options of train stand under their headings' test "$(sections train)" = \
    'Data; data input Parts and inputs; validation-share batch model Optimizer; lr Common; json '
holds 'and those of info' test "$(sections info)" = 'A network; batch input model Common; json '

# Who stops reading has read enough.
for command in $commands; do
    (sleep 0.1; exec "$BLASGRAD" "$command" --help 2>err) | true
    holds "$command --help into a closed pipe ends quietly" test ! -s err
done

if has_terminal; then
    script -qec "stty cols 40 rows 24; '$BLASGRAD' train --help" /dev/null </dev/null 2>err | tr -d '\r' >out
    # Words alone: where its buffer ends, argp of glibc indents a line twice.
    holds 'help fits a narrow terminal' awk '{ sub(/^ */, "") } length > 39 { long = 1 } END { exit long || NR < 100 }' out
fi

# ---- The man page ----
holds 'the man page is made' sh "$cmake/man.sh" "$BLASGRAD" page.1
for command in $commands; do
    # The part of the page, with its hyphens as they are read.
    sed -n "/^[.]SS $command\$/,/^[.]S[SH] /p" page.1 | sed 's/\\-/-/g' >part
    holds "the man page has the section $command" test -s part
    for option in $(options "$command"); do
        case $option in --help | --usage) continue ;; esac
        holds "the man page has $command $option" grep -q -A 1 -e "^.fB\(-.,\)\{0,1\} *${option}" part
    done
    holds "the man page has the examples of $command" grep -q "^  blasgrad $command" part
done
printf '#!/bin/sh\nexit 3\n' >broken
chmod +x broken
holds 'there is no page of a program that fails' sh -c '! sh "$1/man.sh" ./broken broken.1 2>err && test ! -e broken.1' sh "$cmake"
if command -v groff >/dev/null; then
    groff -man -Tutf8 -ww page.1 >page.text 2>err
    holds 'troff has nothing to say about the page' test ! -s err
    holds 'it can be read' grep -q '^BLASGRAD(1)' page.text
fi

# ---- Examples ----
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

# ---- Completion ----
# completes WORD..: what the last word can become, sorted.
completes()
{
    # shellcheck disable=SC2016
    bash -c '. "$1"
        shift
        COMP_WORDS=(blasgrad "$@") COMP_CWORD=$#
        _blasgrad "$BLASGRAD"
        printf "%s\n" "${COMPREPLY[@]}"' bash "$cmake/completion.bash" "$@" >out 2>err
    sort -o out out
}
# offers TEXT WORD..: completion gives these words and no others.
offers()
{
    text=$1
    shift
    printf '%s\n' "$@" | sort >words
    holds "completion of $text" cmp -s words out
}
# choices PATTERN ARGUMENT..: the words that a message lists behind the pattern.
choices()
{
    pattern=$1
    shift
    "$BLASGRAD" "$@" 2>&1 | sed -n "s/.*$pattern//p" | sed 's/ or / /;s/ and / /' | tr -d ',' | head -n 1
}
if command -v bash >/dev/null; then
    completes ''
    # shellcheck disable=SC2086
    offers 'no command' $commands help --help --version
    completes ev
    offers ev eval
    completes help gr
    offers 'help gr' gradcheck
    for command in $commands; do
        completes "$command" --
        # A sweep takes the options of train too.
        of_train=$([ "$command" != sweep ] || options train)
        # shellcheck disable=SC2046
        offers "$command --" $({ options "$command"; echo "$of_train"; } | tr -d = | sort -u)
    done
    completes bench mlp-b
    offers 'workloads' mlp-b1 mlp-b32 mlp-b128 mlp-b512
    completes bench ''
    # shellcheck disable=SC2046
    offers 'all workloads' $(choices 'there are ' bench x)
    # Every choice is offered, also behind =.
    data='train --data digits'
    while IFS='|' read -r option pattern arguments; do
        # shellcheck disable=SC2086
        words=$(choices "$pattern" $arguments "$option" x <&3)
        completes "${arguments%% *}" "$option" ''
        # shellcheck disable=SC2086
        offers "$option" $words
        completes "${arguments%% *}" "$option" = ''
        # shellcheck disable=SC2086
        offers "$option=" $words
    done <<END 3</dev/null
--optimizer|only |$data
--schedule|only |$data
--loss|the losses are |$data
--method|one of |$data
--dtype|one of |$data
--gemm-provider|one of |$data
--part|one of |eval
--tokens|one of |$data
--what|one of |plot
--section|one of |lecture
--dtype|one of |bench
END
    completes sweep --by test_
    offers 'metrics' test_loss test_accuracy test_bits test_perplexity
    completes plot --by ''
    # shellcheck disable=SC2046
    offers --by $(choices 'one of ' plot --by x)
    completes train --data di
    offers '--data, of names and files' digits digits-run
    completes train --data oth
    offers '--data, of files' other.csv
    completes eval --checkpoint digits-run/b
    offers --checkpoint digits-run/best.safetensors
    completes plot digits-
    offers 'runs to plot' digits-run
    completes gradcheck --op adaptive_max
    offers --op adaptive_max_pool
    completes train --epochs ''
    offers 'numbers' ''
    completes train --json --the
    offers 'nothing that is there' ''
    completes train --json --thr
    offers 'an option behind one without a value' --threads
fi

finish
