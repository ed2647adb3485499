// RUN: swamla-opt %s --split-input-file --verify-diagnostics --swamla-verify-phase=phase=plan

// Tests that the verifier between phases names what is left over, and the pass that should have converted it.

module {
  func.func @eval(%x: tensor<4x8xf32>) -> tensor<4x8xf32> {
    // expected-error @+1 {{'swamla.add' op is illegal after phase plan; expected to have been converted by --swamla-form-fused}}
    %0 = swamla.add %x, %x : tensor<4x8xf32>
    return %0 : tensor<4x8xf32>
  }
}

// -----

module {
  func.func @eval(%x: tensor<4x8xf32>, %w: tensor<8x8xf32>, %t: tensor<4xi32>) -> tensor<1xf32> {
    // expected-error @+1 {{'swamla.linear_cross_entropy' op is illegal after phase plan; expected to have been converted by --swamla-chunk-loss}}
    %0 = swamla.linear_cross_entropy %x, %w, %t smoothing 0.0 : tensor<4x8xf32>, tensor<8x8xf32>, tensor<4xi32> -> tensor<1xf32>
    return %0 : tensor<1xf32>
  }
}

// -----

// expected-error @+1 {{'swamla.param' op is illegal after phase plan; expected to have been converted by --swamla-layout-params}}
swamla.param @w : tensor<8xf32> init constant 0.0

// -----

module {
  func.func @micro_step(%x: tensor<8xf32>) {
    // expected-error @+1 {{'swamla.add_grad' op is illegal after phase plan; expected to have been converted by --swamla-accumulate-grads}}
    swamla.add_grad @w, %x : tensor<8xf32>
    return
  }
  swamla.param @w : tensor<8xf32> init constant 0.0 offset 0
}

// -----

module {
  // expected-error @+1 {{'func.func' op is illegal after phase plan; expected to have been converted by --swamla-autodiff}}
  func.func private @loss()
}

// -----

// Tests that a legal module passes: the scalar ops of a kernel's region are not left over.

module {
  step.row_kernel @k domain [16, 8] row_dims 1 ins 0 maps [affine_map<(m, c) -> (m * 8 + c)>] unit_rows 4 {
  ^bb0(%out: f32):
    %0 = swamla.pair_swap %out : f32
    swamla.yield %0 : f32
  }
}
