#!/usr/bin/env bash
# Installs what is missing, builds everything, and runs every test that this machine can run.
#
#   tools/test.sh            all of it: lint, tests, sanitizers, fuzzers (a minute each)
#   tools/test.sh --quick    the build and the tests only
set -euo pipefail
cd "$(dirname "$0")/.."

quick=0
for arg in "$@"; do
  case "$arg" in
    --quick) quick=1 ;;
    *) echo "usage: tools/test.sh [--quick]" >&2; exit 2 ;;
  esac
done

started=$SECONDS
stage() { printf '\n== %s (%d s)\n' "$1" $((SECONDS - started)); }

stage "dependencies"
tools/install-deps.sh

stage "build"
cmake -G Ninja -B build -DCMAKE_BUILD_TYPE=Release >build.log 2>&1 || { cat build.log; exit 1; }
mv build.log build/configure.log
ninja -C build

if [ $quick -eq 0 ]; then
  stage "format"
  tools/lint/format.sh --check
fi

stage "tests"
ctest --test-dir build --output-on-failure -j "$(nproc)"

if [ $quick -eq 0 ]; then
  stage "runtime under AddressSanitizer and UndefinedBehaviorSanitizer"
  tools/sanitize.sh
  stage "clang-tidy"
  tools/lint/tidy.py
fi

stage "done"
