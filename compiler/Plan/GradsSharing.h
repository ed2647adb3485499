//===- GradsSharing.h - activations in the memory of gradients ------------===//
//
// Where a micro step overwrites the gradients, their memory holds nothing that
// matters until the backward has reached the parameter that it belongs to. What
// the last layers save for the backward is dead by then: it moves from the
// arena into the gradients of the layers before.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Plan/ProgramPlan.h"

namespace swamla {

/// Moves arena storages whose lifetimes are known, and that are live at the program's peak, into
/// the buffer `grads` of `gradsBytes` bytes. Returns the ranges of the buffer, in bytes, that no
/// gradient occupies and a moved storage does: they must be zero again when the program ends.
llvm::SmallVector<std::pair<int64_t, int64_t>> shareGrads(ProgramPlan &plan, int64_t gradsBytes);

} // namespace swamla
