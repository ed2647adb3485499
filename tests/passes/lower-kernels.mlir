// RUN: swamla-opt %s --split-input-file --step-lower-kernels=arch=x86-64-v4 | FileCheck %s
// RUN: swamla-opt %s --split-input-file --step-lower-kernels=arch=x86-64-v3 | FileCheck %s --check-prefix=V3

// Tests that the module says what it was lowered for, and that a kernel becomes a function with what a launch must supply.
// CHECK: module attributes {{.*}}step.architecture = "x86-64-v4", step.target = "cpu"
// CHECK-LABEL: llvm.func @double(
// CHECK-SAME: %[[VIEWS:.*]]: !llvm.ptr, %{{.*}}: i64, %{{.*}}: i64, %{{.*}}: !llvm.ptr)
// CHECK-SAME: attributes {step.num_views = 2 : i64, step.scratch_bytes = 0 : i64
// Whole vectors of 16, then 4 lanes that a mask leaves: 100 = 6 * 16 + 4.
// CHECK-DAG: %[[WHOLE:.*]] = llvm.load %{{.*}} {alignment = 4 : i64} : !llvm.ptr -> vector<16xf32>
// CHECK-DAG: %[[SUM:.*]] = llvm.fadd %[[WHOLE]], %[[WHOLE]] : vector<16xf32>
// CHECK: llvm.store %[[SUM]], %{{.*}} {alignment = 4 : i64} : vector<16xf32>, !llvm.ptr
// CHECK: llvm.intr.masked.load {{.*}} -> vector<16xf32>
// CHECK: llvm.intr.masked.store
// CHECK-NOT: step.row_kernel
// V3-LABEL: llvm.func @double(
// V3: llvm.load %{{.*}} : !llvm.ptr -> vector<8xf32>
step.row_kernel @double domain [32, 100] row_dims 1 ins 1
    maps [affine_map<(m, c) -> (m * 100 + c)>, affine_map<(m, c) -> (m * 100 + c)>] unit_rows 8 {
^bb0(%x: f32, %out: f32):
  %y = arith.addf %x, %x : f32
  swamla.yield %y : f32
}

// -----

// Tests that what is uniform along a row is computed once for it, as a scalar, and what no row changes once for all.
// CHECK-LABEL: llvm.func @uniform(
// CHECK: llvm.fadd %{{.*}}, %{{.*}} : f32
// CHECK: llvm.br ^[[ROWS:.*]](
// CHECK: ^[[ROWS]](
// CHECK: llvm.fmul %{{.*}}, %{{.*}} : f32
// CHECK: ^{{.*}}({{.*}}: i64):
// CHECK-NOT: llvm.fadd {{.*}} : f32
// CHECK: llvm.fmul %{{.*}}, %{{.*}} : vector<16xf32>
step.row_kernel @uniform domain [32, 128] row_dims 1 ins 3
    maps [affine_map<(m, c) -> (0)>, affine_map<(m, c) -> (m)>, affine_map<(m, c) -> (m * 128 + c)>,
          affine_map<(m, c) -> (m * 128 + c)>] unit_rows 8 {
^bb0(%a: f32, %s: f32, %x: f32, %out: f32):
  %b = arith.addf %a, %a : f32
  %t = arith.mulf %b, %s : f32
  %y = arith.mulf %t, %x : f32
  swamla.yield %y : f32
}

// -----

// Tests that a row's sum has 64 slots, folded in a fixed tree: the same for 4 vectors of 16 lanes and 8 of 8.
// CHECK-LABEL: llvm.func @row_sum(
// CHECK-COUNT-4: llvm.fadd %{{.*}}, %{{.*}} : vector<16xf32>
// CHECK: llvm.br
// CHECK-COUNT-3: llvm.fadd %{{.*}}, %{{.*}} : vector<16xf32>
// CHECK: llvm.shufflevector %{{.*}}, %{{.*}} [0, 1, 2, 3, 4, 5, 6, 7] : vector<16xf32>
// CHECK: llvm.shufflevector %{{.*}}, %{{.*}} [8, 9, 10, 11, 12, 13, 14, 15] : vector<16xf32>
// CHECK: llvm.fadd %{{.*}}, %{{.*}} : vector<8xf32>
// CHECK: llvm.fadd %{{.*}}, %{{.*}} : vector<4xf32>
// CHECK: llvm.fadd %{{.*}}, %{{.*}} : vector<2xf32>
// CHECK: llvm.fadd %{{.*}}, %{{.*}} : vector<1xf32>
// CHECK: llvm.store %{{.*}}, %{{.*}} : f32, !llvm.ptr
// V3-LABEL: llvm.func @row_sum(
// V3-COUNT-8: llvm.fadd %{{.*}}, %{{.*}} : vector<8xf32>
// V3: llvm.br
// V3-COUNT-7: llvm.fadd %{{.*}}, %{{.*}} : vector<8xf32>
// V3: llvm.fadd %{{.*}}, %{{.*}} : vector<4xf32>
step.row_kernel @row_sum domain [32, 256] row_dims 1 ins 1
    maps [affine_map<(m, c) -> (m * 256 + c)>, affine_map<(m, c) -> (m)>] unit_rows 8 {
^bb0(%x: f32, %out: f32):
  %s = swamla.reduce_row add %x : f32
  swamla.yield %s : f32
}

// -----

// Tests that the first row of a sum over rows overwrites what the out held, and that `accumulate` adds to it.
// CHECK-LABEL: llvm.func @fresh(
// CHECK: llvm.urem
// CHECK: llvm.select
// CHECK-LABEL: llvm.func @accumulated(
// CHECK-NOT: llvm.select
// CHECK: llvm.return
step.row_kernel @fresh domain [32, 128] row_dims 1 ins 1
    maps [affine_map<(m, c) -> (m * 128 + c)>, affine_map<(m, c) -> ((m floordiv 8) * 128 + c)>] unit_rows 8 {
^bb0(%x: f32, %out: f32):
  swamla.yield %x : f32
}
step.row_kernel @accumulated domain [32, 128] row_dims 1 ins 1
    maps [affine_map<(m, c) -> (m * 128 + c)>, affine_map<(m, c) -> (c)>] unit_rows 32 accumulate [true] {
^bb0(%x: f32, %out: f32):
  swamla.yield %x : f32
}

// -----

// Tests that elementary functions stay in vector registers.
// CHECK-LABEL: llvm.func @functions(
// CHECK-NOT: llvm.call
// CHECK-NOT: llvm.intr.{{exp|log|tanh}}
// CHECK: llvm.return
step.row_kernel @functions domain [32, 128] row_dims 1 ins 1
    maps [affine_map<(m, c) -> (m * 128 + c)>, affine_map<(m, c) -> (m * 128 + c)>] unit_rows 8 {
^bb0(%x: f32, %out: f32):
  %a = math.exp %x : f32
  %b = math.log %a : f32
  %c = math.tanh %b : f32
  %d = math.exp2 %c : f32
  swamla.yield %d : f32
}

// -----

// Tests that a scatter-add owns a strip of columns and visits the rows in order.
// CHECK-LABEL: llvm.func @embedding_grad(
// CHECK-SAME: step.num_views = 3 : i64
// CHECK: llvm.load %{{.*}} {alignment = 4 : i64} : !llvm.ptr -> i32
// CHECK: llvm.fadd %{{.*}}, %{{.*}} : vector<16xf32>
step.scatter_add_kernel @embedding_grad element f32 rows 64 cols 128 vocab 256 dy_stride 128 unit_cols 64

// -----

// Tests that bf16 is bits in memory, widened by a shift and rounded by integer arithmetic: no conversion is left to a library.
// CHECK-LABEL: llvm.func @narrow(
// CHECK: %[[X:.*]] = llvm.load %{{.*}} {alignment = 2 : i64} : !llvm.ptr -> vector<16xi16>
// CHECK: llvm.zext %{{.*}} : vector<16xi16> to vector<16xi32>
// CHECK: llvm.shl
// CHECK: llvm.fmul %{{.*}} : vector<16xf32>
// CHECK-NOT: llvm.fptrunc
// CHECK: llvm.trunc %{{.*}} : vector<16xi32> to vector<16xi16>
// CHECK: llvm.store %{{.*}} {alignment = 2 : i64} : vector<16xi16>, !llvm.ptr
// CHECK-NOT: llvm.fptrunc
// CHECK: llvm.return
step.row_kernel @narrow domain [32, 128] row_dims 1 ins 1
    maps [affine_map<(m, c) -> (m * 128 + c)>, affine_map<(m, c) -> (m * 128 + c)>] unit_rows 8 {
^bb0(%x: bf16, %out: bf16):
  %a = arith.extf %x : bf16 to f32
  %b = arith.mulf %a, %a : f32
  %c = arith.truncf %b : f32 to bf16
  swamla.yield %c : bf16
}

// -----

// Tests that launches stay as they are.
// CHECK: step.launch @half
step.buffer @arena kind "arena" bytes 8192
step.row_kernel @half domain [4, 16] row_dims 1 ins 0 maps [affine_map<(m, c) -> (m * 16 + c)>] unit_rows 4 {
^bb0(%out: f32):
  %half = arith.constant 0.5 : f32
  swamla.yield %half : f32
}
step.program @setup {
  step.launch @half [#step.view<@arena, 0, 256>] units 1 label "half" flops 0 bytes 256
}
