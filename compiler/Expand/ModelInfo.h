//===- ModelInfo.h - what blocks amount to --------------------------------===//
#pragma once

#include "compiler/Frontend/ParamTable.h"
#include "dialects/Swamla/IR/SwamlaDialect.h"

namespace swamla {

/// All parameters of a model, block after block; fails, with a diagnostic, where two blocks claim
/// one name.
mlir::FailureOr<std::vector<ParamSpec>> paramsOf(ModelOp model);

/// The attribute `swamla.model_info` of an expanded module: name, vocab_size, block_size, batch,
/// n_layer, n_embd, num_params, forward_flops_per_token, and the model's text as `description`.
mlir::DictionaryAttr modelInfo(ModelOp model, int64_t numParams);

} // namespace swamla
