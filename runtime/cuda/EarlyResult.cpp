//===- EarlyResult.cpp - a number that leaves a program before its end ----===//
#include "runtime/cuda/EarlyResult.h"

#include "runtime/base/Timer.h"
#include "runtime/program/OpViews.h"

#include <atomic>
#include <chrono>
#include <optional>
#include <thread>

namespace swamla {

namespace {
/// A NaN that no arithmetic makes: the number has not come yet.
constexpr uint32_t kAbsent = 0xFFC0DEAD;
/// How long to look without a pause; then there are pauses. Small models have their numbers soon; a
/// GPU that takes longer has milliseconds of work left when one comes, so a little late costs
/// nothing.
constexpr double kLookSeconds = 500e-6;
constexpr std::chrono::microseconds kSleep(20);

bool touches(const schema::Op &op, const schema::View &view) {
  bool touched = false;
  forEachView(op, [&](const schema::View &each) {
    touched |= each.buffer() == view.buffer() && each.offset() < view.offset() + view.bytes() &&
               view.offset() < each.offset() + each.bytes();
  });
  return touched;
}
} // namespace

std::vector<std::pair<const schema::Slot *, unsigned>> earlySlots(const schema::Step &step,
                                                                  const schema::Program &program) {
  std::vector<std::pair<const schema::Slot *, unsigned>> found;
  for (const schema::Slot *slot : *step.slots()) {
    const schema::View &view = *slot->view();
    if (step.buffers()->Get(view.buffer())->kind() != schema::BufferKind::Results ||
        view.bytes() != sizeof(uint32_t))
      continue;
    std::optional<unsigned> last;
    for (unsigned i = 0; i < program.ops()->size(); ++i)
      if (touches(*program.ops()->Get(i), view))
        last = i;
    if (last)
      found.emplace_back(slot, *last);
  }
  return found;
}

Status EarlyResult::enqueue(CUstream compute, CUevent event, CUstream side) const {
  constexpr const char *kWhat = "cannot copy a result from the GPU";
  SWAMLA_RETURN_IF_ERROR(toStatus(cuEventRecord(event, compute), kWhat));
  SWAMLA_RETURN_IF_ERROR(toStatus(cuStreamWaitEvent(side, event, 0), kWhat));
  return toStatus(cuMemcpyDtoHAsync(word, address, sizeof(*word), side), kWhat);
}

Status EarlyResult::expect(CUstream compute) {
  if (expected) {
    SWAMLA_TRY([[maybe_unused]] uint32_t late, wait(compute));
  }
  std::atomic_ref(*word).store(kAbsent);
  expected = true;
  return Status::ok();
}

Result<uint32_t> EarlyResult::wait(CUstream compute) const {
  std::atomic_ref<uint32_t> value(*word);
  Timer timer;
  while (value.load() == kAbsent) {
    if (timer.seconds() < kLookSeconds)
      continue;
    CUresult state = cuStreamQuery(compute);
    if (state == CUDA_SUCCESS && value.load() == kAbsent)
      return internalError("a program ended without writing its result");
    if (state != CUDA_SUCCESS && state != CUDA_ERROR_NOT_READY)
      return toStatus(state, "the GPU failed");
    std::this_thread::sleep_for(kSleep);
  }
  return value.load();
}

} // namespace swamla
