//===- CheckpointState.h - the state.json of a checkpoint -----------------===//
#pragma once

#include "runtime/base/Status.h"
#include "runtime/train/Checkpoint.h"

#include <optional>
#include <string>

namespace swamla {

/// Names of a checkpoint's files.
inline constexpr char kModelFile[] = "model.safetensors";
inline constexpr char kOptimizerFile[] = "optimizer.safetensors";
inline constexpr char kScalingFile[] = "scaling.safetensors"; ///< of fp8 programs only
inline constexpr char kStateFile[] = "state.json";

/// What identifies a model for a checkpoint, and what state.json says about it.
struct ModelIdentity {
  std::string name;
  std::string optimizer;
  uint64_t numParams = 0;
  std::string parameterTable;          ///< checksum of names and shapes, 16 hex digits
  std::string program;                 ///< checksum of the step.bin, 16 hex digits
  std::string optimizerState = "fp32"; ///< how states are kept: "int8"
  std::string layout;                  ///< checksum of the parameters' places, 16 hex digits

  static ModelIdentity of(const StepFile &file, const ParamTable &table);
};

/// All of state.json but the options, which nothing reads.
struct CheckpointState {
  TrainState train;
  ModelIdentity model;
  FileDigest modelFile, optimizerFile;
  std::optional<FileDigest> scalingFile;
};

/// The optimizer's state buffers and the prefixes of their tensors.
std::vector<TensorGroup> optimizerGroups(const ParamTable &table);

std::string formatCheckpointState(const CheckpointState &state, const RunOptions &options);
/// Errors name the file and the member.
Result<CheckpointState> parseCheckpointState(std::string_view text, const std::string &path);

} // namespace swamla
