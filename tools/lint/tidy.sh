#!/usr/bin/env bash
# clang-tidy 22 over the runtime and the compiler; needs a configured build folder (default: build).
set -euo pipefail
cd "$(dirname "$0")/../.."
build="${1:-build}"
git ls-files '*.cpp' | grep -vE '^tests/' |
  xargs -P "$(nproc)" -n 4 clang-tidy-22 -p "$build" --quiet --warnings-as-errors='*' 2>/dev/null
