//===- KernelOutlining.h - one kernel for all places that want it ---------===//
//
// Layers repeat: a model has hundreds of launches and a few dozen kernels. A
// kernel is found by a hash of its attributes and region and compared in full,
// so that outlining is linear in the number of launches.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Plan/Layout.h"
#include "dialects/Step/IR/StepDialect.h"
#include "dialects/Swamla/IR/SwamlaDialect.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSet.h"

#include <unordered_map>

namespace swamla {

class KernelOutliner {
public:
  /// Kernels are added at the end of `module`; symbols are unique in it.
  explicit KernelOutliner(mlir::ModuleOp module);

  /// The kernel of a fused op whose operands lie as `layouts` (ins, then outs) say, each of which
  /// the op can address.
  step::RowKernelOp rowKernel(FusedOp op, llvm::ArrayRef<Layout> layouts);
  /// A kernel that copies a matrix of `type` elements from one layout to another of the same shape.
  step::RowKernelOp copyKernel(mlir::Type type, const Layout &from, const Layout &to);
  /// Any other kernel: `attributes` are all of the op's but its name.
  template <typename Op>
  Op kernel(llvm::StringRef base, llvm::ArrayRef<mlir::NamedAttribute> attributes) {
    return llvm::cast<Op>(outline(Op::getOperationName(), base, attributes));
  }

  unsigned size() const { return count; }

private:
  mlir::Operation *outline(llvm::StringRef opName, llvm::StringRef base,
                           llvm::ArrayRef<mlir::NamedAttribute> attributes);
  mlir::Operation *find(llvm::hash_code hash, llvm::StringRef opName,
                        mlir::DictionaryAttr attributes, mlir::Region *body);
  mlir::Operation *create(llvm::hash_code hash, llvm::StringRef opName, llvm::StringRef base,
                          mlir::DictionaryAttr attributes);
  std::string uniqueName(llvm::StringRef base);

  struct Outlined {
    mlir::Operation *op;
    mlir::DictionaryAttr attributes; ///< without the name
  };
  mlir::ModuleOp module;
  std::unordered_map<size_t, llvm::SmallVector<Outlined, 1>> byHash;
  llvm::StringMap<unsigned> nextSuffix;
  llvm::StringSet<> names;
  unsigned count = 0;
};

/// Rows of the first dim that make one unit of work: about 32K elements, all rows for a reduction
/// over all of them, R for one over R at a time. With a transposed out whole cache lines of it, at
/// least, so that no two threads write one line.
int64_t unitRowsOf(llvm::ArrayRef<int64_t> domain, unsigned rowDims,
                   llvm::ArrayRef<mlir::AffineMap> outMaps);

} // namespace swamla
