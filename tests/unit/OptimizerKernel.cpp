//===- OptimizerKernel.cpp - the update of @apply as one kernel op --------===//
#include "tests/unit/OptimizerKernel.h"

#include "compiler/Fuse/Passes.h"
#include "compiler/Plan/Passes.h"
#include "dialects/Step/IR/StepDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

#include <cstring>
#include <gtest/gtest.h>

using namespace mlir;

namespace swamla::test {

OptimizerKernel::OptimizerKernel(OptimizerKind kind, OptimizerState state, int64_t elements) {
  build(kind, state, elements);
}

void OptimizerKernel::build(OptimizerKind kind, OptimizerState state, int64_t elements) {
  DialectRegistry registry;
  registry.insert<SwamlaDialect, step::StepDialect, arith::ArithDialect, math::MathDialect,
                  func::FuncDialect, tensor::TensorDialect>();
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  std::string size = std::to_string(elements);
  auto module =
      parseSourceString<ModuleOp>("module attributes {swamla.flat_decay = " + size +
                                      " : i64, swamla.flat_total = " + size + " : i64} {}",
                                  &context);
  PassManager passes(&context);
  passes.addPass(createBuildOptimizerPass({kind, /*keepGrads=*/false, state}));
  passes.addNestedPass<func::FuncOp>(createFormFusedPass());
  passes.addNestedPass<func::FuncOp>(createFuseRowwisePass());
  passes.addPass(createPlanPass());
  ASSERT_TRUE(module && succeeded(passes.run(*module)));

  for (auto buffer : module->getOps<step::BufferOp>())
    bufferBytes[buffer.getSymName().str()] = buffer.getBytes();
  for (auto slot : module->getOps<step::SlotOp>())
    scalarOffsets[slot.getSymName().str()] = slot.getView().getOffset();
  auto apply = cast<step::ProgramOp>(SymbolTable::lookupSymbolIn(*module, "apply"));
  step::LaunchOp update;
  for (auto launch : apply.getBody().getOps<step::LaunchOp>()) {
    updates += launch.getLabel().contains("adamw") || launch.getLabel().contains("lion");
    update = launch;
  }
  for (auto view : update.getViews().getAsRange<step::ViewAttr>())
    viewList.push_back({cast<SymbolRefAttr>(view.getBuffer()).getLeafReference().str(),
                        view.getOffset(), view.getBytes()});
  numUnits = static_cast<int64_t>(update.getUnits());
  Operation *kernel = SymbolTable::lookupSymbolIn(*module, update.getKernelAttr());
  SymbolTable::setSymbolName(kernel, "kernel");
  llvm::raw_string_ostream stream(kernelText);
  kernel->print(stream);
}

Buffers OptimizerKernel::makeBuffers() const {
  Buffers buffers;
  for (const auto &[name, bytes] : bufferBytes)
    buffers[name].resize(bytes);
  return buffers;
}

std::vector<unsigned> OptimizerKernel::offsets() const {
  std::vector<unsigned> offsets;
  for (const View &view : viewList)
    offsets.push_back(view.offset % 256);
  return offsets;
}

std::vector<std::span<std::byte>> OptimizerKernel::views(Buffers &buffers,
                                                         const OptimizerNumbers &numbers) const {
  const std::pair<const char *, float> scalars[] = {{"lr", numbers.lr},
                                                    {"beta1", numbers.beta1},
                                                    {"beta2", numbers.beta2},
                                                    {"eps", numbers.eps},
                                                    {"weight_decay", numbers.weightDecay},
                                                    {"bias_correction1", numbers.correction1},
                                                    {"bias_correction2", numbers.correction2}};
  for (auto [name, value] : scalars)
    if (auto slot = scalarOffsets.find(name); slot != scalarOffsets.end())
      std::memcpy(&buffers["scalars"][slot->second], &value, sizeof(value));
  std::vector<std::span<std::byte>> spans;
  for (const View &view : viewList) {
    spans.push_back(std::span(buffers[view.buffer]).subspan(view.offset, view.bytes));
    // Numbers of other launches: the factor lies in the arena, the norm is a result.
    if (view.buffer == "arena")
      std::memcpy(spans.back().data(), &numbers.factor, sizeof(float));
    if (view.buffer == "results")
      std::memcpy(spans.back().data(), &numbers.norm, sizeof(float));
  }
  return spans;
}

} // namespace swamla::test
