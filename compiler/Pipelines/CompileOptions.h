//===- CompileOptions.h - what may be asked of the compiler ---------------===//
//
// Options that change the program are stored in the module's dictionary
// attribute `swamla.options`, so that a dump of any phase says how to go on. An
// option is unset until the command line, or a caller, gives it; what is left
// unset comes from the module, then from the defaults.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "mlir/IR/BuiltinOps.h"

#include <optional>
#include <string>
#include <vector>

namespace swamla {

/// The phases of the compiler; Phases.cpp has their table.
enum class Phase {
  Input,
  Expand,
  Autodiff,
  Remat,
  Precision,
  Group,
  Quantize,
  Fuse,
  Optimizer,
  Plan,
  Distribute,
  Lower,
  Emit
};

struct CompileOptions {
  std::optional<int64_t> batch;          ///< sequences in a micro step; 0: the model's own
  std::optional<std::string> checkpoint; ///< none, qkv, mlp, attn or block
  std::optional<int64_t> lossRows;       ///< rows of a chunk of the head; 0: chosen by size
  std::optional<std::string> microSteps; ///< any, or one: a step is one micro step
  std::optional<std::string> optimizer;  ///< adamw or lion
  /// How its states are kept: fp32, bf16, fp8, int8 or int4.
  std::optional<std::string> optimizerState;
  std::optional<std::string> precision;    ///< fp32, tf32 (cuda only), bf16 or fp8
  std::optional<std::string> fp8Recipe;    ///< fp8: tensorwise, delayed or rowwise
  std::optional<std::string> fp8Gradients; ///< fp8: e4m3 or e5m2: the format of cotangents
  std::optional<std::string> fp8Forward;   ///< fp8: fp8 or bf16: the products of the forward
  std::optional<std::string> fp8Head;      ///< fp8: true or false: the products of the head, too
  std::optional<std::string> target;       ///< cpu or cuda
  std::optional<int64_t> ranks;            ///< processes that train one model together
  std::optional<int64_t> bucketMb;         ///< megabytes of gradients that travel together; 0: 25
  std::optional<std::string> parallel;     ///< ranks: ddp
  std::optional<std::string> mcpu;         ///< cpu: x86-64-v2, -v3, -v4 or native; cuda: sm_90a

  // How to compile; these change no program.
  std::optional<Phase> from; ///< what has run already; unset: what the module says
  Phase until = Phase::Emit;
  std::string dumpPhases;    ///< a folder for `NN-PHASE.mlir`; empty: none
  bool ptxasVerbose = false; ///< show what ptxas says about registers and memory
};

/// Fills what is unset from the module's `swamla.options`, then from the defaults, checks every
/// value, and writes the attribute. Fails, with a diagnostic, on a value that is not supported, and
/// on one that comes too late: different from what an earlier phase has already used. `done` is the
/// last phase that has run.
mlir::LogicalResult resolveOptions(mlir::ModuleOp module, Phase done, CompileOptions &options);

/// The module's options as a command line would give them: "--checkpoint=mlp", ...
std::vector<std::string> optionsAsFlags(mlir::ModuleOp module);

} // namespace swamla
