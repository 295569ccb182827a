#!/bin/sh
# Fuzzes the reader of one format under ASan and UBSan, starting from the frozen corpus; options go to libFuzzer.
#   sh tests/fuzz/run.sh FORMAT [-runs=10000000 -max_len=1024 ..]     FORMAT: of tests/fuzz/fuzz_FORMAT.c
# Needs clang. New inputs and findings are left in build/fuzz/FORMAT. JOBS compilers run at a time.
set -eu
cd "$(dirname "$0")/../.."
format=${1:?usage: run.sh FORMAT [OPTION..]}
[ -f "tests/fuzz/fuzz_$format.c" ] || { echo "run.sh: there is no tests/fuzz/fuzz_$format.c" >&2; exit 2; }
shift
clang=${CLANG:-clang}
out=build/fuzz/$format
mkdir -p "$out/corpus"

# What reads is compiled for the fuzzer to see where it goes; all else only under the sanitizers, for speed.
flags="-std=c11 -g -O2 -ffp-contract=off -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
    -Iinclude -Isrc -I. -Itests"
compile()
{
    for source; do
        case $source in kernels/table_avx*) continue ;; esac
        object=build/fuzz/$(echo "$source" | tr / _).o
        case $source in
        src/io/* | src/data/* | src/base/utf8.c | src/nn/layer_*) seen=-fsanitize=fuzzer-no-link ;;
        *) seen= ;;
        esac
        [ "$object" -nt "$source" ] || echo "$seen -c $source -o $object"
        objects="$objects $object"
    done >>build/fuzz/stale
}
: >build/fuzz/stale
objects=
compile kernels/*.c src/base/*.c src/blas/*.c src/tensor/*.c src/data/*.c src/io/*.c
case $format in
layers) compile src/graph/*.c src/ops/*.c src/grad/*.c src/compile/*.c src/run/*.c src/nn/*.c src/train/*.c ;;
*) compile src/run/engine.c ;;
esac
compile tests/fuzz/fuzz.c tests/fuzz/files.c
xargs -r -P "${JOBS:-2}" -L 1 "$clang" $flags <build/fuzz/stale
"$clang" $flags -fsanitize=fuzzer "tests/fuzz/fuzz_$format.c" $objects -o "$out/fuzz" \
    -llapacke -lopenblas -ljansson -lz -lpthread -lm

dictionary=tests/fuzz/$format.dict
[ ! -f "$dictionary" ] || set -- "-dict=$dictionary" "$@"
# A quarantine that stays in the cache, and short stacks of allocations: a finding is run again anyway.
ASAN_OPTIONS=quarantine_size_mb=4:malloc_context_size=8:${ASAN_OPTIONS:-} exec "$out/fuzz" -artifact_prefix="$out/" \
    -malloc_limit_mb=16 "$@" "$out/corpus" "tests/corpus/$format"
