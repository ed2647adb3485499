//===- Describe.cpp - what a model costs, in numbers ----------------------===//
#include "Describe.h"

#include "compiler/Frontend/Flops.h"
#include "compiler/Frontend/ParamTable.h"

#include <array>

namespace swamla {

/// 1940902 as "1,940,902".
static std::string withCommas(int64_t number) {
  std::string digits = std::to_string(number);
  for (int i = static_cast<int>(digits.size()) - 3; i > 0; i -= 3)
    digits.insert(static_cast<size_t>(i), ",");
  return digits;
}

std::string formatCount(int64_t count) {
  bool millions = count >= 100000;
  int64_t unit = millions ? 1000000 : 1000;
  int64_t tenths = (count * 10 + unit / 2) / unit;
  return fmt::format("{}.{}{}", withCommas(tenths / 10), tenths % 10, millions ? "M" : "K");
}

static std::string formatBytes(int64_t bytes) {
  double mib = static_cast<double>(bytes) / (1024.0 * 1024.0);
  return mib >= 1024.0 ? fmt::format("{:.2f} GiB", mib / 1024.0) : fmt::format("{:.2f} MiB", mib);
}

namespace {
struct Part {
  const char *label;
  int64_t tensors = 0, elements = 0;
};
} // namespace

/// Sums of the table by what the parameters are for.
static std::array<Part, 5> partsOf(const Config &config) {
  std::array<Part, 5> parts = {
      {{"embedding and head"}, {"SWA attention"}, {"MLA attention"}, {"MLP"}, {"block norms"}}};
  for (const ParamSpec &param : paramTable(config)) {
    size_t index = 4;
    if (param.name.starts_with("wte."))
      index = 0;
    else if (param.name.find(".mlp.") != std::string::npos)
      index = 3;
    else if (param.name.find(".attn.") != std::string::npos)
      index = config.isMla(std::stoll(param.name.substr(2))) ? 2 : 1;
    ++parts[index].tensors;
    parts[index].elements += param.numElements();
  }
  return parts;
}

std::string describe(const Config &config, const std::string &name) {
  std::vector<ParamSpec> table = paramTable(config);
  int64_t total = numElements(table), decayed = 0;
  for (const ParamSpec &param : table)
    decayed += param.decay ? param.numElements() : 0;

  std::string text;
  auto line = [&](const auto &...values) { text += fmt::format("{:<26}{:>16}  {}\n", values...); };
  auto share = [&](int64_t count) {
    return fmt::format("{:.1f} %", 100.0 * static_cast<double>(count) / static_cast<double>(total));
  };
  line("model", name,
       fmt::format("{} blocks, width {}, sequence {}, vocabulary {}", config.nLayer, config.nEmbd,
                   config.blockSize, config.vocabSize));
  line("parameters", withCommas(total),
       fmt::format("{} in {} tensors", formatCount(total), table.size()));
  for (const Part &part : partsOf(config))
    if (part.tensors > 0)
      line(fmt::format("  {}", part.label), withCommas(part.elements),
           fmt::format("{} in {} tensors", share(part.elements), part.tensors));
  line("with weight decay", withCommas(decayed), share(decayed));

  double flops = forwardFlopsPerToken(config);
  line("forward FLOPs per token", fmt::format("{:.3f} M", flops / 1e6),
       "matmuls and attention, a multiply-add counts two");
  line("training FLOPs per token", fmt::format("{:.3f} M", 3 * flops / 1e6),
       "the backward counts twice the forward");
  int64_t bytes = 4 * total;
  line("masters, fp32", formatBytes(bytes), fmt::format("{} bytes", withCommas(bytes)));
  line("gradients, fp32", formatBytes(bytes), fmt::format("{} bytes", withCommas(bytes)));
  line("AdamW state", formatBytes(2 * bytes), fmt::format("{} bytes", withCommas(2 * bytes)));
  line("Lion state", formatBytes(bytes), fmt::format("{} bytes", withCommas(bytes)));
  return text;
}

} // namespace swamla
