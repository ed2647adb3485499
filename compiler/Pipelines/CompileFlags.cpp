//===- CompileFlags.cpp - compile options on a command line ---------------===//
#include "compiler/Pipelines/CompileFlags.h"

#include "compiler/Pipelines/RegisterPasses.h"

#include "mlir/IR/AsmState.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Pass/PassManager.h"
#include "mlir/Support/Timing.h"

namespace swamla {

namespace cl = llvm::cl;

void registerToolFlags(cl::OptionCategory &ours) {
  registerAllSwamlaPasses(); // their names are arguments of MLIR's flags
  mlir::registerAsmPrinterCLOptions();
  mlir::registerMLIRContextCLOptions();
  mlir::registerPassManagerCLOptions();
  mlir::registerDefaultTimingManagerCLOptions();
  for (auto &[name, option] : cl::getRegisteredOptions())
    if (!llvm::is_contained(option->Categories, &ours) && !name.starts_with("mlir-") &&
        !name.starts_with("help") && name != "version")
      option->setHiddenFlag(cl::ReallyHidden);
}

CompileFlags::CompileFlags(cl::OptionCategory &category)
    : checkpoint("checkpoint",
                 cl::desc("what the backward recomputes: none (default), qkv, mlp, attn or block"),
                 cl::cat(category)),
      lossRows("loss-rows",
               cl::desc("rows of a chunk of head and cross-entropy (default: by size)"),
               cl::cat(category)),
      microSteps("micro-steps",
                 cl::desc("any (default): gradients of several micro steps add up; one: a step is "
                          "one micro step, which needs less memory"),
                 cl::cat(category)),
      precision(
          "precision",
          cl::desc("of activations and matmul operands: fp32 (default), tf32 (cuda only), bf16 or "
                   "fp8 (matmul operands; the rest bf16)"),
          cl::cat(category)),
      fp8Recipe(
          "fp8-recipe",
          cl::desc("where the scales of fp8 tensors come from: tensorwise (default), from the "
                   "tensor; delayed, from earlier steps; rowwise, from each row"),
          cl::cat(category)),
      fp8Gradients("fp8-gradients",
                   cl::desc("with --precision=fp8: the format of the gradients of activations in "
                            "products: e4m3 (default) or e5m2, with more range and less precision"),
                   cl::cat(category)),
      fp8Forward("fp8-forward",
                 cl::desc("with --precision=fp8: the products of the forward: fp8 (default) or "
                          "bf16, with gradients nearer to those of fp32"),
                 cl::cat(category)),
      fp8Head("fp8-head", cl::desc("with --precision=fp8: the products of the head are fp8, too"),
              cl::cat(category)),
      ranks("ranks",
            cl::desc("processes that train one model together, each on its own part of the data "
                     "(default 1); the batch is that of one of them"),
            cl::cat(category)),
      bucketMb("bucket-mb",
               cl::desc("with --ranks: megabytes of gradients that are added up over the ranks at "
                        "once (default 25)"),
               cl::cat(category)),
      parallel("parallel",
               cl::desc("with --ranks: what each holds: ddp (default), all parameters and states"),
               cl::cat(category)),
      target("target", cl::desc("what to compile for: cpu (default) or cuda"), cl::cat(category)),
      mcpu("mcpu",
           cl::desc("cpu: x86-64-v2, x86-64-v3, x86-64-v4, or native (default), this machine's "
                    "best; cuda: sm_90a"),
           cl::cat(category)) {}

void CompileFlags::readInto(CompileOptions &options) {
  assignIfGiven(checkpoint, options.checkpoint);
  assignIfGiven(lossRows, options.lossRows);
  assignIfGiven(microSteps, options.microSteps);
  assignIfGiven(precision, options.precision);
  assignIfGiven(fp8Recipe, options.fp8Recipe);
  assignIfGiven(fp8Gradients, options.fp8Gradients);
  assignIfGiven(fp8Forward, options.fp8Forward);
  if (fp8Head.getNumOccurrences() > 0)
    options.fp8Head = fp8Head ? "true" : "false";
  assignIfGiven(ranks, options.ranks);
  assignIfGiven(bucketMb, options.bucketMb);
  assignIfGiven(parallel, options.parallel);
  assignIfGiven(target, options.target);
  assignIfGiven(mcpu, options.mcpu);
  mcpu.removeArgument();
}

} // namespace swamla
