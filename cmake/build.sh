#!/bin/sh
# Configures and builds a preset of CMakePresets.json in build/<preset>, showing the log only on failure, and else the
# warnings in it.
#   sh cmake/build.sh PRESET [cmake options]
set -eu
cd "$(dirname "$0")/.."
preset=${1:?usage: build.sh PRESET [cmake options]}
shift

mkdir -p build
log=build/$preset.log
printf 'building %s (log: %s) ... ' "$preset" "$log"
if cmake --preset "$preset" "$@" >"$log" 2>&1 && cmake --build --preset "$preset" --parallel "$(nproc)" >>"$log" 2>&1; then
    if grep -qE 'warning:|^CMake .*Warning' "$log"; then
        echo 'done, with warnings:'
        grep -E -A 3 'warning:|^CMake .*Warning' "$log"
    else
        echo done
    fi
else
    echo failed
    cat "$log"
    exit 1
fi
