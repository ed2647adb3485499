//===- KernelFacts.cpp - what a kernel op says beyond its code ------------===//
#include "compiler/Kernels/KernelFacts.h"

#include "dialects/Step/IR/StepDialect.h"

#include "mlir/IR/Builders.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/TypeSwitch.h"

#include <numeric>
#include <tuple>

using namespace mlir;

namespace swamla {

std::optional<KernelWork> kernelWork(Operation *op) {
  if (auto work = op->getAttrOfType<DictionaryAttr>(kWorkAttr)) {
    auto kind = work.getAs<StringAttr>("kind");
    auto element = work.getAs<TypeAttr>("element");
    if (kind && element)
      return KernelWork{kind.getValue(), element.getValue()};
    return std::nullopt;
  }
  Type f32 = Float32Type::get(op->getContext());
  return llvm::TypeSwitch<Operation *, std::optional<KernelWork>>(op)
      .Case([&](step::RowKernelOp) { return KernelWork{"row", f32}; })
      .Case([&](step::ScatterAddKernelOp) { return KernelWork{"scatter_add", f32}; })
      .Case([](step::AttentionKernelOp kernel) {
        return KernelWork{kernel.getWindow() ? "windowed_attention" : "attention",
                          kernel.getElement()};
      })
      .Case([](step::AttentionGradKernelOp kernel) {
        return KernelWork{kernel.getWindow() ? "windowed_attention_grad" : "attention_grad",
                          kernel.getElement()};
      })
      .Default([](Operation *) { return std::nullopt; });
}

DictionaryAttr workAttr(Operation *kernel) {
  Builder builder(kernel->getContext());
  KernelWork work = *kernelWork(kernel);
  return builder.getDictionaryAttr({builder.getNamedAttr("kind", builder.getStringAttr(work.kind)),
                                    builder.getNamedAttr("element", TypeAttr::get(work.element))});
}

//===----------------------------------------------------------------------===//
// Where elements lie
//===----------------------------------------------------------------------===//

namespace {
/// `stride` times a dim, or its quotient or remainder by `divisor`.
struct Term {
  enum Kind { Whole, Quotient, Remainder } kind = Whole;
  unsigned dim = 0;
  int64_t stride = 1, divisor = 1;

  int64_t size(int64_t extent) const {
    switch (kind) {
    case Whole:
      return extent;
    case Quotient:
      return (extent + divisor - 1) / divisor;
    case Remainder:
      return std::min(extent, divisor);
    }
    llvm_unreachable("unknown kind of term");
  }
};

std::optional<Term> termOf(AffineExpr expr) {
  if (auto dim = dyn_cast<AffineDimExpr>(expr))
    return Term{Term::Whole, dim.getPosition()};
  auto binary = dyn_cast<AffineBinaryOpExpr>(expr);
  auto constant = binary ? dyn_cast<AffineConstantExpr>(binary.getRHS()) : AffineConstantExpr();
  if (!constant || constant.getValue() <= 0)
    return std::nullopt;
  if (expr.getKind() == AffineExprKind::Mul) {
    std::optional<Term> term = termOf(binary.getLHS());
    if (term)
      term->stride *= constant.getValue();
    return term;
  }
  auto dim = dyn_cast<AffineDimExpr>(binary.getLHS());
  if (!dim || expr.getKind() == AffineExprKind::CeilDiv)
    return std::nullopt;
  Term::Kind kind = expr.getKind() == AffineExprKind::FloorDiv ? Term::Quotient : Term::Remainder;
  return Term{kind, dim.getPosition(), 1, constant.getValue()};
}

/// Adds up the constants of a sum in `offset`; false where something is no term.
bool collectTerms(AffineExpr expr, SmallVectorImpl<Term> &terms, int64_t &offset) {
  if (expr.getKind() == AffineExprKind::Add) {
    auto sum = cast<AffineBinaryOpExpr>(expr);
    return collectTerms(sum.getLHS(), terms, offset) && collectTerms(sum.getRHS(), terms, offset);
  }
  if (auto constant = dyn_cast<AffineConstantExpr>(expr)) {
    offset += constant.getValue();
    return true;
  }
  std::optional<Term> term = termOf(expr);
  if (term)
    terms.push_back(*term);
  return term.has_value();
}

/// Whether terms vary on their own: of different dims, or quotient and remainder of one.
bool areIndependent(const Term &x, const Term &y, ArrayRef<int64_t> extents) {
  if (x.dim != y.dim)
    return true;
  bool parts = x.kind != Term::Whole && y.kind != Term::Whole && x.kind != y.kind;
  return parts && x.divisor == y.divisor && extents[x.dim] % x.divisor == 0;
}
} // namespace

std::optional<ElementGrid> elementGrid(AffineExpr offset, ArrayRef<int64_t> extents) {
  SmallVector<Term> terms;
  ElementGrid grid;
  if (!collectTerms(offset, terms, grid.offset) || grid.offset < 0)
    return std::nullopt;
  llvm::sort(terms, [](const Term &x, const Term &y) {
    return std::tie(y.stride, x.dim) < std::tie(x.stride, y.dim);
  });
  for (auto [i, term] : llvm::enumerate(terms)) {
    for (const Term &other : ArrayRef(terms).drop_front(i + 1))
      if (!areIndependent(term, other, extents))
        return std::nullopt;
    int64_t size = term.size(extents[term.dim]);
    if (size == 1)
      continue;
    grid.sizes.push_back(size);
    grid.strides.push_back(term.stride);
  }
  return grid;
}

//===----------------------------------------------------------------------===//
// Views
//===----------------------------------------------------------------------===//

namespace {
/// Collects the descriptions of a kernel's views.
class ViewList {
public:
  explicit ViewList(MLIRContext *context) : builder(context) {}

  void add(StringRef access, Type element, const std::optional<ElementGrid> &grid) {
    SmallVector<NamedAttribute> list = {
        builder.getNamedAttr("access", builder.getStringAttr(access)),
        builder.getNamedAttr("element", TypeAttr::get(element))};
    if (grid) {
      list.push_back(builder.getNamedAttr("offset", builder.getI64IntegerAttr(grid->offset)));
      list.push_back(builder.getNamedAttr("sizes", builder.getDenseI64ArrayAttr(grid->sizes)));
      list.push_back(builder.getNamedAttr("strides", builder.getDenseI64ArrayAttr(grid->strides)));
    }
    entries.push_back(builder.getDictionaryAttr(list));
  }
  void add(StringRef access, Type element, int64_t rows, step::HeadsAttr heads) {
    add(access, element,
        ElementGrid{{rows, heads.getHeads(), heads.getWidth()},
                    {heads.getRowStride(), heads.getHeadStride(), 1}});
  }
  Type f32() { return builder.getF32Type(); }
  Type i32() { return builder.getI32Type(); }
  ArrayAttr take() { return builder.getArrayAttr(entries); }

private:
  Builder builder;
  SmallVector<Attribute> entries;
};

void addViews(step::RowKernelOp op, ViewList &views) {
  Block &body = op.getBody().front();
  for (unsigned i = 0; i < op.getMaps().size(); ++i) {
    std::optional<ElementGrid> grid = elementGrid(op.getMap(i).getResult(0), op.getDomain());
    BlockArgument argument = body.getArgument(i);
    bool out = i >= static_cast<unsigned>(op.getNumIns());
    bool adds = out && op.getAccumulate() && (*op.getAccumulate())[i - op.getNumIns()];
    StringRef access = !out ? "read" : adds || !argument.use_empty() ? "read_write" : "write";
    views.add(access, argument.getType(), grid);
  }
}

/// What both attention kernels begin with: q, k, v and shared.
template <typename Op> void addOperands(Op op, int64_t rows, ViewList &views) {
  for (step::HeadsAttr heads : {op.getQ(), op.getK(), op.getV()})
    views.add("read", op.getElement(), rows, heads);
  if (op.getShared())
    views.add("read", op.getElement(), rows, *op.getShared());
}

void addViews(step::AttentionKernelOp op, ViewList &views) {
  auto rows = static_cast<int64_t>(op.getBatch() * op.getSeq());
  addOperands(op, rows, views);
  views.add("write", op.getElement(), rows, op.getOut());
  views.add("write", views.f32(),
            ElementGrid{{op.getQ().getHeads(), rows}, {int64_t(op.getLseStride()), 1}});
}

void addViews(step::AttentionGradKernelOp op, ViewList &views) {
  auto rows = static_cast<int64_t>(op.getBatch() * op.getSeq());
  addOperands(op, rows, views);
  views.add("read", op.getElement(), rows, op.getDout());
  auto addStatistic = [&](StringRef access, uint64_t stride) {
    views.add(access, views.f32(), ElementGrid{{op.getQ().getHeads(), rows}, {int64_t(stride), 1}});
  };
  addStatistic("read", op.getLseStride());
  if (op.getOut())
    views.add("read", op.getElement(), rows, *op.getOut());
  else
    addStatistic("read", op.getDeltaStride());
  for (step::HeadsAttr heads : {op.getDq(), op.getDk(), op.getDv()})
    views.add("write", op.getElement(), rows, heads);
  if (op.getDshared())
    views.add("write", op.getElement(), rows, *op.getDshared());
  if (op.getOut())
    addStatistic("write", op.getDeltaStride());
}

void addViews(step::ScatterAddKernelOp op, ViewList &views) {
  auto rows = int64_t(op.getRows()), cols = int64_t(op.getCols());
  views.add("read", views.i32(), ElementGrid{{rows}, {1}});
  views.add("read", op.getElement(), ElementGrid{{rows, cols}, {int64_t(op.getDyStride()), 1}});
  views.add("read_write", views.f32(), ElementGrid{{int64_t(op.getVocab()), cols}, {cols, 1}});
}
} // namespace

ArrayAttr kernelViews(Operation *kernel) {
  ViewList views(kernel->getContext());
  llvm::TypeSwitch<Operation *>(kernel)
      .Case<step::RowKernelOp, step::AttentionKernelOp, step::AttentionGradKernelOp,
            step::ScatterAddKernelOp>([&](auto op) { addViews(op, views); });
  return views.take();
}

//===----------------------------------------------------------------------===//
// Parts
//===----------------------------------------------------------------------===//

namespace {
double bytesOf(DictionaryAttr view) {
  auto sizes = view.getAs<DenseI64ArrayAttr>("sizes");
  double bytes = view.getAs<TypeAttr>("element").getValue().getIntOrFloatBitWidth() / 8.0;
  for (int64_t size : sizes ? sizes.asArrayRef() : ArrayRef<int64_t>())
    bytes *= static_cast<double>(size);
  return bytes;
}

/// Columns that the products of a part of attention's gradient multiply: the scores and
/// dout v^T, then one for each gradient that it writes.
double productsOf(step::AttentionGradKernelOp op, const KernelPart &part) {
  auto width = static_cast<double>(op.getQ().getWidth());
  auto values = static_cast<double>(op.getV().getWidth());
  unsigned dq = (op.getShared() ? 4 : 3) + 3, dv = dq + 2;
  double sum = width + values;
  if (llvm::is_contained(part.views, dq))
    sum += width;
  if (llvm::is_contained(part.views, dq + 1))
    sum += width;
  if (llvm::is_contained(part.views, dv))
    sum += values;
  return sum;
}

void normalise(MutableArrayRef<double> shares) {
  double sum = std::accumulate(shares.begin(), shares.end(), 0.0);
  for (double &share : shares)
    share = sum > 0 ? share / sum : 1.0 / static_cast<double>(shares.size());
}
} // namespace

WorkShares workShares(Operation *kernel, ArrayRef<KernelPart> parts) {
  ArrayAttr views = kernelViews(kernel);
  WorkShares shares;
  for (const KernelPart &part : parts) {
    double bytes = 0;
    for (unsigned view : part.views)
      bytes += bytesOf(cast<DictionaryAttr>(views[view]));
    auto grad = dyn_cast<step::AttentionGradKernelOp>(kernel);
    shares.flops.push_back(grad ? productsOf(grad, part) : 1);
    shares.bytes.push_back(bytes);
  }
  normalise(shares.flops);
  normalise(shares.bytes);
  return shares;
}

} // namespace swamla
