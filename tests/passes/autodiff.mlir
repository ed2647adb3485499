// RUN: swamla-opt %s --swamla-autodiff --split-input-file | FileCheck %s

// Tests that @loss becomes @micro_step and keeps its signature, that the backward follows the forward in reverse, that a
// parameter with two uses gets each contribution at once, and that @eval is left alone.
swamla.param @wte : tensor<7x4xf32> init normal 0.02
swamla.param @norm : tensor<4xf32> init constant 1.0

// CHECK-LABEL: func.func @micro_step
// CHECK-SAME: (%[[TOKENS:[^:]*]]: tensor<2xi32> {swamla.name = "tokens"}, %[[TARGETS:[^:]*]]: tensor<2xi32> {swamla.name = "targets"})
// CHECK-SAME: -> (tensor<1xf32> {swamla.name = "loss"})
// CHECK-NEXT: %[[W:.*]] = swamla.get_param @wte {scope = "embed"}
// CHECK-NEXT: %[[X:.*]] = swamla.embedding_lookup %[[TOKENS]], %[[W]] {scope = "embed"}
// CHECK-NEXT: %[[G:.*]] = swamla.get_param @norm {scope = "head"}
// CHECK-NEXT: %[[N:.*]] = swamla.rms_norm %[[X]], %[[G]] eps {{.*}} {scope = "head"}
// CHECK-NEXT: %[[SEED:.*]] = swamla.scalar "loss_scale" {backward, scope = "head"}
// CHECK-NEXT: %[[LOSS:.*]], %[[DN:.*]], %[[DW:.*]] = swamla.linear_cross_entropy_grad %[[N]], %[[W]], %[[TARGETS]], %[[SEED]] smoothing {{.*}} {backward, scope = "head"}
// CHECK-NEXT: swamla.add_grad @wte, %[[DW]] {backward, scope = "head"}
// CHECK-NEXT: %[[DX:.*]], %[[DG:.*]] = swamla.rms_norm_grad %[[X]], %[[G]], %[[DN]] eps {{.*}} {backward, scope = "head"}
// CHECK-NEXT: swamla.add_grad @norm, %[[DG]] {backward, scope = "head"}
// CHECK-NEXT: %[[DE:.*]] = swamla.embedding_grad %[[TOKENS]], %[[DX]] {backward, scope = "embed"}
// CHECK-NEXT: swamla.add_grad @wte, %[[DE]] {backward, scope = "embed"}
// CHECK-NEXT: return %[[LOSS]] : tensor<1xf32>
func.func @loss(%tokens: tensor<2xi32> {swamla.name = "tokens"}, %targets: tensor<2xi32> {swamla.name = "targets"}) -> (tensor<1xf32> {swamla.name = "loss"}) {
  %w = swamla.get_param @wte {scope = "embed"} : tensor<7x4xf32>
  %x = swamla.embedding_lookup %tokens, %w {scope = "embed"} : tensor<2xi32>, tensor<7x4xf32> -> tensor<2x4xf32>
  %g = swamla.get_param @norm {scope = "head"} : tensor<4xf32>
  %n = swamla.rms_norm %x, %g eps 1.0e-6 {scope = "head"} : tensor<2x4xf32>, tensor<4xf32>
  %l = swamla.linear_cross_entropy %n, %w, %targets smoothing 0.0 {scope = "head"} : tensor<2x4xf32>, tensor<7x4xf32>, tensor<2xi32> -> tensor<1xf32>
  return %l : tensor<1xf32>
}

// CHECK-LABEL: func.func @eval
// CHECK-NOT: backward
// CHECK: return
func.func @eval(%x: tensor<2x4xf32>, %targets: tensor<2xi32>) -> tensor<1xf32> {
  %w = swamla.get_param @wte : tensor<7x4xf32>
  %l = swamla.linear_cross_entropy %x, %w, %targets smoothing 0.0 : tensor<2x4xf32>, tensor<7x4xf32>, tensor<2xi32> -> tensor<1xf32>
  return %l : tensor<1xf32>
}

// -----

// Tests that only what parameters reach is differentiated: without wrt-args the product with the argument's cotangent is not
// there, and an op without a rule (head_sum) is no error where no gradient flows; a result's seed is a named argument.
swamla.param @w : tensor<3x2xf32> init normal 0.02
// CHECK-LABEL: func.func @active
// CHECK-SAME: (%[[X:[^:]*]]: tensor<4x4xf32> {swamla.name = "x"}, %[[DY:[^:]*]]: tensor<4x3xf32> {swamla.name = "d_y"})
// CHECK-SAME: -> (tensor<4x3xf32> {swamla.name = "y"})
// CHECK: %[[H:.*]] = swamla.head_sum %[[X]]
// CHECK: %[[Y:.*]] = swamla.matmul %[[H]]
// CHECK-NEXT: %[[DW:.*]] = swamla.matmul %[[DY]], %[[H]] transpose_a {backward}
// CHECK-NEXT: swamla.add_grad @w, %[[DW]] {backward}
// CHECK-NEXT: return %[[Y]] : tensor<4x3xf32>
func.func @active(%x: tensor<4x4xf32> {swamla.name = "x"}) -> (tensor<4x3xf32> {swamla.name = "y"}) attributes {swamla.differentiate} {
  %h = swamla.head_sum %x heads 2 : tensor<4x4xf32> -> tensor<4x2xf32>
  %w = swamla.get_param @w : tensor<3x2xf32>
  %y = swamla.matmul %h, %w transpose_b : tensor<4x2xf32>, tensor<3x2xf32> -> tensor<4x3xf32>
  return %y : tensor<4x3xf32>
}
