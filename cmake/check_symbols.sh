#!/bin/sh
# What an optimised library may define and use: names of ours only, memory through the allocator only, and nothing that ends
# the process, prints or installs a signal handler.
#   check_symbols.sh libblasgrad.a libblasgrad.so
set -eu
archive=${1:?usage: check_symbols.sh ARCHIVE SHARED_LIBRARY}
shared=${2:?usage: check_symbols.sh ARCHIVE SHARED_LIBRARY}
nm=${NM:-nm}
objdump=${OBJDUMP:-objdump}
failed=0

# Reports the lines of $2, if any, under the heading $1.
refuse()
{
    [ -n "$2" ] || return 0
    printf '%s:\n%s\n' "$1" "$2"
    failed=1
}

defined=$("$nm" -g --defined-only -A "$archive" | awk '{ print $NF, $1 }')
[ -n "$defined" ] || refuse "$archive" 'defines nothing'
refuse 'global names in the archive that are neither bg_ nor bgi_' \
    "$(printf '%s\n' "$defined" | grep -vE '^bgi?_' || true)"
refuse 'names exported by the shared library that are not bg_' \
    "$("$nm" -D --defined-only "$shared" | awk '{ print $NF }' | grep -vE '^bg_' || true)"

# "name archive:object" for each undefined reference; __x_chk is x as a hardened build calls it.
used=$("$nm" -u -A "$archive" | awk '{ name = $NF; sub(/@.*/, "", name); sub(/:$/, "", $1)
    if (name ~ /^__[a-z]+_chk$/ && name != "__stack_chk_fail") { sub(/^__/, "", name); sub(/_chk$/, "", name) }
    print name, $1 }')
ending='abort|exit|_exit|_Exit|quick_exit|at_quick_exit|__assert_fail|__assert|__assert_perror_fail|err|errx|verr|verrx|error'
printing='printf|vprintf|fprintf|vfprintf|dprintf|vdprintf|puts|putchar|fputs|fputc|putc|perror|warn|warnx|syslog|psignal'
printing="$printing|stdout|stderr|stdin"
signals='signal|sigaction|sigset|bsd_signal|sysv_signal|__sysv_signal|raise|kill|killpg|pthread_kill|tgkill|alarm|setitimer'
refuse 'forbidden references (name, object)' "$(printf '%s\n' "$used" | grep -E "^($ending|$printing|$signals) " || true)"

memory='malloc|calloc|realloc|reallocarray|free|aligned_alloc|posix_memalign|memalign|valloc|pvalloc'
memory="$memory|strdup|strndup|asprintf|vasprintf|getline|getdelim|open_memstream"
refuse 'memory outside src/base/alloc.c (name, object)' \
    "$(printf '%s\n' "$used" | grep -E "^($memory) " | grep -v ':alloc\.c\.o$' || true)"

# Writable state of the process is no more than the design names: the thread's error, and OpenBLAS's thread count with the lock
# for its serial build. Constant tables with pointers in them (.data.rel.ro) are none.
state=$("$objdump" -t "$archive" | awk '
    /file format/ { object = $1; sub(/:$/, "", object) }
    NF > 3 && $(NF - 1) !~ /^0+$/ {
        for (i = 1; i <= NF; i++)
            if ($i ~ /^(\*COM\*$|\.(data|bss|tdata|tbss))/ && $i !~ /^\.data\.rel\.ro/) print $NF, object
    }')
printf 'writable state:\n%s\n' "${state:-none}"
refuse 'writable state outside the files that may have it' \
    "$(printf '%s\n' "$state" | grep -vE '^$| (status|gemm)\.c\.o$' || true)"
exit $failed
