#!/bin/sh
# Installs the Debian packages needed to build and test; with "ci" also those of the further checks.
#   sh cmake/packages.sh [ci]
# As root or with sudo. Does nothing, and needs no network, where all are there already.
set -eu

packages='gcc g++ libc6-dev make cmake pkg-config
    libopenblas-dev liblapacke-dev librandom123-dev libjansson-dev libxxhash-dev zlib1g-dev check locales'
case ${1:-} in
'') ;;
ci) packages="$packages clang libclang-rt-14-dev clang-format-14 libopenblas0-serial libopenblas0-openmp
    gnuplot-nox groff-base python3-numpy" ;;
*) echo 'usage: packages.sh [ci]' >&2; exit 2 ;;
esac

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    echo 'This system has no apt-get. Install what these Debian packages hold, and run cmake by hand:' >&2
    echo $packages >&2
    exit 1
fi

missing=
for package in $packages; do
    state=$(dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null | head -n 1) || true
    [ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" != 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "Run this as root, or install these packages first:$missing" >&2
        exit 1
    fi
    as_root=sudo
fi

echo "installing:$missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt()
{
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=600 "$@" >"$log" 2>&1 </dev/null || {
        tail -n 30 "$log" >&2
        echo "apt-get $1 failed; needed are:$missing" >&2
        exit 1
    }
}
apt update
apt install --no-install-recommends $missing
