#!/usr/bin/env bash
# Builds the runtime and its tests under AddressSanitizer and UndefinedBehaviorSanitizer, runs the unit tests, then each libFuzzer
# harness for a while.
#
#   tools/sanitize.sh [SECONDS each fuzzer runs, default 60]
set -euo pipefail
cd "$(dirname "$0")/.."
seconds="${1:-60}"
build=build-sanitize

CC=clang-22 CXX=clang++-22 cmake -G Ninja -B "$build" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DSWAMLA_COMPILER=OFF -DSWAMLA_FUZZ=ON \
  -DSWAMLA_SANITIZE=address,undefined >/dev/null
ninja -C "$build"

# oneDNN and libgomp keep memory for as long as the process lives, so leaks are not looked for.
export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 ASAN_OPTIONS=detect_leaks=0
ctest --test-dir "$build" --output-on-failure -j "$(nproc)" -L unit

# Each runs in one thread, so as many as there are cores run at a time.
fuzz() {
  name="$1" time="$2"
  case "$name" in # text files: their readers are small
    FramesFuzzer | JsonLinesFuzzer | TokenizerFilesFuzzer) time=$(((time + 2) / 3)) ;;
  esac
  cd "$build"
  mkdir -p "corpus/$name"
  if ! "./bin/$name" -max_total_time="$time" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 "corpus/$name" >"$name.log" 2>&1; then
    tail -n 60 "$name.log"
    exit 1
  fi
  printf '%s, %s s: %s\n' "$name" "$time" "$(grep -E 'number_of_executed_units|DONE' "$name.log" | tr '\n' ' ')"
}
export -f fuzz
export build seconds
ls "$build"/bin/*Fuzzer | xargs -n 1 basename | xargs -P "$(nproc)" -I {} bash -c 'fuzz {} "$seconds"'
