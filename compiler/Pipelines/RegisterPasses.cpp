//===- RegisterPasses.cpp - everything that tools must know ---------------===//
#include "compiler/Pipelines/RegisterPasses.h"

#include "compiler/Autodiff/Passes.h"
#include "compiler/Distribute/Passes.h"
#include "compiler/Expand/Passes.h"
#include "compiler/Fuse/Passes.h"
#include "compiler/Kernels/Passes.h"
#include "compiler/Optimizer/Passes.h"
#include "compiler/Pipelines/Passes.h"
#include "compiler/Pipelines/Phases.h"
#include "compiler/Plan/Passes.h"
#include "compiler/Precision/Passes.h"
#include "compiler/Quantize/Passes.h"
#include "compiler/Remat/Passes.h"
#include "dialects/Step/IR/StepDialect.h"
#include "dialects/Swamla/IR/SwamlaDialect.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;

namespace swamla {

void registerAllSwamlaDialects(DialectRegistry &registry) {
  registry.insert<SwamlaDialect, step::StepDialect, func::FuncDialect, arith::ArithDialect,
                  math::MathDialect, tensor::TensorDialect, scf::SCFDialect, vector::VectorDialect,
                  LLVM::LLVMDialect, NVVM::NVVMDialect>();
}

void registerAllSwamlaPasses() {
  registerCanonicalizerPass();
  registerCSEPass();
  registerSwamlaExpandPasses();
  registerSwamlaAutodiffPasses();
  registerSwamlaRematPasses();
  registerSwamlaPrecisionPasses();
  registerSwamlaQuantizePasses();
  registerSwamlaFusePasses();
  registerSwamlaOptimizerPasses();
  registerSwamlaPlanPasses();
  registerSwamlaDistributePasses();
  registerSwamlaKernelsPasses();
  registerSwamlaPipelinesPasses();
  registerPhasePipelines();
}

} // namespace swamla
