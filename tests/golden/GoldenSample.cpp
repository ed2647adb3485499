//===- GoldenSample.cpp - golden cases made up for tests ------------------===//
#include "tests/golden/GoldenSample.h"

#include "compiler/Frontend/ParamTable.h"

#include <cmath>

namespace swamla::test {

GoldenSample GoldenSample::make() {
  GoldenSample sample;
  sample.config = {{"vocab_size", 7}, {"block_size", 4},
                   {"n_layer", 1},    {"n_embd", 4},
                   {"n_head", 1},     {"swa_layers_per_cycle", 1},
                   {"swa_window", 2}, {"mla_layers_per_cycle", 0},
                   {"use_dyt", true}};
  sample.train = {{"batch", 2},    {"steps", 2},     {"lr", 0.01},          {"min_lr", 0.001},
                  {"warmup", 1},   {"max_steps", 4}, {"weight_decay", 0.1}, {"beta1", 0.9},
                  {"beta2", 0.95}, {"eps", 1e-8},    {"grad_clip", 1.0}};
  std::vector<int32_t> tokens(16), targets(16);
  for (size_t i = 0; i < tokens.size(); ++i) {
    tokens[i] = static_cast<int32_t>(i % 7);
    targets[i] = i == 3 ? -100 : static_cast<int32_t>((i + 1) % 7);
  }
  sample.tensors["tokens"] = {"I32", {2, 2, 4}, bytesOf(tokens)};
  sample.tensors["targets"] = {"I32", {2, 2, 4}, bytesOf(targets)};
  sample.tensors["loss"] = {"F64", {2}, bytesOf(std::vector<double>{2.0, 1.5})};
  sample.tensors["grad_norm"] = {"F64", {2}, bytesOf(std::vector<double>{0.5, 0.25})};
  int number = 0;
  for (const ParamSpec &spec : paramTable(*configFromJson(dumpJson(sample.config))))
    for (const char *kind : {"init/", "grad/", "final/"}) {
      std::vector<float> values(static_cast<size_t>(spec.numElements()));
      for (float &value : values)
        value = std::sin(static_cast<float>(++number));
      std::vector<uint64_t> shape(spec.shape.begin(), spec.shape.end());
      if (spec.name.ends_with("alpha"))
        shape.clear(); // as the reference writes a single number
      sample.tensors[kind + spec.name] = {"F32", shape, bytesOf(values)};
    }
  return sample;
}

std::string GoldenSample::file() const {
  Json header;
  header["__metadata__"] = {{"config", dumpJson(config)}, {"train", dumpJson(train)}};
  std::string data;
  for (const auto &[name, tensor] : tensors) {
    header[name] = {{"dtype", tensor.type},
                    {"shape", tensor.shape},
                    {"data_offsets", {data.size(), data.size() + tensor.bytes.size()}}};
    data += tensor.bytes;
  }
  std::string text = dumpJson(header);
  uint64_t length = text.size();
  return std::string(reinterpret_cast<const char *>(&length), sizeof(length)) + text + data;
}

Result<GoldenCase> GoldenSample::read() const {
  std::string bytes = file();
  SWAMLA_TRY(SafetensorsFile opened,
             SafetensorsFile::fromBytes(std::as_bytes(std::span(bytes)), "case.safetensors"));
  return readGoldenCase(opened);
}

} // namespace swamla::test
