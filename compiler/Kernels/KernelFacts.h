//===- KernelFacts.h - what a kernel op says beyond its code --------------===//
//
// Once a kernel op has become a function, nothing tells what it was. Reports and
// the runtime's search for numbers that are not finite want to know, so the
// facts travel as attributes of the function:
//
//   step.views   for each view a dictionary {access = "read" | "write" |
//                "read_write", element, offset, sizes, strides}: see
//                KernelView in step.fbs
//   step.work    {kind, element}: "row", "scatter_add", "attention",
//                "windowed_attention", "attention_grad" or
//                "windowed_attention_grad", and the type that the kernel
//                multiplies matrices in, f32 where it has none
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Kernels/KernelTarget.h"

#include "mlir/IR/AffineExpr.h"
#include "mlir/IR/BuiltinAttributes.h"

#include <optional>

namespace swamla {

inline constexpr llvm::StringLiteral kViewsAttr = "step.views";
inline constexpr llvm::StringLiteral kWorkAttr = "step.work";

/// What kind of work a kernel does.
struct KernelWork {
  llvm::StringRef kind;
  mlir::Type element;
};
/// The work of a kernel op, or of the function that it has become; nullopt for an op that is
/// neither.
std::optional<KernelWork> kernelWork(mlir::Operation *op);
/// The step.work of a kernel op.
mlir::DictionaryAttr workAttr(mlir::Operation *kernel);
/// The step.views of a kernel op, in the order of its views.
mlir::ArrayAttr kernelViews(mlir::Operation *kernel);

/// The places that an offset map reaches: element offset + sum(i[d] * strides[d]) for all i[d] <
/// sizes[d].
struct ElementGrid {
  llvm::SmallVector<int64_t> sizes, strides;
  int64_t offset = 0;
};
/// The grid of an expression in dims of these extents, without dims of extent 1; nullopt where the
/// places are no grid: a gather, or terms that overlap.
std::optional<ElementGrid> elementGrid(mlir::AffineExpr offset, llvm::ArrayRef<int64_t> extents);

/// Shares of a kernel op's work that its parts do, each list adding up to 1.
struct WorkShares {
  llvm::SmallVector<double> flops, bytes;
};
/// The matrix products decide for attention's gradient, whose parts both compute the scores; the
/// elements of the views that a part takes decide for bytes.
WorkShares workShares(mlir::Operation *kernel, llvm::ArrayRef<KernelPart> parts);

} // namespace swamla
