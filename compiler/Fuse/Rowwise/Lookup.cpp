//===- Lookup.cpp - gathers as rowwise computations -----------------------===//
#include "compiler/Fuse/Rowwise/RowBuilder.h"

using namespace mlir;

namespace swamla {

RowwiseDomain EmbeddingLookupOp::getRowwiseDomain() {
  DomainBuilder domain(getContext(), extent(getResult(), 0), extent(getResult(), 1));
  return domain.in(0, domain.row()).gather(1, /*source=*/0).out(domain.element()).take();
}

SmallVector<Value> EmbeddingLookupOp::buildRowwiseBody(OpBuilder &builder, ValueRange args) {
  RowBuilder row(builder, *this, args);
  return row.results({row[1]});
}

RowwiseDomain SelectRowOp::getRowwiseDomain() {
  DomainBuilder domain(getContext(), 1, extent(getResult(), 1));
  return domain.in(1, domain.first()).gather(0, /*source=*/0).out(domain.element()).take();
}

SmallVector<Value> SelectRowOp::buildRowwiseBody(OpBuilder &builder, ValueRange args) {
  RowBuilder row(builder, *this, args);
  return row.results({row[1]});
}

} // namespace swamla
