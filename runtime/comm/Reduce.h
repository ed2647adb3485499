//===- Reduce.h - sums and maxima of what ranks have ----------------------===//
#pragma once

#include "runtime/comm/Communicator.h"

namespace swamla {

/// Reduces `ranks` pieces of `out.size()` bytes, one behind the other at `pieces`, to `out`, which
/// may be one of them: element by element in the order of the pieces, in f32. F32 or BF16. A
/// maximum with NaN is NaN, so that nobody overlooks it.
void reducePieces(std::span<const std::byte> pieces, std::span<std::byte> out, schema::DType type,
                  ReduceOp op);

} // namespace swamla
