#!/bin/sh
# How blasgrad's speed changes with batch size, width, depth, sequence length and threads.
#
#   sh bench/scaling.sh [PART...] [--seconds S] [--output FILE] [--markdown FILE] ..      --help lists all options
#
# Needs Python 3.8 or newer and nothing else.
set -eu

root=$(cd "$(dirname "$0")/.." && pwd)
python=${SCALING_PYTHON:-python3}
command -v "$python" >/dev/null || {
    echo "scaling.sh: $python is not there; on Debian: apt-get install python3" >&2
    exit 1
}
export PYTHONDONTWRITEBYTECODE=1
exec "$python" "$root/bench/scaling.py" "$@"
