#!/bin/sh
# Sets up a fresh Debian machine, builds release, trains a network on the built-in digits and runs one benchmark.
#   sh cmake/demo.sh
set -eu
cd "$(dirname "$0")/.."

sh cmake/packages.sh
sh cmake/build.sh release
blasgrad=build/release/blasgrad

# Shows a command, then runs it.
show()
{
    printf '\n$'
    for word; do
        case $word in
        *' '*) printf " '%s'" "$word" ;;
        *) printf ' %s' "$word" ;;
        esac
    done
    printf '\n'
    "$@"
}

rm -rf build/demo
show "$blasgrad" train --data digits --model 'dense:128 relu dense:10' --loss cross_entropy \
    --lr 0.1 --momentum 0.9 --batch 64 --epochs 20 --out build/demo
show "$blasgrad" bench mlp-b128
