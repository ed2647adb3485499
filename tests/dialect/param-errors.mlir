// RUN: swamla-opt %s -split-input-file -verify-diagnostics

// expected-error @+1 {{expected a static tensor of f32, found 'tensor<4xi32>'}}
swamla.param @param_c1 : tensor<4xi32> init constant 0.0

// -----

// expected-error @+1 {{init normal: expected a standard deviation >= 0, found -1}}
swamla.param @param_c2 : tensor<4xf32> init normal -1.0

// -----

// expected-error @+1 {{offset: expected at least 0, found -64}}
swamla.param @param_c3 : tensor<4xf32> init constant 0.0 offset -64

// -----

// expected-error @+1 {{expected 'normal' or 'constant', found 'uniform'}}
swamla.param @param_syntax : tensor<4xf32> init uniform 1.0

// -----

// expected-error @+1 {{expected at least one member, found none}}
swamla.param_group @param_group_c1 [] : tensor<4x8xf32>

// -----

swamla.param @a : tensor<4x8xf32> init constant 0.0
// expected-error @+1 {{expected a swamla.param named @missing, found none}}
swamla.param_group @param_group_c1_missing [@a, @missing] : tensor<4x8xf32>

// -----

swamla.param @a : tensor<4x8xf32> init constant 0.0
// expected-error @+1 {{member @a: expected 'tensor<4x9xf32>', found 'tensor<4x8xf32>'}}
swamla.param_group @param_group_c2 [@a] : tensor<4x9xf32>

// -----

swamla.param @a : tensor<4x8xf32> init constant 0.0
// expected-error @+1 {{expected members with 5 rows in all, found 4}}
swamla.param_group @param_group_c2_rows [@a] : tensor<5x8xf32>

// -----

swamla.param @a : tensor<4x8xf32> init constant 0.0 decay
swamla.param @b : tensor<4x8xf32> init constant 0.0
// expected-error @+1 {{expected members of one decay group, found @a with decay and @b without}}
swamla.param_group @param_group_c3 [@a, @b] : tensor<8x8xf32>

// -----

swamla.param @a : tensor<4x8xf32> init constant 0.0 offset 0
swamla.param @b : tensor<4x8xf32> init constant 0.0 offset 64
// expected-error @+1 {{member @b: expected offset 32, found 64}}
swamla.param_group @param_group_c4 [@a, @b] : tensor<8x8xf32> offset 0

// -----

swamla.param @a : tensor<4x8xf32> init constant 0.0
// expected-error @+1 {{member @a: expected offset 0, found no offset}}
swamla.param_group @param_group_c4_unset [@a] : tensor<4x8xf32> offset 0

// -----

func.func @get_param_c1() {
  // expected-error @+1 {{expected a swamla.param or swamla.param_group named @missing, found none}}
  %0 = swamla.get_param @missing : tensor<4xf32>
  return
}

// -----

// expected-note @+1 {{declared here}}
func.func @get_param_c1_kind() {
  // expected-error @+1 {{expected a swamla.param or swamla.param_group named @get_param_c1_kind, found 'func.func'}}
  %0 = swamla.get_param @get_param_c1_kind : tensor<4xf32>
  return
}

// -----

// expected-note @+1 {{declared here}}
swamla.param @p : tensor<4xf32> init constant 0.0
func.func @get_param_c2() {
  // expected-error @+1 {{expected the type of @p, 'tensor<4xf32>', found 'tensor<5xf32>'}}
  %0 = swamla.get_param @p : tensor<5xf32>
  return
}

// -----

func.func @add_grad_c1(%x: tensor<4xf32>) {
  // expected-error @+1 {{expected a swamla.param or swamla.param_group named @missing, found none}}
  swamla.add_grad @missing, %x : tensor<4xf32>
  return
}

// -----

// expected-note @+1 {{declared here}}
swamla.param @p : tensor<4xf32> init constant 0.0
func.func @add_grad_c2(%x: tensor<5xf32>) {
  // expected-error @+1 {{expected the type of @p, 'tensor<4xf32>', found 'tensor<5xf32>'}}
  swamla.add_grad @p, %x : tensor<5xf32>
  return
}

// -----

func.func @get_grad_c1() {
  // expected-error @+1 {{expected a swamla.param or swamla.param_group named @missing, found none}}
  %0 = swamla.get_grad @missing : tensor<4xf32>
  return
}

// -----

// expected-note @+1 {{declared here}}
swamla.param @p : tensor<4xf32> init constant 0.0
func.func @get_grad_c2() {
  // expected-error @+1 {{expected the type of @p, 'tensor<4xf32>', found 'tensor<5xf32>'}}
  %0 = swamla.get_grad @p : tensor<5xf32>
  return
}

// -----

func.func @set_grad_c1(%x: tensor<4xf32>) {
  // expected-error @+1 {{expected a swamla.param or swamla.param_group named @missing, found none}}
  swamla.set_grad @missing, %x : tensor<4xf32>
  return
}

// -----

// expected-note @+1 {{declared here}}
swamla.param @p : tensor<4xf32> init constant 0.0
func.func @set_grad_c2(%x: tensor<5xf32>) {
  // expected-error @+1 {{expected the type of @p, 'tensor<4xf32>', found 'tensor<5xf32>'}}
  swamla.set_grad @p, %x : tensor<5xf32>
  return
}

// -----

func.func @get_flat_c1() {
  // expected-error @+1 {{offset: expected at least 0, found -1}}
  %0 = swamla.get_flat "params" offset -1 : tensor<4x8xf32>
  return
}

// -----

func.func @set_flat_c1(%x: tensor<4x8xf32>) {
  // expected-error @+1 {{offset: expected at least 0, found -1}}
  swamla.set_flat "params" offset -1, %x : tensor<4x8xf32>
  return
}

// -----

func.func @scalar_c1() {
  // expected-error @+1 {{expected one of lr, beta1, beta2, eps, weight_decay, bias_correction1, bias_correction2, clip, grad_scale, loss_scale, dropout_key, position, found 'momentum'}}
  %0 = swamla.scalar "momentum" : tensor<1xf32>
  return
}

// -----

func.func @scalar_c2() {
  // expected-error @+1 {{result: expected 'tensor<1xi32>', found 'tensor<1xf32>'}}
  %0 = swamla.scalar "position" : tensor<1xf32>
  return
}

// -----

func.func @get_flat_c2() {
  // expected-error @+1 {{expected elements of 'bf16' in buffer "working", found 'tensor<2x4xf32>'}}
  %0 = swamla.get_flat "working" offset 0 : tensor<2x4xf32>
  return
}

// -----

func.func @set_flat_c2(%x: tensor<2x4xbf16>) {
  // expected-error @+1 {{expected elements of 'f32' in buffer "params", found 'tensor<2x4xbf16>'}}
  swamla.set_flat "params" offset 0, %x : tensor<2x4xbf16>
  return
}

// -----

// expected-note @+1 {{declared here}}
swamla.param @w : tensor<4x4xf32> init normal 0.02
func.func @get_param_c2_element() {
  // expected-error @+1 {{expected the type of @w, 'tensor<4x4xf32>', found 'tensor<4x4xf16>'}}
  %0 = swamla.get_param @w : tensor<4x4xf16>
  return
}
