//===- CudaBuilder.h - what every GPU kernel generator needs --------------===//
//
// A GPU kernel is an llvm.func with the attribute `nvvm.kernel`
//
//   @NAME(%view0: !llvm.ptr<1>, ..., [%scratch: !llvm.ptr<1>,] %map0: !llvm.ptr {byval}, ...)
//
// in the arith, math (f32), scf, cf, llvm and nvvm dialects; the lowering turns
// all of it into the LLVM dialect. Grid and block are static and recorded as
// attributes of the function.
//
// One value is one number of one thread: vectors (1-D, of at most 16 bytes) only
// pass through memory accesses. Pointers are raw; offsets are in elements, of type
// i32 or i64, and are signed. An access assumes the alignment of its whole value:
// ask viewAlignment before widening one.
//
// math.exp, exp2, log, tanh, rsqrt and sqrt, and division, on f32 may be used freely
// (CudaMath.h); so may arith.truncf and extf of f8, which is i8 in memory (CudaFloat8.h).
//
//===----------------------------------------------------------------------===//
#pragma once

#include "compiler/Kernels/CUDA/CudaTarget.h"
#include "compiler/Kernels/KernelAttrs.h"

#include "dialects/Step/IR/StepDialect.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Builders.h"

#include <array>

namespace swamla {

/// Address spaces of NVPTX.
inline constexpr unsigned kGlobalSpace = 1;
inline constexpr unsigned kSharedSpace = 3;

/// How a GPU kernel is launched and what it may use.
struct GpuLaunch {
  std::array<int64_t, 3> grid = {1, 1, 1};
  int64_t block = 128;      ///< threads, a multiple of 32
  int64_t sharedBytes = 0;  ///< dynamic shared memory
  int64_t scratchBytes = 0; ///< device memory, zero at first, which the kernel leaves zero
  llvm::SmallVector<step::TensorMapAttr> tensorMaps;
  int64_t minBlocksPerSm = 0; ///< 0: no request; else it bounds the registers of a thread
};

/// The alignment in bytes, at most 256, that the base address of a view of a kernel op has in every
/// launch of that op (buffers themselves are 256-byte aligned). 1 if the op is never launched.
int64_t viewAlignment(mlir::Operation *kernelOp, unsigned view);

/// bf16 and the f8 types: what is computed with as f32.
bool isNarrowFloat(mlir::Type type);

/// How f32 numbers are reduced. The maximum of a NaN and anything is NaN.
enum class ReduceKind { Add, Max };

/// An OpBuilder with a fixed location and the idioms of GPU kernels.
class CudaBuilder : public mlir::ImplicitLocOpBuilder {
public:
  CudaBuilder(mlir::Location loc, mlir::OpBuilder &builder, const CudaTarget &target)
      : ImplicitLocOpBuilder(loc, builder), target(target) {}

  const CudaTarget &cuda() const { return target; }

  /// Creates the kernel's function with its entry block and return, at the insertion point (which
  /// must be in the module's body), and moves the insertion point into the function's body. Sets
  /// every attribute of it.
  mlir::LLVM::LLVMFuncOp createKernel(llvm::StringRef name, int64_t numViews,
                                      const GpuLaunch &launch);
  /// The arguments of the kernel that createKernel made.
  mlir::Value view(int64_t index) { return kernel.getArgument(index); }
  mlir::Value scratch();
  mlir::Value tensorMap(int64_t index);

  // Where a thread is. All i32.
  mlir::Value threadId();        ///< 0 .. block - 1
  mlir::Value blockId(char dim); ///< 'x', 'y' or 'z'
  mlir::Value laneId();          ///< thread within its warp
  mlir::Value warpId();          ///< warp within its thread block

  // Constants.
  mlir::Value i32(int64_t value);
  mlir::Value i64(int64_t value);
  mlir::Value i1(bool value);
  mlir::Value f32(double value);
  mlir::Value constant(mlir::Type type, double value);

  // Integer arithmetic that folds constants. Both sides have one type.
  mlir::Value add(mlir::Value lhs, mlir::Value rhs);
  mlir::Value sub(mlir::Value lhs, mlir::Value rhs);
  mlir::Value mul(mlir::Value lhs, mlir::Value rhs);
  mlir::Value add(mlir::Value lhs, int64_t rhs);
  mlir::Value mul(mlir::Value lhs, int64_t rhs);
  /// Quotient and remainder of numbers that are not negative.
  mlir::Value div(mlir::Value lhs, int64_t rhs);
  mlir::Value rem(mlir::Value lhs, int64_t rhs);
  mlir::Value bitAnd(mlir::Value lhs, int64_t rhs);
  mlir::Value shiftRight(mlir::Value lhs, int64_t bits);
  mlir::Value larger(mlir::Value lhs, mlir::Value rhs);  ///< signed
  mlir::Value smaller(mlir::Value lhs, mlir::Value rhs); ///< signed
  mlir::Value toI64(mlir::Value value);                  ///< sign-extends; an i64 as it is
  mlir::Value toI32(mlir::Value value);                  ///< truncates; an i32 as it is
  mlir::Value compare(mlir::arith::CmpIPredicate predicate, mlir::Value lhs, mlir::Value rhs);
  mlir::Value lessThan(mlir::Value lhs, mlir::Value rhs); ///< signed
  mlir::Value lessThan(mlir::Value lhs, int64_t rhs);
  mlir::Value equal(mlir::Value lhs, int64_t rhs);
  mlir::Value both(mlir::Value lhs, mlir::Value rhs); ///< of two i1
  mlir::Value select(mlir::Value condition, mlir::Value yes, mlir::Value no);

  // f32 arithmetic. Never contracted, except fma.
  mlir::Value addf(mlir::Value lhs, mlir::Value rhs);
  mlir::Value subf(mlir::Value lhs, mlir::Value rhs);
  mlir::Value mulf(mlir::Value lhs, mlir::Value rhs);
  mlir::Value maxf(mlir::Value lhs, mlir::Value rhs); ///< of numbers: NaN is not passed on
  mlir::Value fma(mlir::Value a, mlir::Value b, mlir::Value c);

  // Pointers (of any address space).
  mlir::Value pointer(mlir::Value base, mlir::Type element, mlir::Value offset);
  mlir::Value pointer(mlir::Value base, mlir::Type element, int64_t offset);
  /// The dynamic shared memory of the thread block, from `byteOffset` on: !llvm.ptr<3>, 1024-byte
  /// aligned at offset 0.
  mlir::Value shared(int64_t byteOffset = 0);

  // Memory. `alignment` 0 means that of the whole value.
  /// `readOnly`: nobody writes this memory while the kernel runs (ld.global.nc).
  mlir::Value load(mlir::Type type, mlir::Value pointer, bool readOnly = false,
                   unsigned alignment = 0);
  void store(mlir::Value value, mlir::Value pointer, unsigned alignment = 0);
  /// `count` consecutive elements of type f32, bf16, i32 or i64, or one f8, with one access; count
  /// * size is at most 16 bytes. bf16 and f8 are returned, and taken, as f32 (rounded to nearest
  /// even, f8 saturating).
  llvm::SmallVector<mlir::Value> loadElements(mlir::Type element, int64_t count,
                                              mlir::Value pointer, bool readOnly = false);
  void storeElements(mlir::Type element, mlir::ValueRange values, mlir::Value pointer);

  // bf16 in pairs.
  /// Two f32 rounded to bf16, `low` in the low half of an i32 (cvt.rn.bf16x2.f32).
  mlir::Value packBf16(mlir::Value low, mlir::Value high);
  /// The two halves of an i32 as f32: low, high.
  std::pair<mlir::Value, mlir::Value> unpackBf16(mlir::Value pair);
  /// An f32 rounded to bf16 and back.
  mlir::Value roundBf16(mlir::Value value);

  // Narrow floats (isNarrowFloat) in pairs: bf16 in an i32, f8 in an i16, the first one low.
  mlir::Value packPair(mlir::Type element, mlir::Value low, mlir::Value high);
  std::pair<mlir::Value, mlir::Value> unpackPair(mlir::Type element, mlir::Value pair);
  /// An f32 rounded to `element` and back.
  mlir::Value roundTo(mlir::Type element, mlir::Value value);
  /// `count` elements, a power of two from 2 on and at most 16 bytes, with one access.
  llvm::SmallVector<mlir::Value> loadPairs(mlir::Type element, int64_t count, mlir::Value pointer,
                                           bool readOnly);
  void storePairs(mlir::Type element, mlir::ValueRange pairs, mlir::Value pointer);
  /// `count` i8, a power of two, with one access of up to 16 bytes; four or more go by words.
  llvm::SmallVector<mlir::Value> loadBytes(int64_t count, mlir::Value pointer, bool readOnly);
  void storeBytes(mlir::ValueRange bytes, mlir::Value pointer);
  /// Byte i of the result is the byte of high:low that nibble i of the selector numbers.
  mlir::Value permuteBytes(mlir::Value low, mlir::Value high, int64_t selector);

  // Threads together.
  void barrier(); ///< all threads of the block
  void syncWarp();
  /// The value (i32 or f32) of the lane `laneId ^ mask`, and of lane `lane`.
  mlir::Value shuffleXor(mlir::Value value, int64_t mask);
  mlir::Value shuffleFrom(mlir::Value value, mlir::Value lane);
  mlir::Value combine(ReduceKind kind, mlir::Value lhs, mlir::Value rhs);
  /// What changes nothing in `combine`, to the bit.
  mlir::Value neutral(ReduceKind kind);
  /// Of `width` (a power of two up to 32) neighbouring lanes, in all of them, in a fixed order.
  mlir::Value warpReduce(ReduceKind kind, mlir::Value value, int64_t width = kWarpSize);

  // Control flow.
  /// for (i = from; i < to; i += step) carried = body(i, carried); returns the last carried values.
  using LoopBody =
      llvm::function_ref<llvm::SmallVector<mlir::Value>(mlir::Value, mlir::ValueRange)>;
  mlir::ValueRange loop(mlir::Value from, mlir::Value to, mlir::Value step,
                        mlir::ValueRange carried, LoopBody body);
  /// The same without carried values.
  void loop(mlir::Value from, mlir::Value to, mlir::Value step,
            llvm::function_ref<void(mlir::Value)> body);
  void when(mlir::Value condition, llvm::function_ref<void()> body);
  /// Values of `yes` where the condition holds, else of `no`; both return as many, of the same
  /// types.
  mlir::ValueRange choose(mlir::Value condition,
                          llvm::function_ref<llvm::SmallVector<mlir::Value>()> yes,
                          llvm::function_ref<llvm::SmallVector<mlir::Value>()> no);

private:
  CudaTarget target;
  mlir::LLVM::LLVMFuncOp kernel;
  GpuLaunch launchInfo;
  int64_t numViews = 0;
};

} // namespace swamla
