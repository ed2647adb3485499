// RUN: swamla-opt %s --swamla-layout-params --split-input-file --verify-diagnostics

module {
  swamla.param @a : tensor<2x4xf32> init normal 0.02
  swamla.param @b : tensor<2x4xf32> init normal 0.02
  // expected-note @+1 {{the other group}}
  swamla.param_group @first [@a, @b] : tensor<4x4xf32>
  // expected-error @+1 {{'swamla.param_group' op has the member @b, which is in another group already; a parameter can lie in one place only}}
  swamla.param_group @second [@b] : tensor<2x4xf32>
}
