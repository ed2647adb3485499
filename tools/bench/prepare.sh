#!/usr/bin/env bash
# Makes what tools/bench/gpu.py needs on a machine with a GPU and no compiler: binaries and programs, in one folder to carry there.
#
#   tools/bench/prepare.sh [OUT]      OUT: what to carry (default bench-out)
#   SIZES="small base" PRECISIONS="bf16 fp8-delayed" GOLDEN="fp32 bf16" BATCH=8 LONG=folder tools/bench/prepare.sh
#
# PRECISIONS: of the programs to time, GOLDEN: of the golden cases; fp8 is named with its recipe: fp8-tensorwise, fp8-delayed, fp8-rowwise.
# LONG: a folder with the long cases of tools/bench/peer/make_golden.py (make_golden.py FOLDER long_96 long_128 long_64), checked too.
set -euo pipefail
cd "$(dirname "$0")/../.."
out="${1:-bench-out}"
build=build         # the compiler
static=build-static # what runs there
sizes="${SIZES:-small base large}"
precisions="${PRECISIONS:-bf16 fp8-tensorwise fp8-delayed fp8-rowwise}"
golden="${GOLDEN:-fp32 tf32 $precisions}"
batch="${BATCH:-8}"

# The options that a name of PRECISIONS stands for.
precision_flags() {
  case "$1" in
    fp8-*) echo "--precision=fp8 --fp8-recipe=${1#fp8-}" ;;
    *) echo "--precision=$1" ;;
  esac
}

[ -f $build/build.ninja ] || cmake -G Ninja -B $build -DCMAKE_BUILD_TYPE=Release >/dev/null
[ -f $static/build.ninja ] ||
  cmake -G Ninja -B $static -DCMAKE_BUILD_TYPE=Release -DSWAMLA_STATIC=ON -DSWAMLA_COMPILER=OFF >/dev/null
ninja -C $build swamlac swamla-golden
# One rank needs no Gloo: programs of many ranks are not timed here.
tests="CudaDeviceTest CudaMatmulTest CudaNonFiniteTest"
ninja -C $static swamla-run swamla-replay swamla_cuda $tests
rm -rf "$out"
mkdir -p "$out/bin" "$out/golden" "$out/cases"
cp tests/golden/*.safetensors "$out/cases"
[ -z "${LONG:-}" ] || cp "$LONG"/*.safetensors "$out/cases"
for file in swamla-run swamla-replay libswamla_cuda.so $tests; do
  strip -o "$out/bin/$file" "$static/bin/$file"
done
for precision in $golden; do
  modes="none block"
  case "$precision" in fp8-*) modes=none ;; esac # the modes of fp8 are compared on the CPU
  for checkpoint in $modes; do
    folder="$out/golden/$precision-$checkpoint"
    mkdir -p "$folder"
    # shellcheck disable=SC2046
    "$build/bin/swamla-golden" --target=cuda $(precision_flags "$precision") --checkpoint="$checkpoint" --emit="$folder" "$out"/cases/*.safetensors
  done
done
for size in $sizes; do
  for precision in $precisions; do
    # shellcheck disable=SC2046
    "$build/bin/swamlac" "models/$size.mlir" --target=cuda $(precision_flags "$precision") --batch="$batch" --micro-steps=one \
      -o "$out/$size-$precision.bin"
  done
done
case " $precisions " in *" bf16 "*)
  for checkpoint in mlp attn block; do # the same bits as without: gpu.py invariance
    "$build/bin/swamlac" models/small.mlir --target=cuda --precision=bf16 --batch="$batch" --micro-steps=one --checkpoint="$checkpoint" \
      -o "$out/small-bf16-$checkpoint.bin"
  done
  ;;
esac
du -sh "$out"
