// RUN: swamla-opt %s --split-input-file --step-lower-kernels=arch=x86-64-v4 | FileCheck %s

// Tests that eight-bit floats are made and read by vector arithmetic on their bits, a byte an element in memory, without a call.
// CHECK-LABEL: llvm.func @casts(
// CHECK: llvm.load %{{.*}} {alignment = 1 : i64} : !llvm.ptr -> vector<16xi8>
// CHECK: llvm.zext %{{.*}} : vector<16xi8> to vector<16xi32>
// CHECK: llvm.trunc %{{.*}} : vector<16xi32> to vector<16xi8>
// CHECK-NOT: llvm.call
// CHECK-NOT: f8E
// CHECK: llvm.store %{{.*}}, %{{.*}} {alignment = 1 : i64} : vector<16xi8>, !llvm.ptr
step.row_kernel @casts domain [32, 128] row_dims 1 ins 1
    maps [affine_map<(m, c) -> (m * 128 + c)>, affine_map<(m, c) -> (m * 128 + c)>] unit_rows 8 {
^bb0(%x: f8E5M2, %out: f8E4M3FN):
  %y = arith.extf %x : f8E5M2 to f32
  %z = arith.truncf %y : f32 to f8E4M3FN
  swamla.yield %z : f8E4M3FN
}

// -----

// Tests that a transposed out goes through scratch memory: a tile of 64 rows of 128 bytes and a cache line between them, which is
// then written in vectors along a column, neighbours in memory.
// CHECK-LABEL: llvm.func @transposed(
// CHECK-SAME: step.scratch_bytes = 12288 : i64
// CHECK: llvm.shufflevector %{{.*}}, %{{.*}} [0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23] : vector<16xi8>
// CHECK: llvm.store %{{.*}}, %{{.*}} {alignment = 1 : i64} : vector<16xi8>, !llvm.ptr
step.row_kernel @transposed domain [256, 128] row_dims 1 ins 1
    maps [affine_map<(m, c) -> (m * 128 + c)>, affine_map<(m, c) -> (c * 256 + m)>] unit_rows 64 {
^bb0(%x: f8E4M3FN, %out: f8E4M3FN):
  swamla.yield %x : f8E4M3FN
}
