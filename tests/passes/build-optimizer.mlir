// RUN: swamla-opt %s --swamla-build-optimizer --split-input-file | FileCheck %s
// RUN: swamla-opt %s --swamla-build-optimizer=kind=lion --split-input-file | FileCheck %s --check-prefix=LION

// Tests @apply: the norm of all gradients, then one update for each range, the first with weight decay.
// CHECK: module attributes {{{.*}}swamla.optimizer = "adamw"}
// CHECK-LABEL: func.func @apply() -> (tensor<1xf32> {swamla.name = "grad_norm"})
// CHECK: %[[ALL:.*]] = swamla.get_flat "grads" offset 0 {{.*}} : tensor<3x1024xf32>
// CHECK: %[[ROWS:.*]] = swamla.square_sum %[[ALL]] {{.*}} -> tensor<3xf32>
// CHECK: %[[SUM:.*]] = swamla.sum %[[ROWS]]
// CHECK: %[[SCALE:.*]] = swamla.scalar "grad_scale"
// CHECK: %[[CLIP:.*]] = swamla.scalar "clip"
// CHECK: %[[NORM:.*]], %[[FACTOR:.*]] = swamla.clip_factor %[[SUM]], %[[SCALE]], %[[CLIP]]
// CHECK: %[[LR:.*]] = swamla.scalar "lr"
// CHECK: %[[B1:.*]] = swamla.scalar "beta1"
// CHECK: %[[B2:.*]] = swamla.scalar "beta2"
// CHECK: %[[EPS:.*]] = swamla.scalar "eps"
// CHECK: %[[WD:.*]] = swamla.scalar "weight_decay"
// CHECK: %[[C1:.*]] = swamla.scalar "bias_correction1"
// CHECK: %[[C2:.*]] = swamla.scalar "bias_correction2"
// CHECK: %[[P:.*]] = swamla.get_flat "params" offset 0 {{.*}} : tensor<2x1024xf32>
// CHECK: %[[G:.*]] = swamla.get_flat "grads" offset 0
// CHECK: %[[M:.*]] = swamla.get_flat "adamw.m" offset 0
// CHECK: %[[V:.*]] = swamla.get_flat "adamw.v" offset 0
// CHECK: %[[NP:.*]], %[[NG:.*]], %[[NM:.*]], %[[NV:.*]] = swamla.adamw %[[P]], %[[G]], %[[M]], %[[V]](%[[FACTOR]], %[[NORM]], %[[LR]], %[[B1]], %[[B2]], %[[EPS]], %[[WD]], %[[C1]], %[[C2]]) decay
// CHECK: swamla.set_flat "params" offset 0, %[[NP]]
// CHECK: swamla.set_flat "grads" offset 0, %[[NG]]
// CHECK: swamla.set_flat "adamw.m" offset 0, %[[NM]]
// CHECK: swamla.set_flat "adamw.v" offset 0, %[[NV]]
// CHECK: swamla.get_flat "params" offset 2048 {{.*}} : tensor<1x1024xf32>
// CHECK: swamla.adamw
// CHECK-NOT: decay
// CHECK: swamla.set_flat "params" offset 2048
// CHECK: return %[[NORM]]
// LION: module attributes {{{.*}}swamla.optimizer = "lion"}
// LION-LABEL: func.func @apply
// LION: %[[LR:.*]] = swamla.scalar "lr"
// LION: %[[B1:.*]] = swamla.scalar "beta1"
// LION: %[[B2:.*]] = swamla.scalar "beta2"
// LION: %[[WD:.*]] = swamla.scalar "weight_decay"
// LION: %[[M:.*]] = swamla.get_flat "lion.m" offset 0
// LION: swamla.lion %{{.*}}, %{{.*}}, %[[M]](%{{.*}}, %{{.*}}, %[[LR]], %[[B1]], %[[B2]], %[[WD]]) decay
// LION: swamla.set_flat "lion.m" offset 0
// LION: swamla.lion
// LION-NOT: decay
// LION: swamla.set_flat "lion.m" offset 2048
module attributes {swamla.flat_decay = 2048 : i64, swamla.flat_total = 3072 : i64} {
}

// -----

// Tests that an empty range has no update.
// CHECK-LABEL: func.func @apply
// CHECK: swamla.adamw {{.*}} decay
// CHECK-NOT: swamla.adamw
// LION-LABEL: func.func @apply
// LION: swamla.lion {{.*}} decay
// LION-NOT: swamla.lion
module attributes {swamla.flat_decay = 1024 : i64, swamla.flat_total = 1024 : i64} {
}

// -----

// CHECK-LABEL: func.func @apply
// CHECK: swamla.get_flat "params" offset 0
// CHECK: swamla.adamw
// CHECK-NOT: swamla.adamw
// LION-LABEL: func.func @apply
// LION: swamla.lion
// LION-NOT: swamla.lion
module attributes {swamla.flat_decay = 0 : i64, swamla.flat_total = 1024 : i64} {
}

// -----

// Tests that a range whose parameters are read as bf16 gets a working copy, written with every update and by @cast; the other range none.

// CHECK-LABEL: func.func @apply
// CHECK: %[[P:.*]], %{{.*}}, %{{.*}}, %{{.*}} = swamla.adamw {{.*}} decay
// CHECK-NEXT: %[[W:.*]] = swamla.cast %[[P]] {scope = "optimizer"} : tensor<1x1024xf32> -> tensor<1x1024xbf16>
// CHECK: swamla.set_flat "params" offset 0, %[[P]]
// CHECK: swamla.set_flat "working" offset 0, %[[W]] {scope = "optimizer"} : tensor<1x1024xbf16>
// CHECK: swamla.adamw
// CHECK-NOT: swamla.cast
// CHECK: return
// CHECK-LABEL: func.func @cast()
// CHECK-NEXT: %[[P:.*]] = swamla.get_flat "params" offset 0 {{.*}} : tensor<1x1024xf32>
// CHECK-NEXT: %[[W:.*]] = swamla.cast %[[P]]
// CHECK-NEXT: swamla.set_flat "working" offset 0, %[[W]]
// CHECK-NEXT: return
// LION-LABEL: func.func @apply
// LION: %[[P:.*]], %{{.*}}, %{{.*}} = swamla.lion {{.*}} decay
// LION-NEXT: swamla.cast %[[P]]
// LION: swamla.lion
// LION-NOT: swamla.cast
// LION: func.func @cast()
module attributes {swamla.flat_decay = 1024 : i64, swamla.flat_total = 2048 : i64} {
  swamla.param @a : tensor<4x8xf32> init normal 0.02 decay offset 0
  swamla.param @b : tensor<8xf32> init constant 0.0 offset 1024
  func.func @f() -> (tensor<4x8xbf16>, tensor<8xf32>) {
    %a = swamla.get_param @a : tensor<4x8xbf16>
    %b = swamla.get_param @b : tensor<8xf32>
    return %a, %b : tensor<4x8xbf16>, tensor<8xf32>
  }
}

// -----

// Tests that a group, and a range without decay, can have a working copy.
// CHECK-LABEL: func.func @cast()
// CHECK-NOT: offset 0
// CHECK: swamla.get_flat "params" offset 1024
// CHECK: swamla.set_flat "working" offset 1024
// CHECK-NOT: swamla.get_flat
module attributes {swamla.flat_decay = 1024 : i64, swamla.flat_total = 2048 : i64} {
  swamla.param @a : tensor<4x8xf32> init normal 0.02 offset 1024
  swamla.param @b : tensor<4x8xf32> init normal 0.02 offset 1056
  swamla.param @c : tensor<8xf32> init constant 0.0 decay offset 0
  swamla.param_group @ab [@a, @b] : tensor<8x8xf32> offset 1024
  func.func @f() -> tensor<8x8xbf16> {
    %ab = swamla.get_param @ab : tensor<8x8xbf16>
    return %ab : tensor<8x8xbf16>
  }
}
