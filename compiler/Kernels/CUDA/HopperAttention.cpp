//===- HopperAttention.cpp - tensor maps and the order of tiles -----------===//
#include "compiler/Kernels/CUDA/HopperAttention.h"

using namespace mlir;

namespace swamla {

static constexpr int64_t kBf16Bytes = 2;

/// The unit of addresses and strides of the tensor memory accelerator.
static constexpr int64_t kTmaAlignment = 16;

step::TensorMapAttr headsMap(unsigned view, step::HeadsAttr heads, const AttentionSizes &sizes,
                             int64_t firstColumn, int64_t width, int64_t rows) {
  constexpr int64_t swizzle128 = 3; // Swizzle::Bytes128 of step.fbs
  MLIRContext *context = heads.getContext();
  int64_t row = heads.getRowStride() * kBf16Bytes;
  // One head has no stride of its own, and 0 would not do.
  int64_t head = heads.getHeads() == 1 ? row : heads.getHeadStride() * kBf16Bytes;
  auto array = [&](ArrayRef<int64_t> values) { return DenseI64ArrayAttr::get(context, values); };
  return step::TensorMapAttr::get(
      context, view, firstColumn * kBf16Bytes, BFloat16Type::get(context),
      array({width, heads.getHeads(), sizes.seq, sizes.batch}), array({head, row, sizes.seq * row}),
      array({kAtomColumns, 1, rows, 1}), swizzle128);
}

bool tmaReaches(step::HeadsAttr heads, int64_t viewAlignment, int64_t firstColumn) {
  auto aligned = [](int64_t elements) { return elements * kBf16Bytes % kTmaAlignment == 0; };
  return viewAlignment % kTmaAlignment == 0 && aligned(firstColumn) &&
         aligned(heads.getRowStride()) && (heads.getHeads() == 1 || aligned(heads.getHeadStride()));
}

TileOrder TileOrder::make(int64_t tiles, int64_t sequences, int64_t heads, int64_t headBytes) {
  // About two thirds of the second-level cache (50 MB): the rest is for what passes through.
  constexpr int64_t cacheBytes = 32 << 20;
  int64_t all = sequences * heads;
  int64_t group = std::clamp<int64_t>(cacheBytes / std::max<int64_t>(headBytes, 1), 1, all);
  while (all % group != 0)
    --group;
  return {.tiles = tiles, .sequences = sequences, .heads = heads, .group = group};
}

TilePlace placeOf(HopperBuilder &b, const TileOrder &order, Value id) {
  int64_t perGroup = order.group * order.tiles;
  Value inGroup = b.rem(id, perGroup);
  Value head = b.add(b.mul(b.div(id, perGroup), order.group), b.rem(inGroup, order.group));
  return {.tile = b.div(inGroup, order.group),
          .sequence = b.div(head, order.heads),
          .head = b.rem(head, order.heads)};
}

} // namespace swamla
