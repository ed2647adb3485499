//===- Flops.h - arithmetic of the forward pass ---------------------------===//
// Floating-point operations per token of the matmuls and attention at sequence length `seq` (a
// multiply-add counts two); the embedding lookup and everything pointwise are free. The formulas
// are the reference's forward_flops_per_token.
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Frontend/ParamTable.h"

namespace swamla {

/// Matmuls of the block's MLP and attention, and the attention itself.
double swaBlockFlops(const SwaDims &dims, int64_t seq);
double mlaBlockFlops(const MlaDims &dims, int64_t seq);
double headFlops(int64_t vocab, int64_t width);

/// Of a whole model, with seq = block_size.
double forwardFlopsPerToken(const Config &config);

} // namespace swamla
