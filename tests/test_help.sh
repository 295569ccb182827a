#!/bin/sh
# What explains the program: --help, the man page, completion in bash. Examples are tried by test_examples.sh.
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
    # A run and a file to be offered.
    "$BLASGRAD" train --data digits --epochs 1 --out digits-run >out 2>err
    : >other.csv
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
