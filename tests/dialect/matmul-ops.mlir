// RUN: swamla-opt %s --verify-roundtrip | FileCheck %s

// CHECK-LABEL: func.func @products
func.func @products(%x: tensor<4x6xf32>, %w: tensor<8x6xf32>, %dy: tensor<4x8xf32>) {
  // CHECK-NEXT: swamla.matmul %{{.*}}, %{{.*}} transpose_b : tensor<4x6xf32>, tensor<8x6xf32> -> tensor<4x8xf32>
  %0 = swamla.matmul %x, %w transpose_b : tensor<4x6xf32>, tensor<8x6xf32> -> tensor<4x8xf32>
  // CHECK-NEXT: swamla.matmul %{{.*}}, %{{.*}} : tensor<4x8xf32>, tensor<8x6xf32> -> tensor<4x6xf32>
  %1 = swamla.matmul %dy, %w : tensor<4x8xf32>, tensor<8x6xf32> -> tensor<4x6xf32>
  // CHECK-NEXT: swamla.matmul %{{.*}}, %{{.*}} init %{{.*}} transpose_a : tensor<4x8xf32>, tensor<4x6xf32>, tensor<8x6xf32> -> tensor<8x6xf32>
  %2 = swamla.matmul %dy, %x init %w transpose_a : tensor<4x8xf32>, tensor<4x6xf32>, tensor<8x6xf32> -> tensor<8x6xf32>
  return
}

// CHECK-LABEL: func.func @rows
func.func @rows(%t: tensor<4xi32>, %w: tensor<9x6xf32>, %i: tensor<1xi32>) {
  // CHECK-NEXT: swamla.embedding_lookup %{{.*}}, %{{.*}} : tensor<4xi32>, tensor<9x6xf32> -> tensor<4x6xf32>
  %0 = swamla.embedding_lookup %t, %w : tensor<4xi32>, tensor<9x6xf32> -> tensor<4x6xf32>
  // CHECK-NEXT: swamla.embedding_grad %{{.*}}, %{{.*}} : tensor<4xi32>, tensor<4x6xf32> -> tensor<9x6xf32>
  %1 = swamla.embedding_grad %t, %0 : tensor<4xi32>, tensor<4x6xf32> -> tensor<9x6xf32>
  // CHECK-NEXT: swamla.embedding_grad %{{.*}}, %{{.*}} init %{{.*}} : tensor<4xi32>, tensor<4x6xf32>, tensor<9x6xf32> -> tensor<9x6xf32>
  %2 = swamla.embedding_grad %t, %0 init %1 : tensor<4xi32>, tensor<4x6xf32>, tensor<9x6xf32> -> tensor<9x6xf32>
  // CHECK-NEXT: swamla.select_row %{{.*}}, %{{.*}} : tensor<4x6xf32>, tensor<1xi32> -> tensor<1x6xf32>
  %3 = swamla.select_row %0, %i : tensor<4x6xf32>, tensor<1xi32> -> tensor<1x6xf32>
  return
}

// CHECK-LABEL: func.func @scaled
func.func @scaled(%x: tensor<16x32xf8E4M3FN>, %w: tensor<48x32xf8E4M3FN>, %dy: tensor<16x32xf8E5M2>, %dw: tensor<16x48xf32>, %s: tensor<1xf32>, %rows: tensor<16xf32>,
                  %columns: tensor<48xf32>) {
  // CHECK-NEXT: swamla.matmul %{{.*}}, %{{.*}} scales %{{.*}}, %{{.*}} transpose_b fast_accum : tensor<16x32xf8E4M3FN>, tensor<48x32xf8E4M3FN>, tensor<1xf32>, tensor<1xf32> -> tensor<16x48xbf16>
  %0 = swamla.matmul %x, %w scales %s, %s transpose_b fast_accum : tensor<16x32xf8E4M3FN>, tensor<48x32xf8E4M3FN>, tensor<1xf32>, tensor<1xf32> -> tensor<16x48xbf16>
  // CHECK-NEXT: swamla.matmul %{{.*}}, %{{.*}} scales %{{.*}}, %{{.*}} transpose_b : tensor<16x32xf8E5M2>, tensor<48x32xf8E4M3FN>, tensor<16xf32>, tensor<48xf32> -> tensor<16x48xbf16>
  %1 = swamla.matmul %dy, %w scales %rows, %columns transpose_b : tensor<16x32xf8E5M2>, tensor<48x32xf8E4M3FN>, tensor<16xf32>, tensor<48xf32> -> tensor<16x48xbf16>
  // CHECK-NEXT: swamla.matmul %{{.*}}, %{{.*}} init %{{.*}} scales %{{.*}}, %{{.*}} transpose_b : tensor<16x32xf8E5M2>, tensor<48x32xf8E4M3FN>, tensor<16x48xf32>, tensor<1xf32>, tensor<1xf32> -> tensor<16x48xf32>
  %2 = swamla.matmul %dy, %w init %dw scales %s, %s transpose_b : tensor<16x32xf8E5M2>, tensor<48x32xf8E4M3FN>, tensor<16x48xf32>, tensor<1xf32>, tensor<1xf32> -> tensor<16x48xf32>
  return
}
