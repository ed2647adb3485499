// RUN: swamla-opt %s --split-input-file --step-lower-kernels="target=cuda arch=sm_90a" | FileCheck %s
// RUN: swamla-opt %s --split-input-file --step-lower-kernels="arch=x86-64-v3" | FileCheck %s --check-prefix=CPU

// Tests what a kernel's function says of its views: the places of rows with padding, of a broadcast, of sums of 8 rows each, and of heads that lie apart.
// CHECK-LABEL: llvm.func @views(
// CHECK-SAME: step.views = [{access = "read", element = f32, offset = 0 : i64, sizes = array<i64: 32, 4, 25>, strides = array<i64: 128, 25, 1>},
// CHECK-SAME: {access = "read", element = f32, offset = 0 : i64, sizes = array<i64: 4, 25>, strides = array<i64: 25, 1>},
// CHECK-SAME: {access = "write", element = bf16, offset = 0 : i64, sizes = array<i64: 4, 32, 25>, strides = array<i64: 1024, 32, 1>},
// CHECK-SAME: {access = "read_write", element = f32, offset = 0 : i64, sizes = array<i64: 4, 4, 25>, strides = array<i64: 100, 25, 1>}],
// CHECK-SAME: step.work = {element = f32, kind = "row"}
// CPU-LABEL: llvm.func @views(
// CPU-SAME: step.views = [{access = "read", element = f32, offset = 0 : i64, sizes = array<i64: 32, 4, 25>, strides = array<i64: 128, 25, 1>},
// CPU-SAME: step.work = {element = f32, kind = "row"}
step.row_kernel @views domain [32, 4, 25] row_dims 2 ins 2
    maps [affine_map<(m, h, c) -> (m * 128 + h * 25 + c)>, affine_map<(m, h, c) -> (h * 25 + c)>,
          affine_map<(m, h, c) -> (h * 1024 + m * 32 + c)>, affine_map<(m, h, c) -> ((m floordiv 8) * 100 + h * 25 + c)>]
    unit_rows 8 accumulate [false, true] {
^bb0(%x: f32, %w: f32, %y: bf16, %sum: f32):
  %p = arith.mulf %x, %w : f32
  %q = arith.truncf %p : f32 to bf16
  swamla.yield %q, %p : bf16, f32
}

// -----

// Tests that a read through indices has no places of its own, that a table of 16 rows that repeats has, and that an out whose value is read is both.
// That out begins behind 8 elements.
// CHECK-LABEL: llvm.func @gather(
// CHECK-SAME: step.views = [{access = "read", element = i32, offset = 0 : i64, sizes = array<i64: 32>, strides = array<i64: 1>},
// CHECK-SAME: {access = "read", element = f32},
// CHECK-SAME: {access = "read", element = f32, offset = 0 : i64, sizes = array<i64: 16, 64>, strides = array<i64: 64, 1>},
// CHECK-SAME: {access = "read_write", element = f32, offset = 8 : i64, sizes = array<i64: 32, 64>, strides = array<i64: 96, 1>}]
step.row_kernel @gather domain [32, 64] row_dims 1 ins 3
    maps [affine_map<(m, c) -> (m)>, affine_map<(m, c)[s0] -> (s0 * 64 + c)>, affine_map<(m, c) -> ((m mod 16) * 64 + c)>,
          affine_map<(m, c) -> (m * 96 + c + 8)>]
    gather [-1, 0, -1] unit_rows 8 {
^bb0(%i: i32, %x: f32, %t: f32, %y: f32):
  %a = arith.addf %x, %t : f32
  %b = arith.addf %a, %y : f32
  swamla.yield %b : f32
}

// -----

// Tests that the two kernels of attention's gradient share its work: of 7 products of one width, S and dP twice, dQ has 3 and dK, dV have 4; bytes by the
// views that each takes. What one kernel does alone is counted whole.
// CHECK-LABEL: llvm.func @grad_dq(
// CHECK-SAME: step.views = [{access = "read", element = bf16, offset = 0 : i64, sizes = array<i64: 256, 2, 64>, strides = array<i64: 128, 64, 1>}
// CHECK-SAME: step.work = {element = bf16, kind = "windowed_attention_grad"}
// CHECK-LABEL: llvm.func @grad_dkv(
// CHECK: step.launch @grad_dq {{.*}} flops 3000 bytes [[#DQ:]]
// CHECK: step.launch @grad_dkv {{.*}} flops 4000 bytes [[#sub(1000000,DQ)]]
// CPU-LABEL: llvm.func @grad(
// CPU-SAME: step.work = {element = bf16, kind = "windowed_attention_grad"}
// CPU: step.launch @grad {{.*}} flops 7000 bytes 1000000
step.buffer @arena kind "arena" bytes 1048576
step.attention_grad_kernel @grad element bf16 batch 1 seq 256 scale 0.125 window 64 sink 4
    q <heads = 2, width = 64, row_stride = 128, head_stride = 64> k <heads = 2, width = 64, row_stride = 128, head_stride = 64>
    v <heads = 2, width = 64, row_stride = 128, head_stride = 64> dout <heads = 2, width = 64, row_stride = 128, head_stride = 64>
    lse_stride 256 delta_stride 256 dq <heads = 2, width = 64, row_stride = 128, head_stride = 64>
    dk <heads = 2, width = 64, row_stride = 128, head_stride = 64> dv <heads = 2, width = 64, row_stride = 128, head_stride = 64>
step.program @micro_step {
  step.launch @grad [#step.view<@arena, 0, 65536>, #step.view<@arena, 65536, 65536>, #step.view<@arena, 131072, 65536>,
      #step.view<@arena, 196608, 65536>, #step.view<@arena, 262144, 2048>, #step.view<@arena, 264192, 2048>,
      #step.view<@arena, 266240, 65536>, #step.view<@arena, 331776, 65536>, #step.view<@arena, 397312, 65536>]
      units 2 label "window" flops 7000 bytes 1000000
}
