#!/bin/sh
# Configures and builds a preset of CMakePresets.json in build/<preset>, showing the log only on failure.
#   sh cmake/build.sh PRESET [cmake options]
set -eu
cd "$(dirname "$0")/.."
preset=${1:?usage: build.sh PRESET [cmake options]}
shift

mkdir -p build
log=build/$preset.log
printf 'building %s (log: %s) ... ' "$preset" "$log"
if cmake --preset "$preset" "$@" >"$log" 2>&1 && cmake --build --preset "$preset" --parallel "$(nproc)" >>"$log" 2>&1; then
    echo done
else
    echo failed
    cat "$log"
    exit 1
fi
