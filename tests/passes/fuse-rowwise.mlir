// RUN: swamla-opt %s --swamla-form-fused --swamla-fuse-rowwise --split-input-file | FileCheck %s

// Tests that a norm reads the residual sum from the op that makes it, and that the sum is stored because it is used elsewhere.
// CHECK-LABEL: func.func @residual
// CHECK-SAME: (%[[X:[^:]*]]: tensor<4x8xf32>, %[[Y:[^:]*]]: tensor<4x8xf32>, %[[W:[^:]*]]: tensor<8xf32>)
// CHECK: %[[R:.*]]:2 = swamla.fused [4 | 8] ins(%[[X]], %[[Y]], %[[W]] : tensor<4x8xf32>, tensor<4x8xf32>, tensor<8xf32>)
// CHECK-SAME: label "h.0.attn.add+h.0.mlp.rms_norm" {{.*}} attributes {scope = "h.0.mlp"}
// CHECK-NEXT: ^bb0(%[[A:[^:]*]]: f32, %[[B:[^:]*]]: f32,
// CHECK-NEXT: %[[S:.*]] = arith.addf %[[A]], %[[B]]
// CHECK-NEXT: arith.mulf %[[S]], %[[S]]
// CHECK: swamla.yield %[[S]], %{{.*}} : f32, f32
// CHECK: return %[[R]]#0, %[[R]]#1
func.func @residual(%x: tensor<4x8xf32>, %y: tensor<4x8xf32>, %w: tensor<8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>) {
  %s = swamla.add %x, %y {scope = "h.0.attn"} : tensor<4x8xf32>
  %n = swamla.rms_norm %s, %w eps 0.5 {scope = "h.0.mlp"} : tensor<4x8xf32>, tensor<8xf32>
  return %s, %n : tensor<4x8xf32>, tensor<4x8xf32>
}

// -----

// Tests that a value that only passes from one to the other is not stored, and that a scope goes into the label once.
// CHECK-LABEL: func.func @norm_gradient
// CHECK-COUNT-2: tensor.empty
// CHECK-NOT: tensor.empty
// CHECK: %[[R:.*]]:2 = swamla.fused {{.*}} outs({{.*}} : tensor<8xf32>, tensor<4x8xf32>) label "h.0.mlp.rms_norm_grad+add"
// CHECK: return %[[R]]#1, %[[R]]#0
func.func @norm_gradient(%x: tensor<4x8xf32>, %w: tensor<8xf32>, %dy: tensor<4x8xf32>, %r: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<8xf32>) {
  %dx, %dw = swamla.rms_norm_grad %x, %w, %dy eps 0.5 {scope = "h.0.mlp"} : tensor<4x8xf32>, tensor<8xf32>
  %s = swamla.add %r, %dx {scope = "h.0.mlp"} : tensor<4x8xf32>
  return %s, %dw : tensor<4x8xf32>, tensor<8xf32>
}

// -----

// Tests a chain of four.
// CHECK-LABEL: func.func @chain
// CHECK: swamla.fused [4 | 8] {{.*}} label "bias_add+dropout+add+rms_norm"
// CHECK-NOT: swamla.fused
func.func @chain(%x: tensor<4x8xf32>, %b: tensor<8xf32>, %key: tensor<1xi32>, %r: tensor<4x8xf32>, %w: tensor<8xf32>) -> tensor<4x8xf32> {
  %0 = swamla.bias_add %x, %b : tensor<4x8xf32>, tensor<8xf32>
  %1 = swamla.dropout %0, %key p 0.5 site 1 : tensor<4x8xf32>, tensor<1xi32>
  %2 = swamla.add %r, %1 : tensor<4x8xf32>
  %3 = swamla.rms_norm %2, %w eps 0.5 : tensor<4x8xf32>, tensor<8xf32>
  return %3 : tensor<4x8xf32>
}

// -----

// Tests that ops that read the same tensors merge, that they share arithmetic (one exp), and that what uses the first one's result moves
// below.
// CHECK-LABEL: func.func @siblings
// CHECK: %[[DA:.*]] = swamla.matmul
// CHECK: %[[R:.*]]:3 = swamla.fused [4 | 8] {{.*}} label "swiglu+swiglu_grad"
// CHECK: math.exp
// CHECK-NOT: math.exp
// CHECK: %[[DW:.*]] = swamla.matmul %{{.*}}, %[[R]]#0 transpose_a
// CHECK: swamla.add_grad @w, %[[DW]]
// CHECK: return %[[R]]#1, %[[R]]#2
func.func @siblings(%v: tensor<4x8xf32>, %g: tensor<4x8xf32>, %dy: tensor<4x2xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>) {
  %w = swamla.get_param @w : tensor<2x8xf32>
  %a = swamla.swiglu %v, %g {recompute} : tensor<4x8xf32>
  %dw = swamla.matmul %dy, %a transpose_a {backward} : tensor<4x2xf32>, tensor<4x8xf32> -> tensor<2x8xf32>
  %da = swamla.matmul %dy, %w {backward} : tensor<4x2xf32>, tensor<2x8xf32> -> tensor<4x8xf32>
  swamla.add_grad @w, %dw {backward} : tensor<2x8xf32>
  %dv, %dg = swamla.swiglu_grad %v, %g, %da {backward} : tensor<4x8xf32>
  return %dv, %dg : tensor<4x8xf32>, tensor<4x8xf32>
}
swamla.param @w : tensor<2x8xf32> init normal 0.02

// -----

// Tests that the rotations of query and key, which read the same tables, are one op in place.
// CHECK-LABEL: func.func @rotations
// CHECK-SAME: (%[[Q:[^:]*]]: tensor<6x8xf32>, %[[K:[^:]*]]: tensor<6x8xf32>,
// CHECK: swamla.fused [6, 2 | 4] {{.*}} outs(%[[Q]], %[[K]] : tensor<6x8xf32>, tensor<6x8xf32>)
// CHECK-NOT: swamla.fused
func.func @rotations(%q: tensor<6x8xf32>, %k: tensor<6x8xf32>, %cos: tensor<3x4xf32>, %sin: tensor<3x4xf32>) -> (tensor<6x8xf32>, tensor<6x8xf32>) {
  %0 = swamla.rope %q, %cos, %sin heads 2 offset 0 : tensor<6x8xf32>, tensor<3x4xf32>
  %1 = swamla.rope %k, %cos, %sin heads 2 offset 0 : tensor<6x8xf32>, tensor<3x4xf32>
  return %0, %1 : tensor<6x8xf32>, tensor<6x8xf32>
}

// -----

// Tests that an in place update goes on where the value was made.
// CHECK-LABEL: func.func @handed_over
// CHECK: %[[E:.*]] = tensor.empty() : tensor<6x4xf32>
// CHECK: swamla.fused [6 | 4] {{.*}} outs(%[[E]] : tensor<6x4xf32>) label "head_sum+rope"
// CHECK: arith.addf
// CHECK: swamla.pair_swap
// CHECK-NOT: swamla.fused
func.func @handed_over(%x: tensor<6x8xf32>, %cos: tensor<3x4xf32>, %sin: tensor<3x4xf32>) -> tensor<6x4xf32> {
  %0 = swamla.head_sum %x heads 2 : tensor<6x8xf32> -> tensor<6x4xf32>
  %1 = swamla.rope %0, %cos, %sin heads 1 offset 0 : tensor<6x4xf32>, tensor<3x4xf32>
  return %1 : tensor<6x4xf32>
}

// -----

// Tests that a gather finds its supplier under the new number.
// CHECK-LABEL: func.func @gather
// CHECK-SAME: (%[[T:[^:]*]]: tensor<4xi32>, %[[W:[^:]*]]: tensor<9x8xf32>, %[[R:[^:]*]]: tensor<4x8xf32>)
// CHECK: swamla.fused [4 | 8] ins(%[[R]], %[[T]], %[[W]] : {{.*}} gather [-1, -1, 1]
// CHECK-NOT: swamla.fused
func.func @gather(%t: tensor<4xi32>, %w: tensor<9x8xf32>, %r: tensor<4x8xf32>) -> (tensor<4x8xf32>, tensor<4x8xf32>) {
  %0 = swamla.add %r, %r : tensor<4x8xf32>
  %1 = swamla.embedding_lookup %t, %w : tensor<4xi32>, tensor<9x8xf32> -> tensor<4x8xf32>
  %2 = swamla.add %0, %1 : tensor<4x8xf32>
  return %0, %2 : tensor<4x8xf32>, tensor<4x8xf32>
}

// -----

// Tests that a result without uses goes, and with it what only it read.
// CHECK-LABEL: func.func @unused
// CHECK-SAME: (%[[X:[^:]*]]: tensor<4x8xf32>, %[[G:[^:]*]]: tensor<4x8xf32>, %[[DY:[^:]*]]: tensor<4x8xf32>)
// CHECK: %[[R:.*]] = swamla.fused [4 | 8] ins(%[[G]], %[[DY]] : tensor<4x8xf32>, tensor<4x8xf32>) outs(%{{.*}} : tensor<4x8xf32>)
// CHECK-NEXT: ^bb0(%{{.*}}: f32, %{{.*}}: f32, %{{.*}}: f32):
// CHECK: return %[[R]]
func.func @unused(%v: tensor<4x8xf32>, %g: tensor<4x8xf32>, %dy: tensor<4x8xf32>) -> tensor<4x8xf32> {
  %dv, %dg = swamla.swiglu_grad %v, %g, %dy : tensor<4x8xf32>
  return %dv : tensor<4x8xf32>
}

// -----

// Tests that rounding survives a merge: what the second op reads is the rounded number, whether the first has stored it or not, so that the
// bits do not depend on what is fused with what.
// CHECK-LABEL: func.func @rounding
// CHECK: swamla.fused [4 | 8] ins(%{{.*}}, %{{.*}} : tensor<4x8xbf16>, tensor<4x8xbf16>) outs(%{{.*}} : tensor<4x8xbf16>)
// CHECK: %[[S:.*]] = arith.addf
// CHECK-NEXT: %[[R:.*]] = arith.truncf %[[S]] : f32 to bf16
// CHECK: %[[W:.*]] = arith.extf %[[R]] : bf16 to f32
// CHECK: arith.addf %[[W]], %{{.*}} : f32
// CHECK-NOT: swamla.fused
// CHECK: return
func.func @rounding(%x: tensor<4x8xbf16>, %y: tensor<4x8xbf16>) -> tensor<4x8xbf16> {
  %e = tensor.empty() : tensor<4x8xbf16>
  %0 = swamla.fused [4 | 8] ins(%x, %y : tensor<4x8xbf16>, tensor<4x8xbf16>) outs(%e : tensor<4x8xbf16>) maps [affine_map<(m, c) -> (m, c)>, affine_map<(m, c) -> (m, c)>, affine_map<(m, c) -> (m, c)>] {
  ^bb0(%a: bf16, %b: bf16, %i: bf16):
    %a32 = arith.extf %a : bf16 to f32
    %b32 = arith.extf %b : bf16 to f32
    %s = arith.addf %a32, %b32 : f32
    %r = arith.truncf %s : f32 to bf16
    swamla.yield %r : bf16
  } -> tensor<4x8xbf16>
  %1 = swamla.fused [4 | 8] ins(%0, %y : tensor<4x8xbf16>, tensor<4x8xbf16>) outs(%e : tensor<4x8xbf16>) maps [affine_map<(m, c) -> (m, c)>, affine_map<(m, c) -> (m, c)>, affine_map<(m, c) -> (m, c)>] {
  ^bb0(%a: bf16, %b: bf16, %i: bf16):
    %a32 = arith.extf %a : bf16 to f32
    %b32 = arith.extf %b : bf16 to f32
    %s = arith.addf %a32, %b32 : f32
    %r = arith.truncf %s : f32 to bf16
    swamla.yield %r : bf16
  } -> tensor<4x8xbf16>
  return %1 : tensor<4x8xbf16>
}
