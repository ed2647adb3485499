//===- CheckpointWriter.cpp - saving a run --------------------------------===//

#include "runtime/base/File.h"
#include "runtime/base/Log.h"
#include "runtime/train/Checkpoint.h"
#include "runtime/train/CheckpointState.h"
#include "runtime/train/Scaling.h"

#include <cerrno>
#include <filesystem>

namespace swamla {

namespace fs = std::filesystem;

/// Directories with this prefix are saves or removals that did not finish.
static constexpr std::string_view kAsidePrefix = ".unfinished-";

static std::string checkpointName(int64_t step) { return fmt::format("step-{:06d}", step); }

void CheckpointWriter::change(std::string_view what) const {
  if (config.beforeChange)
    config.beforeChange(what);
}

Status CheckpointWriter::prepare(int64_t step) {
  SWAMLA_TRY(std::vector<CheckpointEntry> present, listCheckpoints(config.directory));
  for (const CheckpointEntry &entry : present)
    if (entry.step > step || step == 0)
      return failedPrecondition(fmt::format(
          "{} holds {}, which {}; nothing is overwritten: resume from it (--resume latest), choose "
          "another --checkpoint-dir, or remove it",
          config.directory, fs::path(entry.path).filename().string(),
          step == 0 ? "is of another run" : fmt::format("is later than step {}", step)));
  std::error_code error;
  fs::create_directories(config.directory, error);
  if (error)
    return failedPrecondition(
        fmt::format("cannot make checkpoint directory {}: {}", config.directory, error.message()));
  return Status::ok();
}

Status CheckpointWriter::removeAll(const std::string &path) {
  std::error_code error;
  fs::remove_all(path, error);
  if (error)
    return failedPrecondition(fmt::format("cannot remove {}: {}", path, error.message()));
  return Status::ok();
}

Status CheckpointWriter::removeLeftovers() {
  std::error_code error;
  std::vector<std::string> leftovers;
  for (fs::directory_iterator it(config.directory, error), end; !error && it != end;
       it.increment(error))
    if (it->path().filename().string().starts_with(kAsidePrefix))
      leftovers.push_back(it->path().string());
  if (error)
    return failedPrecondition(fmt::format("cannot list {}: {}", config.directory, error.message()));
  for (const std::string &path : leftovers) {
    change("remove leftover");
    SWAMLA_RETURN_IF_ERROR(removeAll(path));
  }
  return Status::ok();
}

Status CheckpointWriter::writeFiles(const std::string &aside, const TrainState &state) {
  CheckpointState saved;
  saved.train = state;
  saved.model = ModelIdentity::of(device.file(), table);
  std::map<std::string, std::string> metadata = {
      {"format", "pt"}, {"step", fmt::format("{}", state.step)}, {"model", saved.model.name}};
  change("write model");
  SWAMLA_TRY(saved.modelFile, saveTensors(device, aside + "/" + kModelFile, table,
                                          {{table.paramsBuffer(), ""}}, metadata));
  change("write optimizer");
  SWAMLA_TRY(saved.optimizerFile, saveTensors(device, aside + "/" + kOptimizerFile, table,
                                              optimizerGroups(table), metadata));
  if (hasScaling(device.file())) {
    change("write scaling");
    SWAMLA_TRY(saved.scalingFile, saveScaling(device, aside + "/" + kScalingFile));
  }
  change("write state");
  return writeFileAtomically(aside + "/" + kStateFile,
                             formatCheckpointState(saved, config.options));
}

Result<std::string> CheckpointWriter::save(const TrainState &state) {
  std::string name = checkpointName(state.step);
  std::string path = config.directory + "/" + name;
  std::string aside = fmt::format("{}/{}{}", config.directory, kAsidePrefix, name);
  SWAMLA_RETURN_IF_ERROR(removeLeftovers());
  change("make directory");
  std::error_code error;
  if (!fs::create_directory(aside, error))
    return failedPrecondition(fmt::format("cannot make {}: {}", aside, error.message()));
  SWAMLA_RETURN_IF_ERROR(writeFiles(aside, state));
  change("sync directory");
  SWAMLA_RETURN_IF_ERROR(syncDirectory(aside));
  change("rename");
  SWAMLA_RETURN_IF_ERROR(renameDurably(aside, path));
  SWAMLA_RETURN_IF_ERROR(removeOld());
  return path;
}

Status CheckpointWriter::removeOld() {
  if (config.keepLast == 0)
    return Status::ok();
  SWAMLA_TRY(std::vector<CheckpointEntry> present, listCheckpoints(config.directory));
  size_t excess = present.size() > config.keepLast ? present.size() - config.keepLast : 0;
  for (size_t i = 0; i < excess; ++i) {
    // Out of the way in one operation: a half-removed directory must not pass for a checkpoint.
    fs::path old(present[i].path);
    std::string aside =
        fmt::format("{}/{}{}-old", config.directory, kAsidePrefix, old.filename().string());
    change("rename old");
    SWAMLA_RETURN_IF_ERROR(renameDurably(present[i].path, aside));
    change("remove old");
    SWAMLA_RETURN_IF_ERROR(removeAll(aside));
  }
  return Status::ok();
}

} // namespace swamla
