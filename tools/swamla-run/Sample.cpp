//===- Sample.cpp - text from a model -------------------------------------===//

#include "runtime/base/Log.h"
#include "runtime/train/Checkpoint.h"
#include "runtime/train/Generator.h"
#include "tools/swamla-run/Commands.h"

#include <cstdio>

namespace swamla::run {

Status sample(Device &device, const SampleFlags &flags) {
  uint32_t vocab = device.file().step().model()->vocab_size();
  SWAMLA_TRY(std::vector<int32_t> prompt, encodePrompt(*flags.prompt, vocab));
  SWAMLA_TRY(Generator generator, Generator::create(device));
  Sampler sampler({flags.temperature, flags.topK, flags.topP, flags.seed});
  auto write = [&](int32_t token) {
    std::string text = decodeToken(token, vocab);
    std::fwrite(text.data(), 1, text.size(), stdout);
    return std::fflush(stdout) == 0; // nobody reads any more: stop
  };
  std::fwrite(flags.prompt->data(), 1, flags.prompt->size(), stdout);
  Status status = generator.generate(prompt, flags.maxNew, sampler, write);
  std::fputc('\n', stdout);
  return status;
}

Status sampleFromWeights(Device &device, const ParamTable &table, const Options &options) {
  if (options.resume) {
    SWAMLA_TRY(std::string path, findCheckpoint(*options.resume == "latest" ? options.checkpointDir
                                                                            : *options.resume));
    SWAMLA_TRY(TrainState state, loadCheckpoint(device, table, path, LoadWhat::ParametersOnly));
    logInfo("weights of step {} from {}", state.step, path);
  } else {
    SWAMLA_RETURN_IF_ERROR(loadWeights(device, table, options.init));
  }
  return sample(device, options.sample);
}

} // namespace swamla::run
