//===- Reduce.cpp - sums and maxima of what ranks have --------------------===//

#include "runtime/comm/Reduce.h"

#include "runtime/base/Bf16.h"

#include <array>
#include <cmath>
#include <cstring>

namespace swamla {

/// Elements that are reduced at a time: what the accumulators of stay in the first cache.
static constexpr size_t kBlock = 1024;

static float toNumber(float x) { return x; }
static float toNumber(Bf16 x) { return toFloat(x); }

template <typename T> static T fromNumber(float x) {
  if constexpr (std::is_same_v<T, float>)
    return x;
  else
    return toBf16(x);
}

static float maximum(float a, float b) { return b > a || std::isnan(b) ? b : a; }

/// Adds (or compares) the elements of one piece to accumulators.
template <typename T>
static void include(std::span<float> sums, const std::byte *piece, ReduceOp op) {
  std::array<T, kBlock> elements;
  std::memcpy(elements.data(), piece, sums.size() * sizeof(T));
  if (op == ReduceOp::Sum)
    for (size_t i = 0; i < sums.size(); ++i)
      sums[i] += toNumber(elements[i]);
  else
    for (size_t i = 0; i < sums.size(); ++i)
      sums[i] = std::isnan(sums[i]) ? sums[i] : maximum(sums[i], toNumber(elements[i]));
}

template <typename T>
static void reduceAs(std::span<const std::byte> pieces, std::span<std::byte> out, ReduceOp op) {
  size_t count = out.size() / sizeof(T), ranks = pieces.size() / out.size();
  std::array<float, kBlock> sums;
  std::array<T, kBlock> rounded;
  for (size_t begin = 0; begin < count; begin += kBlock) {
    size_t length = std::min(kBlock, count - begin);
    std::memcpy(rounded.data(), pieces.data() + begin * sizeof(T), length * sizeof(T));
    for (size_t i = 0; i < length; ++i)
      sums[i] = toNumber(rounded[i]);
    for (size_t rank = 1; rank < ranks; ++rank)
      include<T>(std::span(sums).first(length),
                 pieces.data() + rank * out.size() + begin * sizeof(T), op);
    for (size_t i = 0; i < length; ++i)
      rounded[i] = fromNumber<T>(sums[i]);
    std::memcpy(out.data() + begin * sizeof(T), rounded.data(), length * sizeof(T));
  }
}

void reducePieces(std::span<const std::byte> pieces, std::span<std::byte> out, schema::DType type,
                  ReduceOp op) {
  if (out.empty())
    return;
  if (type == schema::DType::BF16)
    reduceAs<Bf16>(pieces, out, op);
  else
    reduceAs<float>(pieces, out, op);
}

} // namespace swamla
