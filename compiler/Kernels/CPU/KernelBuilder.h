//===- KernelBuilder.h - what every CPU kernel generator needs ------------===//
//
// A CPU kernel is a func.func
//
//   @NAME(%views: !llvm.ptr, %unitBegin: i64, %unitEnd: i64, %scratch: !llvm.ptr)
//
// in the arith, math, vector (1-D only), scf and llvm dialects. Memory is reached
// through raw pointers: views[i] is the base address of view i. Vectors are
// 1-D, of `lanes()` elements whatever their type, and memory accesses assume no
// more than the alignment of one element.
//
// math.exp, math.exp2, math.log and math.tanh on f32 may be used freely: the
// lowering expands them (MathExpansion.h).
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Kernels/CPU/CpuTarget.h"
#include "compiler/Kernels/KernelAttrs.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/Builders.h"

namespace swamla {

/// An OpBuilder with a fixed location and the idioms of CPU kernels.
class KernelBuilder : public mlir::ImplicitLocOpBuilder {
public:
  KernelBuilder(mlir::Location loc, mlir::OpBuilder &builder, const CpuTarget &target)
      : ImplicitLocOpBuilder(loc, builder), target(target) {}

  const CpuTarget &cpu() const { return target; }
  unsigned lanes() const { return target.lanes(); }

  /// Creates the kernel's function with its entry block and return, at the insertion point, and
  /// moves the insertion point into the body. Sets both attributes.
  mlir::func::FuncOp createKernel(llvm::StringRef name, int64_t numViews, int64_t scratchBytes = 0);
  /// The arguments of the kernel that createKernel made.
  mlir::Value unitBegin() { return kernel.getArgument(1); }
  mlir::Value unitEnd() { return kernel.getArgument(2); }
  mlir::Value scratch() { return kernel.getArgument(3); }
  /// Loads the base address of a view.
  mlir::Value viewBase(int64_t view);

  // Types and constants.
  mlir::VectorType vectorOf(mlir::Type element) {
    return mlir::VectorType::get({static_cast<int64_t>(lanes())}, element);
  }
  mlir::Value i64(int64_t value);
  mlir::Value i32(int32_t value);
  /// A float constant of scalar or vector type.
  mlir::Value constant(mlir::Type type, double value);
  /// An integer constant of scalar or vector type.
  mlir::Value constant(mlir::Type type, int64_t value);
  /// vector<lanes x i1>, true for the first `active` lanes.
  mlir::Value constantMask(unsigned active);
  /// vector<lanes x i32> 0, 1, 2, ...
  mlir::Value iota();
  /// A scalar in all lanes; a vector as it is.
  mlir::Value splat(mlir::Value value);

  // Memory. Offsets are in elements, i64. `mask` is null or a vector<lanes x i1>: masked-off lanes
  // are not touched, and read as zero.
  /// A type of LLVM's that is as wide: it has no eight-bit floats.
  mlir::Type addressed(mlir::Type element);
  mlir::Value pointer(mlir::Value base, mlir::Type element, mlir::Value offset);
  mlir::Value load(mlir::Type element, mlir::Value pointer);
  void store(mlir::Value value, mlir::Value pointer);
  mlir::Value loadVector(mlir::Type element, mlir::Value pointer, mlir::Value mask = {});
  void storeVector(mlir::Value vector, mlir::Value pointer, mlir::Value mask = {});
  /// Loads each lane from an address of its own.
  mlir::Value gatherVector(mlir::Type element, mlir::Value addresses, mlir::Value mask = {});

  // i64 arithmetic that folds constants.
  mlir::Value add(mlir::Value lhs, mlir::Value rhs);
  mlir::Value mul(mlir::Value lhs, mlir::Value rhs);

  /// for (i = from; i < to; i += step) carried = body(i, carried); returns the last carried values.
  /// from, to and step are i64.
  using LoopBody =
      llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::Value, mlir::ValueRange)>;
  mlir::ValueRange loop(mlir::Value from, mlir::Value to, int64_t step, mlir::ValueRange carried,
                        LoopBody body);
  /// The same without carried values.
  void loop(mlir::Value from, mlir::Value to, int64_t step,
            llvm::function_ref<void(mlir::Value)> body);

private:
  CpuTarget target;
  mlir::func::FuncOp kernel;
};

} // namespace swamla
