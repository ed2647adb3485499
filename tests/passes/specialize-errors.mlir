// RUN: swamla-opt %s --swamla-specialize -split-input-file -verify-diagnostics
// RUN: not swamla-opt %s --swamla-specialize=batch=2 -split-input-file -o /dev/null 2>&1 | FileCheck %s --check-prefix=TWO
// RUN: not swamla-opt %s --swamla-specialize=batch=-1 -split-input-file -o /dev/null 2>&1 | FileCheck %s --check-prefix=NEGATIVE

// NEGATIVE: error: batch: expected a number >= 1, found -1

// expected-error @+1 {{the model has no batch yet: expected a batch >= 1 (--batch=N), found 0}}
swamla.model @no_batch {
^bb0(%tokens: tensor<?x8xi32>, %targets: tensor<?x8xi32>):
  %0 = swamla.embedding "wte" %tokens vocab 32 : tensor<?x8xi32> -> tensor<?x8x16xf32>
  swamla.lm_loss %0, %targets tied "wte" vocab 32 : tensor<?x8x16xf32>, tensor<?x8xi32>
}

// -----

// Nothing to do without a batch; another one is an error.
// TWO: specialize-errors.mlir:[[@LINE+1]]:1: error: expected a model without a batch, or with batch 2 as asked for, found one with batch 3
swamla.model @other_batch {
^bb0(%tokens: tensor<3x8xi32>, %targets: tensor<3x8xi32>):
  %0 = swamla.embedding "wte" %tokens vocab 32 : tensor<3x8xi32> -> tensor<3x8x16xf32>
  swamla.lm_loss %0, %targets tied "wte" vocab 32 : tensor<3x8x16xf32>, tensor<3x8xi32>
}
