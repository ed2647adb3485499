//===- EmulatedOp.cpp - kernel ops, lowered for a GPU and emulated --------===//
#include "tests/emulated/EmulatedOp.h"

#include "compiler/Kernels/Passes.h"
#include "dialects/Step/IR/StepDialect.h"
#include "dialects/Step/IR/StepVerifiers.h"
#include "dialects/Swamla/IR/SwamlaDialect.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

#include <gtest/gtest.h>

using namespace mlir;

namespace swamla::test {

EmulatedOp::EmulatedOp(const std::string &text, const std::vector<HostView> &views, int without) {
  DialectRegistry registry;
  registry.insert<SwamlaDialect, step::StepDialect, arith::ArithDialect, math::MathDialect,
                  LLVM::LLVMDialect, NVVM::NVVMDialect>();
  context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  ScopedDiagnosticHandler handler(context.get(), [&](Diagnostic &diagnostic) {
    diagnostics += diagnostic.str() + "\n";
    return success();
  });
  lower(text, views);
  if (!diagnostics.empty())
    return;
  leaveOut(without);
  decode();
}

/// A buffer for each view, and a program that launches the kernel once.
static std::string launchText(const std::vector<HostView> &views, int64_t units) {
  std::string buffers, list;
  for (size_t i = 0; i < views.size(); ++i) {
    std::string name = "@view" + std::to_string(i);
    std::string bytes = std::to_string(views[i].bytes.size());
    buffers += "step.buffer " + name + " kind \"arena\" bytes " +
               std::to_string(views[i].bytes.size() + views[i].offset) + "\n";
    list += (i ? ", " : "") + std::string("#step.view<") + name + ", " +
            std::to_string(views[i].offset) + ", " + bytes + ">";
  }
  return buffers + "step.program @setup { step.launch @kernel [" + list + "] units " +
         std::to_string(units) + " label \"kernel\" flops 0 bytes 0 }\n";
}

void EmulatedOp::lower(const std::string &text, const std::vector<HostView> &views) {
  module = parseSourceString<ModuleOp>(text, context.get());
  if (!module)
    return;
  auto footprint = step::kernelFootprint(SymbolTable(*module).lookup("kernel"));
  int64_t units = footprint && footprint->units ? footprint->units : 1;
  module = parseSourceString<ModuleOp>(text + "\n" + launchText(views, units), context.get());
  if (!module)
    return;
  PassManager manager(context.get());
  LowerKernelsPassOptions options;
  options.target = "cuda";
  options.architecture = "sm_90a";
  manager.addPass(createLowerKernelsPass(options));
  if (failed(manager.run(*module)))
    return;
}

/// Waits for products are not counted: nothing can stand for their results. Nor are those of the
/// lanes of a warp, which count as one.
static bool isSynchronization(Operation *op) {
  if (auto assembly = dyn_cast<LLVM::InlineAsmOp>(op))
    return assembly->getNumResults() == 0 &&
           StringRef(assembly.getAsmString()).contains("mbarrier.arrive");
  return isa<NVVM::Barrier0Op, NVVM::BarrierOp, NVVM::BarrierArriveOp, NVVM::MBarrierInitOp,
             NVVM::MBarrierArriveExpectTxOp, NVVM::MBarrierTryWaitParityOp,
             NVVM::FenceMbarrierInitOp, NVVM::FenceProxyOp, NVVM::CpAsyncBulkWaitGroupOp,
             NVVM::CpAsyncWaitGroupOp>(op) &&
         op->use_empty();
}

void EmulatedOp::leaveOut(int without) {
  Operation *victim = nullptr;
  module->walk([&](Operation *op) {
    if (isSynchronization(op) && int(synchronizations++) == without)
      victim = op;
  });
  if (!victim)
    return;
  llvm::raw_string_ostream(omitted) << *victim;
  victim->erase();
}

void EmulatedOp::decode() {
  SymbolTable symbols(*module);
  module->walk([&](step::LaunchOp launch) {
    auto function = symbols.lookup<LLVM::LLVMFuncOp>(launch.getKernel());
    FailureOr<EmulatedKernel> kernel = EmulatedKernel::create(function);
    if (failed(kernel))
      return;
    std::vector<size_t> indices;
    for (auto view : launch.getViews().getAsRange<step::ViewAttr>())
      indices.push_back(std::stoul(view.getBuffer().getValue().drop_front(4).str()));
    steps.push_back({*kernel, std::move(indices)});
  });
}

std::string EmulatedOp::tryRun(const std::vector<HostView> &views,
                               const EmulationOptions &options) const {
  for (const Step &step : steps) {
    std::vector<emulator::MemoryView> memory;
    for (size_t index : step.views)
      memory.push_back({views[index].bytes, views[index].offset % 256});
    std::vector<std::byte> scratch(step.kernel.scratchBytes());
    if (llvm::Error error = step.kernel.launch(memory, options, scratch))
      return llvm::toString(std::move(error));
  }
  return "";
}

void EmulatedOp::run(const std::vector<HostView> &views, const EmulationOptions &options) const {
  ASSERT_EQ(diagnostics, "");
  ASSERT_FALSE(steps.empty()) << "the op has become no function";
  ASSERT_EQ(tryRun(views, options), "") << "seed " << options.seed;
}

std::string EmulatedOp::lowered() const {
  std::string text;
  llvm::raw_string_ostream stream(text);
  if (ModuleOp lowered = module.get())
    lowered->print(stream);
  return text;
}

std::vector<EmulationOptions> schedules(unsigned adversarial) {
  std::vector<EmulationOptions> all(1);
  for (unsigned seed = 1; seed <= adversarial; ++seed)
    all.push_back({seed, true});
  return all;
}

} // namespace swamla::test
