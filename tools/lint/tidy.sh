#!/usr/bin/env bash
# clang-tidy 22 over the runtime and the compiler; needs a configured build folder (default: build).
set -euo pipefail
cd "$(dirname "$0")/../.."
build="${1:-build}"
git ls-files '*.cpp' | grep -vE '^tests/' |
  while read -r file; do
    # What this configuration does not compile (a library is missing) has no compile command to go by.
    grep -qF "\"file\": \"$PWD/$file\"" "$build/compile_commands.json" && echo "$file" || echo "not compiled here: $file" >&2
  done |
  xargs -P "$(nproc)" -n 4 clang-tidy-22 -p "$build" --quiet --warnings-as-errors='*' 2>/dev/null
