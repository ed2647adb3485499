//===- CheckpointState.cpp - the state.json of a checkpoint ---------------===//

#include "runtime/train/CheckpointState.h"

#include "runtime/base/Format.h"
#include "runtime/base/Hash.h"
#include "runtime/train/Json.h"

#include <cmath>
#include <limits>

namespace swamla {

static constexpr uint64_t kVersion = 1;

static std::string hex(uint64_t value) { return fmt::format("{:016x}", value); }

ModelIdentity ModelIdentity::of(const StepFile &file, const ParamTable &table) {
  std::string text, places;
  for (const ParamEntry &entry : table.entries()) {
    text += fmt::format("{} {}\n", entry.name, shapeToString(entry.shape));
    places += fmt::format("{} {}\n", entry.name, entry.offset);
  }
  ModelIdentity identity;
  const schema::Model *model = file.step().model();
  identity.name = model->name()->str();
  identity.optimizer = model->optimizer()->str();
  identity.numParams = table.elements();
  identity.parameterTable = hex(hash64(text));
  identity.program = hex(file.checksum());
  identity.layout = hex(hash64(places));
  if (model->optimizer_state())
    identity.optimizerState = model->optimizer_state()->str();
  return identity;
}

static Json digestToJson(const FileDigest &digest) {
  return {{"bytes", digest.bytes}, {"xxh3", hex(digest.checksum)}};
}

std::string formatCheckpointState(const CheckpointState &state, const RunOptions &options) {
  const TrainState &train = state.train;
  Json json = {
      {"version", kVersion},
      {"step", train.step},
      {"seed", train.seed},
      {"loss", train.lastLoss},
      {"skipped", train.skipped},
      {"data",
       {{"epoch", train.position.epoch},
        {"index", train.position.index},
        {"identity", train.dataIdentity}}},
      {"model",
       {{"name", state.model.name},
        {"optimizer", state.model.optimizer},
        {"optimizer_state", state.model.optimizerState},
        {"num_params", state.model.numParams},
        {"parameter_table", state.model.parameterTable},
        {"layout", state.model.layout},
        {"program", state.model.program}}},
      {"files",
       {{kModelFile, digestToJson(state.modelFile)},
        {kOptimizerFile, digestToJson(state.optimizerFile)}}},
      {"options", options},
  };
  if (state.scalingFile)
    json["files"][kScalingFile] = digestToJson(*state.scalingFile);
  json["checksum"] = hex(hash64(dumpJson(json)));
  return dumpJson(json, 2) + "\n";
}

namespace {

/// Takes typed members out of an object and remembers the first that is wrong.
class MemberReader {
public:
  explicit MemberReader(const std::string &path) : path(path) {}

  const Json &object(const Json &parent, const char *key) {
    static const Json none = Json::object();
    const Json *value = findMember(parent, key);
    if (value && value->is_object())
      return *value;
    fail(key, "an object");
    return none;
  }
  uint64_t uint(const Json &parent, const char *key) {
    std::optional<uint64_t> value = memberUint(parent, key);
    if (!value)
      fail(key, "a non-negative integer");
    return value.value_or(0);
  }
  std::string string(const Json &parent, const char *key) {
    std::optional<std::string> value = memberString(parent, key);
    if (!value)
      fail(key, "a string");
    return value.value_or("");
  }
  FileDigest digest(const Json &files, const char *key) {
    const Json &entry = object(files, key);
    std::string text = string(entry, "xxh3");
    char *end = nullptr;
    uint64_t checksum = std::strtoull(text.c_str(), &end, 16);
    if (text.size() != 16 || *end != '\0')
      fail("xxh3", "16 hexadecimal digits");
    return {uint(entry, "bytes"), checksum};
  }
  void fail(const char *key, const char *expected) {
    if (error.isOk())
      error = dataCorrupt(
          fmt::format("{}: \"{}\" is missing or wrong; expected {}", path, key, expected));
  }

  Status error;

private:
  const std::string &path;
};

} // namespace

/// Removes the member "checksum" and compares it with that of the other members' canonical text.
static Status checkChecksum(Json &json, const std::string &path) {
  std::optional<std::string> found = memberString(json, "checksum");
  if (!found)
    return dataCorrupt(
        fmt::format("{}: \"checksum\" is missing; expected the state of a checkpoint, "
                    "with a checksum of its other members",
                    path));
  json.erase("checksum");
  std::string expected = hex(hash64(dumpJson(json)));
  if (*found != expected)
    return dataCorrupt(fmt::format("{}: checksum {}; expected {}: the file is damaged, resume from "
                                   "an earlier checkpoint (--resume PATH)",
                                   path, swamla::quoted(*found), expected));
  return Status::ok();
}

Result<CheckpointState> parseCheckpointState(std::string_view text, const std::string &path) {
  SWAMLA_TRY(Json json, parseJson(text, path));
  SWAMLA_RETURN_IF_ERROR(checkChecksum(json, path));
  MemberReader reader(path);
  if (uint64_t version = reader.uint(json, "version"); reader.error.isOk() && version != kVersion)
    return dataCorrupt(fmt::format("{}: checkpoint version {}; this swamla-run reads version {}",
                                   path, version, kVersion));
  CheckpointState state;
  uint64_t step = reader.uint(json, "step");
  if (step > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
    reader.fail("step", "a number of steps");
  state.train.step = static_cast<int64_t>(step);
  uint64_t skipped = findMember(json, "skipped") ? reader.uint(json, "skipped") : 0;
  if (skipped > step)
    reader.fail("skipped", "at most the number of steps");
  state.train.skipped = static_cast<int64_t>(skipped);
  state.train.seed = reader.uint(json, "seed");
  state.train.lastLoss = memberDouble(json, "loss").value_or(NAN);
  const Json &data = reader.object(json, "data");
  state.train.position = {reader.uint(data, "epoch"), reader.uint(data, "index")};
  state.train.dataIdentity = reader.string(data, "identity");
  const Json &model = reader.object(json, "model");
  state.model.name = reader.string(model, "name");
  state.model.optimizer = reader.string(model, "optimizer");
  state.model.numParams = reader.uint(model, "num_params");
  state.model.parameterTable = reader.string(model, "parameter_table");
  state.model.program = reader.string(model, "program");
  // Checkpoints that are older than these have f32 states, and need no layout.
  if (findMember(model, "optimizer_state"))
    state.model.optimizerState = reader.string(model, "optimizer_state");
  if (findMember(model, "layout"))
    state.model.layout = reader.string(model, "layout");
  const Json &files = reader.object(json, "files");
  state.modelFile = reader.digest(files, kModelFile);
  state.optimizerFile = reader.digest(files, kOptimizerFile);
  if (findMember(files, kScalingFile))
    state.scalingFile = reader.digest(files, kScalingFile);
  SWAMLA_RETURN_IF_ERROR(std::move(reader.error));
  return state;
}

} // namespace swamla
