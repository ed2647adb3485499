//===- NonFiniteStepTest.cpp - the search for NaN on compiled steps -------===//
//
// On whole programs: a healthy step has no output that is not finite, even if
// everything between the outputs' elements is NaN, and every kernel says which
// elements it writes.
//
//===----------------------------------------------------------------------===//
#include "runtime/train/NonFinite.h"
#include "tools/swamla-golden/RunCase.h"
#include "tools/swamla-golden/TrainCase.h"

#include "compiler/Pipelines/RegisterPasses.h"

#include "mlir/Pass/PassManager.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>
#include <vector>

namespace swamla {
namespace {

/// A step.bin of the case for the CPU; compiled once for each precision.
std::vector<std::byte> compiled(const GoldenCase &golden, const std::string &precision) {
  static std::map<std::string, std::vector<std::byte>> known;
  std::vector<std::byte> &file = known[precision];
  if (!file.empty())
    return file;
  mlir::registerPassManagerCLOptions();
  mlir::DialectRegistry registry;
  registerAllSwamlaDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  CompileOptions options;
  options.precision = precision;
  auto bytes = compileCase(golden, options, context);
  EXPECT_TRUE(bytes.isOk()) << bytes.status().message();
  if (bytes.isOk()) {
    auto view = std::as_bytes(std::span(*bytes));
    file.assign(view.begin(), view.end());
  }
  return file;
}

/// The case, loaded and trained.
class NonFiniteStepTest : public testing::TestWithParam<const char *> {
protected:
  void SetUp() override {
    auto golden = loadGoldenCase(std::string(SWAMLA_GOLDEN_DIR) + "/gqa_qlora_bias.safetensors");
    ASSERT_TRUE(golden.isOk()) << golden.status().message();
    auto loaded = StepFile::fromBytes(compiled(*golden, GetParam()), "golden");
    ASSERT_TRUE(loaded.isOk()) << loaded.status().message();
    file = std::make_unique<StepFile>(*std::move(loaded));
    auto created = Device::create(*file, {.threads = 2});
    ASSERT_TRUE(created.isOk()) << created.status().message();
    device = *std::move(created);
    auto trained = trainCase(*golden, *device);
    ASSERT_TRUE(trained.isOk()) << trained.status().message();
  }

  /// Fills the arena with NaN.
  void poison() {
    const auto &buffers = *file->step().buffers();
    for (unsigned i = 0; i < buffers.size(); ++i) {
      if (buffers.Get(i)->kind() != schema::BufferKind::Arena)
        continue;
      std::vector<float> nan(buffers.Get(i)->bytes() / sizeof(float), NAN);
      ASSERT_TRUE(device->upload(i, 0, std::as_bytes(std::span(nan))).isOk());
    }
  }

  std::unique_ptr<StepFile> file;
  std::unique_ptr<Device> device;
};

TEST_P(NonFiniteStepTest, EveryKernelSaysWhatItWrites) {
  for (const schema::Kernel *kernel : *file->step().kernels()) {
    ASSERT_TRUE(kernel->views()) << kernel->name()->str();
    bool writes = false;
    for (const schema::KernelView *view : *kernel->views()) {
      bool read = view->access() == schema::Access::Read;
      writes |= !read;
      EXPECT_TRUE(read || view->sizes()) << kernel->name()->str();
    }
    EXPECT_TRUE(writes) << kernel->name()->str();
  }
}

TEST_P(NonFiniteStepTest, AHealthyStepHasNone) {
  NonFiniteSearch search(*device);
  auto none = search.inParameters();
  ASSERT_TRUE(none.isOk()) << none.status().message();
  EXPECT_FALSE(*none);
  for (const char *program : {"setup", "micro_step", "eval", "logits", "apply"}) {
    unsigned index = *file->findProgram(program);
    poison();
    auto found = search.inProgram(index, file->step().programs()->Get(index)->ops()->size());
    ASSERT_TRUE(found.isOk()) << found.status().message();
    EXPECT_FALSE(*found) << (*found)->describe();
  }
}

TEST_P(NonFiniteStepTest, SeesEveryParameterGoWrong) {
  NonFiniteSearch search(*device);
  unsigned params = 0, microStep = *file->findProgram("micro_step");
  while (file->step().buffers()->Get(params)->kind() != schema::BufferKind::Params)
    ++params;
  unsigned ops = file->step().programs()->Get(microStep)->ops()->size();
  std::optional<unsigned> cast = file->findProgram("cast");
  for (const schema::Param *param : *file->step().params()) {
    uint64_t place = param->offset() * sizeof(float);
    float nan = NAN, before = 0;
    ASSERT_TRUE(
        device->download(params, place, std::as_writable_bytes(std::span(&before, 1))).isOk());
    auto set = [&](const float &value) {
      ASSERT_TRUE(device->upload(params, place, std::as_bytes(std::span(&value, 1))).isOk());
      if (cast)
        ASSERT_TRUE(device->run(*cast).isOk());
    };
    set(nan);
    auto named = search.inParameters();
    ASSERT_TRUE(named.isOk());
    ASSERT_TRUE(*named);
    EXPECT_EQ((*named)->what, "parameter " + param->name()->str());
    // The first row of the embedding may belong to a token that does not occur.
    auto found = search.inProgram(microStep, ops);
    ASSERT_TRUE(found.isOk());
    EXPECT_TRUE(*found || param->name()->string_view().starts_with("wte")) << (*named)->what;
    set(before);
  }
}

INSTANTIATE_TEST_SUITE_P(Precision, NonFiniteStepTest, testing::Values("fp32", "bf16", "fp8"),
                         [](const auto &info) { return std::string(info.param); });

} // namespace
} // namespace swamla
