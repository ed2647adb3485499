//===- CudaKernels.cpp - CUDA as a target of the kernel ops ---------------===//
#include "compiler/Kernels/CUDA/CudaKernels.h"

#include "compiler/Kernels/CUDA/AttentionBackwardPolicy.h"
#include "compiler/Kernels/CUDA/AttentionPolicy.h"
#include "compiler/Kernels/CUDA/CudaFloat8.h"
#include "compiler/Kernels/CUDA/CudaMath.h"
#include "compiler/Kernels/CUDA/RowKernel.h"
#include "compiler/Kernels/CUDA/ScatterAdd.h"

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/UBToLLVM/UBToLLVM.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Transforms/DialectConversion.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace swamla {

namespace {

class CudaKernels : public KernelTarget {
public:
  explicit CudaKernels(CudaTarget cuda) : cuda(cuda) {}

  std::string architecture() const override { return cuda.name(); }

  bool hasGenerator(Operation *op) const override {
    return isa<step::RowKernelOp, step::AttentionKernelOp, step::AttentionGradKernelOp,
               step::ScatterAddKernelOp>(op);
  }

  FailureOr<SmallVector<KernelPart>> generate(Operation *op, OpBuilder &builder) const override {
    OpBuilder::InsertionGuard guard(builder);
    auto kernels =
        llvm::TypeSwitch<Operation *, FailureOr<SmallVector<GpuKernel>>>(op)
            .Case([&](step::RowKernelOp kernel) { return buildRowKernel(kernel, builder, cuda); })
            .Case([&](step::ScatterAddKernelOp kernel) {
              return buildScatterAddKernel(kernel, builder, cuda);
            })
            .Case([&](step::AttentionKernelOp kernel) {
              return buildAttention(kernel, builder, cuda);
            })
            .Case([&](step::AttentionGradKernelOp kernel) {
              return buildAttentionGrad(kernel, builder, cuda);
            })
            .Default([](Operation *) { return failure(); });
    if (failed(kernels))
      return failure();
    SmallVector<KernelPart> parts;
    for (GpuKernel &kernel : *kernels)
      parts.push_back({kernel.func.getSymName().str(), kernel.views});
    return parts;
  }

  LogicalResult lowerToLLVM(ModuleOp module) const override;

private:
  CudaTarget cuda;
};

LogicalResult CudaKernels::lowerToLLVM(ModuleOp module) const {
  MLIRContext *context = module.getContext();
  RewritePatternSet expansions(context);
  populateCudaMathPatterns(expansions);
  populateCudaFloat8Patterns(expansions);
  arith::populateCeilFloorDivExpandOpsPatterns(expansions);
  walkAndApplyPatterns(module, std::move(expansions));

  // Everything at once: a kernel consists of ops of these dialects and of nothing else, so no casts
  // are left between conversions.
  LowerToLLVMOptions options(context);
  LLVMTypeConverter converter(context, options);
  RewritePatternSet patterns(context);
  populateSCFToControlFlowConversionPatterns(patterns);
  cf::populateControlFlowToLLVMConversionPatterns(converter, patterns);
  arith::populateArithToLLVMConversionPatterns(converter, patterns);
  populateMathToLLVMConversionPatterns(converter, patterns, /*approximateLog1p=*/false);
  ub::populateUBToLLVMConversionPatterns(converter, patterns);

  ConversionTarget target(*context);
  target.addLegalDialect<LLVM::LLVMDialect, NVVM::NVVMDialect, step::StepDialect>();
  target.addLegalOp<ModuleOp>();
  target.addIllegalDialect<arith::ArithDialect, cf::ControlFlowDialect, math::MathDialect,
                           scf::SCFDialect, ub::UBDialect>();
  return applyPartialConversion(module, target, std::move(patterns));
}

} // namespace

std::unique_ptr<KernelTarget> createCudaKernelTarget(StringRef architecture,
                                                     function_ref<InFlightDiagnostic()> emitError) {
  std::optional<CudaTarget> cuda = CudaTarget::parse(architecture);
  if (cuda)
    return std::make_unique<CudaKernels>(*cuda);
  emitError() << "unknown GPU '" << architecture << "', expected sm_90a";
  return nullptr;
}

} // namespace swamla
