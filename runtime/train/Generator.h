//===- Generator.h - text from a trained model ----------------------------===//
#pragma once

#include "runtime/base/Status.h"
#include "runtime/device/Device.h"
#include "runtime/train/Sampler.h"

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace swamla {

/// Continues a prompt token by token with the program `logits`. The model sees the last T tokens; T
/// is its block size.
class Generator {
public:
  /// Fails when the program cannot produce logits.
  static Result<Generator> create(Device &device);

  /// Adds `count` tokens to `prompt` (at least one token, all below the vocabulary size) and calls
  /// `emit` with each as it comes; a false result stops.
  Status generate(std::vector<int32_t> prompt, int64_t count, Sampler &sampler,
                  const std::function<bool(int32_t)> &emit);

private:
  explicit Generator(Device &device) : device(&device) {}

  Device *device;
  unsigned program = 0;
  size_t blockSize = 0, vocabSize = 0;
};

/// The tokens of a prompt. With 256 tokens each is a byte. Otherwise the prompt must be token
/// numbers, separated by spaces or commas, since step.bin has no tokenizer.
Result<std::vector<int32_t>> encodePrompt(std::string_view prompt, uint32_t vocabSize);
/// What a generated token is written as: the byte, or a space and the number.
std::string decodeToken(int32_t token, uint32_t vocabSize);

} // namespace swamla
