//===- AttentionSimtKernel.h - one kernel of SIMT attention ---------------===//
//
// One template makes all of the kernels. A thread block owns 64 rows and streams
// tiles of 64 rows of the other kind, skipping those that the mask hides:
//
//             rows     S             dP            results
//   forward   queries  Q K^T                       out += P V, rescaled (online softmax)
//   dq        queries  Q K^T         dO V^T        dq += dS K
//   dk        keys     K Q^T         V dO^T        dk += dS^T Q
//   dv        keys     K Q^T                       dv += P^T dO
//
// with P = exp(scale S - lse), dS = P (dP - delta), and dq, dk times scale at the
// end (Dao, arXiv:2307.08691). Kernels over keys go through the query heads that
// share the KV head, one after the other. The results of a block are cut into
// slabs of at most 256 columns; each slab is a thread block of its own, which
// computes the scores anew, so that registers do not depend on the widths.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Kernels/CUDA/AttentionSimtTiles.h"

#include <string>

namespace swamla {

/// Which head of a matrix goes with a query head.
enum class HeadOf { Query, KeyValue, All };

/// Columns that enter a product, or results.
struct SimtPart {
  SimtColumns columns;
  HeadOf head;
};

/// One product of rows with streamed rows, over parts that pair up.
struct SimtProduct {
  llvm::SmallVector<SimtPart, 2> rows, streamed;
};

/// What a kernel of the template computes.
struct SimtKind {
  std::string name;
  llvm::SmallVector<unsigned> views;
  bool byQuery;                  ///< a block's rows are queries
  bool forward = false;          ///< ... and it computes attention, not a gradient
  bool loopsOverHeads = false;   ///< results add up over the query heads of a KV head
  SimtProduct scores, gradients; ///< S; dP, empty where it is not needed
  llvm::SmallVector<std::pair<SimtPart, SimtPart>, 4> results; ///< factor (streamed) and target
  unsigned lse = 0, delta = 0;                                 ///< views
  int64_t lseStride = 0, deltaStride = 0;
};

class SimtKernel {
public:
  SimtKernel(mlir::Operation *op, mlir::Type element, const AttentionSizes &sizes,
             const SimtKind &kind, mlir::OpBuilder &builder, const CudaTarget &target)
      : kind(kind), b(op->getLoc(), builder, target, op, element, sizes), sizes(sizes) {}

  GpuKernel build();

private:
  using Values = llvm::SmallVector<mlir::Value>;

  /// The heads that a part of the work is about; all i32.
  struct Heads {
    mlir::Value sequence, query, keyValue;
  };
  /// The statistics of four queries: lse * log2(e), and delta.
  struct Statistics {
    Values lse2, delta;
  };

  void cutResults();
  void decodeBlock();
  SimtHead resolve(const SimtPart &part, const Heads &heads);
  Values product(const SimtProduct &product, const Heads &heads, mlir::Value streamedAt);
  llvm::SmallVector<SimtGroup> groupsOf(const Heads &heads);

  mlir::Value tileCount(mlir::Value &firstTile, mlir::Value &sinkTiles);
  Values overTiles(mlir::ValueRange carried,
                   llvm::function_ref<Values(mlir::Value, mlir::ValueRange)> body);
  mlir::Value isVisible(int64_t r, int64_t j, mlir::Value streamedAt);

  void forward();
  Values softmaxTile(const Heads &heads, mlir::Value streamedAt, mlir::ValueRange carried);
  void gradient();
  Values gradientTile(const Heads &heads, mlir::Value streamedAt, mlir::ValueRange results);
  Statistics statistics(const Heads &heads, mlir::Value streamedAt);

  const SimtKind &kind;
  SimtTiles b;
  const AttentionSizes &sizes;
  /// Results in pieces of at most 64 columns; `groups` of them are one slab.
  llvm::SmallVector<std::pair<SimtPart, SimtPart>> pieces;
  int64_t groups = 0, slabs = 0;
  mlir::Value slab, rowsAt; // i32: the block's slab and first row
  Heads heads;              // of the block; query is its first one
};

} // namespace swamla
