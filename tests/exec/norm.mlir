// Normalisations.
func.func @rms_norm(%x: tensor<7x19xf32>, %w: tensor<19xf32>) -> tensor<7x19xf32> attributes {swamla.differentiate} {
  %0 = swamla.rms_norm %x, %w eps 1.0e-5 : tensor<7x19xf32>, tensor<19xf32>
  return %0 : tensor<7x19xf32>
}

// An eps that matters.
func.func @rms_norm_large_eps(%x: tensor<4x6xf32>, %w: tensor<6xf32>) -> tensor<4x6xf32> attributes {swamla.differentiate} {
  %0 = swamla.rms_norm %x, %w eps 0.7 : tensor<4x6xf32>, tensor<6xf32>
  return %0 : tensor<4x6xf32>
}

func.func @rms_norm_many_rows(%x: tensor<300x10xf32>, %w: tensor<10xf32>) -> tensor<300x10xf32> attributes {swamla.differentiate} {
  %0 = swamla.rms_norm %x, %w eps 1.0e-6 : tensor<300x10xf32>, tensor<10xf32>
  return %0 : tensor<300x10xf32>
}

func.func @layer_norm(%x: tensor<7x19xf32>, %w: tensor<19xf32>, %b: tensor<19xf32>) -> tensor<7x19xf32> attributes {swamla.differentiate} {
  %0 = swamla.layer_norm %x, %w, %b eps 1.0e-5 : tensor<7x19xf32>, tensor<19xf32>
  return %0 : tensor<7x19xf32>
}

func.func @layer_norm_large_eps(%x: tensor<4x6xf32>, %w: tensor<6xf32>, %b: tensor<6xf32>) -> tensor<4x6xf32> attributes {swamla.differentiate} {
  %0 = swamla.layer_norm %x, %w, %b eps 0.7 : tensor<4x6xf32>, tensor<6xf32>
  return %0 : tensor<4x6xf32>
}

func.func @dyt(%x: tensor<7x19xf32>, %alpha: tensor<1xf32>, %w: tensor<19xf32>, %b: tensor<19xf32>) -> tensor<7x19xf32> attributes {swamla.differentiate} {
  %0 = swamla.dyt %x, %alpha, %w, %b : tensor<7x19xf32>, tensor<1xf32>, tensor<19xf32>
  return %0 : tensor<7x19xf32>
}

// A residual stream: what is added and what is normalised come together in one kernel.
func.func @residual(%x: tensor<6x24xf32>, %y: tensor<6x24xf32>, %w: tensor<24xf32>) -> (tensor<6x24xf32>, tensor<6x24xf32>) attributes {swamla.differentiate} {
  %0 = swamla.add %x, %y : tensor<6x24xf32>
  %1 = swamla.rms_norm %0, %w eps 1.0e-6 : tensor<6x24xf32>, tensor<24xf32>
  return %0, %1 : tensor<6x24xf32>, tensor<6x24xf32>
}
