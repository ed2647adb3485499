//===- CpuKernels.cpp - the CPU as a target of the kernel ops -------------===//
#include "compiler/Kernels/CPU/CpuKernels.h"

#include "compiler/Kernels/CPU/AttentionKernels.h"
#include "compiler/Kernels/CPU/F8Expansion.h"
#include "compiler/Kernels/CPU/MathExpansion.h"
#include "compiler/Kernels/CPU/RowKernel.h"
#include "compiler/Kernels/CPU/ScatterAddKernel.h"

#include "mlir/Conversion/ArithToLLVM/ArithToLLVM.h"
#include "mlir/Conversion/ControlFlowToLLVM/ControlFlowToLLVM.h"
#include "mlir/Conversion/FuncToLLVM/ConvertFuncToLLVM.h"
#include "mlir/Conversion/LLVMCommon/ConversionTarget.h"
#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Conversion/MathToLLVM/MathToLLVM.h"
#include "mlir/Conversion/MathToLibm/MathToLibm.h"
#include "mlir/Conversion/SCFToControlFlow/SCFToControlFlow.h"
#include "mlir/Conversion/UBToLLVM/UBToLLVM.h"
#include "mlir/Conversion/VectorToLLVM/ConvertVectorToLLVM.h"
#include "mlir/Dialect/Arith/Transforms/Passes.h"
#include "mlir/Dialect/ControlFlow/IR/ControlFlow.h"
#include "mlir/Dialect/UB/IR/UBOps.h"
#include "mlir/Transforms/DialectConversion.h"
#include "mlir/Transforms/WalkPatternRewriteDriver.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace swamla {

namespace {

class CpuKernels : public KernelTarget {
public:
  explicit CpuKernels(CpuTarget cpu) : cpu(cpu) {}

  std::string architecture() const override { return cpu.name(); }

  bool hasGenerator(Operation *op) const override {
    return isa<step::RowKernelOp, step::AttentionKernelOp, step::AttentionGradKernelOp,
               step::ScatterAddKernelOp>(op);
  }

  FailureOr<SmallVector<KernelPart>> generate(Operation *op, OpBuilder &builder) const override {
    auto kernel =
        llvm::TypeSwitch<Operation *, FailureOr<func::FuncOp>>(op)
            .Case([&](step::RowKernelOp kernel) { return buildRowKernel(kernel, builder, cpu); })
            .Case([&](step::AttentionKernelOp kernel) {
              return buildAttentionKernel(kernel, builder, cpu);
            })
            .Case([&](step::AttentionGradKernelOp kernel) {
              return buildAttentionGradKernel(kernel, builder, cpu);
            })
            .Case([&](step::ScatterAddKernelOp kernel) {
              return buildScatterAddKernel(kernel, builder, cpu);
            })
            .Default([](Operation *) { return failure(); });
    if (failed(kernel))
      return failure();
    return SmallVector<KernelPart>();
  }

  LogicalResult lowerToLLVM(ModuleOp module) const override;

private:
  CpuTarget cpu;
};

LogicalResult CpuKernels::lowerToLLVM(ModuleOp module) const {
  MLIRContext *context = module.getContext();
  // On its own, and first: each walk sees what was there before it, and this one makes bf16 casts.
  RewritePatternSet f8Expansions(context);
  populateF8ExpansionPatterns(f8Expansions);
  walkAndApplyPatterns(module, std::move(f8Expansions));
  RewritePatternSet expansions(context);
  populateMathExpansionPatterns(expansions);
  arith::populateCeilFloorDivExpandOpsPatterns(expansions);
  arith::populateExpandBFloat16Patterns(expansions); // a library call an element otherwise
  walkAndApplyPatterns(module, std::move(expansions));

  // Everything at once: a kernel consists of ops of these dialects and of nothing else, so no casts
  // are left between conversions.
  LowerToLLVMOptions options(context);
  LLVMTypeConverter converter(context, options);
  RewritePatternSet patterns(context);
  populateSCFToControlFlowConversionPatterns(patterns);
  cf::populateControlFlowToLLVMConversionPatterns(converter, patterns);
  arith::populateArithToLLVMConversionPatterns(converter, patterns);
  // What has no intrinsic of LLVM's is a call of libm.
  populateMathToLibmConversionPatterns(patterns, /*benefit=*/1);
  populateMathToLLVMConversionPatterns(converter, patterns, /*approximateLog1p=*/false,
                                       /*benefit=*/2);
  populateVectorToLLVMConversionPatterns(converter, patterns);
  ub::populateUBToLLVMConversionPatterns(converter, patterns);
  populateFuncToLLVMConversionPatterns(converter, patterns);

  ConversionTarget target(*context);
  target.addLegalDialect<LLVM::LLVMDialect, step::StepDialect>();
  target.addLegalOp<ModuleOp>();
  target.addIllegalDialect<arith::ArithDialect, cf::ControlFlowDialect, func::FuncDialect,
                           math::MathDialect, scf::SCFDialect, ub::UBDialect,
                           vector::VectorDialect>();
  return applyPartialConversion(module, target, std::move(patterns));
}

} // namespace

std::unique_ptr<KernelTarget> createCpuKernelTarget(StringRef architecture,
                                                    function_ref<InFlightDiagnostic()> emitError) {
  std::optional<CpuTarget> cpu = CpuTarget::parse(architecture);
  if (cpu)
    return std::make_unique<CpuKernels>(*cpu);
  emitError() << "unknown CPU '" << architecture
              << "', expected x86-64-v2, x86-64-v3, x86-64-v4 or native";
  return nullptr;
}

} // namespace swamla
