// RUN: swamla-opt %s --split-input-file --step-lower-kernels="target=cuda arch=sm_90a" | FileCheck %s

// Tests that a kernel says how it is launched, that a thread moves 16 bytes at a time, and that what nobody writes is read as such.
// CHECK: module attributes {{.*}}step.architecture = "sm_90a", step.target = "cuda"
// CHECK-LABEL: llvm.func @points(
// CHECK-SAME: %[[X:.*]]: !llvm.ptr<1>, %[[OUT:.*]]: !llvm.ptr<1>)
// CHECK-SAME: nvvm.kernel, nvvm.reqntid = array<i32: 256, 1, 1>
// CHECK-SAME: step.block = 256 : i64, step.grid = array<i64: 2, 1, 1>, step.num_views = 2 : i64, step.scratch_bytes = 0 : i64, step.shared_bytes = 0 : i64
// CHECK: llvm.load %{{.*}} invariant {alignment = 16 : i64} : !llvm.ptr<1> -> vector<4xi32>
// A bf16 number is the upper half of an f32.
// CHECK: llvm.shl
// CHECK: llvm.and
// CHECK-COUNT-8: llvm.fadd %{{.*}}, %{{.*}} : f32
// CHECK-COUNT-4: llvm.fptrunc %{{.*}} : vector<2xf32> to vector<2xbf16>
// CHECK: llvm.store %{{.*}}, %{{.*}} {alignment = 16 : i64} : vector<4xi32>, !llvm.ptr<1>
// CHECK-NOT: llvm.store
// CHECK: llvm.return
step.row_kernel @points domain [32, 128] row_dims 1 ins 1
    maps [affine_map<(m, c) -> (m * 128 + c)>, affine_map<(m, c) -> (m * 128 + c)>] unit_rows 8 {
^bb0(%x: bf16, %out: bf16):
  %a = arith.extf %x : bf16 to f32
  %b = arith.addf %a, %a : f32
  %c = arith.truncf %b : f32 to bf16
  swamla.yield %c : bf16
}
step.buffer @arena kind "arena" bytes 16384
step.program @setup {
  step.launch @points [#step.view<@arena, 0, 8192>, #step.view<@arena, 8192, 8192>] units 4 label "x" flops 0 bytes 0
}

// -----

// Tests that every launch is asked for the alignment: one lies 4 bytes off, and one writes where it reads.
// CHECK-LABEL: llvm.func @unaligned(
// CHECK-NOT: invariant
// CHECK-COUNT-2: llvm.load %{{.*}} {alignment = 4 : i64} : !llvm.ptr<1> -> i32
// CHECK: llvm.store %{{.*}}, %{{.*}} {alignment = 8 : i64} : vector<2xi32>, !llvm.ptr<1>
step.row_kernel @unaligned domain [32, 4] row_dims 1 ins 1
    maps [affine_map<(m, c) -> (m * 4 + c)>, affine_map<(m, c) -> (m * 4 + c)>] unit_rows 8 {
^bb0(%x: bf16, %out: bf16):
  swamla.yield %x : bf16
}
step.buffer @arena kind "arena" bytes 4096
step.program @setup {
  step.launch @unaligned [#step.view<@arena, 1028, 256>, #step.view<@arena, 2048, 256>] units 4 label "x" flops 0 bytes 0
  step.launch @unaligned [#step.view<@arena, 0, 256>, #step.view<@arena, 0, 256>] units 4 label "y" flops 0 bytes 0
}

// -----

// Tests that a row of 12 chunks belongs to 4 threads, 3 chunks each, which meet in two exchanges; the row is read once.
// CHECK-LABEL: llvm.func @short_rows(
// CHECK-SAME: nvvm.reqntid = array<i32: 256, 1, 1>
// CHECK-SAME: step.grid = array<i64: 1, 1, 1>
// CHECK-COUNT-3: llvm.load %{{.*}} invariant {alignment = 16 : i64} : !llvm.ptr<1> -> vector<4xi32>
// CHECK-NOT: llvm.load
// CHECK: nvvm.shfl.sync bfly %{{.*}}, %{{.*}}, %{{.*}}, %{{.*}} : f32 -> f32
// CHECK: nvvm.shfl.sync bfly
// CHECK-NOT: nvvm.shfl.sync
// CHECK: llvm.cond_br
// CHECK: llvm.store %{{.*}}, %{{.*}} {alignment = 4 : i64} : f32, !llvm.ptr<1>
step.row_kernel @short_rows domain [64, 96] row_dims 1 ins 1
    maps [affine_map<(m, c) -> (m * 96 + c)>, affine_map<(m, c) -> (m)>] unit_rows 8 {
^bb0(%x: bf16, %out: f32):
  %a = arith.extf %x : bf16 to f32
  %s = swamla.reduce_row add %a : f32
  swamla.yield %s : f32
}
step.buffer @arena kind "arena" bytes 16384
step.program @setup {
  step.launch @short_rows [#step.view<@arena, 0, 12288>, #step.view<@arena, 12288, 256>] units 8 label "x" flops 0 bytes 0
}

// -----

// Tests that a block owns a unit: four rows at a time, each of a group of threads with a barrier of its own; the sum over rows stays
// in registers until the groups meet in shared memory.
// CHECK: llvm.mlir.global external @swamla_shared() {addr_space = 3 : i32, alignment = 1024 : i64} : !llvm.array<0 x i8>
// CHECK-LABEL: llvm.func @norm_grad(
// CHECK-SAME: nvvm.reqntid = array<i32: 512, 1, 1>
// CHECK-SAME: step.grid = array<i64: 2, 1, 1>
// CHECK-SAME: step.shared_bytes = 32768 : i64
// CHECK: nvvm.barrier id = %{{.*}} number_of_threads = %{{.*}}
// CHECK: nvvm.barrier0
// CHECK: llvm.store %{{.*}}, %{{.*}} {alignment = 16 : i64} : vector<4xf32>, !llvm.ptr<3>
// CHECK: nvvm.barrier0
// CHECK: llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr<3> -> vector<4xf32>
// CHECK: llvm.store %{{.*}}, %{{.*}} {alignment = 16 : i64} : vector<4xf32>, !llvm.ptr<1>
step.row_kernel @norm_grad domain [60, 2048] row_dims 1 ins 1
    maps [affine_map<(m, c) -> (m * 2048 + c)>, affine_map<(m, c) -> ((m floordiv 30) * 2048 + c)>] unit_rows 30 {
^bb0(%x: f32, %w: f32):
  %s = swamla.reduce_row add %x : f32
  %y = arith.mulf %x, %s : f32
  swamla.yield %y : f32
}
step.buffer @arena kind "arena" bytes 524288
step.program @setup {
  step.launch @norm_grad [#step.view<@arena, 0, 491520>, #step.view<@arena, 491520, 16384>] units 2 label "x" flops 0 bytes 0
}

// -----

// Tests that sums over all rows alone are dealt by columns: 12 strips of 16, and 64 rows at a time, four by each
// thread; the 8 rows of a warp meet in three exchanges of each of the 4 sums.
// CHECK-LABEL: llvm.func @combine(
// CHECK-SAME: step.grid = array<i64: 12, 1, 1>
// CHECK-COUNT-16: llvm.load %{{.*}} invariant
// CHECK-COUNT-12: nvvm.shfl.sync
// CHECK-NOT: nvvm.shfl.sync
// CHECK: llvm.return
step.row_kernel @combine domain [200, 192] row_dims 1 ins 1
    maps [affine_map<(m, c) -> (m * 192 + c)>, affine_map<(m, c) -> (c)>] unit_rows 200 accumulate [true] {
^bb0(%x: f32, %out: f32):
  swamla.yield %x : f32
}

// -----

// Tests that a long row is kept in shared memory between its passes, and that one column is picked without a sum.
// CHECK-LABEL: llvm.func @cross_entropy(
// CHECK-SAME: nvvm.minctasm = 2 : i32
// CHECK-SAME: step.grid = array<i64: 5, 1, 1>
// CHECK-SAME: step.shared_bytes = 106624 : i64
// CHECK: llvm.store %{{.*}}, %{{.*}} {alignment = 16 : i64} : vector<4xi32>, !llvm.ptr<3>
// CHECK: llvm.icmp "ult"
// CHECK: llvm.load %{{.*}} {alignment = 2 : i64} : !llvm.ptr<1> -> bf16
// CHECK: llvm.load %{{.*}} {alignment = 16 : i64} : !llvm.ptr<3> -> vector<4xi32>
// CHECK: llvm.call_intrinsic "llvm.nvvm.ex2.approx.ftz.f"
step.row_kernel @cross_entropy domain [5, 50304] row_dims 1 ins 1
    maps [affine_map<(m, c) -> (m)>, affine_map<(m, c) -> (m)>, affine_map<(m, c) -> (m * 50304 + c)>] unit_rows 1 {
^bb0(%target: i32, %loss: f32, %x: bf16):
  %a = arith.extf %x : bf16 to f32
  %zero = arith.constant 0.0 : f32
  %column = swamla.index 1
  %hit = arith.cmpi eq, %column, %target : i32
  %max = swamla.reduce_row max %a : f32
  %shifted = arith.subf %a, %max : f32
  %exp = math.exp %shifted : f32
  %sum = swamla.reduce_row add %exp : f32
  %own = arith.select %hit, %shifted, %zero : f32
  %picked = swamla.reduce_row add %own : f32
  %l = arith.subf %sum, %picked : f32
  %p = arith.divf %exp, %sum : f32
  %d = arith.truncf %p : f32 to bf16
  swamla.yield %l, %d : f32, bf16
}
step.buffer @arena kind "arena" bytes 524288
step.program @setup {
  step.launch @cross_entropy [#step.view<@arena, 512000, 20>, #step.view<@arena, 512256, 20>, #step.view<@arena, 0, 503040>] units 5 label "x" flops 0 bytes 0
}

// -----

// Tests that blocks share a long row: each leaves its sum in the kernel's memory, a counter says which is the last.
// CHECK-LABEL: llvm.func @long_row(
// CHECK-SAME: %{{.*}}: !llvm.ptr<1>, %{{.*}}: !llvm.ptr<1>, %[[SCRATCH:.*]]: !llvm.ptr<1>)
// CHECK-SAME: step.grid = array<i64: 118, 1, 1>
// CHECK-SAME: step.scratch_bytes = 476 : i64
// CHECK: llvm.atomicrmw uinc_wrap %{{.*}}, %{{.*}} syncscope("device") acq_rel : !llvm.ptr<1>, i32
// CHECK-NOT: llvm.atomicrmw
step.row_kernel @long_row domain [1, 960014] row_dims 1 ins 1
    maps [affine_map<(m, c) -> (c)>, affine_map<(m, c) -> (m)>] unit_rows 1 {
^bb0(%x: f32, %out: f32):
  %s = swamla.reduce_row add %x : f32
  swamla.yield %s : f32
}

// -----

// Tests scatter-add: 128 buckets of tokens, 6 strips of 256 columns.
// CHECK-LABEL: llvm.func @scatter(
// CHECK-SAME: step.block = 256 : i64, step.grid = array<i64: 128, 6, 1>
// CHECK: nvvm.vote.sync ballot
// CHECK: nvvm.barrier0
// CHECK-NOT: llvm.atomicrmw
// CHECK: llvm.return
step.scatter_add_kernel @scatter element bf16 rows 16384 cols 1536 vocab 50304 dy_stride 1536 unit_cols 64
