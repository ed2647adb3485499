// RUN: swamla-opt %s --verify-roundtrip | FileCheck %s

// Tests that every op of the step dialect prints what it was parsed from.

// CHECK: step.buffer @arena kind "arena" bytes 8192
step.buffer @arena kind "arena" bytes 8192
step.buffer @params kind "params" bytes 1024
step.buffer @grads kind "grads" bytes 1024
step.buffer @adamw.m kind "state" bytes 1024
step.buffer @constants kind "constants" bytes 64
step.buffer @input kind "input" bytes 64
step.buffer @scalars kind "scalars" bytes 8
step.buffer @results kind "results" bytes 4

// CHECK: step.param @h.0.mlp.down_proj.weight : tensor<8x16xf32> offset 64 init_normal true init_value 2.000000e-02 decay
step.param @"h.0.mlp.down_proj.weight" : tensor<8x16xf32> offset 64 init_normal true init_value 2.000000e-02 decay
// CHECK: step.param @ln_f.weight : tensor<8xf32> offset 0 init_normal false init_value 1.000000e+00
step.param @ln_f.weight : tensor<8xf32> offset 0 init_normal false init_value 1.000000e+00

// CHECK: step.slot @eval.tokens <@input, 0, 64> : tensor<16xi32>
step.slot @eval.tokens <@input, 0, 64> : tensor<16xi32>
step.slot @lr <@scalars, 4, 4> : tensor<1xf32>

// CHECK: step.row_kernel @gather_sum domain [16, 8] row_dims 1 ins 2 maps [#{{.*}}] gather [-1, 0] unit_rows 4 {
step.row_kernel @gather_sum domain [16, 8] row_dims 1 ins 2
    maps [affine_map<(m, c) -> (m)>, affine_map<(m, c)[s] -> (s * 8 + c)>, affine_map<(m, c) -> (m * 16 + c)>]
    gather [-1, 0] unit_rows 4 {
^bb0(%token: i32, %x: f32, %out: f32):
  %0 = arith.addf %x, %out : f32
  swamla.yield %0 : f32
}

// CHECK: step.row_kernel @column_sum {{.*}} unit_rows 16 accumulate [true] {
step.row_kernel @column_sum domain [16, 8] row_dims 1 ins 1 maps [affine_map<(m, c) -> (m * 8 + c)>, affine_map<(m, c) -> (c)>]
    unit_rows 16 accumulate [true] {
^bb0(%x: f32, %out: f32):
  swamla.yield %x : f32
}

// A transposed out, and eight-bit floats, whose views may begin anywhere.
// CHECK: step.row_kernel @quantize domain [16, 8] row_dims 1 ins 1
// CHECK: arith.truncf %{{.*}} : f32 to f8E4M3FN
step.row_kernel @quantize domain [16, 8] row_dims 1 ins 1
    maps [affine_map<(m, c) -> (m * 8 + c)>, affine_map<(m, c) -> (m * 8 + c)>, affine_map<(m, c) -> (c * 16 + m)>] unit_rows 16 {
^bb0(%x: f32, %o0: f8E4M3FN, %o1: f8E4M3FN):
  %0 = arith.truncf %x : f32 to f8E4M3FN
  swamla.yield %0, %0 : f8E4M3FN, f8E4M3FN
}

// CHECK: step.attention_kernel @attention element f32 batch 2 seq 8 scale 5.000000e-01 window 4 sink 1 q <heads = 2, width = 4, row_stride = 24, head_stride = 4>
// CHECK-SAME: k <heads = 1, width = 3, row_stride = 24, head_stride = 3> v <heads = 1, width = 5, row_stride = 24, head_stride = 5>
// CHECK-SAME: shared <heads = 1, width = 1, row_stride = 24, head_stride = 1> out <heads = 2, width = 5, row_stride = 10, head_stride = 5> lse_stride 16
step.attention_kernel @attention element f32 batch 2 seq 8 scale 0.5 window 4 sink 1
    q <heads = 2, width = 4, row_stride = 24, head_stride = 4> k <heads = 1, width = 3, row_stride = 24, head_stride = 3>
    v <heads = 1, width = 5, row_stride = 24, head_stride = 5> shared <heads = 1, width = 1, row_stride = 24, head_stride = 1>
    out <heads = 2, width = 5, row_stride = 10, head_stride = 5> lse_stride 16

// Attention's result in delta's place.
// CHECK: step.attention_grad_kernel @attention_grad_out {{.*}} dout <{{[^>]*}}> out <heads = 2, width = 5, row_stride = 10, head_stride = 5> lse_stride 16 delta_stride 16
step.attention_grad_kernel @attention_grad_out element f32 batch 2 seq 8 scale 0.5 sink 0
    q <heads = 2, width = 4, row_stride = 8, head_stride = 4> k <heads = 2, width = 4, row_stride = 8, head_stride = 4>
    v <heads = 2, width = 5, row_stride = 10, head_stride = 5> dout <heads = 2, width = 5, row_stride = 10, head_stride = 5>
    out <heads = 2, width = 5, row_stride = 10, head_stride = 5> lse_stride 16 delta_stride 16
    dq <heads = 2, width = 4, row_stride = 8, head_stride = 4> dk <heads = 2, width = 4, row_stride = 8, head_stride = 4>
    dv <heads = 2, width = 5, row_stride = 10, head_stride = 5>

// CHECK: step.attention_grad_kernel @attention_grad element f32 batch 2 seq 8
// CHECK-SAME: lse_stride 16 delta_stride 16
step.attention_grad_kernel @attention_grad element f32 batch 2 seq 8 scale 0.5 sink 0
    q <heads = 2, width = 4, row_stride = 24, head_stride = 4> k <heads = 2, width = 4, row_stride = 24, head_stride = 4>
    v <heads = 2, width = 4, row_stride = 24, head_stride = 4> dout <heads = 2, width = 4, row_stride = 8, head_stride = 4>
    lse_stride 16 delta_stride 16
    dq <heads = 2, width = 4, row_stride = 24, head_stride = 4> dk <heads = 2, width = 4, row_stride = 24, head_stride = 4>
    dv <heads = 2, width = 4, row_stride = 24, head_stride = 4>

// CHECK: step.scatter_add_kernel @scatter_add element f32 rows 16 cols 8 vocab 32 dy_stride 8 unit_cols 4
step.scatter_add_kernel @scatter_add element f32 rows 16 cols 8 vocab 32 dy_stride 8 unit_cols 4

// CHECK-LABEL: step.program @eval {
step.program @eval {
  // CHECK: step.launch @quantize [#step.view<@arena, 0, 512>, #step.view<@arena, 513, 128>, #step.view<@arena, 641, 128>] units 1
  step.launch @quantize [#step.view<@arena, 0, 512>, #step.view<@arena, 513, 128>, #step.view<@arena, 641, 128>] units 1 label "q" flops 0 bytes 768
  // CHECK: step.fill <@arena, 0, 1024> value 0 label "zero"
  step.fill <@arena, 0, 1024> value 0 label "zero"
  // CHECK: step.launch @gather_sum [#step.view<@input, 0, 64>, #step.view<@params, 0, 256>, #step.view<@arena, 0, 1024>] units 4 label "embed" flops 128 bytes 1344
  step.launch @gather_sum [#step.view<@input, 0, 64>, #step.view<@params, 0, 256>, #step.view<@arena, 0, 1024>] units 4 label "embed" flops 128 bytes 1344
  // CHECK: step.matmul a <@arena, 0, 1024> b <@params, 256, 512> c <@arena, 1024, 512> m 16 n 8 k 16 lda 16 ldb 16 ldc 8 transpose_b types f32, f32 label "down"
  step.matmul a <@arena, 0, 1024> b <@params, 256, 512> c <@arena, 1024, 512> m 16 n 8 k 16 lda 16 ldb 16 ldc 8 transpose_b types f32, f32 label "down"
  // CHECK: step.matmul {{.*}} transpose_a accumulate types f32, f32 label "down.dw"
  step.matmul a <@arena, 1024, 512> b <@arena, 0, 1024> c <@grads, 256, 512> m 8 n 16 k 16 lda 8 ldb 16 ldc 16 transpose_a accumulate types f32, f32 label "down.dw"
  // CHECK: step.matmul a <@arena, 0, 512> b <@arena, 512, 1536> c <@arena, 2048, 1536> scales <@arena, 4096, 4>, <@arena, 4112, 4> m 16 n 48 k 32 lda 32 ldb 32 ldc 48 transpose_b types f8E5M2 x f8E4M3FN, bf16 fast_accum label "up"
  step.matmul a <@arena, 0, 512> b <@arena, 512, 1536> c <@arena, 2048, 1536> scales <@arena, 4096, 4>, <@arena, 4112, 4> m 16 n 48 k 32 lda 32 ldb 32 ldc 48 transpose_b types f8E5M2 x f8E4M3FN, bf16 fast_accum label "up"
  // CHECK: step.matmul {{.*}} scales <@arena, 4096, 64>, <@arena, 4160, 192> {{.*}} accumulate types f8E4M3FN, f32 label "up.dw"
  step.matmul a <@arena, 0, 512> b <@arena, 512, 1536> c <@arena, 5120, 3072> scales <@arena, 4096, 64>, <@arena, 4160, 192> m 16 n 48 k 32 lda 32 ldb 32 ldc 48 transpose_b accumulate types f8E4M3FN, f32 label "up.dw"
}
