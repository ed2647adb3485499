//===- CudaRulesTest.cpp - the rules of the CUDA device, without CUDA -----===//
#include "runtime/base/Log.h"
#include "runtime/cuda/GpuTarget.h"
#include "runtime/cuda/MatmulProblem.h"
#include "runtime/cuda/TuningCache.h"
#include "tests/unit/TrainTestSupport.h"

#include <cstdlib>

namespace swamla {
namespace {

using namespace test;
using schema::BufferKind;

constexpr uint64_t kGiB = uint64_t(1) << 30;

//===----------------------------------------------------------------------===//
// Architecture
//===----------------------------------------------------------------------===//

GpuInfo gpu(unsigned major, unsigned minor) { return {0, "NVIDIA Test", major, minor, 132}; }

TEST(GpuTarget, Architecture) {
  EXPECT_TRUE(succeeded(requireArchitecture(gpu(9, 0), "sm_90a")));
  EXPECT_TRUE(succeeded(requireArchitecture(gpu(9, 0), "sm_90")));
  EXPECT_TRUE(succeeded(requireArchitecture(gpu(10, 0), "sm_90")));
  EXPECT_TRUE(succeeded(requireArchitecture(gpu(10, 3), "sm_103a")));
  EXPECT_TRUE(failedWith(requireArchitecture(gpu(10, 0), "sm_90a"), StatusCode::FailedPrecondition,
                         {"compiled for sm_90a, which runs on compute capability 9.0 only",
                          "GPU 0 is an NVIDIA Test with 10.0", "--device", "--target=cpu"}));
  EXPECT_TRUE(failedWith(requireArchitecture(gpu(8, 9), "sm_90"), StatusCode::FailedPrecondition,
                         {"compute capability 9.0 and above"}));
  for (const char *name : {"sm_", "sm_9", "sm_90b", "sm_90aa", "x86-64-v3", "", "sm_-90"})
    EXPECT_TRUE(failedWith(requireArchitecture(gpu(9, 0), name), StatusCode::FailedPrecondition,
                           {"expected an architecture such as 'sm_90a'"}))
        << name;
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

/// Parameters, gradients and state of 2 GiB each, activations of 64 GiB at batch 8.
StepFile largeProgram(const char *checkpoint) {
  schema::StepT step = emptyStep();
  addWorking(step);
  step.model->batch = 8;
  for (auto &slot : step.slots)
    if (slot->name.starts_with("micro_step.t") || slot->name.starts_with("eval.t")) {
      slot->shape = {32};
      slot->view = std::make_unique<schema::View>(kInput, 0, 128);
    }
  for (unsigned flat : {kParams, kGrads, kState})
    step.buffers[flat]->bytes = 2 * kGiB;
  step.buffers[kWorking]->bytes = kGiB;
  step.buffers[kArena]->bytes = 64 * kGiB;
  if (checkpoint)
    step.options = {"--batch=8", checkpoint};
  auto file = loadStep(step);
  EXPECT_TRUE(succeeded(file));
  return *std::move(file);
}

TEST(GpuTarget, MemoryThatSuffices) {
  EXPECT_TRUE(
      succeeded(requireMemory(largeProgram(nullptr), kGiB, gpu(9, 0), {73 * kGiB, 80 * kGiB})));
}

TEST(GpuTarget, MemorySaysWhatWouldFit) {
  Status status = requireMemory(largeProgram(nullptr), kGiB, gpu(9, 0), {49 * kGiB, 50 * kGiB});
  EXPECT_TRUE(failedWith(
      status, StatusCode::ResourceExhausted,
      {"needs 72.00 GiB of GPU memory (activations 64.00 GiB, parameters 2.00 GiB, gradients 2.00 "
       "GiB, optimizer states 2.00 GiB, working copies of the parameters 1.00 GiB, the rest 1.00 "
       "GiB)",
       "GPU 0 (NVIDIA Test) has 49.00 GiB free of 50.00 GiB",
       "compile with --batch=5 (its activations take about 40.00 GiB), or with "
       "--checkpoint=qkv|mlp|attn|block, which keeps less"}));
}

TEST(GpuTarget, MemoryKnowsTheModeOfTheProgram) {
  GpuMemory memory = {49 * kGiB, 50 * kGiB};
  EXPECT_TRUE(failedWith(requireMemory(largeProgram("--checkpoint=attn"), kGiB, gpu(9, 0), memory),
                         StatusCode::ResourceExhausted, {", or with --checkpoint=block, which"}));
  Status most = requireMemory(largeProgram("--checkpoint=block"), kGiB, gpu(9, 0), memory);
  EXPECT_TRUE(failedWith(most, StatusCode::ResourceExhausted, {"compile with --batch=5"}));
  EXPECT_EQ(most.message().find("--checkpoint"), std::string::npos) << most.message();
}

TEST(GpuTarget, MemoryThatOthersHold) {
  EXPECT_TRUE(failedWith(requireMemory(largeProgram(nullptr), 0, gpu(9, 0), {30 * kGiB, 80 * kGiB}),
                         StatusCode::ResourceExhausted, {"other programs hold 50.00 GiB"}));
}

TEST(GpuTarget, MemoryThatNoBatchFits) {
  EXPECT_TRUE(failedWith(requireMemory(largeProgram(nullptr), 0, gpu(9, 0), {6 * kGiB, 8 * kGiB}),
                         StatusCode::ResourceExhausted,
                         {"what does not depend on the batch does not fit"}));
  EXPECT_TRUE(failedWith(
      requireMemory(largeProgram("--checkpoint=block"), 0, gpu(9, 0), {8 * kGiB, 9 * kGiB}),
      StatusCode::ResourceExhausted, {"not even one sequence fits"}));
  EXPECT_TRUE(failedWith(requireMemory(largeProgram(nullptr), 0, gpu(9, 0), {8 * kGiB, 9 * kGiB}),
                         StatusCode::ResourceExhausted,
                         {"; compile with --checkpoint=qkv|mlp|attn|block, which keeps less"}));
}

//===----------------------------------------------------------------------===//
// Problems
//===----------------------------------------------------------------------===//

TEST(MatmulProblem, IsWhatTheScheduleSays) {
  schema::StepT step = sampleStep();
  schema::MatmulT &matmul = *opsOf(step, "micro_step")[2]->kind.AsMatmul();
  matmul.a = std::make_unique<schema::View>(kArena, 4, 128);
  matmul.transpose_b = true;
  matmul.b = std::make_unique<schema::View>(kParams, 192, 320);
  matmul.ldb = 9;
  matmul.tf32 = true;
  matmul.accumulate = true;
  auto file = loadStep(step);
  ASSERT_TRUE(succeeded(file));
  MatmulProblem problem =
      MatmulProblem::of(*file->step().programs()->Get(0)->ops()->Get(2)->kind_as_Matmul());
  EXPECT_EQ(problem.key(), "8x8x4.ld4,9,8.nt.tf32-f32.acc.a4,64,256");
  EXPECT_EQ(problem.bytesA(), 128U);
  EXPECT_EQ(problem.bytesB(), (7 * 9 + 4) * 4U);
  EXPECT_EQ(problem.bytesC(), 256U);
  EXPECT_EQ(problem.flops(), 2.0 * 8 * 8 * 4);
}

TEST(MatmulProblem, F8) {
  schema::StepT step = emptyStep();
  opsOf(step, "micro_step").push_back(makeF8Matmul());
  opsOf(step, "micro_step").push_back(makeF8Matmul());
  schema::MatmulT &each = *opsOf(step, "micro_step")[1]->kind.AsMatmul();
  each.a_scale = std::make_unique<schema::View>(kArena, 8192, 128);
  each.b_scale = std::make_unique<schema::View>(kArena, 8320, 64);
  each.fast_accum = true;
  auto file = loadStep(step);
  ASSERT_TRUE(succeeded(file));
  auto problem = [&](unsigned op) {
    return MatmulProblem::of(*file->step().programs()->Get(0)->ops()->Get(op)->kind_as_Matmul());
  };
  EXPECT_EQ(problem(0).key(), "32x16x48.ld48,48,16.nt.e5m2*e4m3-bf16.a256,256,256");
  EXPECT_EQ(problem(1).key(), "32x16x48.ld48,48,16.nt.e5m2*e4m3-bf16.each.fast.a256,256,256");
  EXPECT_EQ(problem(0).scalesA(), 1U);
  EXPECT_EQ(problem(1).scalesA(), 32U);
  EXPECT_EQ(problem(1).scalesB(), 16U);
  EXPECT_EQ(problem(0).bytesA(), 32 * 48U);
  EXPECT_EQ(problem(0).bytesC(), 32 * 16 * 2U);
}

TEST(MatmulProblem, KeysDifferWhereAlgorithmsMay) {
  MatmulProblem base;
  base.m = base.n = base.k = base.lda = base.ldb = base.ldc = 64;
  base.alignA = base.alignB = base.alignC = 256;
  std::vector<MatmulProblem> problems(19, base);
  problems[1].m = problems[2].n = problems[3].k = 65;
  problems[4].lda = problems[5].ldb = problems[6].ldc = 65;
  problems[7].transposeA = problems[8].transposeB = problems[9].accumulate = true;
  problems[10].tf32 = true;
  problems[11].aType = problems[11].bType = schema::DType::BF16;
  problems[12].aType = problems[12].bType = problems[12].cType = schema::DType::BF16;
  problems[13].alignB = 128;
  for (unsigned i = 14; i < 19; ++i) {
    problems[i].aType = problems[i].bType = schema::DType::F8E4M3;
    problems[i].scales = MatmulScales::Single;
  }
  problems[15].aType = problems[16].bType = schema::DType::F8E5M2;
  problems[17].scales = MatmulScales::Each;
  problems[18].fastAccum = true;
  std::set<std::string> keys;
  for (const MatmulProblem &problem : problems)
    keys.insert(problem.key());
  EXPECT_EQ(keys.size(), problems.size());
}

//===----------------------------------------------------------------------===//
// Cache of algorithms
//===----------------------------------------------------------------------===//

class TuningCacheTest : public FolderTest {
protected:
  void SetUp() override {
    FolderTest::SetUp();
    setLogSink([this](LogLevel level, std::string_view text) {
      if (level == LogLevel::Warning)
        warnings.emplace_back(text);
    });
  }
  void TearDown() override {
    setLogSink({});
    FolderTest::TearDown();
  }
  TuningCache load() const { return TuningCache::load(path("cache/algorithms.txt"), environment); }

  TuningCache::Environment environment = {"NVIDIA Test 9.0, 132 multiprocessors", 130000};
  MatmulAlgorithm first = {1, 2, 3, 4, 5, 6, 7, ~uint64_t(0)}, second = {9, 9};
  std::vector<std::string> warnings;
};

TEST_F(TuningCacheTest, KeepsAlgorithms) {
  TuningCache cache = load();
  EXPECT_EQ(cache.find("a"), nullptr);
  EXPECT_TRUE(succeeded(cache.save()));
  EXPECT_FALSE(std::filesystem::exists(path("cache"))) << "nothing new, nothing written";
  cache.insert("a", first);
  cache.insert("b", second);
  ASSERT_TRUE(succeeded(cache.save()));
  TuningCache again = load();
  ASSERT_NE(again.find("a"), nullptr);
  EXPECT_EQ(*again.find("a"), first);
  EXPECT_EQ(*again.find("b"), second);
  EXPECT_EQ(again.find("c"), nullptr);
  EXPECT_EQ(warnings, std::vector<std::string>());
  for (const auto &entry : std::filesystem::directory_iterator(path("cache")))
    EXPECT_EQ(entry.path().filename(), "algorithms.txt") << "what is written aside is renamed";
}

TEST_F(TuningCacheTest, MergesWithWhatOthersWrote) {
  TuningCache one = load(), other = load();
  one.insert("a", first);
  other.insert("a", second);
  other.insert("b", second);
  ASSERT_TRUE(succeeded(one.save()));
  ASSERT_TRUE(succeeded(other.save()));
  TuningCache both = load();
  EXPECT_EQ(*both.find("a"), second) << "what a process runs is what it writes";
  EXPECT_EQ(*both.find("b"), second);
}

TEST_F(TuningCacheTest, OtherEnvironmentsAreOthers) {
  TuningCache cache = load();
  cache.insert("a", first);
  ASSERT_TRUE(succeeded(cache.save()));
  environment.libraryVersion = 130001;
  EXPECT_EQ(load().find("a"), nullptr);
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_NE(warnings[0].find("it is not of version 1 for NVIDIA Test 9.0, 132 multiprocessors, "
                             "cuBLASLt 130001; it will be written anew"),
            std::string::npos)
      << warnings[0];
}

TEST_F(TuningCacheTest, DamageIsReportedAndReplaced) {
  TuningCache cache = load();
  cache.insert("a", first);
  ASSERT_TRUE(succeeded(cache.save()));
  std::string good = read(cache.path());
  for (size_t i = 0; i < good.size(); ++i) { // each byte changed
    std::string bad = good;
    bad[i] = char(bad[i] ^ 1);
    write("cache/algorithms.txt", bad);
    EXPECT_EQ(load().find("a"), nullptr) << "byte " << i;
  }
  for (size_t size : {size_t(0), good.size() / 2, good.size() - 1}) {
    write("cache/algorithms.txt", good.substr(0, size));
    EXPECT_EQ(load().find("a"), nullptr) << "cut to " << size;
  }
  EXPECT_EQ(warnings.size(), good.size() + 3);
  EXPECT_NE(warnings[0].find("are not used: its checksum is missing or wrong"), std::string::npos);
  TuningCache anew = load();
  anew.insert("b", second);
  ASSERT_TRUE(succeeded(anew.save()));
  warnings.clear();
  EXPECT_EQ(*load().find("b"), second);
  EXPECT_EQ(warnings, std::vector<std::string>());
}

TEST_F(TuningCacheTest, FolderThatCannotBeMade) {
  write("cache", "a file");
  TuningCache cache = load();
  cache.insert("a", first);
  EXPECT_FALSE(cache.save().isOk());
}

TEST_F(TuningCacheTest, PathFollowsXdg) {
  ::setenv("XDG_CACHE_HOME", "/xdg", 1);
  EXPECT_EQ(*TuningCache::defaultPath(environment),
            "/xdg/swamla/matmul-nvidia-test-9-0-132-multiprocessors-cublaslt-130000.txt");
  ::setenv("XDG_CACHE_HOME", "relative", 1);
  ::setenv("HOME", "/home/me", 1);
  EXPECT_TRUE(TuningCache::defaultPath(environment)->starts_with("/home/me/.cache/swamla/matmul-"));
  ::unsetenv("XDG_CACHE_HOME");
  ::unsetenv("HOME");
  EXPECT_EQ(TuningCache::defaultPath(environment), std::nullopt);
}

} // namespace
} // namespace swamla
