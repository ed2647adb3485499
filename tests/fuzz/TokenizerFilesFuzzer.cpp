//===- TokenizerFilesFuzzer.cpp - arbitrary text as tokenizer files -------===//
//
// Reading must answer any text with a vocabulary or an error; with an accepted
// one, text becomes tokens that decode to it. The first byte says which files
// the rest is: a tokenizer.json, or vocab.bpe, a zero byte and encoder.json.
//
//===----------------------------------------------------------------------===//
#include "runtime/text/TextDecoder.h"
#include "runtime/text/Tokenizer.h"
#include "runtime/text/Utf8.h"
#include "runtime/train/Json.h"

#include <cstdlib>
#include <cstring>

using namespace swamla;

extern "C" size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t maxSize);

static Result<Vocabulary> read(std::string_view input) {
  if (input.empty() || input.front() == 'j')
    return Vocabulary::fromTokenizerJson(input.substr(!input.empty()), "tokenizer.json");
  size_t zero = input.find('\0', 1);
  std::string_view ids = zero < input.size() ? input.substr(zero + 1) : std::string_view();
  return Vocabulary::fromGpt2Files(input.substr(1, zero - 1), "vocab.bpe", ids, "encoder.json");
}

static void useVocabulary(Vocabulary vocabulary, std::string_view text) {
  auto tokenizer = Tokenizer::create(std::move(vocabulary), "a");
  if (!tokenizer.isOk())
    std::abort(); // "a" is one of the 256 bytes
  std::vector<TokenId> tokens;
  TextEncoder encoder(*tokenizer);
  encoder.encode(text, tokens);
  TextDecoder decoder(tokenizer->vocabulary());
  std::string decoded, expected;
  for (TokenId token : tokens)
    if (!decoder.decode(token, decoded).isOk())
      std::abort();
  decoder.finish(decoded);
  appendReplacingInvalid(expected, text);
  if (decoded != expected)
    std::abort();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string_view input(reinterpret_cast<const char *>(data), size);
  auto vocabulary = read(input);
  if (vocabulary.isOk())
    useVocabulary(*std::move(vocabulary), input);
  else if (vocabulary.status().message().empty())
    std::abort();
  return 0;
}

/// The bytes in GPT-2's alphabet, "ab" and "abc", in either format.
static std::string sampleFiles(bool hub) {
  Json vocab = Json::object();
  uint32_t next = 256;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    bool itself = (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte != 0xAD);
    std::string written;
    appendUtf8(written, itself ? byte : next++);
    vocab[written] = byte;
  }
  vocab["ab"] = 256;
  vocab["abc"] = 257;
  if (!hub)
    return "g#version: 0.2\na b\nab c\n" + std::string(1, '\0') + dumpJson(vocab);
  Json file = {{"added_tokens", {{{"id", 300}, {"content", "<e>"}, {"special", true}}}},
               {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}}},
               {"model", {{"type", "BPE"}, {"vocab", vocab}, {"merges", {"a b", "ab c"}}}}};
  return "j" + dumpJson(file);
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t maxSize,
                                          unsigned seed) {
  if (size < 2) {
    std::string sample = sampleFiles(seed % 2);
    if (sample.size() > maxSize)
      return LLVMFuzzerMutate(data, size, maxSize);
    std::memcpy(data, sample.data(), sample.size());
    return sample.size();
  }
  return LLVMFuzzerMutate(data, size, maxSize);
}
