//===- OpViews.h - the memory that an op may touch ------------------------===//
#pragma once

#include "runtime/schema/step_generated.h"

namespace swamla {

/// Calls `visit` for each view of an op of a known kind.
template <typename Visit> void forEachView(const schema::Op &op, Visit visit) {
  if (const schema::Launch *launch = op.kind_as_Launch()) {
    for (const schema::View *view : *launch->views())
      visit(*view);
  } else if (const schema::Matmul *matmul = op.kind_as_Matmul()) {
    for (const schema::View *view :
         {matmul->a(), matmul->b(), matmul->c(), matmul->a_scale(), matmul->b_scale()})
      if (view)
        visit(*view);
  } else if (const schema::Fill *fill = op.kind_as_Fill()) {
    visit(*fill->view());
  } else if (const schema::Collective *collective = op.kind_as_Collective()) {
    visit(*collective->from());
    visit(*collective->to());
  }
}

} // namespace swamla
