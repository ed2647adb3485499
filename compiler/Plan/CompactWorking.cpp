//===- CompactWorking.cpp - working copies without their gaps -------------===//
#include "compiler/Plan/Passes.h"

#include "mlir/IR/AttrTypeSubElements.h"
#include "llvm/ADT/MapVector.h"

using namespace mlir;

namespace swamla {

#define GEN_PASS_DEF_COMPACTWORKINGPASS
#include "compiler/Plan/Passes.h.inc"

namespace {

/// Where a range starts says which accesses are aligned: a range keeps its offset modulo this.
constexpr uint64_t kKeptAlignment = 256;

/// Bytes [begin, end) of a buffer that some program uses, and where they lie afterwards.
struct UsedRange {
  uint64_t begin, end, newBegin = 0;
};

/// The used ranges of one buffer, apart from each other and in order once `pack` has run.
class UsedRanges {
public:
  void add(uint64_t begin, uint64_t end) { ranges.push_back({begin, end}); }
  /// Joins what touches and moves the ranges together; returns the bytes that they need.
  uint64_t pack();
  /// The new place of a view that was added.
  uint64_t moved(uint64_t begin) const;

private:
  SmallVector<UsedRange> ranges;
};

} // namespace

uint64_t UsedRanges::pack() {
  llvm::sort(ranges, [](const UsedRange &a, const UsedRange &b) { return a.begin < b.begin; });
  SmallVector<UsedRange> apart;
  for (const UsedRange &range : ranges)
    if (!apart.empty() && range.begin <= apart.back().end)
      apart.back().end = std::max(apart.back().end, range.end);
    else
      apart.push_back(range);
  ranges = std::move(apart);
  uint64_t end = 0;
  for (UsedRange &range : ranges) {
    range.newBegin = end + (range.begin - end) % kKeptAlignment;
    end = range.newBegin + (range.end - range.begin);
  }
  return end;
}

uint64_t UsedRanges::moved(uint64_t begin) const {
  const UsedRange *after = llvm::upper_bound(
      ranges, begin, [](uint64_t at, const UsedRange &range) { return at < range.begin; });
  const UsedRange &range = *std::prev(after);
  return range.newBegin + (begin - range.begin);
}

namespace {

class CompactWorkingPass : public impl::CompactWorkingPassBase<CompactWorkingPass> {
public:
  using CompactWorkingPassBase::CompactWorkingPassBase;

  void runOnOperation() override {
    llvm::MapVector<StringAttr, UsedRanges> used;
    SmallVector<step::BufferOp> buffers;
    for (auto buffer : getOperation().getOps<step::BufferOp>())
      if (buffer.getKind() == "working") {
        buffers.push_back(buffer);
        used.insert({buffer.getSymNameAttr(), UsedRanges()});
      }
    if (buffers.empty())
      return;
    findViews(used);
    for (step::BufferOp buffer : buffers) {
      uint64_t bytes = llvm::alignTo(used[buffer.getSymNameAttr()].pack(), sizeof(uint32_t));
      numBytesSaved += buffer.getBytes() - bytes;
      buffer.setBytes(bytes);
    }
    moveViews(used);
  }

private:
  void findViews(llvm::MapVector<StringAttr, UsedRanges> &used) {
    AttrTypeWalker walker;
    walker.addWalk([&](step::ViewAttr view) {
      if (auto *found = used.find(view.getBuffer().getAttr()); found != used.end())
        found->second.add(view.getOffset(), view.getOffset() + view.getBytes());
    });
    getOperation().walk([&](Operation *op) { walker.walk(op->getAttrDictionary()); });
  }

  void moveViews(const llvm::MapVector<StringAttr, UsedRanges> &used) {
    AttrTypeReplacer replacer;
    replacer.addReplacement([&](step::ViewAttr view) -> Attribute {
      const auto *found = used.find(view.getBuffer().getAttr());
      if (found == used.end())
        return view;
      return step::ViewAttr::get(view.getContext(), view.getBuffer(),
                                 found->second.moved(view.getOffset()), view.getBytes());
    });
    replacer.recursivelyReplaceElementsIn(getOperation());
  }
};

} // namespace
} // namespace swamla
