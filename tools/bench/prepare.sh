#!/usr/bin/env bash
# Makes what tools/bench/gpu.py needs on a machine with a GPU and no compiler: binaries and programs, in one folder to carry there.
#
#   tools/bench/prepare.sh [OUT]      OUT: what to carry (default bench-out)
#   SIZES="small base" PRECISIONS="bf16 tf32" BATCH=8 LONG=folder tools/bench/prepare.sh
#
# LONG: a folder with the long cases of tools/bench/peer/make_golden.py (make_golden.py FOLDER long_96 long_128 long_64), checked too.
set -euo pipefail
cd "$(dirname "$0")/../.."
out="${1:-bench-out}"
build=build         # the compiler
static=build-static # what runs there
sizes="${SIZES:-small base large}"
precisions="${PRECISIONS:-bf16}"
batch="${BATCH:-8}"

[ -f $build/build.ninja ] || cmake -G Ninja -B $build -DCMAKE_BUILD_TYPE=Release >/dev/null
[ -f $static/build.ninja ] ||
  cmake -G Ninja -B $static -DCMAKE_BUILD_TYPE=Release -DSWAMLA_STATIC=ON -DSWAMLA_COMPILER=OFF -DSWAMLA_TESTS=OFF >/dev/null
ninja -C $build swamlac swamla-golden
ninja -C $static swamla-run swamla-replay swamla_cuda
rm -rf "$out"
mkdir -p "$out/bin" "$out/golden" "$out/cases"
cp tests/golden/*.safetensors "$out/cases"
[ -z "${LONG:-}" ] || cp "$LONG"/*.safetensors "$out/cases"
for file in swamla-run swamla-replay libswamla_cuda.so; do
  strip -o "$out/bin/$file" "$static/bin/$file"
done
for precision in fp32 tf32 bf16; do
  for checkpoint in none block; do
    folder="$out/golden/$precision-$checkpoint"
    mkdir -p "$folder"
    "$build/bin/swamla-golden" --target=cuda --precision="$precision" --checkpoint="$checkpoint" --emit="$folder" "$out"/cases/*.safetensors
  done
done
for size in $sizes; do
  for precision in $precisions; do
    "$build/bin/swamlac" "models/$size.mlir" --target=cuda --precision="$precision" --batch="$batch" --micro-steps=one \
      -o "$out/$size-$precision.bin"
  done
done
for checkpoint in mlp attn block; do # the same bits as without: gpu.py invariance
  "$build/bin/swamlac" models/small.mlir --target=cuda --precision=bf16 --batch="$batch" --micro-steps=one --checkpoint="$checkpoint" \
    -o "$out/small-bf16-$checkpoint.bin"
done
du -sh "$out"
