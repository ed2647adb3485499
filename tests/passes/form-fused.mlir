// RUN: swamla-opt %s --swamla-form-fused --split-input-file | FileCheck %s

// Tests the label (scope and name), that other attributes stay, and that a result without an initial value starts from nothing.
// CHECK-LABEL: func.func @label
// CHECK-SAME: (%[[A:[^:]*]]: tensor<4x8xf32>, %[[B:[^:]*]]: tensor<4x8xf32>)
// CHECK: %[[E:.*]] = tensor.empty() : tensor<4x8xf32>
// CHECK: %[[S:.*]] = swamla.fused [4 | 8] ins(%[[A]], %[[B]] : tensor<4x8xf32>, tensor<4x8xf32>) outs(%[[E]] : tensor<4x8xf32>) label "h.3.mlp.add"
// CHECK-SAME: attributes {backward, scope = "h.3.mlp"}
// CHECK-NEXT: ^bb0(%[[X:.*]]: f32, %[[Y:.*]]: f32, %{{.*}}: f32):
// CHECK-NEXT: %[[Z:.*]] = arith.addf %[[X]], %[[Y]] : f32
// CHECK-NEXT: swamla.yield %[[Z]] : f32
// CHECK: return %[[S]]
func.func @label(%a: tensor<4x8xf32>, %b: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %0 = swamla.add %a, %b {backward, scope = "h.3.mlp"} : tensor<4x8xf32>
  return %0 : tensor<4x8xf32>
}

// -----

// Tests that an op without a scope has its name as the label.
// CHECK-LABEL: func.func @no_scope
// CHECK: swamla.fused {{.*}} label "column_sum"
func.func @no_scope(%a: tensor<4x8xf32>) -> tensor<8xf32> {
  %0 = swamla.column_sum %a : tensor<4x8xf32> -> tensor<8xf32>
  return %0 : tensor<8xf32>
}

// -----

// Tests that what is computed once at load says so, and that other ops do not.
// CHECK-LABEL: func.func @setup
// CHECK: swamla.fused [6 | 4] outs({{.*}}) label "rope_table" {{.*}} attributes {setup}
// CHECK: swamla.fused [4 | 8]
// CHECK-NOT: attributes {setup}
func.func @setup(%a: tensor<4x8xf32>) -> (tensor<6x4xf32>, tensor<6x4xf32>, tensor<4x8xf32>) {
  %cos, %sin = swamla.rope_table theta 1.0e+4 factor 1.0 : tensor<6x4xf32>
  %0 = swamla.add %a, %a : tensor<4x8xf32>
  return %cos, %sin, %0 : tensor<6x4xf32>, tensor<6x4xf32>, tensor<4x8xf32>
}

// -----

// Tests that arithmetic is f32 whatever the elements are.
// CHECK-LABEL: func.func @narrow
// CHECK: ^bb0(%[[X:.*]]: bf16, %[[Y:.*]]: bf16, %{{.*}}: bf16):
// CHECK-NEXT: %[[XF:.*]] = arith.extf %[[X]] : bf16 to f32
// CHECK-NEXT: %[[YF:.*]] = arith.extf %[[Y]] : bf16 to f32
// CHECK-NEXT: %[[ZF:.*]] = arith.addf %[[XF]], %[[YF]] : f32
// CHECK-NEXT: %[[Z:.*]] = arith.truncf %[[ZF]] : f32 to bf16
// CHECK-NEXT: swamla.yield %[[Z]] : bf16
func.func @narrow(%a: tensor<4x8xbf16>) -> tensor<4x8xbf16> {
  %0 = swamla.add %a, %a : tensor<4x8xbf16>
  return %0 : tensor<4x8xbf16>
}

// -----

// Tests that what is not row-wise stays.
// CHECK-LABEL: func.func @others
// CHECK-NOT: swamla.fused
// CHECK: swamla.matmul
func.func @others(%a: tensor<4x8xf32>, %b: tensor<8x2xf32>) -> tensor<4x2xf32> {
  %0 = swamla.matmul %a, %b : tensor<4x8xf32>, tensor<8x2xf32> -> tensor<4x2xf32>
  return %0 : tensor<4x2xf32>
}

// -----

// Tests that a tensor of one value becomes a table that is filled at load, and that a scalar constant stays.
// CHECK-LABEL: func.func @splat
// CHECK: %[[E:.*]] = tensor.empty() : tensor<4x8xf32>
// CHECK: %[[Z:.*]] = swamla.fused [4 | 8] outs(%[[E]] : tensor<4x8xf32>) label "h.0.attn.constant"
// CHECK-SAME: attributes {backward, scope = "h.0.attn", setup}
// CHECK-NEXT: ^bb0(%{{.*}}: f32):
// CHECK-NEXT: %[[C:.*]] = arith.constant 0.0{{.*}} : f32
// CHECK-NEXT: swamla.yield %[[C]] : f32
// CHECK: swamla.fused [5 | 1] outs(%{{.*}} : tensor<5xf32>) label "constant" maps [#{{.*}}] attributes {setup}
// CHECK: %[[I:.*]] = arith.constant 3 : i32
// CHECK: return %[[Z]]
func.func @splat() -> (tensor<4x8xf32>, tensor<5xf32>, i32) {
  %0 = arith.constant {backward, scope = "h.0.attn"} dense<0.0> : tensor<4x8xf32>
  %1 = arith.constant dense<1.5> : tensor<5xf32>
  %2 = arith.constant 3 : i32
  return %0, %1, %2 : tensor<4x8xf32>, tensor<5xf32>, i32
}
