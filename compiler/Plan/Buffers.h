//===- Buffers.h - the buffers with names ---------------------------------===//
//
// What the functions of a module have in common: parameters and their flat
// buffers, the constants of the setup program, and the slots through which the
// runtime gives inputs and scalars and takes results.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Plan/KernelOutlining.h"
#include "compiler/Plan/Layout.h"
#include "dialects/Step/IR/StepDialect.h"
#include "dialects/Swamla/IR/SwamlaDialect.h"

#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/StringMap.h"

#include <map>
#include <string>
#include <vector>

namespace swamla {

/// A slot of the module under construction: `offset` in bytes.
struct PlannedSlot {
  std::string name, buffer;
  int64_t offset;
  mlir::RankedTensorType type;
};

class PlanBuffers {
public:
  explicit PlanBuffers(mlir::ModuleOp module) : module(module) {}

  /// Reads the parameter table; fails if `--swamla-layout-params` has not run.
  mlir::LogicalResult init();

  /// First element of a parameter or group in the flat buffers.
  mlir::FailureOr<int64_t> paramOffset(mlir::Operation *user, mlir::FlatSymbolRefAttr name);
  /// Elements of a flat buffer.
  int64_t flatElements(llvm::StringRef name) const;
  /// Declares a flat buffer: `params`, `grads`, a working copy (`working`, `working.NAME`), or an
  /// optimizer state. Its elements have the size of `type`'s; fails if they have had another, or
  /// where a swamla.state says so.
  mlir::LogicalResult useFlat(mlir::Operation *user, llvm::StringRef name,
                              mlir::RankedTensorType type);

  /// Where a vector or matrix of the scaling state lies (f32); declares the buffer, which then
  /// holds at least this range.
  Layout scalingRange(llvm::StringRef name, mlir::RankedTensorType type, int64_t offset,
                      int64_t stride);

  /// The slot of a scalar; its offset in elements. Fails if the name was used with another type.
  mlir::FailureOr<int64_t> scalar(mlir::Operation *user, llvm::StringRef name,
                                  mlir::RankedTensorType type);
  /// A new slot in the buffer `input` or `results`; its offset in elements.
  int64_t addSlot(llvm::StringRef buffer, std::string name, mlir::RankedTensorType type);

  /// A fused op without ins: its results as offsets, in elements, in the buffer `constants`.
  /// Identical ops share their results.
  llvm::ArrayRef<int64_t> constant(FusedOp op, KernelOutliner &outliner);

  /// Creates step.buffer, step.param and step.slot ops, except the arena, and the program `setup`.
  void emit(mlir::OpBuilder &builder);

  mlir::ModuleOp getModule() const { return module; }

private:
  struct Constant {
    FusedOp op;
    step::RowKernelOp kernel;
    llvm::SmallVector<int64_t> offsets;
  };

  int64_t allocate(llvm::StringRef buffer, int64_t bytes, int64_t alignment);
  void emitSetup(mlir::OpBuilder &builder);

  mlir::ModuleOp module;
  int64_t flatTotal = 0;
  llvm::StringMap<int64_t> offsets;                      ///< of parameters and groups, in elements
  llvm::MapVector<llvm::StringRef, int64_t> flatBuffers; ///< name to bytes of an element
  llvm::MapVector<llvm::StringRef, mlir::RankedTensorType> states; ///< of the swamla.state ops
  std::map<std::string, int64_t> scaling; ///< of the scaling state, in elements
  std::map<std::string, int64_t> sizes;   ///< of the other buffers, in bytes
  std::vector<PlannedSlot> slots;
  llvm::StringMap<unsigned> scalarSlots;
  std::vector<Constant> constants;
};

} // namespace swamla
