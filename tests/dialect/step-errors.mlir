// RUN: swamla-opt %s --split-input-file --verify-diagnostics

// Tests that each constraint of the step dialect has an error that says what was expected and found.

//===----------------------------------------------------------------------===//
// Buffers, parameters, slots
//===----------------------------------------------------------------------===//

// expected-error @+1 {{'step.buffer' op kind is "heap", expected arena, params, grads, state, constants, input, scalars, results, working or scaling}}
step.buffer @arena kind "heap" bytes 64

// -----

// expected-error @+1 {{'step.buffer' op has -4 bytes, expected none or more}}
step.buffer @arena kind "arena" bytes -4

// -----

// expected-error @+1 {{'step.param' op has type 'tensor<?xf32>', expected a tensor of f32 with a static shape}}
step.param @w : tensor<?xf32> offset 0 init_normal false init_value 1.0

// -----

// expected-error @+1 {{'step.param' op has offset -64, expected elements from the start of the flat buffers}}
step.param @w : tensor<8xf32> offset -64 init_normal false init_value 1.0

// -----

step.buffer @input kind "input" bytes 64
// expected-error @+1 {{'step.slot' op has type 'tensor<8xf64>', expected a tensor of f32 or i32 with a static shape}}
step.slot @eval.tokens <@input, 0, 64> : tensor<8xf64>

// -----

step.buffer @input kind "input" bytes 64
// expected-error @+1 {{'step.slot' op has a view of 64 bytes, expected 32 for 'tensor<8xi32>'}}
step.slot @eval.tokens <@input, 0, 64> : tensor<8xi32>

//===----------------------------------------------------------------------===//
// Views
//===----------------------------------------------------------------------===//

// -----

// expected-error @+1 {{'step.slot' op its view names @input, which is not a step.buffer of this module}}
step.slot @eval.tokens <@input, 0, 64> : tensor<16xi32>

// -----

step.buffer @input kind "input" bytes 64
// expected-error @+1 {{'step.slot' op its view covers bytes [32, 96) of @input, expected to lie in its 64 bytes}}
step.slot @eval.tokens <@input, 32, 64> : tensor<16xi32>

// -----

step.buffer @input kind "input" bytes 64
// expected-error @+1 {{'step.slot' op has a view at byte 2, expected a multiple of 4}}
step.slot @eval.tokens <@input, 2, 32> : tensor<8xi32>

//===----------------------------------------------------------------------===//
// Row kernels
//===----------------------------------------------------------------------===//

// -----

// expected-error @+1 {{'step.row_kernel' op domain is [16, 0], expected extents of at least 1}}
step.row_kernel @k domain [16, 0] row_dims 1 ins 0 maps [affine_map<(m, c) -> (m)>] unit_rows 1 {
^bb0(%out: f32):
  swamla.yield %out : f32
}

// -----

// expected-error @+1 {{'step.row_kernel' op row_dims is 3, expected 1 to 2}}
step.row_kernel @k domain [16, 8] row_dims 3 ins 0 maps [affine_map<(m, c) -> (m * 8 + c)>] unit_rows 1 {
^bb0(%out: f32):
  swamla.yield %out : f32
}

// -----

// expected-error @+1 {{'step.row_kernel' op unit_rows is 17, expected 1 to 16}}
step.row_kernel @k domain [16, 8] row_dims 1 ins 0 maps [affine_map<(m, c) -> (m * 8 + c)>] unit_rows 17 {
^bb0(%out: f32):
  swamla.yield %out : f32
}

// -----

// expected-error @+1 {{'step.row_kernel' op has 1 maps and 1 ins, expected at least one out after the ins}}
step.row_kernel @k domain [16, 8] row_dims 1 ins 1 maps [affine_map<(m, c) -> (m * 8 + c)>] unit_rows 1 {
^bb0(%x: f32):
  swamla.yield %x : f32
}

// -----

// expected-error @+1 {{'step.row_kernel' op has 2 block arguments, expected 1, one for each map}}
step.row_kernel @k domain [16, 8] row_dims 1 ins 0 maps [affine_map<(m, c) -> (m * 8 + c)>] unit_rows 1 {
^bb0(%out: f32, %more: f32):
  swamla.yield %out : f32
}

// -----

// expected-error @+1 {{'step.row_kernel' op yields 2 values, expected 1, one for each out}}
step.row_kernel @k domain [16, 8] row_dims 1 ins 0 maps [affine_map<(m, c) -> (m * 8 + c)>] unit_rows 1 {
^bb0(%out: f32):
  swamla.yield %out, %out : f32, f32
}

// -----

// expected-error @+1 {{'step.row_kernel' op yields 'i32' for out 0, expected 'f32'}}
step.row_kernel @k domain [16, 8] row_dims 1 ins 0 maps [affine_map<(m, c) -> (m * 8 + c)>] unit_rows 1 {
^bb0(%out: f32):
  %0 = swamla.index 0
  swamla.yield %0 : i32
}

// -----

// expected-error @+1 {{'step.row_kernel' op gather has 1 entries, expected 2, one for each in}}
step.row_kernel @k domain [16, 8] row_dims 1 ins 2
    maps [affine_map<(m, c) -> (m)>, affine_map<(m, c)[s] -> (s * 8 + c)>, affine_map<(m, c) -> (m * 8 + c)>] gather [-1] unit_rows 1 {
^bb0(%i: i32, %x: f32, %out: f32):
  swamla.yield %x : f32
}

// -----

// expected-error @+1 {{whose symbol no entry of `gather` supplies}}
step.row_kernel @k domain [16, 8] row_dims 1 ins 1
    maps [affine_map<(m, c)[s] -> (s * 8 + c)>, affine_map<(m, c) -> (m * 8 + c)>] unit_rows 1 {
^bb0(%x: f32, %out: f32):
  swamla.yield %x : f32
}

// -----

// expected-error @+1 {{'step.row_kernel' op gather[1] is 0, expected an in of type i32 without a gather}}
step.row_kernel @k domain [16, 8] row_dims 1 ins 2
    maps [affine_map<(m, c) -> (m)>, affine_map<(m, c)[s] -> (s * 8 + c)>, affine_map<(m, c) -> (m * 8 + c)>] gather [-1, 0] unit_rows 1 {
^bb0(%i: f32, %x: f32, %out: f32):
  swamla.yield %x : f32
}

// -----

// expected-error @+1 {{expected one symbol}}
step.row_kernel @k domain [16, 8] row_dims 1 ins 2
    maps [affine_map<(m, c) -> (m)>, affine_map<(m, c) -> (m * 8 + c)>, affine_map<(m, c) -> (m * 8 + c)>] gather [-1, 0] unit_rows 1 {
^bb0(%i: i32, %x: f32, %out: f32):
  swamla.yield %x : f32
}

// -----

// expected-error @+1 {{expected 2 dims and one linear offset}}
step.row_kernel @k domain [16, 8] row_dims 1 ins 0 maps [affine_map<(m, c) -> (m, c)>] unit_rows 1 {
^bb0(%out: f32):
  swamla.yield %out : f32
}

// -----

// expected-error @+1 {{expected offsets of 0 or more over the domain}}
step.row_kernel @k domain [16, 8] row_dims 1 ins 0 maps [affine_map<(m, c) -> (m * 8 + c - 1)>] unit_rows 1 {
^bb0(%out: f32):
  swamla.yield %out : f32
}

// -----

// expected-error @+1 {{map 0 is affine_map<(d0, d1) -> (d0 * 2 + d1 * 32)>, expected a stride of 0 or 1 along the last dim, or of 1 along a row dim}}
step.row_kernel @k domain [16, 8] row_dims 1 ins 0 maps [affine_map<(m, c) -> (m * 2 + c * 32)>] unit_rows 1 {
^bb0(%out: f32):
  swamla.yield %out : f32
}

// -----

// Only outs may be transposed.
// expected-error @+1 {{map 0 is affine_map<(d0, d1) -> (d0 + d1 * 16)>, expected a stride of 0 or 1 along the last dim}}
step.row_kernel @k domain [16, 8] row_dims 1 ins 1 maps [affine_map<(m, c) -> (m + c * 16)>, affine_map<(m, c) -> (m + c * 16)>] unit_rows 1 {
^bb0(%x: f32, %out: f32):
  swamla.yield %x : f32
}

// -----

// expected-error @+1 {{'step.row_kernel' op out 0 is reduced over all rows, expected unit_rows 16, found 4}}
step.row_kernel @k domain [16, 8] row_dims 1 ins 0 maps [affine_map<(m, c) -> (c)>] unit_rows 4 {
^bb0(%out: f32):
  swamla.yield %out : f32
}

// -----

// expected-error @+1 {{'step.row_kernel' op out 0 is reduced over 8 rows, expected unit_rows to be that, found 4}}
step.row_kernel @k domain [16, 8] row_dims 1 ins 0 maps [affine_map<(m, c) -> ((m floordiv 8) * 8 + c)>] unit_rows 4 {
^bb0(%out: f32):
  swamla.yield %out : f32
}

// -----

// expected-error @+1 {{'step.row_kernel' op accumulate has 2 entries, expected 1, one for each out}}
step.row_kernel @k domain [16, 8] row_dims 1 ins 0 maps [affine_map<(m, c) -> (c)>] unit_rows 16 accumulate [true, false] {
^bb0(%out: f32):
  swamla.yield %out : f32
}

//===----------------------------------------------------------------------===//
// Attention, scatter
//===----------------------------------------------------------------------===//

// -----

#h = #step.heads<heads = 2, width = 4, row_stride = 8, head_stride = 4>
// expected-error @+1 {{'step.attention_kernel' op seq is 0, expected at least 1}}
step.attention_kernel @a element f32 batch 1 seq 0 scale 1.0 sink 0 q #h k #h v #h out #h lse_stride 8

// -----

#h = #step.heads<heads = 2, width = 4, row_stride = 8, head_stride = 4>
// expected-error @+1 {{'step.attention_kernel' op window is 0 and sink 2, expected 0 or more, and a sink only with a window}}
step.attention_kernel @a element f32 batch 1 seq 8 scale 1.0 sink 2 q #h k #h v #h out #h lse_stride 8

// -----

#h = #step.heads<heads = 2, width = 4, row_stride = 8, head_stride = 4>
#bad = #step.heads<heads = 2, width = 4, row_stride = 8, head_stride = 3>
// expected-error @+1 {{'step.attention_kernel' op k has head stride 3, expected at least the width 4}}
step.attention_kernel @a element f32 batch 1 seq 8 scale 1.0 sink 0 q #h k #bad v #h out #h lse_stride 8

// -----

#h = #step.heads<heads = 2, width = 4, row_stride = 8, head_stride = 4>
#bad = #step.heads<heads = 2, width = 4, row_stride = 7, head_stride = 4>
// expected-error @+1 {{'step.attention_kernel' op v has row stride 7, expected at least 8}}
step.attention_kernel @a element f32 batch 1 seq 8 scale 1.0 sink 0 q #h k #h v #bad out #h lse_stride 8

// -----

#h = #step.heads<heads = 2, width = 4, row_stride = 8, head_stride = 4>
#bad = #step.heads<heads = 0, width = 4, row_stride = 8, head_stride = 4>
// expected-error @+1 {{'step.attention_kernel' op q has 0 heads of width 4, expected at least 1 each}}
step.attention_kernel @a element f32 batch 1 seq 8 scale 1.0 sink 0 q #bad k #h v #h out #h lse_stride 8

// -----

#q = #step.heads<heads = 3, width = 4, row_stride = 12, head_stride = 4>
#h = #step.heads<heads = 2, width = 4, row_stride = 8, head_stride = 4>
// expected-error @+1 {{'step.attention_kernel' op q has 3 heads, expected a multiple of k's 2}}
step.attention_kernel @a element f32 batch 1 seq 8 scale 1.0 sink 0 q #q k #h v #h out #q lse_stride 8

// -----

#h = #step.heads<heads = 2, width = 4, row_stride = 8, head_stride = 4>
#s = #step.heads<heads = 1, width = 2, row_stride = 2, head_stride = 2>
// expected-error @+1 {{'step.attention_kernel' op q's width is 4, expected 6}}
step.attention_kernel @a element f32 batch 1 seq 8 scale 1.0 sink 0 q #h k #h v #h shared #s out #h lse_stride 8

// -----

#h = #step.heads<heads = 2, width = 4, row_stride = 8, head_stride = 4>
#k = #step.heads<heads = 2, width = 2, row_stride = 4, head_stride = 2>
#s = #step.heads<heads = 2, width = 2, row_stride = 4, head_stride = 2>
// expected-error @+1 {{'step.attention_kernel' op shared's heads is 2, expected 1}}
step.attention_kernel @a element f32 batch 1 seq 8 scale 1.0 sink 0 q #h k #k v #h shared #s out #h lse_stride 8

// -----

#h = #step.heads<heads = 2, width = 4, row_stride = 8, head_stride = 4>
#v = #step.heads<heads = 1, width = 4, row_stride = 4, head_stride = 4>
// expected-error @+1 {{'step.attention_kernel' op v's heads is 1, expected 2}}
step.attention_kernel @a element f32 batch 1 seq 8 scale 1.0 sink 0 q #h k #h v #v out #h lse_stride 8

// -----

#h = #step.heads<heads = 2, width = 4, row_stride = 8, head_stride = 4>
#o = #step.heads<heads = 2, width = 3, row_stride = 6, head_stride = 3>
// expected-error @+1 {{'step.attention_kernel' op out's width is 3, expected 4}}
step.attention_kernel @a element f32 batch 1 seq 8 scale 1.0 sink 0 q #h k #h v #h out #o lse_stride 8

// -----

#h = #step.heads<heads = 2, width = 4, row_stride = 8, head_stride = 4>
// expected-error @+1 {{'step.attention_kernel' op lse_stride is 7, expected at least the 8 rows}}
step.attention_kernel @a element f32 batch 1 seq 8 scale 1.0 sink 0 q #h k #h v #h out #h lse_stride 7

// -----

#h = #step.heads<heads = 2, width = 4, row_stride = 8, head_stride = 4>
#o = #step.heads<heads = 2, width = 3, row_stride = 6, head_stride = 3>
// expected-error @+1 {{'step.attention_grad_kernel' op out's width is 3, expected 4}}
step.attention_grad_kernel @a element f32 batch 1 seq 8 scale 1.0 sink 0 q #h k #h v #h dout #h out #o lse_stride 8 delta_stride 8 dq #h dk #h dv #h

// -----

#h = #step.heads<heads = 2, width = 4, row_stride = 8, head_stride = 4>
#k = #step.heads<heads = 1, width = 4, row_stride = 4, head_stride = 4>
// expected-error @+1 {{'step.attention_grad_kernel' op dk's heads is 2, expected 1}}
step.attention_grad_kernel @a element f32 batch 1 seq 8 scale 1.0 sink 0 q #h k #k v #k dout #h lse_stride 8 delta_stride 8 dq #h dk #h dv #k

// -----

#h = #step.heads<heads = 2, width = 4, row_stride = 8, head_stride = 4>
#k = #step.heads<heads = 2, width = 3, row_stride = 6, head_stride = 3>
#s = #step.heads<heads = 1, width = 1, row_stride = 1, head_stride = 1>
// expected-error @+1 {{'step.attention_grad_kernel' op has shared without dshared, expected both or neither}}
step.attention_grad_kernel @a element f32 batch 1 seq 8 scale 1.0 sink 0 q #h k #k v #h shared #s dout #h lse_stride 8 delta_stride 8 dq #h dk #k dv #h

// -----

#h = #step.heads<heads = 2, width = 4, row_stride = 8, head_stride = 4>
// expected-error @+1 {{'step.attention_grad_kernel' op delta_stride is 7, expected at least the 8 rows}}
step.attention_grad_kernel @a element f32 batch 1 seq 8 scale 1.0 sink 0 q #h k #h v #h dout #h lse_stride 8 delta_stride 7 dq #h dk #h dv #h

// -----

// expected-error @+1 {{'step.scatter_add_kernel' op unit_cols is 0, expected at least 1}}
step.scatter_add_kernel @s element f32 rows 16 cols 8 vocab 32 dy_stride 8 unit_cols 0

// -----

// expected-error @+1 {{'step.scatter_add_kernel' op dy_stride is 7, expected at least the 8 columns}}
step.scatter_add_kernel @s element f32 rows 16 cols 8 vocab 32 dy_stride 7 unit_cols 8

//===----------------------------------------------------------------------===//
// Programs
//===----------------------------------------------------------------------===//

// -----

step.program @eval {
  // expected-error @+1 {{'swamla.index' op is not an entry of a program; expected step.launch, step.matmul, step.fill, step.collective or step.collective_wait}}
  %0 = swamla.index 0
}

// -----

step.program @eval {
  // expected-error @+1 {{'step.launch' op launches @k, which this module does not have}}
  step.launch @k [] units 1 label "k" flops 0 bytes 0
}

// -----

step.buffer @arena kind "arena" bytes 1024
step.row_kernel @k domain [16, 8] row_dims 1 ins 0 maps [affine_map<(m, c) -> (m * 8 + c)>] unit_rows 4 {
^bb0(%out: f32):
  swamla.yield %out : f32
}
step.program @eval {
  // expected-error @+1 {{'step.launch' op has 2 views, expected 1 for @k}}
  step.launch @k [#step.view<@arena, 0, 512>, #step.view<@arena, 512, 512>] units 4 label "k" flops 0 bytes 0
}

// -----

step.buffer @arena kind "arena" bytes 1024
step.row_kernel @k domain [16, 8] row_dims 1 ins 0 maps [affine_map<(m, c) -> (m * 8 + c)>] unit_rows 4 {
^bb0(%out: f32):
  swamla.yield %out : f32
}
step.program @eval {
  // expected-error @+1 {{'step.launch' op view 0 has 256 bytes; @k reaches 512}}
  step.launch @k [#step.view<@arena, 0, 256>] units 4 label "k" flops 0 bytes 0
}

// -----

step.buffer @arena kind "arena" bytes 1024
step.row_kernel @k domain [16, 8] row_dims 1 ins 0 maps [affine_map<(m, c) -> (m * 8 + c)>] unit_rows 4 {
^bb0(%out: f32):
  swamla.yield %out : f32
}
step.program @eval {
  // expected-error @+1 {{'step.launch' op has 5 units, expected 4 for @k}}
  step.launch @k [#step.view<@arena, 0, 512>] units 5 label "k" flops 0 bytes 0
}

// -----

step.buffer @arena kind "arena" bytes 1024
step.program @eval {
  // expected-error @+1 {{'step.matmul' op n is 0, expected at least 1}}
  step.matmul a <@arena, 0, 64> b <@arena, 64, 64> c <@arena, 128, 64> m 4 n 0 k 4 lda 4 ldb 4 ldc 4 types f32, f32 label "x"
}

// -----

step.buffer @arena kind "arena" bytes 1024
step.program @eval {
  // expected-error @+1 {{'step.matmul' op ldb is 3, expected at least the 4 columns of b}}
  step.matmul a <@arena, 0, 64> b <@arena, 64, 64> c <@arena, 128, 64> m 4 n 4 k 4 lda 4 ldb 3 ldc 4 types f32, f32 label "x"
}

// -----

step.buffer @arena kind "arena" bytes 1024
step.program @eval {
  // expected-error @+1 {{'step.matmul' op the view of c has 64 bytes, expected at least 112 for 4 rows of 4}}
  step.matmul a <@arena, 0, 64> b <@arena, 64, 64> c <@arena, 128, 64> m 4 n 4 k 4 lda 4 ldb 4 ldc 8 types f32, f32 label "x"
}

// -----

step.buffer @arena kind "arena" bytes 128
step.program @eval {
  // expected-error @+1 {{'step.matmul' op c covers bytes [128, 192) of @arena, expected to lie in its 128 bytes}}
  step.matmul a <@arena, 0, 64> b <@arena, 64, 64> c <@arena, 128, 64> m 4 n 4 k 4 lda 4 ldb 4 ldc 4 types f32, f32 label "x"
}

// -----

step.buffer @arena kind "arena" bytes 128
step.program @eval {
  // expected-error @+1 {{'step.fill' op its view covers bytes [64, 192) of @arena, expected to lie in its 128 bytes}}
  step.fill <@arena, 64, 128> value 0 label "x"
}

// -----

step.buffer @arena kind "arena" bytes 256

step.program @micro_step {
  // expected-error @+1 {{'step.matmul' op c has type bf16, expected f32 with f32 operands or accumulate}}
  step.matmul a <@arena, 0, 64> b <@arena, 64, 64> c <@arena, 128, 64> m 4 n 4 k 4 lda 4 ldb 4 ldc 4 accumulate types bf16, bf16 label "x"
}

// -----

step.buffer @arena kind "arena" bytes 256

step.program @micro_step {
  // expected-error @+1 {{'step.matmul' op is marked tf32 with operands of 'bf16', expected f32}}
  step.matmul a <@arena, 0, 64> b <@arena, 64, 64> c <@arena, 128, 64> m 4 n 4 k 4 lda 4 ldb 4 ldc 4 types bf16, f32 tf32 label "x"
}

// -----

step.buffer @arena kind "arena" bytes 256

step.program @micro_step {
  // expected-error @+1 {{'step.launch' op view 0: expected offset and bytes to be multiples of 2, and some bytes; found offset 3, bytes 32}}
  step.launch @k [#step.view<@arena, 3, 32>] units 1 label "x" flops 0 bytes 0
}
step.row_kernel @k domain [4, 4] row_dims 1 ins 0 maps [affine_map<(m, c) -> (m * 4 + c)>] unit_rows 4 {
^bb0(%out: bf16):
  swamla.yield %out : bf16
}
