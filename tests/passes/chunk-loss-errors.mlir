// RUN: swamla-opt %s --swamla-chunk-loss="rows=-1" --split-input-file --verify-diagnostics

// expected-error @+1 {{swamla-chunk-loss: expected rows >= 1, or 0 to choose them, found -1}}
func.func @f() {
  return
}
