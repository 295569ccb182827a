#!/bin/sh
# Compares blasgrad with PyTorch and JAX on the reference workloads.
#
#   sh bench/compare.sh [WORKLOAD...] [--rounds N] [--seconds S] [--output FILE] ..      --help lists all options
#
# The rivals are also tried with jemalloc and tcmalloc where these are installed (Debian: libjemalloc2,
# libtcmalloc-minimal4); the picture needs gnuplot (Debian: gnuplot-nox).
#
# Makes a virtual environment for the two at first use: build/compare-venv, or $COMPARE_VENV, with $COMPARE_PYTHON
# (python3). One that holds the right packages already is used as it is.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
venv=${COMPARE_VENV:-$root/build/compare-venv}
python=${COMPARE_PYTHON:-python3}

has_packages() {
    "$venv/bin/python" - 2>/dev/null <<'END'
from importlib.metadata import version
version("numpy")
wanted = version("torch").startswith("2.13.0") and version("jax").startswith("0.10.") and version("jaxlib")
raise SystemExit(0 if wanted else 1)
END
}

fail() {
    echo "compare.sh: $1" >&2
    exit 1
}

if ! has_packages; then
    command -v "$python" >/dev/null || fail "$python is not there; on Debian: apt-get install python3 python3-venv"
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
        fail "JAX 0.10 needs Python 3.11 or newer; name one in COMPARE_PYTHON"
    echo "compare.sh: installing PyTorch and JAX into $venv" >&2
    "$python" -m venv "$venv" || fail "cannot make $venv; on Debian: apt-get install python3-venv"
    "$venv/bin/python" -m pip install --quiet torch==2.13.0 'jax==0.10.*' 'jaxlib==0.10.*' numpy ||
        fail "pip could not install PyTorch 2.13.0 and JAX 0.10"
fi
export PYTHONDONTWRITEBYTECODE=1
exec "$venv/bin/python" "$root/bench/compare.py" "$@"
