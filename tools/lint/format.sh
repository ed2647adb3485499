#!/usr/bin/env bash
# Formats the C++ sources with clang-format 22; with --check only says which files are not formatted, and fails if there are any.
set -euo pipefail
cd "$(dirname "$0")/../.."
mode=(-i)
[ "${1:-}" = "--check" ] && mode=(--dry-run --Werror)
git ls-files -z '*.cpp' '*.h' | xargs -0 clang-format-22 "${mode[@]}"
