//===- GpuTarget.cpp - which programs a GPU can run -----------------------===//
#include "runtime/cuda/GpuTarget.h"

#include "runtime/base/Format.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

namespace swamla {

using schema::BufferKind;

//===----------------------------------------------------------------------===//
// Architecture
//===----------------------------------------------------------------------===//

namespace {
struct Architecture {
  unsigned major, minor;
  bool exact; ///< "sm_90a": features that no later architecture promises
};
} // namespace

/// "sm_90a", "sm_103", ...: the last digit is the minor number.
static std::optional<Architecture> parseArchitecture(std::string_view name) {
  if (!name.starts_with("sm_"))
    return std::nullopt;
  name.remove_prefix(3);
  unsigned number = 0;
  auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  std::string_view suffix(end, size_t(name.data() + name.size() - end));
  if (error != std::errc() || number < 10 || !(suffix.empty() || suffix == "a"))
    return std::nullopt;
  return Architecture{number / 10, number % 10, !suffix.empty()};
}

Status requireArchitecture(const GpuInfo &gpu, std::string_view target) {
  std::optional<Architecture> wanted = parseArchitecture(target);
  if (!wanted)
    return failedPrecondition(fmt::format(
        "compiled for {}, expected an architecture such as 'sm_90a'; compile it again with the "
        "swamlac of the same release",
        quoted(target)));
  auto at = std::pair(gpu.major, gpu.minor), least = std::pair(wanted->major, wanted->minor);
  if (wanted->exact ? at == least : at >= least)
    return Status::ok();
  return failedPrecondition(fmt::format(
      "compiled for {}, which runs on compute capability {}.{} {}; GPU {} is an {} with {}.{}: "
      "choose another GPU (--device, CUDA_VISIBLE_DEVICES), or compile with --target=cpu",
      target, wanted->major, wanted->minor, wanted->exact ? "only" : "and above", gpu.index,
      gpu.name, gpu.major, gpu.minor));
}

//===----------------------------------------------------------------------===//
// Memory
//===----------------------------------------------------------------------===//

namespace {
struct Need {
  const char *name;
  uint64_t bytes;
};

/// The plan's memory by what it is for.
struct Needs {
  std::vector<Need> parts;
  uint64_t activations = 0, total = 0;
};
} // namespace

static Needs needsOf(const StepFile &file, uint64_t more) {
  static constexpr std::array<std::pair<BufferKind, const char *>, 5> names = {{
      {BufferKind::Arena, "activations"},
      {BufferKind::Params, "parameters"},
      {BufferKind::Grads, "gradients"},
      {BufferKind::State, "optimizer states"},
      {BufferKind::Working, "working copies of the parameters"},
  }};
  Needs needs;
  uint64_t rest = more;
  for (auto [kind, name] : names)
    needs.parts.push_back({name, 0});
  for (const schema::Buffer *buffer : *file.step().buffers()) {
    const auto *named = std::find_if(names.begin(), names.end(),
                                     [&](const auto &n) { return n.first == buffer->kind(); });
    if (named == names.end())
      rest += buffer->bytes();
    else
      needs.parts[size_t(named - names.begin())].bytes += buffer->bytes();
    needs.total += buffer->bytes();
  }
  needs.activations = needs.parts[0].bytes;
  needs.total += more;
  needs.parts.push_back({"the rest", rest});
  std::erase_if(needs.parts, [](const Need &need) { return need.bytes == 0; });
  return needs;
}

/// The options of --checkpoint that keep less than the program does; empty: none.
static std::string thriftierModes(const StepFile &file) {
  static constexpr std::array<std::string_view, 5> modes = {"none", "qkv", "mlp", "attn", "block"};
  constexpr std::string_view prefix = "--checkpoint=";
  size_t now = 0;
  if (file.step().options())
    for (const flatbuffers::String *option : *file.step().options())
      if (option->string_view().starts_with(prefix))
        now = size_t(
            std::find(modes.begin(), modes.end(), option->string_view().substr(prefix.size())) -
            modes.begin());
  std::string text;
  for (size_t i = now + 1; i < modes.size(); ++i)
    text += fmt::format("{}{}", text.empty() ? "--checkpoint=" : "|", modes[i]);
  return text;
}

/// What to do, with the numbers that are known.
static std::string advice(const StepFile &file, const Needs &needs, const GpuMemory &memory) {
  uint64_t fixed = needs.total - needs.activations, batch = file.step().model()->batch();
  if (needs.total <= memory.total)
    return fmt::format("all of it would do: other programs hold {}; stop them, or choose another "
                       "GPU (--device, CUDA_VISIBLE_DEVICES)",
                       formatBytes(memory.total - memory.free));
  if (fixed >= memory.free)
    return "what does not depend on the batch does not fit: train a smaller model on this GPU";
  // Activations grow in proportion to the batch, but for a few tables.
  auto fits = uint64_t((unsigned __int128)(memory.free - fixed) * batch / needs.activations);
  std::string modes = thriftierModes(file);
  std::string text;
  if (fits > 0)
    text = fmt::format("compile with --batch={} (its activations take about {})", fits,
                       formatBytes(needs.activations / batch * fits));
  if (!modes.empty())
    text += fmt::format("{}, which keeps less and computes it again",
                        (text.empty() ? "compile with " : ", or with ") + modes);
  return text.empty() ? "not even one sequence fits: train a smaller model on this GPU" : text;
}

Status requireMemory(const StepFile &file, uint64_t more, const GpuInfo &gpu,
                     const GpuMemory &memory) {
  Needs needs = needsOf(file, more);
  if (needs.total <= memory.free)
    return Status::ok();
  std::string parts;
  for (const Need &need : needs.parts)
    parts += fmt::format("{}{} {}", parts.empty() ? "" : ", ", need.name, formatBytes(need.bytes));
  return resourceExhausted(
      fmt::format("needs {} of GPU memory ({}); GPU {} ({}) has {} free of {}; {}",
                  formatBytes(needs.total), parts, gpu.index, gpu.name, formatBytes(memory.free),
                  formatBytes(memory.total), advice(file, needs, memory)));
}

} // namespace swamla
