// RUN: swamla-opt %s --split-input-file --swamla-plan=verify | FileCheck %s

// Tests that a function becomes a program of launches: parameters, arguments and results lie in buffers with names, the rest in
// the arena, whose size and lower bound the module records.

// CHECK-LABEL: module @buffers attributes {
// CHECK-SAME: step.live_at_peak = [{bytes = 2048 : i64, label = "embed.fused"}]
// CHECK-SAME: step.max_live_bytes = 2048 : i64
// CHECK-SAME: step.peak_at = "embed.fused"
// CHECK-SAME: step.peak_bytes = 2048 : i64
// CHECK-SAME: step.peak_program = "eval"
// CHECK-NEXT: step.buffer @arena kind "arena" bytes 2048
// CHECK-NEXT: step.buffer @params kind "params" bytes 8192
// CHECK-NEXT: step.buffer @grads kind "grads" bytes 8192
// CHECK-NEXT: step.buffer @constants kind "constants" bytes 0
// CHECK-NEXT: step.buffer @input kind "input" bytes 64
// CHECK-NEXT: step.buffer @results kind "results" bytes 2048
// CHECK-NEXT: step.buffer @scalars kind "scalars" bytes 4
// CHECK-NEXT: step.param @w : tensor<32x32xf32> offset 1024 init_normal true init_value 2.000000e-02 decay
// CHECK-NEXT: step.slot @eval.tokens <@input, 0, 64> : tensor<16xi32>
// CHECK-NEXT: step.slot @lr <@scalars, 0, 4> : tensor<1xf32>
// CHECK-NEXT: step.slot @eval.y <@results, 0, 2048> : tensor<16x32xf32>
// CHECK: step.row_kernel @fused_0 domain [16, 32] row_dims 1 ins 2 maps [#{{.*}}, #{{.*}}, #{{.*}}] gather [-1, 0] unit_rows 16
// CHECK: step.program @setup {
// CHECK-NEXT: }
// CHECK: step.program @eval {
// CHECK-NEXT: step.launch @fused_0 [#step.view<@input, 0, 64>, #step.view<@params, 4096, 4096>, #step.view<@arena, 0, 2048>] units 1 label "embed.fused" flops 0 bytes 4160
// CHECK-NEXT: step.matmul a <@arena, 0, 2048> b <@params, 4096, 4096> c <@results, 0, 2048> m 16 n 32 k 32 lda 32 ldb 32 ldc 32 transpose_b types f32, f32 label "w"
// CHECK-NEXT: step.launch @fused_1 [#step.view<@results, 0, 2048>, #step.view<@scalars, 0, 4>, #step.view<@results, 0, 2048>]
// CHECK-NEXT: }
// CHECK-NOT: func.func
module @buffers attributes {swamla.flat_total = 2048 : i64} {
  swamla.param @w : tensor<32x32xf32> init normal 2.0e-02 decay offset 1024
  func.func @eval(%tokens: tensor<16xi32> {swamla.name = "tokens"}) -> (tensor<16x32xf32> {swamla.name = "y"}) {
    %w = swamla.get_param @w : tensor<32x32xf32>
    %scale = swamla.scalar "lr" : tensor<1xf32>
    %e = tensor.empty() : tensor<16x32xf32>
    %x = swamla.fused [16 | 32] ins(%tokens, %w : tensor<16xi32>, tensor<32x32xf32>) outs(%e : tensor<16x32xf32>) gather [-1, 0]
        maps [affine_map<(m, c) -> (m)>, affine_map<(m, c)[s] -> (s, c)>, affine_map<(m, c) -> (m, c)>] attributes {scope = "embed"} {
    ^bb0(%t: i32, %a: f32, %init: f32):
      swamla.yield %a : f32
    } -> tensor<16x32xf32>
    %y = swamla.matmul %x, %w transpose_b : tensor<16x32xf32>, tensor<32x32xf32> -> tensor<16x32xf32>
    %z = swamla.fused [16 | 32] ins(%y, %scale : tensor<16x32xf32>, tensor<1xf32>) outs(%e : tensor<16x32xf32>)
        maps [affine_map<(m, c) -> (m, c)>, affine_map<(m, c) -> (0)>, affine_map<(m, c) -> (m, c)>] {
    ^bb0(%a: f32, %s: f32, %init: f32):
      %0 = arith.mulf %a, %s : f32
      swamla.yield %0 : f32
    } -> tensor<16x32xf32>
    return %z : tensor<16x32xf32>
  }
}

// -----

// Tests that identical kernels are outlined once, whatever their labels, and different ones are not.

// CHECK-LABEL: module @dedup
// CHECK: step.row_kernel @scale_0
// CHECK: step.row_kernel @scale_1
// CHECK-NOT: step.row_kernel
// CHECK: step.program @eval {
// CHECK-NEXT: step.launch @scale_0 {{.*}} label "h.0.mlp.scale"
// CHECK-NEXT: step.launch @scale_0 {{.*}} label "h.1.mlp.scale"
// CHECK-NEXT: step.launch @scale_1 {{.*}} label "h.2.mlp.scale"
#map = affine_map<(m, c) -> (m, c)>
module @dedup {
  func.func @eval(%x: tensor<16x32xf32> {swamla.name = "x"}) -> (tensor<16x32xf32> {swamla.name = "y"}) {
    %e = tensor.empty() : tensor<16x32xf32>
    %0 = swamla.fused [16 | 32] ins(%x : tensor<16x32xf32>) outs(%e : tensor<16x32xf32>) label "h.0.mlp.scale" maps [#map, #map] {
    ^bb0(%a: f32, %init: f32):
      %c = arith.constant 2.0 : f32
      %r = arith.mulf %a, %c : f32
      swamla.yield %r : f32
    } -> tensor<16x32xf32>
    %1 = swamla.fused [16 | 32] ins(%0 : tensor<16x32xf32>) outs(%e : tensor<16x32xf32>) label "h.1.mlp.scale" maps [#map, #map] {
    ^bb0(%b: f32, %init: f32):
      %c = arith.constant 2.0 : f32
      %r = arith.mulf %b, %c : f32
      swamla.yield %r : f32
    } -> tensor<16x32xf32>
    %2 = swamla.fused [16 | 32] ins(%1 : tensor<16x32xf32>) outs(%e : tensor<16x32xf32>) label "h.2.mlp.scale" maps [#map, #map] {
    ^bb0(%a: f32, %init: f32):
      %c = arith.constant 3.0 : f32
      %r = arith.mulf %a, %c : f32
      swamla.yield %r : f32
    } -> tensor<16x32xf32>
    return %2 : tensor<16x32xf32>
  }
}

// -----

// Tests that a fused op that depends on nothing is computed once, by the setup program, and that equal ones share the table.

// CHECK-LABEL: module @setup
// CHECK: step.buffer @constants kind "constants" bytes 1024
// CHECK: step.program @setup {
// CHECK-NEXT: step.launch @table_0 [#step.view<@constants, 0, 1024>] units 1 label "setup.table" {{.*}} bytes 1024
// CHECK-NEXT: }
// CHECK: step.program @eval {
// CHECK-NEXT: step.launch @add_0 [#step.view<@input, 0, 2048>, #step.view<@constants, 0, 1024>,
// CHECK: step.program @logits {
// CHECK-NEXT: step.launch @add_0 [#step.view<@input, 2048, 2048>, #step.view<@constants, 0, 1024>,
#map = affine_map<(m, c) -> (m, c)>
#mod = affine_map<(m, c) -> (m mod 8, c)>
module @setup {
  func.func @eval(%x: tensor<16x32xf32> {swamla.name = "x"}) -> (tensor<16x32xf32> {swamla.name = "y"}) {
    %e = tensor.empty() : tensor<8x32xf32>
    %t = swamla.fused [8 | 32] outs(%e : tensor<8x32xf32>) label "setup.table" maps [#map] attributes {setup} {
    ^bb0(%init: f32):
      %0 = swamla.index 1
      %1 = arith.sitofp %0 : i32 to f32
      swamla.yield %1 : f32
    } -> tensor<8x32xf32>
    %f = tensor.empty() : tensor<16x32xf32>
    %y = swamla.fused [16 | 32] ins(%x, %t : tensor<16x32xf32>, tensor<8x32xf32>) outs(%f : tensor<16x32xf32>) label "add" maps [#map, #mod, #map] {
    ^bb0(%a: f32, %b: f32, %init: f32):
      %r = arith.addf %a, %b : f32
      swamla.yield %r : f32
    } -> tensor<16x32xf32>
    return %y : tensor<16x32xf32>
  }
  func.func @logits(%x: tensor<16x32xf32> {swamla.name = "x"}) -> (tensor<16x32xf32> {swamla.name = "y"}) {
    %e = tensor.empty() : tensor<8x32xf32>
    %t = swamla.fused [8 | 32] outs(%e : tensor<8x32xf32>) label "setup.table" maps [#map] attributes {setup} {
    ^bb0(%init: f32):
      %0 = swamla.index 1
      %1 = arith.sitofp %0 : i32 to f32
      swamla.yield %1 : f32
    } -> tensor<8x32xf32>
    %f = tensor.empty() : tensor<16x32xf32>
    %y = swamla.fused [16 | 32] ins(%x, %t : tensor<16x32xf32>, tensor<8x32xf32>) outs(%f : tensor<16x32xf32>) label "add" maps [#map, #mod, #map] {
    ^bb0(%a: f32, %b: f32, %init: f32):
      %r = arith.addf %a, %b : f32
      swamla.yield %r : f32
    } -> tensor<16x32xf32>
    return %y : tensor<16x32xf32>
  }
}

// -----

// Tests that bytes are used again as soon as their last reader is done: three values of 2048 bytes in a row need two places.

// CHECK-LABEL: module @reuse
// CHECK-SAME: step.max_live_bytes = 4096 : i64
// CHECK-SAME: step.peak_bytes = 4096 : i64
// CHECK: step.program @eval {
// CHECK-NEXT: step.matmul {{.*}} c <@arena, [[A:[0-9]+]], 2048>
// CHECK-NEXT: step.matmul a <@arena, [[A]], 2048> {{.*}} c <@arena, [[B:[0-9]+]], 2048>
// CHECK-NEXT: step.matmul a <@arena, [[B]], 2048> {{.*}} c <@arena, [[A]], 2048>
// CHECK-NEXT: step.matmul a <@arena, [[A]], 2048> {{.*}} c <@results, 0, 2048>
module @reuse attributes {swamla.flat_total = 1024 : i64} {
  swamla.param @w : tensor<32x32xf32> init normal 2.0e-02 decay offset 0
  func.func @eval(%x: tensor<16x32xf32> {swamla.name = "x"}) -> (tensor<16x32xf32> {swamla.name = "y"}) {
    %w = swamla.get_param @w : tensor<32x32xf32>
    %0 = swamla.matmul %x, %w transpose_b : tensor<16x32xf32>, tensor<32x32xf32> -> tensor<16x32xf32>
    %1 = swamla.matmul %0, %w transpose_b : tensor<16x32xf32>, tensor<32x32xf32> -> tensor<16x32xf32>
    %2 = swamla.matmul %1, %w transpose_b : tensor<16x32xf32>, tensor<32x32xf32> -> tensor<16x32xf32>
    %3 = swamla.matmul %2, %w transpose_b : tensor<16x32xf32>, tensor<32x32xf32> -> tensor<16x32xf32>
    return %3 : tensor<16x32xf32>
  }
}

// -----

// Tests that a reduction over all rows is one unit, that one over R rows has units of R rows, and that one that starts from a tensor
// accumulates.

// CHECK-LABEL: module @reduction
// CHECK: step.row_kernel @partial_0 domain [16, 32] {{.*}} unit_rows 4 {
// CHECK: step.row_kernel @combine_0 domain [4, 32] {{.*}} unit_rows 4 accumulate [true] {
// CHECK: step.program @micro_step {
// CHECK-NEXT: step.launch @partial_0 [#step.view<@input, 0, 2048>, #step.view<@arena, 0, 512>] units 4
// CHECK-NEXT: step.launch @combine_0 [#step.view<@arena, 0, 512>, #step.view<@grads, 256, 128>] units 1
// CHECK-NEXT: }
module @reduction attributes {swamla.flat_total = 1024 : i64} {
  swamla.param @b : tensor<32xf32> init constant 0.0 offset 64
  func.func @micro_step(%x: tensor<16x32xf32> {swamla.name = "x"}) {
    %e = tensor.empty() : tensor<4x32xf32>
    %p = swamla.fused [16 | 32] ins(%x : tensor<16x32xf32>) outs(%e : tensor<4x32xf32>) label "h.0.partial"
        maps [affine_map<(m, c) -> (m, c)>, affine_map<(m, c) -> (m floordiv 4, c)>] {
    ^bb0(%a: f32, %init: f32):
      swamla.yield %a : f32
    } -> tensor<4x32xf32>
    %g = swamla.get_grad @b : tensor<32xf32>
    %s = swamla.fused [4 | 32] ins(%p : tensor<4x32xf32>) outs(%g : tensor<32xf32>) label "h.0.combine"
        maps [affine_map<(m, c) -> (m, c)>, affine_map<(m, c) -> (c)>] {
    ^bb0(%a: f32, %init: f32):
      swamla.yield %a : f32
    } -> tensor<32xf32>
    swamla.set_grad @b, %s : tensor<32xf32>
    return
  }
}

// -----

// Tests working copies: parameters read as bf16 come from their own buffer, half as large; what is stored there is made there; elements of
// two sizes lie in one program.

// CHECK-LABEL: module @working
// CHECK: step.buffer @arena kind "arena" bytes 1024
// CHECK: step.buffer @params kind "params" bytes 4096
// CHECK: step.buffer @grads kind "grads" bytes 4096
// CHECK: step.buffer @working kind "working" bytes 2048
// CHECK: step.program @eval {
// CHECK-NEXT: step.launch @round_0 [#step.view<@input, 0, 1024>, #step.view<@arena, 0, 512>] units 1 label "round" flops 0 bytes 1536
// CHECK-NEXT: step.matmul a <@arena, 0, 512> b <@working, 512, 512> c <@arena, 512, 512> m 16 n 16 k 16 lda 16 ldb 16 ldc 16 transpose_b types bf16, bf16 label "w"
// CHECK-NEXT: step.matmul a <@arena, 512, 512> b <@arena, 0, 512> c <@results, 0, 1024> m 16 n 16 k 16 lda 16 ldb 16 ldc 16 types bf16, f32 label "matmul"
// CHECK-NEXT: }
// CHECK: step.program @cast {
// CHECK-NEXT: step.launch @round_0 [#step.view<@params, 1024, 1024>, #step.view<@working, 512, 512>] units 1 label "round"
// CHECK-NEXT: }
module @working attributes {swamla.flat_total = 1024 : i64} {
  swamla.param @w : tensor<16x16xf32> init normal 2.0e-02 decay offset 256
  func.func @eval(%x: tensor<16x16xf32> {swamla.name = "x"}) -> (tensor<16x16xf32> {swamla.name = "y"}) {
    %e = tensor.empty() : tensor<16x16xbf16>
    %x16 = swamla.fused [16 | 16] ins(%x : tensor<16x16xf32>) outs(%e : tensor<16x16xbf16>) label "round" maps [affine_map<(m, c) -> (m, c)>, affine_map<(m, c) -> (m, c)>] {
    ^bb0(%a: f32, %i: bf16):
      %0 = arith.truncf %a : f32 to bf16
      swamla.yield %0 : bf16
    } -> tensor<16x16xbf16>
    %w = swamla.get_param @w : tensor<16x16xbf16>
    %h = swamla.matmul %x16, %w transpose_b : tensor<16x16xbf16>, tensor<16x16xbf16> -> tensor<16x16xbf16>
    %y = swamla.matmul %h, %x16 : tensor<16x16xbf16>, tensor<16x16xbf16> -> tensor<16x16xf32>
    return %y : tensor<16x16xf32>
  }
  func.func @cast() {
    %p = swamla.get_flat "params" offset 256 : tensor<16x16xf32>
    %e = tensor.empty() : tensor<16x16xbf16>
    %w = swamla.fused [16 | 16] ins(%p : tensor<16x16xf32>) outs(%e : tensor<16x16xbf16>) label "round" maps [affine_map<(m, c) -> (m, c)>, affine_map<(m, c) -> (m, c)>] {
    ^bb0(%a: f32, %i: bf16):
      %0 = arith.truncf %a : f32 to bf16
      swamla.yield %0 : bf16
    } -> tensor<16x16xbf16>
    swamla.set_flat "working" offset 256, %w : tensor<16x16xbf16>
    return
  }
}
