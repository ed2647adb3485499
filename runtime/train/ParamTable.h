//===- ParamTable.h - parameters by name ----------------------------------===//
//
// The flat buffers of a device (parameters and each optimizer state) as named
// tensors: filling them at the start, and moving them to and from safetensors.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/base/Status.h"
#include "runtime/device/Device.h"
#include "runtime/train/Safetensors.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace swamla {

/// One parameter: a slice of every flat buffer.
struct ParamEntry {
  std::string name;
  std::vector<uint64_t> shape;
  uint64_t offset = 0; ///< elements
  uint64_t elements = 0;
  bool initNormal = false;
  double initValue = 0; ///< standard deviation, or the constant
};

/// A flat buffer whose slices are parameters or belong to them; or one with a shape of its own,
/// which goes into a file as a whole, to the bit.
struct FlatBuffer {
  unsigned index = 0; ///< in the program's table
  std::string name;   ///< "params", "adamw.m", ...
  TensorType type = TensorType::F32;
  std::vector<uint64_t> shape = {}; ///< empty: the layout of the parameters
};

class ParamTable {
public:
  /// Fails when the program has no buffer of kind Params.
  static Result<ParamTable> create(const StepFile &file);

  const std::vector<ParamEntry> &entries() const { return params; }
  const FlatBuffer &paramsBuffer() const { return masters; }
  /// Optimizer states, in the program's order.
  const std::vector<FlatBuffer> &stateBuffers() const { return states; }
  uint64_t elements() const; ///< of all parameters

private:
  std::vector<ParamEntry> params;
  FlatBuffer masters;
  std::vector<FlatBuffer> states;
};

/// Makes the working copies of the parameters, where the program has any, from the parameters as
/// they are: to be called after these were changed by anything but the program `apply`.
Status refreshWorkingCopies(Device &device);

/// Fills the parameters from their initial distributions. Each parameter has a random stream of its
/// own, named after it, so that its values depend on the seed and its name alone.
Status initParams(Device &device, const ParamTable &table, uint64_t seed);

/// A buffer's name within a tensor file, and the prefix of its tensors there: "" for parameters.
struct TensorGroup {
  FlatBuffer buffer;
  std::string prefix;
};

/// Checks that `file` holds exactly the tensors PREFIX + name of all groups, and the buffers with a
/// shape of their own under their names, with their shapes and types (for f32 any floating-point
/// type); all that is missing, unknown or different goes into one error.
Status checkTensors(const SafetensorsFile &file, const ParamTable &table,
                    const std::vector<TensorGroup> &groups);
/// Copies the tensors, checked before, to the device.
Status loadTensors(Device &device, const SafetensorsFile &file, const ParamTable &table,
                   const std::vector<TensorGroup> &groups);
/// Fills the parameters from a file that holds exactly them: --init.
Status loadWeights(Device &device, const ParamTable &table, const std::string &path);
/// Writes the groups to a file, in the types of their buffers.
Result<FileDigest> saveTensors(Device &device, const std::string &path, const ParamTable &table,
                               const std::vector<TensorGroup> &groups,
                               const std::map<std::string, std::string> &metadata);

} // namespace swamla
