//===- GradsSharing.cpp - activations in the memory of gradients ----------===//
#include "compiler/Plan/GradsSharing.h"

#include "compiler/Plan/ArenaPacking.h"
#include "compiler/Plan/Buffers.h"
#include "compiler/Plan/Liveness.h"

#include "llvm/Support/MathExtras.h"

#include <limits>
#include <map>

namespace swamla {

namespace {
constexpr int64_t kForever = std::numeric_limits<int64_t>::max();

/// Bytes [begin, end) of the buffer that mean something in the steps [first, last].
struct Occupied {
  int64_t begin, end, first, last;
};

/// The gradients: from the first step that touches them to the end.
std::vector<Occupied> gradientsOf(const ProgramPlan &plan) {
  std::map<std::pair<int64_t, int64_t>, int64_t> firstTouch;
  for (auto [index, step] : llvm::enumerate(plan.steps))
    for (unsigned id : step.places) {
      if (id == kNoPlace || plan.places[id].storage->buffer != kGradsBuffer)
        continue;
      const Place &place = plan.places[id];
      int64_t bytes = place.storage->elementBytes, begin = place.layout.offset * bytes;
      firstTouch.try_emplace({begin, begin + place.layout.extent() * bytes},
                             static_cast<int64_t>(index));
    }
  std::vector<Occupied> spans;
  spans.reserve(firstTouch.size());
  for (const auto &[range, first] : firstTouch)
    spans.push_back({range.first, range.second, first, kForever});
  return spans;
}

/// The highest offset at which the storage meets nothing that is alive with it, or -1. The highest:
/// parameters lie in the order of layers and the backward comes to the last layers first, so
/// memory at the end of the buffer is of use to the fewest storages.
int64_t highestOffset(const Storage &storage, llvm::ArrayRef<Occupied> occupied,
                      int64_t bufferBytes) {
  int64_t bytes = storage.bytes();
  auto below = [&](int64_t top) {
    return top < bytes ? -1 : (top - bytes) / kArenaAlignment * kArenaAlignment;
  };
  int64_t offset = below(bufferBytes);
  for (bool moved = true; moved && offset >= 0;) {
    moved = false;
    for (const Occupied &other : occupied) {
      bool meets = other.begin < offset + bytes && offset < other.end &&
                   other.first <= storage.lastStep && storage.firstStep <= other.last;
      if (!meets)
        continue;
      offset = below(other.begin);
      moved = true;
      if (offset < 0)
        break;
    }
  }
  return offset;
}

/// What is left of [begin, end) without the gradients, which are in order of their begins.
void addGaps(int64_t begin, int64_t end, llvm::ArrayRef<Occupied> gradients,
             llvm::SmallVectorImpl<std::pair<int64_t, int64_t>> &gaps) {
  for (const Occupied &gradient : gradients) {
    if (begin >= end)
      return;
    if (gradient.begin > begin)
      gaps.emplace_back(begin, std::min(gradient.begin, end));
    begin = std::max(begin, gradient.end);
  }
  if (begin < end)
    gaps.emplace_back(begin, end);
}

/// Which of the storages that are live at a peak move first.
enum class Order {
  ByDeath, ///< the first to die: it takes what is gone first
  BySize   ///< the largest: it finds the fewest gaps
};

/// The arena storages that are live at the program's peak.
std::vector<Storage *> liveAtPeak(const ProgramPlan &plan, Order order) {
  PeakLive peak = peakLive(plan);
  std::vector<Storage *> live;
  for (const std::unique_ptr<Storage> &storage : plan.storages)
    if (storage->isUsed() && storage->firstStep <= peak.step && peak.step <= storage->lastStep)
      live.push_back(storage.get());
  auto key = [&](const Storage *storage) {
    int64_t death = storage->lastStep, bytes = -storage->bytes();
    return order == Order::ByDeath ? std::pair(death, bytes) : std::pair(bytes, death);
  };
  llvm::stable_sort(live, [&](const Storage *a, const Storage *b) { return key(a) < key(b); });
  return live;
}

/// Storages with their offsets in the buffer.
using Moves = std::vector<std::pair<Storage *, int64_t>>;

Moves moveInOrder(ProgramPlan &plan, llvm::ArrayRef<Occupied> gradients, int64_t gradsBytes,
                  Order order) {
  std::vector<Occupied> occupied = gradients;
  Moves moves;
  // With a peak taken down, another may be the highest.
  for (bool moved = true; moved;) {
    moved = false;
    for (Storage *storage : liveAtPeak(plan, order)) {
      int64_t offset = highestOffset(*storage, occupied, gradsBytes);
      if (offset < 0)
        continue;
      moved = true;
      storage->buffer = kGradsBuffer.str();
      moves.emplace_back(storage, offset);
      occupied.push_back(
          {offset, offset + storage->bytes(), storage->firstStep, storage->lastStep});
    }
  }
  return moves;
}
} // namespace

llvm::SmallVector<std::pair<int64_t, int64_t>> shareGrads(ProgramPlan &plan, int64_t gradsBytes) {
  std::vector<Occupied> gradients = gradientsOf(plan);
  llvm::SmallVector<std::pair<int64_t, int64_t>> gaps;
  if (gradients.empty())
    return gaps;
  Moves best;
  int64_t lowestPeak = kForever;
  for (Order order : {Order::ByDeath, Order::BySize}) {
    Moves moves = moveInOrder(plan, gradients, gradsBytes, order);
    int64_t peak = peakLive(plan).bytes;
    for (auto [storage, offset] : moves)
      storage->buffer = kArenaBuffer.str();
    if (peak < lowestPeak) {
      lowestPeak = peak;
      best = std::move(moves);
    }
  }
  int64_t lowest = gradsBytes, highest = 0;
  for (auto [storage, offset] : best) {
    storage->buffer = kGradsBuffer.str();
    storage->offset = offset;
    lowest = std::min(lowest, offset);
    highest = std::max(highest, offset + storage->bytes());
  }
  addGaps(lowest, highest, gradients, gaps);
  return gaps;
}

} // namespace swamla
