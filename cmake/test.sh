#!/bin/sh
# Sets up a fresh Debian machine, builds release and runs the whole suite.
#   sh cmake/test.sh [cmake options]
set -eu
cd "$(dirname "$0")/.."

sh cmake/packages.sh
sh cmake/build.sh release "$@"
ctest --preset release --parallel "$(nproc)"
