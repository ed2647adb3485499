//===- CheckpointTest.cpp - saving, killing, resuming ---------------------===//
#include "runtime/train/Checkpoint.h"

#include "runtime/base/Hash.h"
#include "runtime/train/CheckpointState.h"
#include "runtime/train/Json.h"
#include "tests/unit/TrainTestSupport.h"

#include <sys/wait.h>

namespace swamla {
namespace {

namespace fs = std::filesystem;
using test::BigramDevice;
using test::failedWith;
using test::succeeded;

class CheckpointTest : public test::BigramTest {
protected:
  void SetUp() override {
    BigramTest::SetUp();
    fill(*device, 1);
  }
  static TrainState stateAt(int64_t step) {
    return {step, 42, {static_cast<uint64_t>(step), 7}, "some data", 1.25};
  }
  CheckpointWriter writer(unsigned keepLast = 0) {
    return {*device, *table, {path("ckpt"), keepLast, {{"lr", "0.1"}}, {}}};
  }
  std::string save(int64_t step) {
    auto saved = writer().save(stateAt(step));
    EXPECT_TRUE(succeeded(saved));
    return saved.isOk() ? *saved : "";
  }
  std::vector<int64_t> stepsPresent() {
    std::vector<int64_t> steps;
    auto present = listCheckpoints(path("ckpt"));
    EXPECT_TRUE(succeeded(present));
    for (const CheckpointEntry &entry : *present)
      steps.push_back(entry.step);
    return steps;
  }
  Result<TrainState> load(const std::string &from) {
    return loadCheckpoint(*device, *table, from, LoadWhat::Everything);
  }
  void makeFolder() { fs::create_directories(path("ckpt")); }
};

TEST_F(CheckpointTest, SavesAndLoads) {
  auto w = writer();
  ASSERT_TRUE(succeeded(w.prepare(0)));
  auto saved = w.save(stateAt(12));
  ASSERT_TRUE(succeeded(saved));
  EXPECT_EQ(*saved, path("ckpt/step-000012"));
  BigramDevice fresh(*file);
  auto state = loadCheckpoint(fresh, *table, *saved, LoadWhat::Everything);
  ASSERT_TRUE(succeeded(state));
  EXPECT_EQ(state->step, 12);
  EXPECT_EQ(state->seed, 42U);
  EXPECT_EQ(state->position, (DataPosition{12, 7}));
  EXPECT_EQ(state->dataIdentity, "some data");
  EXPECT_EQ(state->lastLoss, 1.25);
  for (unsigned buffer : {unsigned{test::kParams}, unsigned{test::kState}, test::kResults + 1U})
    EXPECT_TRUE(
        std::ranges::equal(fresh.floats(buffer).first(257), device->floats(buffer).first(257)));
}

/// A program whose first state is in blocks, and the second in bf16.
static schema::StepT narrowStep() {
  schema::StepT step = test::bigramStep();
  step.model->optimizer_state = "int8";
  schema::BufferT &codes = *step.buffers[test::kState], &bf16 = *step.buffers[test::kResults + 1];
  codes.bytes = 512;
  codes.dtype = schema::DType::I8;
  codes.shape = {512};
  bf16.bytes = 1024;
  bf16.dtype = schema::DType::BF16;
  return step;
}

TEST_F(CheckpointTest, NarrowStatesAreSavedToTheBit) {
  makeFolder();
  auto narrow = test::loadStep(narrowStep());
  ASSERT_TRUE(succeeded(narrow));
  BigramDevice first(*narrow), second(*narrow);
  auto places = ParamTable::create(*narrow);
  ASSERT_TRUE(succeeded(places));
  std::vector<std::byte> codes(512), halves(1024);
  for (size_t i = 0; i < codes.size(); ++i)
    codes[i] = std::byte(i * 7 + i / 256);
  for (size_t i = 0; i < halves.size(); ++i)
    halves[i] = std::byte(i * 13 % 120);
  ASSERT_TRUE(succeeded(first.upload(test::kState, 0, codes)));
  ASSERT_TRUE(succeeded(first.upload(test::kResults + 1, 0, halves)));
  auto saved = CheckpointWriter(first, *places, {path("ckpt"), 0, {}, {}}).save(stateAt(3));
  ASSERT_TRUE(succeeded(saved));
  auto optimizer = SafetensorsFile::open(*saved + "/" + kOptimizerFile);
  ASSERT_TRUE(succeeded(optimizer));
  const TensorInfo *whole = optimizer->find("adamw.m");
  ASSERT_TRUE(whole);
  EXPECT_EQ(whole->type, TensorType::I8);
  EXPECT_EQ(shapeToString(whole->shape), "[512]");
  ASSERT_TRUE(optimizer->find("adamw.v/wte.weight"));
  EXPECT_EQ(optimizer->find("adamw.v/wte.weight")->type, TensorType::BF16);

  ASSERT_TRUE(succeeded(loadCheckpoint(second, *places, *saved, LoadWhat::Everything)));
  std::vector<std::byte> back(512), backHalves(1024);
  ASSERT_TRUE(succeeded(second.download(test::kState, 0, back)));
  ASSERT_TRUE(succeeded(second.download(test::kResults + 1, 0, backHalves)));
  EXPECT_EQ(back, codes);
  // What belongs to no parameter is not saved.
  EXPECT_TRUE(std::equal(backHalves.begin(), backHalves.begin() + 514, halves.begin()));

  // Another format, or blocks over parameters in other places, do not fit.
  EXPECT_TRUE(failedWith(load(*saved), StatusCode::FailedPrecondition,
                         {"states in int8", "in fp32", "--optimizer-state=int8", "--init"}));
  EXPECT_TRUE(succeeded(loadCheckpoint(*device, *table, *saved, LoadWhat::ParametersOnly)));
  schema::StepT moved = narrowStep();
  moved.params[1]->offset += 64;
  auto other = test::loadStep(moved);
  ASSERT_TRUE(succeeded(other));
  BigramDevice third(*other);
  EXPECT_TRUE(
      failedWith(loadCheckpoint(third, *ParamTable::create(*other), *saved, LoadWhat::Everything),
                 StatusCode::FailedPrecondition, {"other places", "--init"}));
}

TEST_F(CheckpointTest, HasTheOraclesNames) {
  makeFolder();
  std::string saved = save(1);
  auto model = SafetensorsFile::open(saved + "/" + kModelFile);
  ASSERT_TRUE(succeeded(model));
  ASSERT_TRUE(model->find("wte.weight"));
  ASSERT_TRUE(model->find("gain"));
  EXPECT_EQ(shapeToString(model->find("gain")->shape), "[]");
  EXPECT_EQ(model->metadata().at("step"), "1");
  auto optimizer = SafetensorsFile::open(saved + "/" + kOptimizerFile);
  ASSERT_TRUE(succeeded(optimizer));
  for (const char *name :
       {"adamw.m/wte.weight", "adamw.m/gain", "adamw.v/wte.weight", "adamw.v/gain"})
    EXPECT_TRUE(optimizer->find(name)) << name;
  auto state = parseJson(read(saved + "/" + kStateFile), "state");
  ASSERT_TRUE(succeeded(state));
  EXPECT_EQ((*state)["options"]["lr"], "0.1");
  EXPECT_EQ((*state)["model"]["name"], "bigram");
}

TEST_F(CheckpointTest, ParametersOnlyLeavesTheOptimizer) {
  makeFolder();
  std::string saved = save(1);
  BigramDevice fresh(*file);
  ASSERT_TRUE(succeeded(loadCheckpoint(fresh, *table, saved, LoadWhat::ParametersOnly)));
  EXPECT_EQ(fresh.params(), device->params());
  EXPECT_EQ(fresh.floats(test::kState)[0], 0);
}

TEST_F(CheckpointTest, KeepsTheLast) {
  makeFolder();
  auto w = writer(2);
  for (int64_t step : {1, 2, 3, 10, 1000000})
    ASSERT_TRUE(succeeded(w.save(stateAt(step))));
  EXPECT_EQ(stepsPresent(), (std::vector<int64_t>{10, 1000000}));
  EXPECT_EQ(*findCheckpoint(path("ckpt")), path("ckpt/step-1000000"));
  size_t entries = 0;
  for ([[maybe_unused]] const auto &entry : fs::directory_iterator(path("ckpt")))
    ++entries;
  EXPECT_EQ(entries, 2U) << "nothing else is left";
}

TEST_F(CheckpointTest, NothingIsOverwritten) {
  EXPECT_TRUE(succeeded(writer().prepare(0)));
  save(5);
  EXPECT_TRUE(failedWith(writer().prepare(0), StatusCode::FailedPrecondition,
                         {path("ckpt"), "step-000005", "another run", "--resume"}));
  EXPECT_TRUE(succeeded(writer().prepare(5)));
  EXPECT_TRUE(failedWith(writer().prepare(4), StatusCode::FailedPrecondition,
                         {"step-000005", "later than step 4"}));
  std::string before = read(path("ckpt/step-000005/model.safetensors"));
  fill(*device, 9);
  EXPECT_FALSE(writer().save(stateAt(5)).isOk());
  EXPECT_EQ(read(path("ckpt/step-000005/model.safetensors")), before);
}

TEST_F(CheckpointTest, DirectoryThatCannotBeMade) {
  write("ckpt", "a file");
  EXPECT_FALSE(writer().prepare(0).isOk());
  EXPECT_EQ(read(path("ckpt")), "a file");
}

TEST_F(CheckpointTest, Finding) {
  EXPECT_TRUE(failedWith(findCheckpoint(path("ckpt")), StatusCode::NotFound,
                         {path("ckpt"), "not a directory"}));
  makeFolder();
  EXPECT_TRUE(
      failedWith(findCheckpoint(path("ckpt")), StatusCode::NotFound, {"no complete checkpoint"}));
  save(3);
  save(20);
  EXPECT_EQ(*findCheckpoint(path("ckpt")), path("ckpt/step-000020"));
  EXPECT_EQ(*findCheckpoint(path("ckpt/step-000003")), path("ckpt/step-000003"));
  // What is incomplete or has another name does not count.
  fs::create_directories(path("ckpt/step-000099"));
  fs::copy(path("ckpt/step-000020"), path("ckpt/step-000098x"));
  fs::copy(path("ckpt/step-000020"), path("ckpt/step--00098"));
  fs::copy(path("ckpt/step-000020"), path("ckpt/.unfinished-step-000097"));
  fs::copy(path("ckpt/step-000020"), path("ckpt/step-000096"));
  fs::remove(path("ckpt/step-000096/state.json"));
  EXPECT_EQ(*findCheckpoint(path("ckpt")), path("ckpt/step-000020"));
}

/// Ends a child process at each change that a save makes on disk, as kill -9 would.
TEST_F(CheckpointTest, KilledAtEveryChange) {
  constexpr unsigned keepLast = 2;
  int survived = 0;
  for (int stopAt = 0; survived == 0; ++stopAt) {
    ASSERT_LT(stopAt, 100);
    fs::remove_all(path("ckpt"));
    makeFolder();
    fill(*device, 1);
    save(1);
    save(2);
    // A leftover of an earlier kill, too.
    fs::copy(path("ckpt/step-000001"), path("ckpt/.unfinished-step-000009"));
    std::string second = read(path("ckpt/step-000002/model.safetensors"));
    fill(*device, 7);
    pid_t child = ::fork();
    if (child == 0) {
      int changes = 0;
      CheckpointWriter w(*device, *table, {path("ckpt"), keepLast, {}, [&](std::string_view) {
                                             if (changes++ == stopAt)
                                               ::kill(::getpid(), SIGKILL);
                                           }});
      ::_exit(w.save(stateAt(3)).isOk() ? 0 : 1);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    bool killed = WIFSIGNALED(status);
    ASSERT_TRUE(killed || (WIFEXITED(status) && WEXITSTATUS(status) == 0)) << status;
    survived = killed ? 0 : 1;

    // Whatever is listed loads, and the one before is there and as it was.
    auto latest = findCheckpoint(path("ckpt"));
    ASSERT_TRUE(succeeded(latest)) << "stopped at change " << stopAt;
    BigramDevice fresh(*file);
    auto state = loadCheckpoint(fresh, *table, *latest, LoadWhat::Everything);
    ASSERT_TRUE(succeeded(state)) << "stopped at change " << stopAt;
    EXPECT_EQ(fresh.params()[0], state->step == 3 ? 7 + 1000.0F * unsigned{test::kParams}
                                                  : 1 + 1000.0F * unsigned{test::kParams});
    EXPECT_EQ(read(path("ckpt/step-000002/model.safetensors")), second);
    // The next save works, and cleans up.
    fill(*device, 7);
    ASSERT_TRUE(succeeded(writer(keepLast).save(stateAt(4))));
    for (const auto &entry : fs::directory_iterator(path("ckpt")))
      EXPECT_EQ(entry.path().filename().string().rfind("step-", 0), 0U) << entry.path();
    EXPECT_EQ(stepsPresent().size(), keepLast);
  }
}

TEST_F(CheckpointTest, DamageIsSeen) {
  makeFolder();
  std::string saved = save(1);
  for (const char *name : {kModelFile, kOptimizerFile}) {
    std::string target = saved + "/" + name, good = read(target);
    for (size_t at : {size_t{0}, size_t{9}, good.size() / 2, good.size() - 1}) {
      std::string bad = good;
      bad[at] = static_cast<char>(bad[at] ^ 4);
      std::ofstream(target, std::ios::binary) << bad;
      BigramDevice fresh(*file);
      EXPECT_TRUE(failedWith(loadCheckpoint(fresh, *table, saved, LoadWhat::Everything),
                             StatusCode::DataCorrupt, {name, "checksum", "damaged"}));
      EXPECT_EQ(fresh.params(), std::vector<float>(257)) << "nothing was loaded";
    }
    std::ofstream(target, std::ios::binary) << good.substr(0, good.size() - 3);
    EXPECT_TRUE(failedWith(load(saved), StatusCode::DataCorrupt, {name, "bytes; expected"}));
    fs::remove(target);
    EXPECT_TRUE(failedWith(load(saved), StatusCode::NotFound, {name}));
    std::ofstream(target, std::ios::binary) << good;
  }
  EXPECT_TRUE(succeeded(load(saved)));
}

TEST_F(CheckpointTest, DamagedStateIsSeen) {
  makeFolder();
  std::string saved = save(1), target = saved + "/" + kStateFile, good = read(target);
  auto json = *parseJson(good, "state");
  auto with = [&](auto change) {
    Json copy = json;
    copy.erase("checksum");
    change(copy);
    copy["checksum"] = fmt::format("{:016x}", hash64(dumpJson(copy)));
    std::ofstream(target, std::ios::binary) << dumpJson(copy);
    return load(saved);
  };
  auto corrupt = StatusCode::DataCorrupt;
  EXPECT_TRUE(failedWith(with([](Json &j) { j["version"] = 2; }), corrupt,
                         {target, "version 2", "version 1"}));
  EXPECT_TRUE(failedWith(with([](Json &j) { j.erase("step"); }), corrupt, {target, "\"step\""}));
  EXPECT_TRUE(failedWith(with([](Json &j) { j["step"] = -1; }), corrupt, {target, "\"step\""}));
  EXPECT_TRUE(failedWith(with([](Json &j) { j["step"] = ~uint64_t{0}; }), corrupt, {"\"step\""}));
  EXPECT_TRUE(failedWith(with([](Json &j) { j["skipped"] = 2; }), corrupt, {"\"skipped\""}));
  EXPECT_TRUE(succeeded(with([](Json &j) { j.erase("skipped"); }))); // as older ones have it
  EXPECT_TRUE(failedWith(with([](Json &j) { j["data"] = 3; }), corrupt, {"\"data\""}));
  EXPECT_TRUE(failedWith(with([](Json &j) { j["data"]["index"] = "x"; }), corrupt, {"\"index\""}));
  EXPECT_TRUE(
      failedWith(with([](Json &j) { j["model"].erase("optimizer"); }), corrupt, {"\"optimizer\""}));
  EXPECT_TRUE(
      failedWith(with([](Json &j) { j["files"].erase(kModelFile); }), corrupt, {kModelFile}));
  EXPECT_TRUE(failedWith(with([](Json &j) { j["files"][kModelFile]["xxh3"] = "12"; }), corrupt,
                         {"\"xxh3\"", "16 hexadecimal"}));
  // One digit of any number, a letter of any name: the checksum sees it.
  for (const char *text : {"\"index\": 7", "\"lr\": \"0.1", "some data", "\"checksum\": \""}) {
    std::string bad = good;
    char &last = bad[good.find(text) + std::string_view(text).size() - 1];
    last = static_cast<char>(last ^ 1);
    std::ofstream(target, std::ios::binary) << bad;
    EXPECT_TRUE(failedWith(load(saved), corrupt, {target})) << text;
  }
  std::ofstream(target, std::ios::binary) << good.substr(0, good.size() / 2);
  EXPECT_TRUE(failedWith(load(saved), corrupt, {target, "not valid JSON"}));
  std::ofstream(target, std::ios::binary) << "[]";
  EXPECT_TRUE(failedWith(load(saved), corrupt, {target}));
  std::ofstream(target, std::ios::binary) << good;
  EXPECT_TRUE(succeeded(load(saved)));
}

TEST_F(CheckpointTest, AnotherModelIsRefused) {
  makeFolder();
  std::string saved = save(1);
  auto refuse = [&](const schema::StepT &step, std::initializer_list<std::string_view> parts) {
    auto other = test::loadStep(step);
    ASSERT_TRUE(succeeded(other));
    BigramDevice otherDevice(*other);
    ParamTable otherTable = *ParamTable::create(*other);
    EXPECT_TRUE(failedWith(loadCheckpoint(otherDevice, otherTable, saved, LoadWhat::Everything),
                           StatusCode::FailedPrecondition, parts));
    EXPECT_EQ(otherDevice.params(), std::vector<float>(257)) << "nothing was loaded";
  };
  schema::StepT renamed = test::bigramStep();
  renamed.model->name = "other";
  renamed.params[0]->name = "wte.other";
  refuse(renamed, {saved, "another model", "bigram", "other", "257 parameters"});
  schema::StepT reshaped = test::bigramStep();
  reshaped.params[0]->shape = {8, 32};
  refuse(reshaped, {"another model"});
  schema::StepT lion = test::bigramStep();
  lion.model->optimizer = "lion";
  refuse(lion, {saved, "optimizer adamw", "lion", "--init"});
}

TEST_F(CheckpointTest, OtherCompileOptionsAreAccepted) {
  makeFolder();
  std::string saved = save(1);
  schema::StepT step = test::bigramStep();
  step.options = {"--checkpoint=mlp"};
  auto other = test::loadStep(step);
  ASSERT_TRUE(succeeded(other));
  BigramDevice otherDevice(*other);
  ASSERT_TRUE(succeeded(
      loadCheckpoint(otherDevice, *ParamTable::create(*other), saved, LoadWhat::Everything)));
  EXPECT_EQ(otherDevice.params(), device->params());
}

} // namespace
} // namespace swamla
