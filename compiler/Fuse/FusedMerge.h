//===- FusedMerge.h - two swamla.fused become one -------------------------===//
#pragma once

#include "compiler/Fuse/FusedSpec.h"

namespace swamla {

/// True if `first` hands a value to `second`, or both read one tensor with one map that follows
/// rows and columns: merging them saves a pass over memory.
bool sharesElements(FusedOp first, FusedOp second);

/// True if the arithmetic of both can stand in one region: one domain, and whatever `second` reads
/// of `first` it reads at the point where it was stored. An op of the forward and one that is
/// recomputed for the backward never merge: the value would be saved after all. Says nothing about
/// the ops around them.
bool canMerge(FusedOp first, FusedOp second);

/// Replaces both by one op in the place of `second`. Results of `first` that nobody else uses are
/// dropped. All other users of `first` must stand below `second`.
FusedOp merge(FusedOp first, FusedOp second);

/// Drops results without uses, arithmetic without effect and repeated arithmetic. Answers the op
/// that is left, null if nothing of it was used.
FusedOp simplify(FusedOp op);

} // namespace swamla
