//===- Layout.cpp - how a tensor lies in its storage ----------------------===//
#include "compiler/Plan/Layout.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"

using namespace mlir;

namespace swamla {

Layout Layout::dense(RankedTensorType type, int64_t offset) {
  int64_t cols = type.getRank() == 0 ? 1 : type.getShape().back();
  return dense(cols == 0 ? 0 : type.getNumElements() / cols, cols, offset);
}

int64_t Layout::extent() const {
  int64_t groups = (cols + width - 1) / width;
  return (rows - 1) * ld + (groups - 1) * headStride + (cols - (groups - 1) * width);
}

Layout Layout::canonical() const {
  Layout result = *this;
  if (result.width >= result.cols || result.headStride == result.width) {
    result.width = result.cols;
    result.headStride = 0;
  }
  return result;
}

bool Layout::operator==(const Layout &other) const {
  return offset == other.offset && rows == other.rows && cols == other.cols &&
         (rows == 1 || ld == other.ld) && width == other.width && headStride == other.headStride;
}

std::optional<Layout> columnsOf(const Layout &source, int64_t heads, int64_t prefix,
                                int64_t width) {
  int64_t group = source.cols / heads;
  Layout part = source;
  part.cols = heads * width;
  if (source.isPlain()) {
    part.offset += prefix;
    part.width = width;
    part.headStride = group;
    return part.canonical();
  }
  if (group == source.width) { // the same heads
    part.offset += prefix;
    part.width = width;
    return part.canonical();
  }
  if (heads == 1 && prefix % source.width == 0 && width % source.width == 0) { // whole heads
    part.offset += prefix / source.width * source.headStride;
    return part.canonical();
  }
  return std::nullopt;
}

Layout rowsOf(const Layout &source, int64_t begin, int64_t rows) {
  Layout part = source;
  part.offset += begin * source.ld;
  part.rows = rows;
  return part;
}

std::optional<Layout> composeLayouts(const Layout &inner, const Layout &outer) {
  bool whole =
      inner.offset == 0 && inner.rows == outer.rows && inner.cols == outer.cols && inner.isDense();
  if (whole)
    return outer;
  if (outer.isDense()) {
    Layout moved = inner;
    moved.offset += outer.offset;
    return moved;
  }
  // Inner's rows must be rows of the outer matrix, whose columns must be contiguous.
  if (!outer.isPlain() || (inner.rows > 1 && inner.ld % outer.cols != 0))
    return std::nullopt;
  int64_t firstRow = inner.offset / outer.cols, firstCol = inner.offset % outer.cols;
  Layout oneRow = inner;
  oneRow.rows = 1;
  if (firstCol + oneRow.extent() > outer.cols)
    return std::nullopt;
  Layout moved = inner;
  moved.offset = outer.offset + firstRow * outer.ld + firstCol;
  moved.ld = inner.rows > 1 ? inner.ld / outer.cols * outer.ld : outer.ld;
  return moved;
}

std::optional<Layout> joinedColumns(ArrayRef<Layout> parts, int64_t heads) {
  int64_t total = 0;
  for (const Layout &part : parts)
    total += part.cols;
  int64_t group = total / heads;
  Layout result = parts.front();
  result.cols = total;
  result.width = group;
  // With one head there are no groups to hold apart; with more, the first part says how far.
  result.headStride = heads == 1 ? 0
                      : parts.front().isPlain()
                          ? parts.front().cols / heads // only right if the parts are all of it
                          : parts.front().headStride;
  result = result.canonical();
  int64_t prefix = 0;
  for (const Layout &part : parts) {
    std::optional<Layout> expected = columnsOf(result, heads, prefix, part.cols / heads);
    if (!expected || !(*expected == part))
      return std::nullopt;
    prefix += part.cols / heads;
  }
  return result;
}

std::optional<Layout> joinedRows(ArrayRef<Layout> parts) {
  Layout result = parts.front();
  for (const Layout &part : parts.drop_front()) {
    Layout expected = part;
    if (result.rows == 1)
      result.ld = part.rows > 1 ? part.ld : part.offset - result.offset;
    expected.offset = result.offset + result.rows * result.ld;
    expected.cols = result.cols;
    expected.ld = result.ld;
    expected.width = result.width;
    expected.headStride = result.headStride;
    if (!(expected == part) || result.ld < result.cols)
      return std::nullopt;
    result.rows += part.rows;
  }
  return result;
}

namespace {
struct Interval {
  int64_t begin, end;
};

/// The contiguous runs of one row, relative to `base`.
SmallVector<Interval> runsOf(const Layout &layout, int64_t base) {
  SmallVector<Interval> runs;
  for (int64_t c = 0, start = layout.offset - base; c < layout.cols; c += layout.width) {
    runs.push_back({start, start + std::min(layout.width, layout.cols - c)});
    start += layout.headStride;
  }
  return runs;
}

bool intersect(ArrayRef<Interval> a, ArrayRef<Interval> b) {
  for (size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    if (a[i].begin < b[j].end && b[j].begin < a[i].end)
      return true;
    a[i].end <= b[j].end ? ++i : ++j;
  }
  return false;
}
} // namespace

bool mayOverlap(const Layout &a, const Layout &b) {
  if (a.offset >= b.offset + b.extent() || b.offset >= a.offset + a.extent())
    return false;
  // Rows of one pitch: compare columns. A layout that wraps around a row's end counts as all of it.
  int64_t pitch = a.rows > 1 ? a.ld : b.ld;
  bool samePitch = (a.rows == 1 || a.ld == pitch) && (b.rows == 1 || b.ld == pitch);
  if (!samePitch || (a.rows == 1 && b.rows == 1))
    return a.rows > 1 || b.rows > 1 || intersect(runsOf(a, 0), runsOf(b, 0));
  int64_t aRow = a.offset / pitch, bRow = b.offset / pitch;
  SmallVector<Interval> aRuns = runsOf(a, aRow * pitch), bRuns = runsOf(b, bRow * pitch);
  if (aRuns.back().end > pitch || bRuns.back().end > pitch)
    return true;
  if (aRow >= bRow + b.rows || bRow >= aRow + a.rows)
    return false;
  return intersect(aRuns, bRuns);
}

AffineExpr linearOffset(const Layout &layout, ArrayRef<int64_t> shape,
                        ArrayRef<AffineExpr> indices) {
  MLIRContext *context = indices.front().getContext();
  AffineExpr row = getAffineConstantExpr(0, context);
  for (size_t i = 0; i + 1 < indices.size(); ++i)
    row = row * shape[i] + indices[i];
  AffineExpr col = indices.back();
  AffineExpr offset = row * layout.ld;
  if (layout.isPlain())
    return offset + col;
  return offset + col.floorDiv(layout.width) * layout.headStride + col % layout.width;
}

} // namespace swamla
