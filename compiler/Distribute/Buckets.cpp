//===- Buckets.cpp - which gradients travel together, and when ------------===//
#include "compiler/Distribute/Buckets.h"

#include <map>

using namespace mlir;

namespace swamla {

namespace {

/// A range whose bytes have the same last op: its number in the program, -1 where none touches it.
struct Segment {
  uint64_t begin, end;
  int64_t last;
};

struct Touch {
  uint64_t begin, end;
  int64_t op;
};

SmallVector<Touch> touchesOf(step::ProgramOp program, step::BufferOp buffer) {
  SmallVector<Touch> touches;
  for (auto [number, op] : llvm::enumerate(program.getBody().front()))
    op.getAttrDictionary().walk([&, number = number](step::ViewAttr view) {
      if (view.getBuffer().getValue() == buffer.getSymName())
        touches.push_back(
            {view.getOffset(), view.getOffset() + view.getBytes(), static_cast<int64_t>(number)});
    });
  return touches;
}

/// All of the buffer, cut where a view begins or ends.
SmallVector<Segment> segmentsOf(ArrayRef<Touch> touches, uint64_t bufferBytes) {
  std::map<uint64_t, int64_t> lastFrom{{0, -1}, {bufferBytes, -1}};
  for (const Touch &touch : touches) {
    lastFrom.try_emplace(touch.begin, -1);
    lastFrom.try_emplace(touch.end, -1);
  }
  for (const Touch &touch : touches) // in order of the ops, so later ones replace earlier ones
    for (auto at = lastFrom.find(touch.begin); at->first < touch.end; ++at)
      at->second = touch.op;
  SmallVector<Segment> segments;
  for (auto at = lastFrom.begin(); std::next(at) != lastFrom.end(); ++at)
    segments.push_back({at->first, std::next(at)->first, at->second});
  return segments;
}

/// Ranges that are ready and in no bucket yet, apart from each other; neighbours are one.
class ReadyRanges {
public:
  /// Adds a range and returns the one that it is now part of.
  Segment add(Segment range) {
    auto after = ranges.lower_bound(range.begin);
    if (after != ranges.begin() && std::prev(after)->second.end == range.begin)
      after = join(range, std::prev(after));
    if (after != ranges.end() && after->second.begin == range.end)
      join(range, after);
    ranges[range.begin] = range;
    return range;
  }
  void remove(const Segment &range) { ranges.erase(range.begin); }
  auto begin() const { return ranges.begin(); }
  auto end() const { return ranges.end(); }

private:
  using Ranges = std::map<uint64_t, Segment>;
  Ranges::iterator join(Segment &range, Ranges::iterator neighbour) {
    range.begin = std::min(range.begin, neighbour->second.begin);
    range.end = std::max(range.end, neighbour->second.end);
    range.last = std::max(range.last, neighbour->second.last);
    return ranges.erase(neighbour);
  }
  Ranges ranges;
};
} // namespace

SmallVector<Bucket> findBuckets(step::ProgramOp program, step::BufferOp buffer,
                                uint64_t bucketBytes) {
  SmallVector<Segment> segments = segmentsOf(touchesOf(program, buffer), buffer.getBytes());
  llvm::stable_sort(segments, [](const Segment &a, const Segment &b) { return a.last < b.last; });
  SmallVector<Segment> closed;
  ReadyRanges ready;
  for (const Segment &segment : segments) {
    Segment whole = ready.add(segment);
    if (segment.last < 0 || whole.end - whole.begin < bucketBytes)
      continue;
    closed.push_back(whole);
    ready.remove(whole);
  }
  for (const auto &[begin, rest] : ready)
    if (rest.last >= 0)
      closed.push_back(rest);
  llvm::stable_sort(closed, [](const Segment &a, const Segment &b) { return a.last < b.last; });

  SmallVector<Operation *> ops;
  for (Operation &op : program.getBody().front())
    ops.push_back(&op);
  SmallVector<Bucket> buckets;
  for (const Segment &bucket : closed)
    buckets.push_back({bucket.begin, bucket.end, ops[bucket.last]});
  return buckets;
}

} // namespace swamla
