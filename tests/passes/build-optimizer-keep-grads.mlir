// RUN: swamla-opt %s --swamla-build-optimizer=keep-grads --split-input-file | FileCheck %s --check-prefixes=CHECK,ADAMW
// RUN: swamla-opt %s --swamla-build-optimizer="keep-grads kind=lion" --split-input-file | FileCheck %s --check-prefixes=CHECK,LION
// RUN: swamla-opt %s --swamla-build-optimizer=keep-grads --swamla-form-fused | FileCheck %s --check-prefix=FUSED

// Tests that the gradients are read, and left as they are.
// CHECK-LABEL: func.func @apply
// ADAMW: swamla.adamw {{.*}} -> tensor<1x1024xf32>, tensor<1x1024xf32>, tensor<1x1024xf32>
// LION: swamla.lion {{.*}} -> tensor<1x1024xf32>, tensor<1x1024xf32>
// CHECK-NOT: swamla.set_flat "grads"
// CHECK: return

// FUSED-LABEL: func.func @apply
// FUSED: swamla.fused [1 | 1024] {{.*}} label "optimizer.adamw"
module attributes {swamla.flat_decay = 1024 : i64, swamla.flat_total = 1024 : i64} {
  swamla.param @w : tensor<32x32xf32> init normal 0.02 decay offset 0
}
