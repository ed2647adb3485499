// RUN: swamla-opt %s --swamla-split-reductions="max-units=0" --split-input-file --verify-diagnostics

// expected-error @+1 {{swamla-split-reductions: expected max-units and min-rows of at least 1, found 0 and 16}}
func.func @f() {
  return
}
