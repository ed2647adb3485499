//===- KernelCosts.h - what the ops of a planned module cost --------------===//
#pragma once

#include "compiler/Report/Machine.h"
#include "dialects/Step/IR/StepDialect.h"

#include "mlir/IR/BuiltinOps.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace swamla {

/// Kinds of work that take different shares of a machine's speed.
enum class WorkKind {
  Matmul,
  Attention,
  WindowedAttention,
  AttentionGrad,
  WindowedAttentionGrad,
  Row,       ///< bound by memory
  Optimizer, ///< row-wise, over the flat buffers
  ScatterAdd,
  Fill
};
/// "matmul", "windowed_attention", ...
llvm::StringRef name(WorkKind kind);

/// All calls of one kernel in one program.
struct KernelCost {
  std::string kernel; ///< its symbol; a matmul's problem, as swamla-run's profile writes it; "fill"
  WorkKind kind = WorkKind::Row;
  Arithmetic arithmetic = Arithmetic::Fp32;
  uint64_t calls = 0;
  uint64_t flops = 0, bytes = 0; ///< of one call; of launches that differ the mean
};

struct ProgramCost {
  std::string program;
  std::vector<KernelCost> kernels; ///< in order of their first call
};

/// The cost of one op of a program, called once; nullopt for what ranks do together.
std::optional<KernelCost> costOf(step::ProgramOp program, mlir::Operation &op);

/// The costs of every step.program of a module after the phase plan, or any later one.
std::vector<ProgramCost> collectCosts(mlir::ModuleOp module);

} // namespace swamla
