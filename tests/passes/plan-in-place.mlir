// RUN: swamla-opt %s --split-input-file --swamla-plan=verify | FileCheck %s

// Tests that an op that starts from a tensor takes over its bytes where nothing reads them later, and starts from a copy where
// something does.

// CHECK-LABEL: module @init
// CHECK: step.program @eval {
// CHECK-NEXT: step.matmul {{.*}} c <@arena, [[P:[0-9]+]], 1024> {{.*}} ldc 16 types f32, f32 label
// CHECK-NEXT: step.launch @copy_0 [#step.view<@arena, [[P]], 1024>, #step.view<@arena, [[Q:[0-9]+]], 1024>] units 1 label "copy for matmul"
// CHECK-NEXT: step.matmul {{.*}} c <@arena, [[Q]], 1024> {{.*}} accumulate
// CHECK-NEXT: step.matmul {{.*}} c <@arena, [[Q]], 1024> {{.*}} accumulate
// CHECK-NEXT: step.matmul a <@arena, [[P]], 1024> b <@arena, [[Q]], 1024> c <@results
module @init {
  func.func @eval(%x: tensor<16x16xf32> {swamla.name = "x"}) -> (tensor<16x16xf32> {swamla.name = "y"}) {
    %p = swamla.matmul %x, %x : tensor<16x16xf32>, tensor<16x16xf32> -> tensor<16x16xf32>
    %q = swamla.matmul %x, %x init %p : tensor<16x16xf32>, tensor<16x16xf32>, tensor<16x16xf32> -> tensor<16x16xf32>
    %r = swamla.matmul %x, %x init %q : tensor<16x16xf32>, tensor<16x16xf32>, tensor<16x16xf32> -> tensor<16x16xf32>
    %y = swamla.matmul %p, %r : tensor<16x16xf32>, tensor<16x16xf32> -> tensor<16x16xf32>
    return %y : tensor<16x16xf32>
  }
}

// -----

// Tests that bytes which another view still needs are not overwritten: %a is read after the update of the rows that it shares.

// CHECK-LABEL: module @overlap
// CHECK: step.program @eval {
// CHECK-NEXT: step.matmul {{.*}} c <@arena, [[P:[0-9]+]], 1024>
// CHECK-NEXT: step.launch @copy_0
// CHECK-NEXT: step.launch @twice_0 [#step.view<@arena, [[Q:[0-9]+]], 512>]
// CHECK-NEXT: step.matmul a <@arena, [[Q]], 512> b <@arena, [[P]], 1024>
module @overlap {
  func.func @eval(%x: tensor<16x16xf32> {swamla.name = "x"}) -> (tensor<8x16xf32> {swamla.name = "y"}) {
    %p = swamla.matmul %x, %x : tensor<16x16xf32>, tensor<16x16xf32> -> tensor<16x16xf32>
    %a = swamla.slice_rows %p from 8 : tensor<16x16xf32> -> tensor<8x16xf32>
    %b = swamla.fused [8 | 16] outs(%a : tensor<8x16xf32>) label "twice" maps [affine_map<(m, c) -> (m, c)>] {
    ^bb0(%e: f32):
      %0 = arith.addf %e, %e : f32
      swamla.yield %0 : f32
    } -> tensor<8x16xf32>
    %y = swamla.matmul %b, %p : tensor<8x16xf32>, tensor<16x16xf32> -> tensor<8x16xf32>
    return %y : tensor<8x16xf32>
  }
}

// -----

// Tests that an op does not overwrite what it reads at other points: the sum over positions mod 8 reads rows that other rows write.

// CHECK-LABEL: module @other_points
// CHECK: step.program @eval {
// CHECK-NEXT: step.matmul {{.*}} c <@arena, [[P:[0-9]+]], 1024>
// CHECK-NEXT: step.launch @copy_0 [#step.view<@arena, [[P]], 1024>, #step.view<@results, 0, 1024>]
// CHECK-NEXT: step.launch @mix_0 [#step.view<@arena, [[P]], 1024>, #step.view<@results, 0, 1024>]
module @other_points {
  func.func @eval(%x: tensor<16x16xf32> {swamla.name = "x"}) -> (tensor<16x16xf32> {swamla.name = "y"}) {
    %p = swamla.matmul %x, %x : tensor<16x16xf32>, tensor<16x16xf32> -> tensor<16x16xf32>
    %y = swamla.fused [16 | 16] ins(%p : tensor<16x16xf32>) outs(%p : tensor<16x16xf32>) label "mix"
        maps [affine_map<(m, c) -> (m mod 8, c)>, affine_map<(m, c) -> (m, c)>] {
    ^bb0(%a: f32, %b: f32):
      %0 = arith.addf %a, %b : f32
      swamla.yield %0 : f32
    } -> tensor<16x16xf32>
    return %y : tensor<16x16xf32>
  }
}

// -----

// Tests that a fresh result lies where an operand of its shape and map dies, but not where the operand lives on, and not in a part of
// a buffer that it would keep alive.

// CHECK-LABEL: module @reuse
// CHECK: step.program @eval {
// CHECK-NEXT: step.matmul {{.*}} c <@arena, [[P:[0-9]+]], 2048>
// CHECK-NEXT: step.launch @add_0 [#step.view<@arena, [[A:[0-9]+]], 1984>, #step.view<@arena, [[B:[0-9]+]], 1984>, #step.view<@arena, [[S:[0-9]+]], 1024>]
// CHECK-NEXT: step.launch @add_1 [#step.view<@arena, [[S]], 1024>, #step.view<@input, 0, 1024>, #step.view<@arena, [[S]], 1024>]
// CHECK-NEXT: step.matmul a <@arena, [[S]], 1024>
#map = affine_map<(m, c) -> (m, c)>
module @reuse {
  func.func @eval(%x: tensor<16x16xf32> {swamla.name = "x"}, %w: tensor<32x16xf32> {swamla.name = "w"}) -> (tensor<16x16xf32> {swamla.name = "y"}) {
    %p = swamla.matmul %x, %w transpose_b : tensor<16x16xf32>, tensor<32x16xf32> -> tensor<16x32xf32>
    %a, %b = swamla.split %p heads 1 : tensor<16x32xf32> -> tensor<16x16xf32>, tensor<16x16xf32>
    %e = tensor.empty() : tensor<16x16xf32>
    %s = swamla.fused [16 | 16] ins(%a, %b : tensor<16x16xf32>, tensor<16x16xf32>) outs(%e : tensor<16x16xf32>) label "add" maps [#map, #map, #map] {
    ^bb0(%u: f32, %v: f32, %init: f32):
      %0 = arith.addf %u, %v : f32
      swamla.yield %0 : f32
    } -> tensor<16x16xf32>
    %t = swamla.fused [16 | 16] ins(%s, %x : tensor<16x16xf32>, tensor<16x16xf32>) outs(%e : tensor<16x16xf32>) label "add" maps [#map, #map, #map] {
    ^bb0(%u: f32, %v: f32, %init: f32):
      %0 = arith.addf %u, %v : f32
      swamla.yield %0 : f32
    } -> tensor<16x16xf32>
    %y = swamla.matmul %t, %x : tensor<16x16xf32>, tensor<16x16xf32> -> tensor<16x16xf32>
    return %y : tensor<16x16xf32>
  }
}

// -----

// Tests that two results that are to be joined fill the buffer whose two halves die here, and the join is free.

// CHECK-LABEL: module @reuse_together
// CHECK-SAME: step.max_live_bytes = 2048 : i64
// CHECK: step.program @eval {
// CHECK-NEXT: step.matmul {{.*}} c <@arena, 0, 2048>
// CHECK-NEXT: step.launch @swap_0 [#step.view<@arena, 0, 1984>, #step.view<@arena, 64, 1984>, #step.view<@arena, 0, 1984>, #step.view<@arena, 64, 1984>]
// CHECK-NEXT: step.matmul a <@arena, 0, 2048>
#map = affine_map<(m, c) -> (m, c)>
module @reuse_together {
  func.func @eval(%x: tensor<16x16xf32> {swamla.name = "x"}, %w: tensor<32x16xf32> {swamla.name = "w"}) -> (tensor<16x16xf32> {swamla.name = "y"}) {
    %p = swamla.matmul %x, %w transpose_b : tensor<16x16xf32>, tensor<32x16xf32> -> tensor<16x32xf32>
    %a, %b = swamla.split %p heads 1 : tensor<16x32xf32> -> tensor<16x16xf32>, tensor<16x16xf32>
    %e = tensor.empty() : tensor<16x16xf32>
    %s, %t = swamla.fused [16 | 16] ins(%a, %b : tensor<16x16xf32>, tensor<16x16xf32>) outs(%e, %e : tensor<16x16xf32>, tensor<16x16xf32>)
        label "swap" maps [#map, #map, #map, #map] {
    ^bb0(%u: f32, %v: f32, %i0: f32, %i1: f32):
      swamla.yield %v, %u : f32, f32
    } -> tensor<16x16xf32>, tensor<16x16xf32>
    %j = swamla.join %s, %t heads 1 : tensor<16x16xf32>, tensor<16x16xf32> -> tensor<16x32xf32>
    %y = swamla.matmul %j, %w : tensor<16x32xf32>, tensor<32x16xf32> -> tensor<16x16xf32>
    return %y : tensor<16x16xf32>
  }
}

// -----

// Tests that gradients grow where they are: get_grad, two updates, set_grad move no bytes; and so do the flat buffers of an optimizer.

// CHECK-LABEL: module @grads
// CHECK: step.program @micro_step {
// CHECK-NEXT: step.matmul {{.*}} c <@grads, 1024, 1024> {{.*}} accumulate types f32, f32 label "w.dw"
// CHECK-NEXT: step.launch @scatter_add_0 [#step.view<@input, 1024, 64>, #step.view<@input, 0, 1024>, #step.view<@grads, 1024, 1024>] units 1 label "w.dw"
// CHECK-NEXT: }
// CHECK: step.program @apply {
// CHECK-NEXT: step.launch @update_0 [#step.view<@grads, 0, 2048>, #step.view<@params, 0, 2048>, #step.view<@lion.m, 0, 2048>]
// CHECK-NEXT: }
#map = affine_map<(m, c) -> (m, c)>
module @grads attributes {swamla.flat_total = 1024 : i64} {
  swamla.param @w : tensor<16x16xf32> init normal 2.0e-02 decay offset 256
  func.func @micro_step(%x: tensor<16x16xf32> {swamla.name = "x"}, %t: tensor<16xi32> {swamla.name = "t"}) {
    %g = swamla.get_grad @w : tensor<16x16xf32>
    %p = swamla.matmul %x, %x init %g transpose_a : tensor<16x16xf32>, tensor<16x16xf32>, tensor<16x16xf32> -> tensor<16x16xf32>
    swamla.set_grad @w, %p : tensor<16x16xf32>
    %h = swamla.get_grad @w : tensor<16x16xf32>
    %q = swamla.embedding_grad %t, %x init %h : tensor<16xi32>, tensor<16x16xf32>, tensor<16x16xf32> -> tensor<16x16xf32>
    swamla.set_grad @w, %q : tensor<16x16xf32>
    return
  }
  func.func @apply() {
    %g = swamla.get_flat "grads" offset 0 : tensor<32x16xf32>
    %p = swamla.get_flat "params" offset 0 : tensor<32x16xf32>
    %m = swamla.get_flat "lion.m" offset 0 : tensor<32x16xf32>
    %p1, %m1 = swamla.fused [32 | 16] ins(%g : tensor<32x16xf32>) outs(%p, %m : tensor<32x16xf32>, tensor<32x16xf32>) label "update" maps [#map, #map, #map] {
    ^bb0(%a: f32, %b: f32, %c: f32):
      %0 = arith.addf %a, %b : f32
      %1 = arith.addf %a, %c : f32
      swamla.yield %0, %1 : f32, f32
    } -> tensor<32x16xf32>, tensor<32x16xf32>
    swamla.set_flat "params" offset 0, %p1 : tensor<32x16xf32>
    swamla.set_flat "lion.m" offset 0, %m1 : tensor<32x16xf32>
    return
  }
}

// -----

// Tests that a parameter that is read and not set is never written, though an op starts from it.

// CHECK-LABEL: module @params_are_read_only
// CHECK: step.program @eval {
// CHECK-NEXT: step.launch @copy_0 [#step.view<@params, 0, 1024>, #step.view<@results, 0, 1024>]
// CHECK-NEXT: step.matmul {{.*}} c <@results, 0, 1024> {{.*}} accumulate
// CHECK-NEXT: }
module @params_are_read_only attributes {swamla.flat_total = 1024 : i64} {
  swamla.param @w : tensor<16x16xf32> init normal 2.0e-02 decay offset 0
  func.func @eval(%x: tensor<16x16xf32> {swamla.name = "x"}) -> (tensor<16x16xf32> {swamla.name = "y"}) {
    %w = swamla.get_param @w : tensor<16x16xf32>
    %y = swamla.matmul %x, %x init %w : tensor<16x16xf32>, tensor<16x16xf32>, tensor<16x16xf32> -> tensor<16x16xf32>
    return %y : tensor<16x16xf32>
  }
}

// -----

// Tests that an embedding's gradient without a start begins at zero.

// CHECK-LABEL: module @zero
// CHECK: step.program @eval {
// CHECK-NEXT: step.fill <@results, 0, 2048> value 0 label "zero for embedding_grad"
// CHECK-NEXT: step.launch @scatter_add_0 [{{.*}}#step.view<@results, 0, 2048>]
module @zero {
  func.func @eval(%x: tensor<16x16xf32> {swamla.name = "x"}, %t: tensor<16xi32> {swamla.name = "t"}) -> (tensor<32x16xf32> {swamla.name = "y"}) {
    %y = swamla.embedding_grad %t, %x : tensor<16xi32>, tensor<16x16xf32> -> tensor<32x16xf32>
    return %y : tensor<32x16xf32>
  }
}
