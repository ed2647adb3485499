// RUN: swamla-opt %s --split-input-file --verify-diagnostics --swamla-build-scaling

// expected-error @+1 {{attribute swamla.scaling is not complete: expected recipe, sites, rows, cotangents and cotangents_from as --swamla-quantize writes them, found {sites = 1 : i64}}}
module attributes {swamla.scaling = {sites = 1 : i64}} {}

// -----

// expected-error @+1 {{has fp8 products and no function @apply; run --swamla-build-optimizer before --swamla-build-scaling}}
module attributes {swamla.scaling = {cotangents = f8E5M2, cotangents_from = 1 : i64, recipe = "tensorwise", rows = 64 : i64, sites = 1 : i64}} {}

// -----

module attributes {swamla.scaling = {cotangents = f8E5M2, cotangents_from = 1 : i64, recipe = "tensorwise", rows = 64 : i64, sites = 1 : i64}} {
  // expected-error @+1 {{is read as fp8 and has no offset; run --swamla-quantize and --swamla-layout-params first}}
  swamla.param @w : tensor<64x32xf32> init normal 0.02 {scale_site = 0 : i64}
  func.func @apply() {
    %0 = swamla.get_param @w : tensor<64x32xf8E4M3FN>
    return
  }
}

// -----

module attributes {swamla.scaling = {cotangents = f8E5M2, cotangents_from = 1 : i64, recipe = "tensorwise", rows = 64 : i64, sites = 1 : i64}} {
  // expected-error @+1 {{is read as fp8 and has no scale_site; run --swamla-quantize and --swamla-layout-params first}}
  swamla.param @w : tensor<64x32xf32> init normal 0.02 offset 0
  func.func @apply() {
    %0 = swamla.get_param @w : tensor<64x32xf8E4M3FN>
    return
  }
}

// -----

// expected-error @+1 {{expected the module attribute swamla.flat_total, found no layout; run --swamla-layout-params before --swamla-build-scaling}}
module attributes {swamla.scaling = {cotangents = f8E5M2, cotangents_from = 1 : i64, recipe = "delayed", rows = 64 : i64, sites = 1 : i64}} {
  func.func @apply() {
    return
  }
}
