//===- Checkpoint.h - saving and resuming a run ---------------------------===//
//
// A checkpoint is a directory, step-000123, in a directory of checkpoints:
//
//   model.safetensors       parameters, under the oracle's names
//   optimizer.safetensors   each optimizer state, "adamw.m/" + parameter name; one in blocks as a
//                           whole, codes and scales: "adamw.m", "adamw.m.scale"
//   scaling.safetensors     fp8 programs: scales, and what they follow from
//   state.json              step, data position, seed, model, options, checksums
//
// It is written aside, synced, and renamed in one operation, so that whatever
// stops the program (also the machine) leaves each checkpoint complete or absent.
// What a stopped save leaves behind is ignored, and removed by the next save.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/base/Status.h"
#include "runtime/train/BatchLoader.h"
#include "runtime/train/ParamTable.h"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace swamla {

/// What a run needs beside the buffers to go on as if it had not stopped.
struct TrainState {
  int64_t step = 0; ///< steps done
  uint64_t seed = 0;
  DataPosition position;
  std::string dataIdentity; ///< TokenData::identity
  double lastLoss = 0;      ///< for the reader of state.json
  int64_t skipped = 0;      ///< of `step`: those that updated nothing
};

/// Facts about the run that go into state.json for its reader.
using RunOptions = std::map<std::string, std::string>;

struct CheckpointConfig {
  std::string directory; ///< holds the checkpoints; made when it is not there
  unsigned keepLast = 0; ///< 0: keep all
  RunOptions options;
  /// For tests: called before every change on disk, with what it will be.
  std::function<void(std::string_view)> beforeChange;
};

/// Saves checkpoints of one run. Each save allocates: it is not part of the step loop.
class CheckpointWriter {
public:
  CheckpointWriter(Device &device, const ParamTable &table, CheckpointConfig config)
      : device(device), table(table), config(std::move(config)) {}

  /// Makes the directory when needed and checks that a run which starts at `step` may save there:
  /// no checkpoint of a later step, and none at all for step 0, since nothing is overwritten.
  Status prepare(int64_t step);
  /// Saves and returns the checkpoint's path. Then removes the oldest ones beyond keepLast.
  Result<std::string> save(const TrainState &state);

private:
  void change(std::string_view what) const;
  Status writeFiles(const std::string &aside, const TrainState &state);
  Status removeLeftovers();
  Status removeOld();
  Status removeAll(const std::string &path);

  Device &device;
  const ParamTable &table;
  CheckpointConfig config;
};

struct CheckpointEntry {
  int64_t step;
  std::string path;
};

/// The complete checkpoints in a directory, oldest first. A directory step-N without all of its
/// three files is not complete. A directory that does not exist has none.
Result<std::vector<CheckpointEntry>> listCheckpoints(const std::string &directory);

/// The checkpoint that `--resume WHAT` means: a checkpoint itself, or the latest of a directory of
/// them. Fails with NotFound when there is none.
Result<std::string> findCheckpoint(const std::string &what);

enum class LoadWhat { Everything, ParametersOnly };

/// Checks a checkpoint against the model and its checksums, then fills the device's buffers.
/// Nothing is changed on the device before everything was checked.
Result<TrainState> loadCheckpoint(Device &device, const ParamTable &table, const std::string &path,
                                  LoadWhat what);

} // namespace swamla
