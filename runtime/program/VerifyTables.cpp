//===- VerifyTables.cpp - model, buffers, parameters, slots ---------------===//
#include "runtime/base/Format.h"
#include "runtime/program/VerifyStep.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace swamla {

namespace {
using schema::BufferKind;
using schema::DType;

/// Sizes beyond this are nonsense, and sums of a few thousand of them still fit in 64 bits.
constexpr uint64_t kMaxBytes = uint64_t(1) << 48;
/// The BLAS and the kernels count rows and elements of a row in 32 bits.
constexpr uint64_t kMaxExtent = INT32_MAX;
constexpr unsigned kMaxRank = 8;

/// "[3, 4]"; what goes beyond kMaxRank is left out.
std::string describe(const flatbuffers::Vector<uint64_t> &shape) {
  std::string text;
  for (unsigned i = 0; i < std::min(shape.size(), kMaxRank); ++i)
    text += fmt::format("{}{}", i ? ", " : "", shape.Get(i));
  return fmt::format("[{}{}]", text, shape.size() > kMaxRank ? ", ..." : "");
}
} // namespace

std::optional<uint64_t> elementCount(const flatbuffers::Vector<uint64_t> &shape) {
  if (shape.size() > kMaxRank)
    return std::nullopt;
  uint64_t count = 1;
  for (uint64_t dim : shape) {
    if (dim == 0 || dim > kMaxBytes / count)
      return std::nullopt;
    count *= dim;
  }
  return count;
}

//===----------------------------------------------------------------------===//
// Layout
//===----------------------------------------------------------------------===//

/// The flatbuffer verifier checks that a vector's count is aligned, not that its elements are.
template <typename T> static bool isAligned(const flatbuffers::Vector<T> &vector) {
  return vector.size() == 0 || // the shape of a scalar
         reinterpret_cast<uintptr_t>(vector.Data()) % alignof(uint64_t) == 0;
}

Status verifyAlignment(const schema::Step &step) {
  bool aligned = true;
  for (const schema::Param *param : *step.params())
    aligned &= isAligned(*param->shape());
  for (const schema::Slot *slot : *step.slots())
    aligned &= isAligned(*slot->shape());
  for (const schema::Program *program : *step.programs())
    for (const schema::Op *op : *program->ops())
      if (const schema::Launch *launch = op->kind_as_Launch())
        aligned &= isAligned(*launch->views());
  for (const schema::Kernel *kernel : *step.kernels())
    if (kernel->gpu() && kernel->gpu()->tensor_maps())
      for (const schema::TensorMap *map : *kernel->gpu()->tensor_maps())
        aligned &= isAligned(*map->dims()) && isAligned(*map->strides());
  if (!aligned)
    return dataCorrupt("a vector of 8-byte elements is not at a multiple of 8 bytes, although the "
                       "checksum is right; compile it again");
  return Status::ok();
}

//===----------------------------------------------------------------------===//
// Model
//===----------------------------------------------------------------------===//

Status verifyModel(const schema::Step &step) {
  const schema::Model &model = *step.model();
  if (model.vocab_size() == 0 || model.block_size() == 0 || model.batch() == 0)
    return dataCorrupt(
        fmt::format("model: vocab_size {}, block_size {} and batch {} must all be at least 1",
                    model.vocab_size(), model.block_size(), model.batch()));
  uint64_t tokens = uint64_t(model.block_size()) * model.batch();
  if (tokens > kMaxExtent || model.vocab_size() > kMaxExtent)
    return dataCorrupt(
        fmt::format("model: vocab_size {} and batch x block_size = {} must be at most {}",
                    model.vocab_size(), tokens, kMaxExtent));
  if (!std::isfinite(model.forward_flops_per_token()) || model.forward_flops_per_token() < 0)
    return dataCorrupt(fmt::format("model: forward_flops_per_token is {}, expected a count",
                                   model.forward_flops_per_token()));
  std::string_view optimizer = model.optimizer()->string_view();
  if (optimizer != "adamw" && optimizer != "lion")
    return dataCorrupt(
        fmt::format("model: optimizer is {}, expected 'adamw' or 'lion'", quoted(optimizer)));
  std::string_view state =
      model.optimizer_state() ? model.optimizer_state()->string_view() : "bf16";
  if (state != "bf16" && state != "fp8" && state != "int8" && state != "int4")
    return dataCorrupt(
        fmt::format("model: optimizer_state is {}, expected 'bf16', 'fp8', 'int8' or 'int4', or "
                    "none",
                    quoted(state)));
  return Status::ok();
}

//===----------------------------------------------------------------------===//
// Buffers
//===----------------------------------------------------------------------===//

static Status verifyKindCounts(const schema::Step &step) {
  struct Rule {
    BufferKind kind;
    unsigned least, most;
  };
  // The parameters, their gradients and the scalars have one home each; the arena is planned as
  // one.
  static constexpr std::array<Rule, 10> rules = {{
      {BufferKind::Arena, 0, 1},
      {BufferKind::Params, 1, 1},
      {BufferKind::Grads, 1, 1},
      {BufferKind::State, 0, UINT32_MAX},
      {BufferKind::Constants, 0, UINT32_MAX},
      {BufferKind::Input, 0, UINT32_MAX},
      {BufferKind::Scalars, 0, 1},
      {BufferKind::Results, 0, UINT32_MAX},
      {BufferKind::Working, 0, UINT32_MAX},
      {BufferKind::Scaling, 0, UINT32_MAX},
  }};
  for (const Rule &rule : rules) {
    auto count = unsigned(
        std::count_if(step.buffers()->begin(), step.buffers()->end(),
                      [&](const schema::Buffer *buffer) { return buffer->kind() == rule.kind; }));
    if (count < rule.least || count > rule.most)
      return dataCorrupt(fmt::format("buffers: {} of kind {}, expected {}", count,
                                     schema::EnumNameBufferKind(rule.kind),
                                     rule.least == 1 ? "exactly one" : "at most one"));
  }
  return Status::ok();
}

/// The type and shape of an optimizer state; other buffers have none.
static Status verifyState(const schema::Buffer &buffer, const std::string &where) {
  if (buffer.kind() != BufferKind::State) {
    if (buffer.shape() || buffer.dtype() != schema::DType::F32)
      return dataCorrupt(fmt::format("{}: has a type or a shape; expected those of states only, "
                                     "found kind {}",
                                     where, schema::EnumNameBufferKind(buffer.kind())));
    return Status::ok();
  }
  if (buffer.dtype() > schema::DType::MAX)
    return dataCorrupt(
        fmt::format("{}: type {} is not known; compile it again with the swamlac of the same "
                    "release",
                    where, unsigned(buffer.dtype())));
  if (!buffer.shape()) {
    if (buffer.dtype() == schema::DType::F32 || buffer.dtype() == schema::DType::BF16)
      return Status::ok();
    return dataCorrupt(fmt::format("{}: has type {} in the layout of the parameters; expected F32 "
                                   "or BF16, or a shape of its own",
                                   where, schema::EnumNameDType(buffer.dtype())));
  }
  uint64_t bytes = dtypeBytes(buffer.dtype());
  for (uint64_t size : *buffer.shape()) {
    if (size == 0 || size > kMaxBytes / bytes)
      return dataCorrupt(fmt::format("{}: a size of {} in its shape; expected 1 or more, and at "
                                     "most {} bytes in all",
                                     where, size, kMaxBytes));
    bytes *= size;
  }
  // A buffer is whole words.
  if (buffer.bytes() != (bytes + 3) / 4 * 4)
    return dataCorrupt(fmt::format("{}: has {} bytes; expected {}, as its shape has it", where,
                                   buffer.bytes(), (bytes + 3) / 4 * 4));
  return Status::ok();
}

Status verifyBuffers(const schema::Step &step) {
  Names names("buffers");
  unsigned index = 0;
  uint64_t arenaBytes = 0;
  for (const schema::Buffer *buffer : *step.buffers()) {
    SWAMLA_RETURN_IF_ERROR(names.add(index, buffer->name()->string_view()));
    std::string where = fmt::format("buffers[{}] ('{}')", index++, buffer->name()->string_view());
    if (buffer->kind() > BufferKind::MAX)
      return dataCorrupt(fmt::format("{}: kind {} is not known; compile it again with the swamlac "
                                     "of the same release",
                                     where, unsigned(buffer->kind())));
    if (buffer->bytes() > kMaxBytes || buffer->bytes() % 4 != 0)
      return dataCorrupt(fmt::format("{}: a size of {} bytes; expected a multiple of 4, at most {}",
                                     where, buffer->bytes(), kMaxBytes));
    SWAMLA_RETURN_IF_ERROR(verifyState(*buffer, where));
    if (buffer->kind() == BufferKind::Arena)
      arenaBytes = buffer->bytes();
  }
  SWAMLA_RETURN_IF_ERROR(verifyKindCounts(step));
  if (step.max_live_bytes() > arenaBytes)
    return dataCorrupt(fmt::format("max_live_bytes is {}, more than the arena's {} bytes",
                                   step.max_live_bytes(), arenaBytes));
  return Status::ok();
}

//===----------------------------------------------------------------------===//
// Parameters
//===----------------------------------------------------------------------===//

namespace {
struct Slice {
  uint64_t begin, end; ///< elements
  unsigned param;
};
} // namespace

static Status verifyFlatSizes(const schema::Step &step) {
  const schema::Buffer *params = nullptr;
  for (const schema::Buffer *buffer : *step.buffers())
    if (buffer->kind() == BufferKind::Params)
      params = buffer;
  for (const schema::Buffer *buffer : *step.buffers()) {
    bool isState = buffer->kind() == BufferKind::State;
    if (isState && buffer->shape())
      continue;
    // A number of a parameter has 4 bytes.
    uint64_t bytes = isState ? params->bytes() / 4 * dtypeBytes(buffer->dtype()) : params->bytes();
    if ((isState || buffer->kind() == BufferKind::Grads) && buffer->bytes() != bytes)
      return dataCorrupt(fmt::format(
          "buffer '{}' has {} bytes; expected {} bytes, as in '{}', whose layout it has",
          buffer->name()->string_view(), buffer->bytes(), bytes, params->name()->string_view()));
  }
  for (const schema::Buffer *buffer : *step.buffers())
    if (buffer->kind() == BufferKind::Working && buffer->bytes() > params->bytes() / 2)
      return dataCorrupt(fmt::format("buffer '{}' has {} bytes; expected at most {} bytes, half of "
                                     "'{}', of which it is a copy in bf16 or fp8",
                                     buffer->name()->string_view(), buffer->bytes(),
                                     params->bytes() / 2, params->name()->string_view()));
  return Status::ok();
}

static Status verifyDisjoint(const schema::Step &step, std::vector<Slice> slices) {
  std::sort(slices.begin(), slices.end(),
            [](const Slice &a, const Slice &b) { return a.begin < b.begin; });
  auto nameOf = [&](const Slice &slice) {
    return step.params()->Get(slice.param)->name()->string_view();
  };
  for (size_t i = 1; i < slices.size(); ++i)
    if (slices[i].begin < slices[i - 1].end)
      return dataCorrupt(fmt::format("params[{}] ('{}') begins at element {}, inside params[{}] "
                                     "('{}'), which ends at element {}",
                                     slices[i].param, nameOf(slices[i]), slices[i].begin,
                                     slices[i - 1].param, nameOf(slices[i - 1]),
                                     slices[i - 1].end));
  return Status::ok();
}

Status verifyParams(const schema::Step &step) {
  SWAMLA_RETURN_IF_ERROR(verifyFlatSizes(step));
  uint64_t flatElements = 0;
  for (const schema::Buffer *buffer : *step.buffers())
    if (buffer->kind() == BufferKind::Params)
      flatElements = buffer->bytes() / 4;

  Names names("params");
  std::vector<Slice> slices;
  uint64_t total = 0;
  unsigned index = 0;
  for (const schema::Param *param : *step.params()) {
    SWAMLA_RETURN_IF_ERROR(names.add(index, param->name()->string_view()));
    auto where = [&] {
      return fmt::format("params[{}] ('{}')", index, param->name()->string_view());
    };
    std::optional<uint64_t> count = elementCount(*param->shape());
    if (!count)
      return dataCorrupt(
          fmt::format("{}: the shape {} has a dim of 0, more than {} dims, or is too large",
                      where(), describe(*param->shape()), kMaxRank));
    if (param->offset() > flatElements || *count > flatElements - param->offset())
      return dataCorrupt(
          fmt::format("{}: {} elements from element {}, but the parameter buffer has {} elements",
                      where(), *count, param->offset(), flatElements));
    if (!std::isfinite(param->init_value()))
      return dataCorrupt(fmt::format("{}: init_value is {}, expected a finite number", where(),
                                     param->init_value()));
    slices.push_back({param->offset(), param->offset() + *count, index});
    total += *count;
    ++index;
  }
  SWAMLA_RETURN_IF_ERROR(verifyDisjoint(step, std::move(slices)));
  if (total != step.model()->num_params())
    return dataCorrupt(fmt::format("model: num_params is {}, but the parameters have {} elements",
                                   step.model()->num_params(), total));
  return Status::ok();
}

//===----------------------------------------------------------------------===//
// Slots
//===----------------------------------------------------------------------===//

/// What the runtime writes before and reads after each program; further slots are scalars.
static Status verifyInterface(const schema::Step &step) {
  struct Wanted {
    const char *name;
    DType dtype;
    uint64_t elements;
  };
  const schema::Model &model = *step.model();
  uint64_t tokens = uint64_t(model.batch()) * model.block_size();
  const std::array<Wanted, 9> interface = {{
      {"micro_step.tokens", DType::I32, tokens},
      {"micro_step.targets", DType::I32, tokens},
      {"micro_step.loss", DType::F32, 1},
      {"eval.tokens", DType::I32, tokens},
      {"eval.targets", DType::I32, tokens},
      {"eval.loss", DType::F32, 1},
      {"apply.grad_norm", DType::F32, 1},
      {"logits.tokens", DType::I32, model.block_size()},
      {"logits.logits", DType::F32, model.vocab_size()},
  }};
  for (const Wanted &wanted : interface) {
    auto slot = std::find_if(step.slots()->begin(), step.slots()->end(), [&](const auto *s) {
      return s->name()->string_view() == wanted.name;
    });
    if (slot == step.slots()->end())
      return dataCorrupt(fmt::format("slots: there is no '{}'", wanted.name));
    uint64_t count = *elementCount(*slot->shape());
    if (slot->dtype() != wanted.dtype || count != wanted.elements)
      return dataCorrupt(fmt::format("slot '{}' has {} elements of {}, expected {} of {}",
                                     wanted.name, count, schema::EnumNameDType(slot->dtype()),
                                     wanted.elements, schema::EnumNameDType(wanted.dtype)));
  }
  return Status::ok();
}

Status verifySlots(const schema::Step &step) {
  Names names("slots");
  unsigned index = 0;
  for (const schema::Slot *slot : *step.slots()) {
    SWAMLA_RETURN_IF_ERROR(names.add(index, slot->name()->string_view()));
    auto where = [&] {
      return fmt::format("slots[{}] ('{}')", index, slot->name()->string_view());
    };
    if (slot->dtype() > DType::MAX)
      return dataCorrupt(
          fmt::format("{}: element type {} is not known", where(), unsigned(slot->dtype())));
    SWAMLA_RETURN_IF_ERROR(verifyView(step, *slot->view(), dtypeBytes(slot->dtype()),
                                      [&] { return where() + ": its view"; }));
    std::optional<uint64_t> count = elementCount(*slot->shape());
    if (!count || *count * dtypeBytes(slot->dtype()) != slot->view()->bytes())
      return dataCorrupt(fmt::format(
          "{}: its view has {} bytes, which is not the size of {} {}", where(),
          slot->view()->bytes(), schema::EnumNameDType(slot->dtype()), describe(*slot->shape())));
    BufferKind kind = step.buffers()->Get(slot->view()->buffer())->kind();
    if (kind != BufferKind::Input && kind != BufferKind::Scalars && kind != BufferKind::Results)
      return dataCorrupt(
          fmt::format("{}: lies in a buffer of kind {}, expected Input, Scalars or Results",
                      where(), schema::EnumNameBufferKind(kind)));
    ++index;
  }
  return verifyInterface(step);
}

//===----------------------------------------------------------------------===//
// All of it
//===----------------------------------------------------------------------===//

Status verifyStep(const schema::Step &step) {
  SWAMLA_RETURN_IF_ERROR(verifyAlignment(step));
  SWAMLA_RETURN_IF_ERROR(verifyModel(step));
  SWAMLA_RETURN_IF_ERROR(verifyRanks(step));
  SWAMLA_RETURN_IF_ERROR(verifyBuffers(step));
  SWAMLA_RETURN_IF_ERROR(verifyParams(step));
  SWAMLA_RETURN_IF_ERROR(verifySlots(step));
  SWAMLA_RETURN_IF_ERROR(verifyKernels(step));
  SWAMLA_RETURN_IF_ERROR(verifyPrograms(step));
  return verifyReportTables(step);
}

} // namespace swamla
