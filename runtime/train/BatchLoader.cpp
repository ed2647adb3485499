//===- BatchLoader.cpp - batches in shuffled order, read ahead ------------===//

#include "runtime/train/BatchLoader.h"

#include "runtime/comm/Communicator.h"

#include <cassert>

namespace swamla {

static Permutation orderOfEpoch(uint64_t seed, uint64_t epoch, uint64_t sequences) {
  char name[48];
  auto end = fmt::format_to_n(name, sizeof(name), "shuffle.epoch{}", epoch).out;
  return Permutation(RandomStream(seed, {name, static_cast<size_t>(end - name)}), sequences);
}

Result<uint64_t> SequenceOrder::next(const std::stop_token &stop) {
  if (!current) {
    SWAMLA_TRY(SequenceRange range, source.epoch(where.epoch, stop));
    if (where.index >= range.count)
      return failedPrecondition(
          fmt::format("the run stands at sequence {} of epoch {} of the data, which has {}: it is "
                      "not the data that the run began with",
                      where.index, where.epoch, range.count));
    current.emplace(range.first, orderOfEpoch(seed, where.epoch, range.count));
  }
  uint64_t sequence = current->first + current->order(where.index);
  if (++where.index == current->order.size()) {
    where = {where.epoch + 1, 0};
    current.reset(); // the next one is asked for when it is needed
  }
  return sequence;
}

Status readBatch(const SequenceSource &source, std::span<const uint64_t> chosen, Batch &batch) {
  size_t length = source.blockSize();
  batch.tokens.resize(chosen.size() * length);
  batch.targets.resize(chosen.size() * length);
  for (size_t i = 0; i < chosen.size(); ++i)
    SWAMLA_RETURN_IF_ERROR(source.read(chosen[i],
                                       std::span(batch.tokens).subspan(i * length, length),
                                       std::span(batch.targets).subspan(i * length, length)));
  return Status::ok();
}

RankShare shareOf(const Communicator *ranks) {
  return ranks ? RankShare{ranks->rank(), ranks->ranks()} : RankShare{};
}

BatchLoader::BatchLoader(const SequenceSource &source, uint32_t batch, uint64_t seed,
                         DataPosition start, unsigned ahead, uint64_t limit, RankShare share)
    : source(source), batchSize(batch), limit(limit), share(share), order(seed, source, start),
      ring(ahead + 1) {
  size_t elements = size_t{batch} * source.blockSize();
  for (Slot &slot : ring) {
    slot.batch.tokens.resize(elements);
    slot.batch.targets.resize(elements);
  }
  thread = std::thread([this] { produce(); });
}

BatchLoader::~BatchLoader() {
  {
    std::lock_guard lock(mutex);
    stop.request_stop();
  }
  changed.notify_all();
  thread.join();
}

Status BatchLoader::pass(uint64_t batches) {
  for (uint64_t i = 0; i < batches * batchSize; ++i) {
    SWAMLA_TRY([[maybe_unused]] uint64_t sequence, order.next(stop.get_token()));
  }
  return Status::ok();
}

Status BatchLoader::fill(Batch &batch) {
  size_t length = source.blockSize();
  SWAMLA_RETURN_IF_ERROR(pass(share.rank));
  for (size_t i = 0; i < batchSize; ++i) {
    SWAMLA_TRY(uint64_t sequence, order.next(stop.get_token()));
    SWAMLA_RETURN_IF_ERROR(source.read(sequence,
                                       std::span(batch.tokens).subspan(i * length, length),
                                       std::span(batch.targets).subspan(i * length, length)));
  }
  SWAMLA_RETURN_IF_ERROR(pass(share.ranks - 1 - share.rank));
  batch.after = order.position();
  return Status::ok();
}

void BatchLoader::produce() {
  while (true) {
    Slot *slot;
    {
      std::unique_lock lock(mutex);
      changed.wait(lock, [&] {
        return stop.stop_requested() || (produced < limit && produced + 1 < consumed + ring.size());
      });
      if (stop.stop_requested())
        return;
      slot = &ring[produced % ring.size()];
    }
    slot->status = fill(slot->batch);
    bool failed = !slot->status.isOk();
    {
      std::lock_guard lock(mutex);
      ++produced;
    }
    changed.notify_all();
    if (failed)
      return;
  }
}

Result<const Batch *> BatchLoader::next() {
  std::unique_lock lock(mutex);
  assert(consumed < limit && "more batches than were ordered");
  changed.wait(lock, [&] { return produced > consumed; });
  Slot &slot = ring[consumed % ring.size()];
  // The error stays where it is, so that it comes again.
  if (!slot.status.isOk())
    return Status::error(slot.status.code(), slot.status.message(), slot.status.where());
  ++consumed;
  lock.unlock();
  changed.notify_all();
  return &slot.batch;
}

} // namespace swamla
