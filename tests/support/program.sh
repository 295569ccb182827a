# For scripts that try the program from the outside: read with `.`, and ended with `finish`. $BLASGRAD is its path. They work
# in a directory of their own, which is gone afterwards; a command's output is in out, its messages in err.
set -u
: "${BLASGRAD:?the path of the program}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 1
failures=0
checks=0

fail()
{
    failures=$((failures + 1))
    printf 'FAILED: %s\n' "$1"
    sed 's/^/    out: /' out | cut -c 1-300 | head -n 5
    sed 's/^/    err: /' err | cut -c 1-300 | head -n 5
}

# Whether commands can be tried in a terminal: there is script, and the system has pseudo-terminals.
has_terminal()
{
    command -v script >/dev/null && script -qec true /dev/null </dev/null >/dev/null 2>&1
}

# expect CODE PATTERN ARGUMENT..: the exit code, and a basic regular expression in what it writes.
expect()
{
    code=$1 pattern=$2
    shift 2
    checks=$((checks + 1))
    "$BLASGRAD" "$@" >out 2>err
    got=$?
    if [ "$got" -ne "$code" ]; then
        fail "$*: exit code $got, expected $code"
    elif ! cat out err | grep -q -e "$pattern"; then
        fail "$*: no \"$pattern\" in the output"
    fi
}

# holds TEXT COMMAND..: the command succeeds.
holds()
{
    text=$1
    shift
    checks=$((checks + 1))
    "$@" || fail "$text"
}

# The number after "key": in the last line of out.
field() { tail -n 1 out | sed -n "s/.*\"$1\":\\([-0-9.e+]*\\).*/\\1/p"; }
# The n-th of "parameters" in the last line of out.
parameter() { tail -n 1 out | sed 's/.*"parameters":\[\([^]]*\)\].*/\1/' | cut -d , -f "$1"; }
# near A B TOLERANCE
near() { awk -v a="$1" -v b="$2" -v t="$3" 'BEGIN { d = a - b; if (d < 0) d = -d; exit !(a != "" && d <= t) }'; }
at_least() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a != "" && a + 0 >= b) }'; }

finish()
{
    printf '%d checks, %d failures\n' "$checks" "$failures"
    [ "$failures" -eq 0 ]
}
