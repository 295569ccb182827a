#!/bin/sh
# Installs a build into a new prefix, and builds and runs the consumer project against what was installed there:
# with find_package and with pkg-config, shared and static, in C11 and in C++17.
#   run.sh BUILD_DIRECTORY LIBDIR      (environment: CMAKE, CC, CXX, and OPENBLAS, the library that the build uses)
set -eu
build=${1:?usage: run.sh BUILD_DIRECTORY LIBDIR}
libdir=${2:?usage: run.sh BUILD_DIRECTORY LIBDIR}
source=$(cd "$(dirname "$0")" && pwd)
cmake=${CMAKE:-cmake}
cc=${CC:-cc}
cxx=${CXX:-c++}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# An OpenBLAS outside the system's directories is found by no run path of the consumer's.
if [ -n "${OPENBLAS:-}" ]; then
    LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}$(dirname "$OPENBLAS")
    export LD_LIBRARY_PATH
fi

# Runs a command and shows what it said only when it fails.
quietly()
{
    "$@" >"$work/log" 2>&1 || { echo "failed: $*"; cat "$work/log"; exit 1; }
}

quietly "$cmake" --install "$build" --prefix "$work/installed"
# The installed tree is moved, to show that nothing in it depends on where it was installed.
mv "$work/installed" "$work/prefix"
prefix=$work/prefix
quietly "$prefix/bin/blasgrad" --help
quietly grep -q '^[.]SS train' "$prefix/share/man/man1/blasgrad.1"
quietly grep -q '^complete -F' "$prefix/share/bash-completion/completions/blasgrad"

for language in C CXX; do
    quietly "$cmake" -S "$source" -B "$work/$language" -DLANGUAGE=$language -DCMAKE_PREFIX_PATH="$prefix" \
        -DCMAKE_C_COMPILER="$cc" -DCMAKE_CXX_COMPILER="$cxx" ${OPENBLAS:+-DOpenBLAS_LIBRARY="$OPENBLAS"}
    quietly "$cmake" --build "$work/$language"
    for library in blasgrad blasgrad_shared; do
        quietly "$work/$language/with_$library"
        echo "find_package $language $library: ok"
    done
done

PKG_CONFIG_PATH=$prefix/$libdir/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
export PKG_CONFIG_PATH

# Compiles the consumer with the flags given to it and runs it.
consume()
{
    program=$work/consumer
    quietly "$cc" -std=c11 -Wall -Wextra -Wpedantic -Werror "$source/consumer.c" -o "$program" "$@" -lm
    quietly "$program"
    quietly "$cxx" -std=c++17 -Wall -Wextra -Wpedantic -Werror -x c++ "$source/consumer.c" -x none -o "$program" "$@" -lm
    quietly "$program"
}

flags=$(pkg-config --cflags --libs blasgrad)
# shellcheck disable=SC2086
consume $flags -Wl,-rpath,"$prefix/$libdir"
echo "pkg-config, shared: ok"

# The README's first program, word for word.
sed -n '/^```c$/,/^```$/p' "$source/../../README.md" | sed '/^```/d' >"$work/readme.c"
# shellcheck disable=SC2086
quietly "$cc" -std=c11 -Wall -Wextra -Wpedantic -Werror "$work/readme.c" -o "$work/readme" $flags \
    -Wl,-rpath,"$prefix/$libdir"
answer=$("$work/readme")
[ "$answer" = "1.996706 0.984557" ] || { echo "the README's program says: $answer"; exit 1; }
echo "README: ok"

# A linker prefers the shared library where it finds both, so the archive is left alone.
rm -f "$prefix/$libdir"/libblasgrad.so*
flags=$(pkg-config --static --cflags --libs blasgrad)
# shellcheck disable=SC2086
consume $flags
echo "pkg-config --static: ok"
