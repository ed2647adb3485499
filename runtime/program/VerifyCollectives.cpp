//===- VerifyCollectives.cpp - what many ranks do together ----------------===//
//
// A collective runs beside the ops behind it, so what it works on must be left
// alone until it has been waited for. The compiler has seen to that; a file is
// checked all the same, since what would follow are gradients that are wrong
// now and then.
//
//===----------------------------------------------------------------------===//
#include "runtime/program/OpViews.h"
#include "runtime/program/VerifyStep.h"

#include <algorithm>
#include <vector>

namespace swamla {

namespace {
using schema::CollectiveKind;

/// A cluster larger than any; ranks times bytes then fits in 64 bits.
constexpr uint64_t kMaxRanks = 1 << 16;

bool isAllReduce(CollectiveKind kind) {
  return kind == CollectiveKind::AllReduceSum || kind == CollectiveKind::AllReduceMax;
}

Status verifySizes(const schema::Step &step, const schema::Collective &op,
                   const std::string &where) {
  const schema::View &from = *op.from(), &to = *op.to();
  bool same =
      from.buffer() == to.buffer() && from.offset() == to.offset() && from.bytes() == to.bytes();
  if (isAllReduce(op.kind()))
    return same ? Status::ok()
                : dataCorrupt(fmt::format("{}: an all-reduce reads one view and writes another; "
                                          "expected the same",
                                          where));
  if (overlap(from, to))
    return dataCorrupt(fmt::format("{}: what it reads and what it writes overlap", where));
  bool gather = op.kind() == CollectiveKind::AllGather;
  uint64_t piece = gather ? from.bytes() : to.bytes(), whole = gather ? to.bytes() : from.bytes();
  if (whole != piece * step.ranks())
    return dataCorrupt(fmt::format("{}: pieces of {} bytes and {} in all; expected {} for {} ranks",
                                   where, piece, whole, piece * step.ranks(), step.ranks()));
  return Status::ok();
}

Status verifyOne(const schema::Step &step, const schema::Collective &op, const std::string &where) {
  if (op.kind() > CollectiveKind::MAX || op.dtype() > schema::DType::MAX)
    return dataCorrupt(fmt::format("{}: a collective of kind {} and element type {}, which are not "
                                   "both known",
                                   where, unsigned(op.kind()), unsigned(op.dtype())));
  if (op.dtype() != schema::DType::F32 && op.kind() != CollectiveKind::AllGather)
    return dataCorrupt(fmt::format("{}: adds up elements of {}, expected F32", where,
                                   schema::EnumNameDType(op.dtype())));
  if (step.ranks() < 2)
    return dataCorrupt(fmt::format("{}: a collective in a program of one rank", where));
  for (const schema::View *view : {op.from(), op.to()}) {
    SWAMLA_RETURN_IF_ERROR(verifyView(step, *view, dtypeBytes(op.dtype()), [&] {
      return fmt::format("{}: {}", where, view == op.from() ? "what it reads" : "what it writes");
    }));
    if (view->bytes() == 0)
      return dataCorrupt(fmt::format("{}: a collective of no bytes", where));
  }
  SWAMLA_RETURN_IF_ERROR(verifyWritable(step, *op.to(), where));
  return verifySizes(step, op, where);
}

/// What runs beside the ops: by number, nullptr once it has been waited for.
using Running = std::vector<const schema::Collective *>;

Status verifyWait(const schema::CollectiveWait &wait, Running &running, const std::string &where) {
  if (wait.collective() >= running.size() || !running[wait.collective()])
    return dataCorrupt(fmt::format("{}: waits for collective {}; expected one of the {} before it, "
                                   "that nothing has waited for yet",
                                   where, wait.collective(), running.size()));
  running[wait.collective()] = nullptr;
  return Status::ok();
}

Status verifyApart(const schema::Op &op, const Running &running, const std::string &where) {
  bool touches = false;
  forEachView(op, [&](const schema::View &view) {
    for (const schema::Collective *each : running)
      touches |= each && (overlap(view, *each->from()) || overlap(view, *each->to()));
  });
  if (touches)
    return dataCorrupt(fmt::format("{}: touches what a collective works on that has not been "
                                   "waited for",
                                   where));
  return Status::ok();
}
} // namespace

Status verifyRanks(const schema::Step &step) {
  if (step.ranks() < 1 || step.ranks() > kMaxRanks)
    return dataCorrupt(
        fmt::format("ranks is {}, expected 1 to {}", step.ranks(), unsigned(kMaxRanks)));
  if (step.ranks() > 1 && (!step.parallel() || step.parallel()->string_view() != "ddp"))
    return dataCorrupt(fmt::format(
        "parallel is {} with {} ranks, expected 'ddp'",
        step.parallel() ? quoted(step.parallel()->string_view()) : "absent", step.ranks()));
  return Status::ok();
}

Status verifyCollectives(const schema::Step &step, unsigned program) {
  Running running;
  const auto &ops = *step.programs()->Get(program)->ops();
  for (unsigned i = 0; i < ops.size(); ++i) {
    const schema::Op &op = *ops.Get(i);
    auto where = [&] {
      return fmt::format("programs[{}].ops[{}] ({})", program, i,
                         quoted(op.label()->string_view()));
    };
    if (const schema::CollectiveWait *wait = op.kind_as_CollectiveWait()) {
      SWAMLA_RETURN_IF_ERROR(verifyWait(*wait, running, where()));
      continue;
    }
    if (const schema::Collective *collective = op.kind_as_Collective())
      SWAMLA_RETURN_IF_ERROR(verifyOne(step, *collective, where()));
    if (!running.empty())
      SWAMLA_RETURN_IF_ERROR(verifyApart(op, running, where()));
    if (const schema::Collective *collective = op.kind_as_Collective())
      running.push_back(collective);
  }
  if (auto left = std::ranges::find_if(running, [](const auto *each) { return each != nullptr; });
      left != running.end())
    return dataCorrupt(fmt::format("programs[{}]: collective {} is never waited for", program,
                                   left - running.begin()));
  return Status::ok();
}

} // namespace swamla
