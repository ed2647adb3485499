//===- Generator.cpp - text from a trained model --------------------------===//

#include "runtime/train/Generator.h"

#include "runtime/base/Format.h"

#include <algorithm>
#include <charconv>

namespace swamla {

static constexpr uint32_t kByteVocab = 256;

Result<Generator> Generator::create(Device &device) {
  const StepFile &file = device.file();
  Generator generator(device);
  if (!file.findSlot("position"))
    return failedPrecondition(fmt::format("{}: it has no slot position, so its logits cannot be "
                                          "had at the end of a prompt; compile it again",
                                          file.name()));
  generator.program = *file.findProgram("logits"); // a verified file has it and its slots
  generator.blockSize = file.step().model()->block_size();
  generator.vocabSize = file.step().model()->vocab_size();
  return generator;
}

Status Generator::generate(std::vector<int32_t> text, int64_t count, Sampler &sampler,
                           const std::function<bool(int32_t)> &emit) {
  std::vector<int32_t> window(blockSize);
  std::vector<float> logits(vocabSize);
  for (int64_t i = 0; i < count; ++i) {
    size_t visible = std::min(text.size(), blockSize);
    // What lies behind the last token does not matter: no position sees a later one.
    std::fill(window.begin(), window.end(), 0);
    std::copy(text.end() - static_cast<ptrdiff_t>(visible), text.end(), window.begin());
    int32_t position = static_cast<int32_t>(visible) - 1;
    SWAMLA_RETURN_IF_ERROR(device->writeSlot("logits.tokens", std::span<const int32_t>(window)));
    SWAMLA_RETURN_IF_ERROR(device->writeSlot("position", std::span<const int32_t>(&position, 1)));
    SWAMLA_RETURN_IF_ERROR(device->run(program));
    SWAMLA_RETURN_IF_ERROR(device->readSlot("logits.logits", logits));
    SWAMLA_TRY(int32_t token, sampler.next(logits));
    text.push_back(token);
    if (!emit(token))
      break;
  }
  return Status::ok();
}

Result<std::vector<int32_t>> encodePrompt(std::string_view prompt, uint32_t vocabSize) {
  std::vector<int32_t> tokens;
  if (vocabSize == kByteVocab) {
    for (char c : prompt)
      tokens.push_back(static_cast<unsigned char>(c));
    if (tokens.empty())
      tokens.push_back('\n'); // an empty prompt starts a line
    return tokens;
  }
  auto isSeparator = [](char c) { return c == ' ' || c == ','; };
  const char *at = prompt.data(), *end = at + prompt.size();
  while ((at = std::find_if_not(at, end, isSeparator)) != end) {
    int32_t token = -1;
    auto [stop, error] = std::from_chars(at, end, token);
    if (error != std::errc() || (stop != end && !isSeparator(*stop)))
      return invalidArgument(
          fmt::format("--sample {}: the model has a vocabulary of {} tokens and no tokenizer (text "
                      "needs a vocabulary of 256, the bytes); expected token numbers, e.g. "
                      "--sample \"464 3290\"",
                      swamla::quoted(prompt), vocabSize));
    if (token < 0 || static_cast<uint32_t>(token) >= vocabSize)
      return invalidArgument(fmt::format("--sample: token {} is outside the vocabulary (0 to {})",
                                         token, vocabSize - 1));
    tokens.push_back(token);
    at = stop;
  }
  if (tokens.empty())
    return invalidArgument(
        fmt::format("--sample: the prompt is empty; a model with a vocabulary of "
                    "{} tokens needs at least one token number",
                    vocabSize));
  return tokens;
}

std::string decodeToken(int32_t token, uint32_t vocabSize) {
  return vocabSize == kByteVocab ? std::string(1, static_cast<char>(token))
                                 : fmt::format(" {}", token);
}

} // namespace swamla
