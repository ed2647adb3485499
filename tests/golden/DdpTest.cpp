//===- DdpTest.cpp - many ranks do what one does with accumulation --------===//
//
// A small model, compiled for 1, 2 and 4 ranks, takes ten steps of the same
// four batches: as micro steps of one rank, shared by two, or one on each of
// four. Ranks are threads, each with a device of its own.
//
//===----------------------------------------------------------------------===//
#include "runtime/train/ParamTable.h"
#include "tests/unit/ThreadRanks.h"
#include "tools/swamla-golden/RunCase.h"

#include "compiler/Pipelines/RegisterPasses.h"
#include "runtime/base/Philox.h"
#include "runtime/train/Scaling.h"

#include "mlir/Pass/PassManager.h"

#include <gtest/gtest.h>

#include <cmath>
#include <thread>

namespace swamla {
namespace {

constexpr int64_t kSteps = 10, kMicroSteps = 4;

/// What a rank has at the end.
struct Trained {
  std::vector<std::byte> bytes; ///< the masters
  std::vector<float> params;
  double norm = 0; ///< of the last step's gradient
};

/// One rank's training.
class RankRun {
public:
  RankRun(const StepFile &file, Device &device, unsigned rank)
      : file(file), device(device), rank(rank) {}

  Status train(Trained &trained) {
    SWAMLA_TRY(ParamTable table, ParamTable::create(file));
    SWAMLA_RETURN_IF_ERROR(initParams(device, table, /*seed=*/7));
    SWAMLA_RETURN_IF_ERROR(refreshWorkingCopies(device));
    SWAMLA_RETURN_IF_ERROR(setConstants());
    for (int64_t step = 0; step < kSteps; ++step)
      SWAMLA_RETURN_IF_ERROR(this->step(step));
    unsigned params = table.paramsBuffer().index;
    trained.bytes.resize(file.step().buffers()->Get(params)->bytes());
    SWAMLA_RETURN_IF_ERROR(device.download(params, 0, trained.bytes));
    trained.params.resize(trained.bytes.size() / sizeof(float));
    std::memcpy(trained.params.data(), trained.bytes.data(), trained.bytes.size());
    float norm = 0;
    SWAMLA_RETURN_IF_ERROR(device.readSlot("apply.grad_norm", std::span(&norm, 1)));
    trained.norm = norm;
    return Status::ok();
  }

private:
  Status set(const char *name, double value) {
    if (!file.findSlot(name))
      return Status::ok();
    auto narrow = static_cast<float>(value);
    return device.writeSlot(name, std::span<const float>(&narrow, 1));
  }

  Status setConstants() {
    const std::pair<const char *, double> constants[] = {{"lr", 1e-3},
                                                         {"beta1", 0.9},
                                                         {"beta2", 0.95},
                                                         {"eps", 1e-8},
                                                         {"weight_decay", 0.1},
                                                         {"clip", 1.0},
                                                         {"grad_scale", 1.0 / kMicroSteps},
                                                         {"loss_scale", 1.0}};
    for (auto [name, value] : constants)
      SWAMLA_RETURN_IF_ERROR(set(name, value));
    return Status::ok();
  }

  /// Batch number `number` of all ranks.
  Status setBatch(int64_t number) {
    const schema::Model &model = *file.step().model();
    size_t count = size_t(model.batch()) * model.block_size();
    RandomStream stream(uint64_t(number), "batch");
    std::vector<int32_t> tokens(count), targets(count);
    for (size_t i = 0; i < count; ++i) {
      tokens[i] = int32_t(stream.below(i, model.vocab_size()));
      targets[i] = int32_t(stream.below(count + i, model.vocab_size()));
    }
    SWAMLA_RETURN_IF_ERROR(device.writeSlot("micro_step.tokens", tokens));
    return device.writeSlot("micro_step.targets", targets);
  }

  Status step(int64_t step) {
    int64_t ranks = file.step().ranks(), accumulation = kMicroSteps / ranks;
    unsigned microStep = *file.findProgram("micro_step");
    unsigned last = file.findProgram("last_micro_step").value_or(microStep);
    for (int64_t micro = 0; micro < accumulation; ++micro) {
      SWAMLA_RETURN_IF_ERROR(setBatch(step * kMicroSteps + micro * ranks + rank));
      SWAMLA_TRY(bool uncalibrated, wantsCalibration(device));
      if (uncalibrated)
        SWAMLA_RETURN_IF_ERROR(calibrateScales(device));
      SWAMLA_RETURN_IF_ERROR(device.run(micro + 1 == accumulation ? last : microStep));
    }
    AdamBiasCorrection correction = adamBiasCorrection(0.9, 0.95, step + 1);
    SWAMLA_RETURN_IF_ERROR(set("bias_correction1", correction.first));
    SWAMLA_RETURN_IF_ERROR(set("bias_correction2", correction.second));
    return device.run(*file.findProgram("apply"));
  }

  const StepFile &file;
  Device &device;
  unsigned rank;
};

CompileOptions optionsFor(int64_t ranks) {
  CompileOptions options;
  if (ranks > 1)
    options.ranks = ranks;
  return options;
}

/// All ranks' results; the test fails where one has an error.
std::vector<Trained> train(const CompileOptions &options) {
  static const bool registered = (mlir::registerPassManagerCLOptions(), true);
  (void)registered;
  auto golden = loadGoldenCase(std::string(SWAMLA_GOLDEN_DIR) + "/gqa_qlora_bias.safetensors");
  EXPECT_TRUE(golden.isOk()) << golden.status().message();
  mlir::DialectRegistry registry;
  registerAllSwamlaDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  auto bytes = compileCase(*golden, options, context);
  EXPECT_TRUE(bytes.isOk()) << bytes.status().message();
  if (!bytes.isOk())
    return {};
  auto view = std::as_bytes(std::span(*bytes));
  auto file = StepFile::fromBytes(std::vector<std::byte>(view.begin(), view.end()), "golden");
  EXPECT_TRUE(file.isOk()) << file.status().message();

  unsigned count = file->step().ranks();
  test::ThreadRanks ranks(count);
  std::vector<Trained> trained(count);
  std::vector<std::thread> threads;
  for (unsigned rank = 0; rank < count; ++rank)
    threads.emplace_back([&, rank] {
      auto device =
          Device::create(*file, {.communicator = count > 1 ? &ranks[rank] : nullptr, .threads = 1});
      ASSERT_TRUE(device.isOk()) << device.status().message();
      Status status = RankRun(*file, **device, rank).train(trained[rank]);
      ASSERT_TRUE(status.isOk()) << status.message();
    });
  for (std::thread &thread : threads)
    thread.join();
  return trained;
}

/// |x - y| / |y|, of the whole vectors.
double relative(const std::vector<float> &x, const std::vector<float> &y) {
  double difference = 0, size = 0;
  for (size_t i = 0; i < y.size(); ++i) {
    difference += (double(x[i]) - y[i]) * (double(x[i]) - y[i]);
    size += double(y[i]) * y[i];
  }
  return std::sqrt(difference / size);
}

/// Trains on so many ranks twice: within `tolerance` of one rank, the same bits on all ranks and in
/// both runs.
void compareWithOne(CompileOptions options, int64_t ranks, double tolerance) {
  std::vector<Trained> one = train(options);
  options.ranks = ranks;
  std::vector<Trained> many = train(options), again = train(options);
  ASSERT_EQ(one.size(), 1U);
  ASSERT_EQ(many.size(), size_t(ranks));
  EXPECT_LE(relative(many[0].params, one[0].params), tolerance);
  EXPECT_NEAR(many[0].norm, one[0].norm, 1e2 * tolerance * one[0].norm);
  for (size_t rank = 0; rank < many.size(); ++rank) {
    EXPECT_EQ(many[rank].bytes, many[0].bytes) << "rank " << rank;
    EXPECT_EQ(many[rank].bytes, again[rank].bytes) << "rank " << rank;
  }
}

TEST(Ddp, TwoAreOneWithAccumulation) { compareWithOne(optionsFor(1), 2, 1e-6); }
TEST(Ddp, FourAreOneWithAccumulation) { compareWithOne(optionsFor(1), 4, 1e-6); }

TEST(Ddp, OneMicroStepAddsUpItself) {
  // On one rank it cannot accumulate, so what four do with programs for any number is the measure.
  CompileOptions options = optionsFor(4);
  std::vector<Trained> any = train(options);
  options.microSteps = "one";
  std::vector<Trained> one = train(options);
  ASSERT_EQ(one.size(), 4U);
  EXPECT_LE(relative(one[3].params, any[3].params), 1e-6);
  EXPECT_EQ(one[3].bytes, one[0].bytes);
}

TEST(Ddp, StayTheSameInFp8) {
  CompileOptions options = optionsFor(2);
  options.precision = "fp8";
  options.fp8Recipe = "delayed";
  std::vector<Trained> trained = train(options);
  ASSERT_EQ(trained.size(), 2U);
  EXPECT_EQ(trained[0].bytes, trained[1].bytes);
  EXPECT_TRUE(std::isfinite(trained[0].norm));
}

} // namespace
} // namespace swamla
