#!/usr/bin/env bash
# From a fresh clone to a trained model: installs what is missing, builds, compiles models/tiny.mlir, trains it for about two minutes on the
# licence texts that every Debian machine has, and prints the loss curve and a sample.
#
#   tools/quickstart.sh [FILE or FOLDER of text]
set -euo pipefail
cd "$(dirname "$0")/.."
text="${1:-/usr/share/common-licenses}"

say() { printf '\n== %s\n' "$1"; }

say "dependencies"
tools/install-deps.sh

say "build (about five minutes on two cores)"
cmake -G Ninja -B build -DCMAKE_BUILD_TYPE=Release -DSWAMLA_TESTS=OFF >/dev/null
ninja -C build swamlac swamla-run swamla-gen swamla-opt

out=build/quickstart
rm -rf "$out"
mkdir -p "$out"

say "compile: models/tiny.mlir -> $out/step.bin"
build/bin/swamlac models/tiny.mlir -o "$out/step.bin" --batch=8

say "train on the text in $text"
build/bin/swamla-run "$out/step.bin" --data "$text" --steps 500 --lr 2e-3 --min-lr 2e-4 --warmup 50 --val-every 100 --val-batches 10 \
  --checkpoint-dir "$out/checkpoints" --log "$out/log.jsonl"

say "loss curve"
python3 tools/plot-log.py "$out/log.jsonl"

say "sample"
build/bin/swamla-run "$out/step.bin" --resume "$out/checkpoints" --sample "This program is free software" --max-new 300 \
  --temperature 0.7 --sample-seed 1
