// RUN: not swamla-opt %s --swamla-verify-phase=phase=optimizer 2>&1 | FileCheck %s
// RUN: not swamla-opt %s --swamla-verify-phase=phase=nonsense 2>&1 | FileCheck %s --check-prefix=NONSENSE

// Tests that functions that a phase makes are missed, and that only phases are phases.

// CHECK: error: has no function @eval after phase optimizer; expected it from --swamla-expand
// NONSENSE: error: swamla-verify-phase: 'nonsense' is no phase
module {
}
