//===- GoldenTest.cpp - golden cases on an emulated GPU -------------------===//
//
//   EmulatedGoldenTest --gtest_filter='*tiny_bf16'
//
// Every golden case is compiled for cuda and trained on the emulated GPU: what
// comes out is within the tolerances that hold on a GPU, and has the same bits when
// blocks and warps run in another order and activations are recomputed.
//
//===----------------------------------------------------------------------===//
#include "compiler/Frontend/ModelBuilder.h"
#include "compiler/Pipelines/Compile.h"
#include "compiler/Pipelines/RegisterPasses.h"
#include "tests/emulated/EmulatedDevice.h"
#include "tools/swamla-golden/Compare.h"
#include "tools/swamla-golden/Report.h"
#include "tools/swamla-golden/TrainCase.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Pass/PassManager.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

using namespace swamla;
using namespace swamla::test;

namespace {

struct Parameter {
  std::string path, precision;
  std::string recipe; ///< of fp8

  std::string name() const {
    return std::filesystem::path(path).stem().string() + "_" + precision + recipe;
  }
};

void PrintTo(const Parameter &parameter, std::ostream *os) { *os << parameter.name(); }

class EmulatedGolden : public testing::TestWithParam<Parameter> {
protected:
  /// Compiles the case up to the lower phase.
  void compile(const GoldenCase &golden, const std::string &checkpoint) {
    mlir::registerPassManagerCLOptions();
    mlir::DialectRegistry registry;
    registerAllSwamlaDialects(registry);
    module = {};
    context = std::make_unique<mlir::MLIRContext>(registry, mlir::MLIRContext::Threading::DISABLED);
    module = buildModel(golden.config, "golden", *context);
    CompileOptions options;
    options.batch = golden.training.batch;
    options.precision = GetParam().precision;
    if (!GetParam().recipe.empty())
      options.fp8Recipe = GetParam().recipe;
    options.target = "cuda";
    options.checkpoint = checkpoint;
    options.until = Phase::Lower;
    ASSERT_TRUE(mlir::succeeded(runPhases(*module, options)));
  }

  Result<GoldenOutcome> train(const GoldenCase &golden, const EmulationOptions &options) {
    SWAMLA_TRY(StepFile file, emulatedStepFile(*module));
    SWAMLA_TRY(std::unique_ptr<Device> device, createEmulatedDevice(file, *module, options));
    return trainCase(golden, *device);
  }

  std::unique_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
};

TEST_P(EmulatedGolden, IsWithinTolerances) {
  auto golden = loadGoldenCase(GetParam().path);
  ASSERT_TRUE(golden.isOk()) << golden.status().message();
  auto tolerances = tolerancesOf(GetParam().precision);
  ASSERT_TRUE(tolerances.isOk());

  compile(*golden, "none");
  if (HasFatalFailure())
    return;
  auto outcome = train(*golden, {});
  ASSERT_TRUE(outcome.isOk()) << outcome.status().message();
  GoldenComparison comparison = compare(*golden, *outcome, *tolerances);
  EXPECT_TRUE(comparison.passes(*tolerances))
      << reportTable(*golden, comparison, *outcome, *tolerances);
  std::cout << reportLine(*golden, comparison, *tolerances) << "\n";

  compile(*golden, "block");
  if (HasFatalFailure())
    return;
  auto again = train(*golden, {.seed = 5, .adversarial = true});
  ASSERT_TRUE(again.isOk()) << again.status().message();
  EXPECT_EQ(firstDifference(*golden, *outcome, *again), "");
}

std::vector<Parameter> parameters() {
  std::vector<Parameter> all;
  for (const auto &entry : std::filesystem::directory_iterator(SWAMLA_GOLDEN_DIR))
    if (entry.path().extension() == ".safetensors")
      for (const char *precision : {"fp32", "bf16"})
        all.push_back({entry.path().string(), precision, {}});
  for (const char *recipe : {"tensorwise", "delayed", "rowwise"})
    all.push_back({SWAMLA_GOLDEN_DIR "/tiny.safetensors", "fp8", recipe});
  std::ranges::sort(all, {}, &Parameter::name);
  return all;
}

INSTANTIATE_TEST_SUITE_P(All, EmulatedGolden, testing::ValuesIn(parameters()),
                         [](const testing::TestParamInfo<Parameter> &info) {
                           return info.param.name();
                         });

} // namespace
