// RUN: swamla-opt %s --split-input-file --step-lower-kernels="target=cuda arch=sm_90a" | FileCheck %s

// Tests that numbers are rounded two at a time, stored 8 at a time as they come, and, transposed, 16 at a time: words of 16 rows, whose bytes are
// exchanged, become 4 columns. A block has 32 rows of 128 bytes, with 64 bytes between their two bands.
// CHECK-LABEL: llvm.func @quantise(
// CHECK-SAME: nvvm.reqntid = array<i32: 256, 1, 1>
// CHECK-SAME: step.grid = array<i64: 2, 1, 1>
// CHECK-SAME: step.shared_bytes = 4224 : i64
// CHECK-COUNT-2: llvm.load %{{.*}} invariant {alignment = 16 : i64} : !llvm.ptr<1> -> vector<4xi32>
// CHECK-COUNT-4: nvvm.convert.f32x2.to.f8x2 %{{.*}}, %{{.*}} {rnd = #nvvm.fp_rnd_mode<rn>, sat = #nvvm.sat_mode<satfinite>} : i16(f8E4M3FN)
// CHECK: llvm.store %{{.*}}, %{{.*}} {alignment = 8 : i64} : vector<2xi32>, !llvm.ptr<1>
// CHECK: llvm.store %{{.*}}, %{{.*}} {alignment = 8 : i64} : vector<2xi32>, !llvm.ptr<3>
// CHECK: nvvm.barrier0
// CHECK-COUNT-16: llvm.load %{{.*}} {alignment = 4 : i64} : !llvm.ptr<3> -> i32
// CHECK-COUNT-32: nvvm.prmt
// CHECK-COUNT-4: llvm.store %{{.*}}, %{{.*}} {alignment = 16 : i64} : vector<4xi32>, !llvm.ptr<1>
// CHECK-NOT: llvm.store
// CHECK: llvm.return
step.row_kernel @quantise domain [64, 128] row_dims 1 ins 1
    maps [affine_map<(m, c) -> (m * 128 + c)>, affine_map<(m, c) -> (m * 128 + c)>, affine_map<(m, c) -> (c * 64 + m)>] unit_rows 8 {
^bb0(%x: bf16, %y: f8E4M3FN, %t: f8E4M3FN):
  %a = arith.extf %x : bf16 to f32
  %b = arith.truncf %a : f32 to f8E4M3FN
  swamla.yield %b, %b : f8E4M3FN, f8E4M3FN
}
step.buffer @arena kind "arena" bytes 32768
step.program @setup {
  step.launch @quantise [#step.view<@arena, 0, 16384>, #step.view<@arena, 16384, 8192>, #step.view<@arena, 24576, 8192>] units 8 label "x" flops 0 bytes 0
}

// -----

// Tests that 12 rows, which lie 4 bytes off, are written 4 at a time, and those of a row that ends within a word one by one.
// CHECK-LABEL: llvm.func @four_at_a_time(
// CHECK: nvvm.barrier0
// CHECK-COUNT-4: llvm.store %{{.*}}, %{{.*}} {alignment = 4 : i64} : i32, !llvm.ptr<1>
// CHECK-NOT: llvm.store
step.row_kernel @four_at_a_time domain [12, 8] row_dims 1 ins 1
    maps [affine_map<(m, c) -> (m * 8 + c)>, affine_map<(m, c) -> (c * 12 + m)>] unit_rows 4 {
^bb0(%x: f32, %t: f8E5M2):
  %b = arith.truncf %x : f32 to f8E5M2
  swamla.yield %b : f8E5M2
}
// CHECK-LABEL: llvm.func @one_by_one(
// CHECK: nvvm.barrier0
// CHECK-COUNT-4: llvm.store %{{.*}}, %{{.*}} {alignment = 1 : i64} : i8, !llvm.ptr<1>
// CHECK-NOT: llvm.store
step.row_kernel @one_by_one domain [13, 8] row_dims 1 ins 1
    maps [affine_map<(m, c) -> (m * 8 + c)>, affine_map<(m, c) -> (c * 13 + m)>] unit_rows 4 {
^bb0(%x: f32, %t: f8E5M2):
  %b = arith.truncf %x : f32 to f8E5M2
  swamla.yield %b : f8E5M2
}
step.buffer @arena kind "arena" bytes 4096
step.program @setup {
  step.launch @four_at_a_time [#step.view<@arena, 0, 384>, #step.view<@arena, 1028, 96>] units 3 label "x" flops 0 bytes 0
  step.launch @one_by_one [#step.view<@arena, 0, 416>, #step.view<@arena, 1024, 104>] units 4 label "y" flops 0 bytes 0
}

// -----

// Tests that a norm's rows wait for each other: 32 at a time, 128 threads for two chunks of each, and that maxima which no element asks for leave the
// strips of a row to several blocks, whose results meet in scratch memory.
// CHECK-LABEL: llvm.func @norm(
// CHECK-SAME: step.block = 256 : i64, step.grid = array<i64: 256, 1, 1>
// CHECK-SAME: step.scratch_bytes = 0 : i64
// CHECK-COUNT-4: llvm.store %{{.*}}, %{{.*}} {alignment = 16 : i64} : vector<4xi32>, !llvm.ptr<1>
step.row_kernel @norm domain [8192, 2048] row_dims 1 ins 1
    maps [affine_map<(m, c) -> (m * 2048 + c)>, affine_map<(m, c) -> (c * 8192 + m)>] unit_rows 8 {
^bb0(%x: bf16, %t: f8E4M3FN):
  %a = arith.extf %x : bf16 to f32
  %b = arith.mulf %a, %a : f32
  %s = swamla.reduce_row add %b : f32
  %c = arith.mulf %a, %s : f32
  %d = arith.truncf %c : f32 to f8E4M3FN
  swamla.yield %d : f8E4M3FN
}
// CHECK-LABEL: llvm.func @maxima(
// CHECK-SAME: step.block = 256 : i64, step.grid = array<i64: 64, 1, 1>
// CHECK-SAME: step.scratch_bytes = 17408 : i64
// CHECK: llvm.atomicrmw uinc_wrap
step.row_kernel @maxima domain [256, 2048] row_dims 1 ins 1
    maps [affine_map<(m, c) -> (m * 2048 + c)>, affine_map<(m, c) -> (c * 256 + m)>, affine_map<(m, c) -> (m)>] unit_rows 8 {
^bb0(%x: bf16, %t: f8E4M3FN, %r: f32):
  %a = arith.extf %x : bf16 to f32
  %b = math.absf %a : f32
  %s = swamla.reduce_row max %b : f32
  %d = arith.truncf %a : f32 to f8E4M3FN
  swamla.yield %d, %s : f8E4M3FN, f32
}
step.buffer @arena kind "arena" bytes 50331648
step.program @setup {
  step.launch @norm [#step.view<@arena, 0, 33554432>, #step.view<@arena, 33554432, 16777216>] units 1024 label "x" flops 0 bytes 0
  step.launch @maxima [#step.view<@arena, 0, 1048576>, #step.view<@arena, 1048576, 524288>, #step.view<@arena, 1572864, 1024>] units 32 label "y" flops 0 bytes 0
}
