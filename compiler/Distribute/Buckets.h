//===- Buckets.h - which gradients travel together, and when --------------===//
#pragma once

#include "dialects/Step/IR/StepDialect.h"

namespace swamla {

/// Bytes [begin, end) of a buffer.
struct Bucket {
  uint64_t begin, end;
  mlir::Operation *last; ///< the last op of the program that touches one of them
};

/// Cuts what `program` touches of a buffer of `bufferBytes` bytes into buckets, in the order in
/// which they are ready. A bucket is closed as soon as neighbours that are ready have
/// `bucketBytes` together; what is left over is a bucket, or several where it is not contiguous, as
/// soon as its last byte is ready. What no op touches may lie inside a bucket, to join two ranges.
llvm::SmallVector<Bucket> findBuckets(step::ProgramOp program, step::BufferOp buffer,
                                      uint64_t bucketBytes);

} // namespace swamla
