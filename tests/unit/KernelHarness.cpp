//===- KernelHarness.cpp - compiles kernel ops and calls them -------------===//
#include "tests/unit/KernelHarness.h"

#include "compiler/Kernels/CPU/CpuTarget.h"
#include "compiler/Kernels/Passes.h"
#include "compiler/Target/CPU/CompileToElf.h"
#include "dialects/Step/IR/StepDialect.h"
#include "dialects/Swamla/IR/SwamlaDialect.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Parser/Parser.h"
#include "mlir/Pass/PassManager.h"

#include <chrono>
#include <dlfcn.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <random>
#include <sys/mman.h>
#include <unistd.h>

using namespace mlir;

namespace swamla::test {

static double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

Kernels::Kernels(const std::string &text, const std::string &architecture) {
  compile(text, architecture);
}

void Kernels::compile(const std::string &text, const std::string &architecture) {
  DialectRegistry registry;
  registry.insert<SwamlaDialect, step::StepDialect, arith::ArithDialect, math::MathDialect,
                  LLVM::LLVMDialect>();
  MLIRContext context(registry, MLIRContext::Threading::DISABLED);
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diagnostic) {
    diagnostics += diagnostic.str() + "\n";
    return success();
  });
  auto module = parseSourceString<ModuleOp>(text, &context);
  if (!module)
    return;
  double start = seconds();
  PassManager manager(&context);
  manager.addPass(createLowerKernelsPass({"cpu", architecture}));
  if (failed(manager.run(*module)))
    return;
  double lowered = seconds();
  for (auto function : module->getOps<LLVM::LLVMFuncOp>())
    if (auto bytes = function->getAttrOfType<IntegerAttr>("step.scratch_bytes"))
      scratch.resize(std::max<size_t>(scratch.size(), bytes.getInt()));
  llvm::raw_string_ostream stream(loweredText);
  module->print(stream);
  auto object = compileToElf(*module, *CpuTarget::parse(architecture));
  if (failed(object))
    return;
  lowerSeconds = lowered - start;
  compileSeconds = seconds() - lowered;
  codeBytes = object->size();
  map(std::vector<char>(object->begin(), object->end()));
}

void Kernels::map(const std::vector<char> &object) {
  // Open as long as the library is: dlopen would take a second library for this one if the two had
  // the same path.
  file = memfd_create("kernels", MFD_CLOEXEC);
  ASSERT_EQ(write(file, object.data(), object.size()), static_cast<ssize_t>(object.size()));
  std::string path = "/proc/self/fd/" + std::to_string(file);
  library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  const char *error = library ? nullptr : dlerror();
  EXPECT_EQ(error, nullptr) << error;
}

Kernels::~Kernels() {
  if (library)
    dlclose(library);
  if (file >= 0)
    close(file);
}

void Kernels::run(const char *name, const std::vector<void *> &views, int64_t begin, int64_t end,
                  void *ownScratch) const {
  ASSERT_NE(library, nullptr) << diagnostics;
  using Entry = void (*)(void *const *, int64_t, int64_t, void *);
  auto entry = reinterpret_cast<Entry>(dlsym(library, name));
  ASSERT_NE(entry, nullptr) << name;
  entry(views.data(), begin, end,
        ownScratch ? ownScratch : const_cast<std::byte *>(scratch.data()));
}

std::vector<std::string> runnableArchitectures() {
  std::vector<std::string> names;
  unsigned best = CpuTarget::parse("native")->level;
  for (unsigned level = 2; level <= best; ++level)
    names.push_back(CpuTarget{level}.name());
  return names;
}

std::string castText(const char *from, const char *op, const char *to, size_t n) {
  return fmt::format(R"(
    step.row_kernel @cast domain [1, {3}] row_dims 1 ins 1
        maps [affine_map<(m, c) -> (c)>, affine_map<(m, c) -> (c)>] unit_rows 1 {{
    ^bb0(%x: {0}, %out: {2}):
      %y = arith.{1} %x : {0} to {2}
      swamla.yield %y : {2}
    }})",
                     from, op, to, n);
}

std::vector<float> randomFloats(size_t count, uint32_t seed, float low, float high) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<float> distribution(low, high);
  std::vector<float> values(count);
  for (float &value : values)
    value = distribution(generator);
  return values;
}

} // namespace swamla::test
