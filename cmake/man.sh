#!/bin/sh
# Makes the man page from what --help says, so that no option is missing from it.
#   sh man.sh PROGRAM PAGE
set -eu
program=${1:?usage: man.sh PROGRAM PAGE} page=${2:?usage: man.sh PROGRAM PAGE}
part=$page.part
trap 'rm -f "$part"' EXIT
# Each option on one line, its text behind column 60; the paragraphs are broken by troff.
ARGP_HELP_FMT=rmargin=30000,opt-doc-col=60
export ARGP_HELP_FMT
version=$("$program" --version)
commands=$("$program" --help | sed -n 's/^  \([a-z]\{1,\}\)  *[a-z].*/\1/p' | grep -v '^blasgrad$')

# Text of help as troff. Lines that are indented stay as they are; so examples can be copied.
format()
{
    awk '
    function escape(text)
    {
        gsub(/\\/, "\\(rs", text)
        gsub(/-/, "\\-", text)
        gsub(/\047/, "\\(aq", text)
        gsub(/`/, "\\(ga", text)
        return text
    }
    function put(text) { print (text ~ /^[.]/ ? "\\&" : "") text }
    function fill(is_filled)
    {
        if (is_filled != filled)
            print is_filled ? ".fi" : ".nf"
        filled = is_filled
    }
    BEGIN { filled = 1 }
    /^Mandatory or optional arguments/ { next }
    /^ +(-[?], --help|--usage) / { next }
    /^Usage: / || /^  or:  / {
        sub(/^(Usage: |  or:  )/, "")
        print ".PP"
        put("\\fB" escape($0) "\\fR")
        in_usage = 1
        next
    }
    in_usage { in_usage = 0; print ".PP" }
    /^ +(-[A-Za-z], +)?--[a-z]/ {
        match($0, /--[a-z0-9-]+(=[^ ]+)?( \[?=?[A-Z][^ ]*)?/)
        name = substr($0, RSTART, RLENGTH)
        text = substr($0, RSTART + RLENGTH)
        letter = substr($0, 1, RSTART - 1)
        gsub(/^ +/, "", letter)
        gsub(/^ +/, "", text)
        fill(1)
        print ".TP"
        print "\\fB" escape(letter name) "\\fR"
        put(escape(text))
        next
    }
    /^ [A-Z].*:$/ { fill(1); print ".PP"; put("\\fI" escape(substr($0, 2)) "\\fR"); next }
    /^$/ { fill(1); print ".PP"; next }
    /^  / { fill(0); put(escape($0)); next }
    { fill(1); put(escape($0)) }
    END { fill(1) }'
}

{
    printf '.TH BLASGRAD 1 "" "%s" "User Commands"\n' "$version"
    printf '.SH NAME\nblasgrad \\- trains and measures networks on the processor of this machine\n'
    printf '.SH SYNOPSIS\n\\fBblasgrad\\fR \\fICOMMAND\\fR [\\fIOPTION\\fR...]\n.PP\n'
    printf '\\fBblasgrad\\fR \\-\\-version\n.SH DESCRIPTION\n'
    "$program" --help | sed '1d;/^$/,$d' | format
    printf '.PP\nEach command shows its options, with examples, for \\-\\-help, \\-h or \\-?, and a line of them for \\-\\-usage.\n'
    printf '.SH COMMANDS\n'
    for command in $commands; do
        printf '.SS %s\n' "$command"
        help=$("$program" "$command" --help) # by itself, so that its failure ends this
        printf '%s\n' "$help" | format
    done
    printf '.SH EXIT STATUS\n'
    "$program" --help | sed -n '/^Exit codes: /,$p' | sed 's/^Exit codes: //' | format
    printf '.SH SEE ALSO\n.BR gnuplot (1)\n'
} >"$part"
mv "$part" "$page"
