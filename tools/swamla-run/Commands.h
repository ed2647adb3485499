//===- Commands.h - what swamla-run does ----------------------------------===//
#pragma once

#include "runtime/base/Status.h"
#include "runtime/comm/Communicator.h"
#include "runtime/device/Device.h"
#include "runtime/train/BatchLoader.h"
#include "runtime/train/ParamTable.h"
#include "runtime/train/StopSignal.h"
#include "runtime/train/TokenData.h"
#include "tools/swamla-run/Options.h"

namespace swamla::run {

/// Prints what a step.bin holds.
void describe(const StepFile &file);

/// Prints what the machine has, and takes and verifies a step of a program if one is given.
Status check(const Options &options);

/// The device of a program, as the options want it. Refuses options of another target. `ranks`: of
/// a program for many.
Result<std::unique_ptr<Device>> createDevice(const StepFile &file, const Options &options,
                                             Communicator *ranks = nullptr);

/// What is to be done with the data.
struct DataUse {
  uint64_t seed = 0;
  DataPosition start;
  int64_t steps = 0; ///< from there on, of all ranks
  bool validation = false;
  std::function<bool()> interrupted; ///< breaks off a wait for data that is fetched
};

/// What the position of a run with --data is a position in; empty: known when the data is open.
std::string knownIdentity(const Device &device, const Options &options);

/// Opens --data, of which what is fetched must be there: waits for it.
Result<TokenData> openData(const Device &device, const Options &options, const DataUse &use);

/// Trains until all steps are done or a signal comes. Returns the exit code.
Result<int> train(Device &device, const ParamTable &table, const Options &options,
                  const StopSignal &signal, Communicator *ranks);

/// Writes text from the weights that the options name.
Status sampleFromWeights(Device &device, const ParamTable &table, const Options &options);

/// Writes text from the weights that the device has.
Status sample(Device &device, const SampleFlags &flags);

/// Times steps and prints one line of JSON.
Status bench(Device &device, const ParamTable &table, const Options &options, Communicator *ranks);

} // namespace swamla::run
