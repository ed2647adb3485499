//===- EmulatorSupport.cpp - kernels by hand for the emulator's tests -----===//
#include "tests/emulated/EmulatorSupport.h"

#include "dialects/Step/IR/StepDialect.h"

#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Parser/Parser.h"

#include <fmt/format.h>

using namespace mlir;

namespace swamla::test {

static std::string moduleText(const std::string &body, const HandLaunch &launch) {
  std::string parameters, constants;
  auto add = [&](const std::string &parameter) {
    parameters += (parameters.empty() ? "" : ", ") + parameter;
  };
  for (unsigned i = 0; i < launch.views; ++i)
    add(fmt::format("%v{}: !llvm.ptr<1>", i));
  if (launch.scratch)
    add("%scratch: !llvm.ptr<1>");
  for (unsigned i = 0; i < launch.numMaps; ++i)
    add(fmt::format("%m{}: !llvm.ptr {{llvm.byval = !llvm.array<128 x i8>}}", i));
  for (unsigned i = 0; i < 10; ++i)
    constants += fmt::format("%c{0} = llvm.mlir.constant({0} : i32) : i32\n", i);
  return fmt::format(R"(
    llvm.mlir.global external @swamla_shared() {{addr_space = 3 : i32, alignment = 1024 : i64}} : !llvm.array<0 x i8>
    llvm.func @hand({0}) attributes {{nvvm.kernel, step.num_views = {1} : i64, step.scratch_bytes = {2} : i64,
        step.grid = array<i64: {3}, 1, 1>, step.block = {4} : i64, step.shared_bytes = {5} : i64,
        step.tensor_maps = [{6}]}} {{
      {7}
      %all = llvm.mlir.constant(-1 : i32) : i32
      %last = llvm.mlir.constant(31 : i32) : i32
      %tid = nvvm.read.ptx.sreg.tid.x : i32
      %smem = llvm.mlir.addressof @swamla_shared : !llvm.ptr<3>
      {8}
    }})",
                     parameters, launch.views, launch.scratch, launch.grid, launch.block,
                     launch.shared, launch.maps, constants, body);
}

HandKernel::HandKernel(const std::string &body, const HandLaunch &launch) : launch(launch) {
  DialectRegistry registry;
  registry.insert<step::StepDialect, LLVM::LLVMDialect, NVVM::NVVMDialect>();
  context = std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  ScopedDiagnosticHandler handler(context.get(), [&](Diagnostic &diagnostic) {
    diagnostics += diagnostic.str() + "\n";
    return success();
  });
  module = parseSourceString<ModuleOp>(moduleText(body, launch), context.get());
  if (!module)
    return;
  FailureOr<EmulatedKernel> decoded =
      EmulatedKernel::create(*module->getOps<LLVM::LLVMFuncOp>().begin());
  if (succeeded(decoded))
    kernel = *decoded;
}

std::string HandKernel::run(const std::vector<HostView> &views,
                            const EmulationOptions &options) const {
  if (!kernel)
    return diagnostics;
  std::vector<emulator::MemoryView> memory;
  for (const HostView &view : views)
    memory.push_back({view.bytes, view.offset});
  std::vector<std::byte> scratch(launch.scratch);
  return llvm::toString(kernel->launch(memory, options, scratch));
}

} // namespace swamla::test
