//===- SafetensorsFuzzer.cpp - arbitrary bytes as a tensor file -----------===//
//
// Opening must answer any bytes with tensors or an error, and every tensor of an
// accepted file must be readable. The mutator keeps the length in front right
// most of the time: with a random one nothing gets to the JSON.
//
//===----------------------------------------------------------------------===//
#include "runtime/train/Safetensors.h"

#include <cstdlib>
#include <cstring>

using namespace swamla;

extern "C" size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t maxSize);

static void readAll(const SafetensorsFile &file) {
  uint64_t total = 0;
  for (const TensorInfo &info : file.tensors()) {
    total += info.bytes();
    if (file.find(info.name) != &info || file.data(info).size() != info.bytes())
      std::abort();
    std::vector<float> floats(info.elements);
    std::vector<int32_t> ints(info.elements);
    Status asFloats = file.read(info, floats), asInts = file.read(info, ints);
    bool isFloat = info.type != TensorType::I32 && info.type != TensorType::I64;
    if (asFloats.isOk() != isFloat || (isFloat && asInts.isOk()))
      std::abort();
  }
  // The tensors are the data section, each byte once.
  if (total > file.fileBytes().size())
    std::abort();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  auto file = SafetensorsFile::fromBytes(std::as_bytes(std::span(data, size)), "fuzz");
  if (file.isOk())
    readAll(*file);
  else if (file.status().message().empty())
    std::abort();
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t maxSize,
                                          unsigned seed) {
  constexpr std::string_view header =
      R"({"__metadata__":{"a":"b"},"w":{"dtype":"F32","shape":[2,1],"data_offsets":[0,8]},)"
      R"("v":{"dtype":"BF16","shape":[3],"data_offsets":[8,14]},)"
      R"("i":{"dtype":"I64","shape":[],"data_offsets":[14,22]}})";
  constexpr size_t dataBytes = 22;
  uint64_t length = header.size();
  size_t sample = sizeof(length) + header.size() + dataBytes;
  if (size < sizeof(length) + 1 && sample <= maxSize) {
    std::memset(data, 0, sample);
    std::memcpy(data, &length, sizeof(length));
    std::memcpy(data + sizeof(length), header.data(), header.size());
    return sample;
  }
  if (seed % 16 == 0 || size < sizeof(length)) // the length's own checks
    return LLVMFuzzerMutate(data, size, maxSize);
  // The header grows or shrinks; the data behind it stays.
  uint64_t before = 0;
  std::memcpy(&before, data, sizeof(before));
  size_t body = size - sizeof(before), old = before < body ? before : body;
  std::string tail(reinterpret_cast<char *>(data) + sizeof(before) + old, body - old);
  size_t room = maxSize - sizeof(before) - tail.size();
  length = LLVMFuzzerMutate(data + sizeof(before), old, room);
  std::memcpy(data, &length, sizeof(length));
  std::memcpy(data + sizeof(length) + length, tail.data(), tail.size());
  return sizeof(length) + length + tail.size();
}
