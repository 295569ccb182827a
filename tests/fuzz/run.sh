#!/bin/sh
# Fuzzes the reader of one format under ASan and UBSan, starting from the frozen corpus; options go to libFuzzer.
#   sh tests/fuzz/run.sh cifar|csv|idx|npy|npz|safetensors|text [-max_total_time=60 ..]
# Needs clang. New inputs and findings are left in build/fuzz/FORMAT.
set -eu
cd "$(dirname "$0")/../.."
format=${1:?usage: run.sh cifar|csv|idx|npy|npz|safetensors|text [OPTION..]}
shift
clang=${CLANG:-clang}
out=build/fuzz/$format
mkdir -p "$out/corpus"

flags="-std=c11 -g -O1 -ffp-contract=off -fsanitize=address,undefined -fno-sanitize-recover=all -Iinclude -Isrc -I. -Itests"
for source in kernels/*.c src/base/*.c src/blas/*.c src/tensor/*.c src/run/engine.c src/data/*.c src/io/*.c; do
    case $source in kernels/table_avx*) continue ;; esac
    object=build/fuzz/$(echo "$source" | tr / _).o
    [ "$object" -nt "$source" ] || "$clang" $flags -fsanitize=fuzzer-no-link -c "$source" -o "$object"
done
"$clang" $flags -fsanitize=fuzzer "tests/fuzz/fuzz_$format.c" build/fuzz/*.o -o "$out/fuzz" \
    -llapacke -lopenblas -ljansson -lz -lpthread -lm
exec "$out/fuzz" -artifact_prefix="$out/" "$@" "$out/corpus" "tests/corpus/$format"
