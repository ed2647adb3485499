//===- VerifyViews.cpp - what kernels say of their views; predictions -----===//
//
// Both serve reports only: a search for numbers that are not finite reads the
// elements that a kernel says it wrote, so they must lie inside the view.
//
//===----------------------------------------------------------------------===//
#include "runtime/program/VerifyStep.h"

#include <cmath>

namespace swamla {

namespace {
constexpr unsigned kMaxRank = 8;
constexpr uint64_t kMaxElements = uint64_t(1) << 48;

/// Elements from the view's begin to behind the last; nullopt where that is more than any view has.
std::optional<uint64_t> extentOf(const schema::KernelView &view) {
  unsigned __int128 last = view.offset();
  for (unsigned i = 0; i < view.sizes()->size(); ++i)
    last += static_cast<unsigned __int128>(view.sizes()->Get(i) - 1) * view.strides()->Get(i);
  if (last >= kMaxElements)
    return std::nullopt;
  return uint64_t(last) + 1;
}

Status verifyKernelView(const schema::KernelView &view, const std::string &where) {
  if (view.access() > schema::Access::MAX || view.dtype() > schema::DType::MAX)
    return dataCorrupt(fmt::format("{}: access {} or element type {} is not known", where,
                                   unsigned(view.access()), unsigned(view.dtype())));
  if (!view.sizes())
    return Status::ok();
  unsigned rank = view.sizes()->size();
  if (rank > kMaxRank || !view.strides() || view.strides()->size() != rank)
    return dataCorrupt(fmt::format("{}: {} sizes and {} strides; expected as many, at most {}",
                                   where, rank, view.strides() ? view.strides()->size() : 0,
                                   kMaxRank));
  if (rank > 0 && !elementCount(*view.sizes()))
    return dataCorrupt(fmt::format("{}: a size is 0, or there are more than 2^48 elements", where));
  if (!extentOf(view))
    return dataCorrupt(fmt::format("{}: its elements span 2^48 or more", where));
  return Status::ok();
}

Status verifyTable(const schema::Kernel &kernel, const std::string &where) {
  if (!kernel.views())
    return Status::ok();
  if (kernel.views()->size() != kernel.num_views())
    return dataCorrupt(fmt::format("{}: describes {} views, but takes {}", where,
                                   kernel.views()->size(), kernel.num_views()));
  for (unsigned i = 0; i < kernel.num_views(); ++i)
    SWAMLA_RETURN_IF_ERROR(
        verifyKernelView(*kernel.views()->Get(i), fmt::format("{}: views[{}]", where, i)));
  return Status::ok();
}

Status verifyLaunch(const schema::Step &step, const schema::Launch &launch,
                    const std::string &where) {
  const schema::Kernel &kernel = *step.kernels()->Get(launch.kernel());
  if (!kernel.views())
    return Status::ok();
  for (unsigned i = 0; i < kernel.num_views(); ++i) {
    const schema::KernelView &described = *kernel.views()->Get(i);
    if (!described.sizes())
      continue;
    uint64_t bytes = *extentOf(described) * dtypeBytes(described.dtype());
    if (bytes > launch.views()->Get(i)->bytes())
      return dataCorrupt(fmt::format("{}: kernel '{}' touches {} bytes of view {}, which has {}",
                                     where, kernel.name()->string_view(), bytes, i,
                                     launch.views()->Get(i)->bytes()));
  }
  return Status::ok();
}

Status verifyPredictions(const schema::Step &step) {
  if (!step.predictions())
    return Status::ok();
  unsigned index = 0;
  for (const schema::Prediction *prediction : *step.predictions()) {
    std::string where = fmt::format("predictions[{}]", index++);
    if (prediction->program() >= step.programs()->size())
      return dataCorrupt(fmt::format("{}: is of program {}, but there are {}", where,
                                     prediction->program(), step.programs()->size()));
    bool sensible = std::isfinite(prediction->ms()) && prediction->floor_ms() >= 0 &&
                    prediction->floor_ms() <= prediction->ms();
    if (!sensible)
      return dataCorrupt(fmt::format("{}: {} ms with a floor of {}; expected 0 <= floor <= ms",
                                     where, prediction->ms(), prediction->floor_ms()));
  }
  return Status::ok();
}
} // namespace

Status verifyReportTables(const schema::Step &step) {
  for (unsigned i = 0; i < step.kernels()->size(); ++i)
    SWAMLA_RETURN_IF_ERROR(verifyTable(*step.kernels()->Get(i), fmt::format("kernels[{}]", i)));
  for (unsigned p = 0; p < step.programs()->size(); ++p) {
    const auto &ops = *step.programs()->Get(p)->ops();
    for (unsigned i = 0; i < ops.size(); ++i)
      if (const schema::Launch *launch = ops.Get(i)->kind_as_Launch())
        SWAMLA_RETURN_IF_ERROR(
            verifyLaunch(step, *launch, fmt::format("programs[{}].ops[{}]", p, i)));
  }
  return verifyPredictions(step);
}

} // namespace swamla
