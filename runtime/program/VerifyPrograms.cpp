//===- VerifyPrograms.cpp - every op against the tables -------------------===//
#include "runtime/base/Format.h"
#include "runtime/program/VerifyStep.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace swamla {

namespace {
using schema::BufferKind;

constexpr uint64_t kMaxUnits = INT32_MAX;
/// What views of launches are multiples of: the smallest element.
constexpr uint64_t kElementBytes = 1;

class ProgramVerifier {
public:
  ProgramVerifier(const schema::Step &step, unsigned program) : step(step), program(program) {}

  Status run() {
    const auto &ops = *step.programs()->Get(program)->ops();
    for (index = 0; index < ops.size(); ++index) {
      op = ops.Get(index);
      SWAMLA_RETURN_IF_ERROR(verifyOp());
    }
    return verifyCollectives(step, program);
  }

private:
  std::string where() const {
    return fmt::format("programs[{}].ops[{}] ({})", program, index,
                       quoted(op->label()->string_view()));
  }

  Status verifyOp() {
    if (const schema::Launch *launch = op->kind_as_Launch())
      return verifyLaunch(*launch);
    if (const schema::Matmul *matmul = op->kind_as_Matmul())
      return verifyMatmul(step, *matmul, where());
    if (const schema::Fill *fill = op->kind_as_Fill())
      return verifyFill(*fill);
    if (op->kind_as_Collective() || op->kind_as_CollectiveWait())
      return Status::ok(); // these are looked at together
    return dataCorrupt(fmt::format("{}: an op of kind {} is not known; compile it again with the "
                                   "swamlac of the same release",
                                   where(), unsigned(op->kind_type())));
  }

  Status verifyLaunch(const schema::Launch &launch) {
    if (launch.kernel() >= step.kernels()->size())
      return dataCorrupt(fmt::format("{}: launches kernel {}, but there are {} kernels", where(),
                                     launch.kernel(), step.kernels()->size()));
    const schema::Kernel &kernel = *step.kernels()->Get(launch.kernel());
    if (launch.views()->size() != kernel.num_views())
      return dataCorrupt(fmt::format("{}: {} views, but kernel '{}' takes {}", where(),
                                     launch.views()->size(), kernel.name()->string_view(),
                                     kernel.num_views()));
    if (launch.units() == 0 || launch.units() > kMaxUnits)
      return dataCorrupt(fmt::format("{}: {} units of work, expected 1 to {}", where(),
                                     launch.units(), kMaxUnits));
    unsigned number = 0;
    for (const schema::View *view : *launch.views()) {
      SWAMLA_RETURN_IF_ERROR(verifyView(
          step, *view, kElementBytes, [&] { return fmt::format("{}: view {}", where(), number); }));
      ++number;
    }
    return verifyTensorMaps(step, launch, where());
  }

  Status verifyFill(const schema::Fill &fill) {
    SWAMLA_RETURN_IF_ERROR(verifyView(step, *fill.view(), sizeof(uint32_t),
                                      [&] { return fmt::format("{}: the view", where()); }));
    return verifyWritable(step, *fill.view(), where());
  }

  const schema::Step &step;
  unsigned program;
  unsigned index = 0;
  const schema::Op *op = nullptr;
};
} // namespace

Status verifyWritable(const schema::Step &step, const schema::View &view,
                      const std::string &where) {
  const schema::Buffer &buffer = *step.buffers()->Get(view.buffer());
  if (buffer.kind() == BufferKind::Input || buffer.kind() == BufferKind::Scalars)
    return dataCorrupt(fmt::format("{}: writes to buffer '{}' of kind {}, which is the runtime's",
                                   where, buffer.name()->string_view(),
                                   schema::EnumNameBufferKind(buffer.kind())));
  return Status::ok();
}

Status verifyPrograms(const schema::Step &step) {
  const auto &programs = *step.programs();
  for (unsigned i = 0; i < programs.size(); ++i) {
    std::string_view name = programs.Get(i)->name()->string_view();
    if (!isPlainName(name))
      return dataCorrupt(fmt::format(
          "programs[{}]: the name {} is not 1 to 255 printable ASCII characters without spaces", i,
          quoted(name)));
    for (unsigned j = 0; j < i; ++j)
      if (programs.Get(j)->name()->string_view() == name)
        return dataCorrupt(
            fmt::format("programs[{}]: there already is one with the name '{}'", i, name));
    SWAMLA_RETURN_IF_ERROR(ProgramVerifier(step, i).run());
  }
  // `setup` is only there when the model has tables to fill.
  for (std::string_view wanted : {"micro_step", "apply", "eval", "logits"})
    if (std::none_of(programs.begin(), programs.end(), [&](const schema::Program *program) {
          return program->name()->string_view() == wanted;
        }))
      return dataCorrupt(fmt::format("programs: there is no '{}'", wanted));
  bool cast = std::any_of(programs.begin(), programs.end(), [](const schema::Program *program) {
    return program->name()->string_view() == "cast";
  });
  bool working = std::any_of(step.buffers()->begin(), step.buffers()->end(),
                             [](const auto *b) { return b->kind() == BufferKind::Working; });
  if (cast != working)
    return dataCorrupt(fmt::format("programs: there is {} 'cast', but {} buffer of kind Working; "
                                   "expected both or neither",
                                   cast ? "a" : "no", working ? "a" : "no"));
  return Status::ok();
}

} // namespace swamla
