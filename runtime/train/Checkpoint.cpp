//===- Checkpoint.cpp - finding and loading checkpoints -------------------===//

#include "runtime/train/Checkpoint.h"

#include "runtime/base/File.h"
#include "runtime/base/Hash.h"
#include "runtime/base/Log.h"
#include "runtime/train/CheckpointState.h"
#include "runtime/train/Scaling.h"

#include <algorithm>
#include <charconv>
#include <filesystem>

namespace swamla {

namespace fs = std::filesystem;

static constexpr uint64_t kMaxStateBytes = uint64_t{1} << 20;

/// The N of "step-N", N in decimal digits only.
static std::optional<int64_t> stepOfName(const std::string &name) {
  constexpr std::string_view prefix = "step-";
  if (!name.starts_with(prefix) || name.size() == prefix.size())
    return std::nullopt;
  int64_t step = 0;
  const char *first = name.data() + prefix.size(), *last = name.data() + name.size();
  auto [end, error] = std::from_chars(first, last, step);
  if (error != std::errc() || end != last || *first == '-')
    return std::nullopt;
  return step;
}

static bool hasAllFiles(const fs::path &directory) {
  std::error_code ignored;
  return std::ranges::all_of(
      std::initializer_list<const char *>{kModelFile, kOptimizerFile, kStateFile},
      [&](const char *name) { return fs::is_regular_file(directory / name, ignored); });
}

Result<std::vector<CheckpointEntry>> listCheckpoints(const std::string &directory) {
  std::vector<CheckpointEntry> found;
  std::error_code error;
  if (!fs::exists(directory, error))
    return found;
  for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
    std::optional<int64_t> step = stepOfName(it->path().filename().string());
    if (step && hasAllFiles(it->path()))
      found.push_back({*step, it->path().string()});
  }
  if (error)
    return failedPrecondition(
        fmt::format("cannot list checkpoint directory {}: {}", directory, error.message()));
  std::ranges::sort(found, {}, &CheckpointEntry::step);
  return found;
}

Result<std::string> findCheckpoint(const std::string &what) {
  std::error_code error;
  if (!fs::is_directory(what, error))
    return notFound(
        fmt::format("{} is not a directory; expected a checkpoint (a directory with {}) "
                    "or a directory of checkpoints",
                    what, kStateFile));
  if (hasAllFiles(what))
    return what;
  SWAMLA_TRY(std::vector<CheckpointEntry> present, listCheckpoints(what));
  if (present.empty())
    return notFound(fmt::format("{} holds no complete checkpoint (step-N with {}, {} and {})", what,
                                kModelFile, kOptimizerFile, kStateFile));
  return present.back().path;
}

std::vector<TensorGroup> optimizerGroups(const ParamTable &table) {
  std::vector<TensorGroup> groups;
  for (const FlatBuffer &buffer : table.stateBuffers())
    groups.push_back({buffer, buffer.name + "/"});
  return groups;
}

static Status checkModel(const std::string &path, const ModelIdentity &saved,
                         const ModelIdentity &now, LoadWhat what, bool wholeStates) {
  if (saved.parameterTable != now.parameterTable)
    return failedPrecondition(fmt::format(
        "checkpoint {} is of another model: it has {} ({} parameters, table {}), the program has "
        "{} "
        "({} parameters, table {}); compile the model that the checkpoint was trained with",
        path, saved.name, saved.numParams, saved.parameterTable, now.name, now.numParams,
        now.parameterTable));
  if (what == LoadWhat::Everything && saved.optimizer != now.optimizer)
    return failedPrecondition(fmt::format(
        "checkpoint {} holds the state of optimizer {}; the program uses {}: compile with "
        "--optimizer={}, or start from the weights alone with --init {}/{}",
        path, saved.optimizer, now.optimizer, saved.optimizer, path, kModelFile));
  if (what == LoadWhat::Everything && saved.optimizerState != now.optimizerState)
    return failedPrecondition(fmt::format(
        "checkpoint {} holds the optimizer's states in {}; the program keeps them in {}: compile "
        "with --optimizer-state={}, or start from the weights alone with --init {}/{}",
        path, saved.optimizerState, now.optimizerState, saved.optimizerState, path, kModelFile));
  if (what == LoadWhat::Everything && wholeStates && saved.layout != now.layout)
    return failedPrecondition(fmt::format(
        "checkpoint {} holds the optimizer's states as blocks, which may cover several parameters, "
        "and the program has the parameters in other places: compile with the options that wrote "
        "the checkpoint ({}), or start from the weights alone with --init {}/{}",
        path, kStateFile, path, kModelFile));
  if (saved.program != now.program)
    logInfo("the program is not the one that wrote {} (compiled with other options): the run goes "
            "on, but not bit for bit as if it had not stopped",
            path);
  return Status::ok();
}

static Result<SafetensorsFile> openChecked(const std::string &path, const FileDigest &expected) {
  SWAMLA_TRY(MappedFile mapping, MappedFile::open(path));
  uint64_t bytes = mapping.bytes().size();
  if (bytes != expected.bytes)
    return dataCorrupt(fmt::format("{}: {} bytes; expected {}: the file is damaged, resume from an "
                                   "earlier checkpoint (--resume PATH)",
                                   path, bytes, expected.bytes));
  uint64_t checksum = hash64(mapping.bytes());
  if (checksum != expected.checksum)
    return dataCorrupt(fmt::format("{}: checksum {:016x}; expected {:016x}: the file is damaged, "
                                   "resume from an earlier checkpoint (--resume PATH)",
                                   path, checksum, expected.checksum));
  return SafetensorsFile::open(path);
}

/// After the parameters: their fp8 copies are made with the scales that are restored.
static Status restoreScaling(Device &device, const std::string &path,
                             const CheckpointState &saved) {
  if (!hasScaling(device.file()))
    return Status::ok();
  bool restored = false;
  if (saved.scalingFile) {
    SWAMLA_TRY(SafetensorsFile file, openChecked(path + "/" + kScalingFile, *saved.scalingFile));
    SWAMLA_TRY(restored, loadScaling(device, file));
  }
  if (!restored)
    logInfo(
        "{} was written by a program with other fp8 layers or another recipe: scales start anew",
        path);
  return Status::ok();
}

Result<TrainState> loadCheckpoint(Device &device, const ParamTable &table, const std::string &path,
                                  LoadWhat what) {
  std::string statePath = path + "/" + kStateFile;
  SWAMLA_TRY(std::vector<std::byte> text, readFile(statePath, kMaxStateBytes));
  SWAMLA_TRY(
      CheckpointState saved,
      parseCheckpointState({reinterpret_cast<const char *>(text.data()), text.size()}, statePath));
  bool wholeStates = std::ranges::any_of(
      table.stateBuffers(), [](const FlatBuffer &buffer) { return !buffer.shape.empty(); });
  SWAMLA_RETURN_IF_ERROR(
      checkModel(path, saved.model, ModelIdentity::of(device.file(), table), what, wholeStates));
  std::vector<TensorGroup> params = {{table.paramsBuffer(), ""}};
  SWAMLA_TRY(SafetensorsFile model, openChecked(path + "/" + kModelFile, saved.modelFile));
  SWAMLA_RETURN_IF_ERROR(checkTensors(model, table, params));
  if (what == LoadWhat::Everything) {
    std::vector<TensorGroup> states = optimizerGroups(table);
    SWAMLA_TRY(SafetensorsFile optimizer,
               openChecked(path + "/" + kOptimizerFile, saved.optimizerFile));
    SWAMLA_RETURN_IF_ERROR(checkTensors(optimizer, table, states));
    SWAMLA_RETURN_IF_ERROR(loadTensors(device, optimizer, table, states));
  }
  SWAMLA_RETURN_IF_ERROR(loadTensors(device, model, table, params));
  SWAMLA_RETURN_IF_ERROR(restoreScaling(device, path, saved));
  return saved.train;
}

} // namespace swamla
