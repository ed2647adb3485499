// Scales of rows and tensors, numbers with them, and the scaling state's update: what ScaleTest.cpp computes by hand.

func.func @scales(%x: tensor<48x3xf32>) -> (tensor<48xf32>, tensor<48xf32>, tensor<1xf32>, tensor<48x3xf32>, tensor<3x48xf32>) {
  %rows = swamla.row_amax %x : tensor<48x3xf32> -> tensor<48xf32>
  %e4m3 = swamla.row_scale %rows for f8E4M3FN columns 3 : tensor<48xf32>
  %e5m2 = swamla.row_scale %rows for f8E5M2 columns 3 : tensor<48xf32>
  %one = swamla.tensor_scale %rows for f8E5M2 : tensor<48xf32> -> tensor<1xf32>
  %q = swamla.quantize %x scale %e4m3 : tensor<48x3xf32>, tensor<48xf32> -> tensor<48x3xf8E4M3FN>
  %t = swamla.quantize %x scale %one transposed : tensor<48x3xf32>, tensor<1xf32> -> tensor<3x48xf8E5M2>
  %y = swamla.cast %q : tensor<48x3xf8E4M3FN> -> tensor<48x3xf32>
  %z = swamla.cast %t : tensor<3x48xf8E5M2> -> tensor<3x48xf32>
  return %e4m3, %e5m2, %one, %y, %z : tensor<48xf32>, tensor<48xf32>, tensor<1xf32>, tensor<48x3xf32>, tensor<3x48xf32>
}

// Sites 0 to 2 are E4M3, 3 and 4 E5M2; a history of three steps.
func.func @update(%amax: tensor<5x7xf32>, %scale: tensor<5xf32>, %h0: tensor<5xf32>, %h1: tensor<5xf32>, %h2: tensor<5xf32>)
    -> (tensor<5x7xf32>, tensor<5xf32>, tensor<5xf32>, tensor<5xf32>, tensor<5xf32>) {
  %a, %s, %n0, %n1, %n2 = swamla.update_scales %amax, %scale history (%h0, %h1, %h2) cotangents_from 3 as f8E5M2
      : tensor<5x7xf32>, tensor<5xf32>, tensor<5xf32>, tensor<5xf32>, tensor<5xf32>
      -> tensor<5x7xf32>, tensor<5xf32>, tensor<5xf32>, tensor<5xf32>, tensor<5xf32>
  return %a, %s, %n0, %n1, %n2 : tensor<5x7xf32>, tensor<5xf32>, tensor<5xf32>, tensor<5xf32>, tensor<5xf32>
}

// Site 0 holds an activation, 1 and 2 cotangents, E4M3 like it.
func.func @update_e4m3(%amax: tensor<3x7xf32>, %scale: tensor<3xf32>, %h0: tensor<3xf32>) -> (tensor<3xf32>) {
  %a, %s, %n0 = swamla.update_scales %amax, %scale history (%h0) cotangents_from 1 as f8E4M3FN
      : tensor<3x7xf32>, tensor<3xf32>, tensor<3xf32> -> tensor<3x7xf32>, tensor<3xf32>, tensor<3xf32>
  return %s : tensor<3xf32>
}

// Without a history the largest amax decides, and a site that has seen nothing has the scale 1.
func.func @update_now(%amax: tensor<2x7xf32>, %scale: tensor<2xf32>) -> (tensor<2x7xf32>, tensor<2xf32>) {
  %a, %s = swamla.update_scales %amax, %scale cotangents_from 2 as f8E5M2 : tensor<2x7xf32>, tensor<2xf32> -> tensor<2x7xf32>, tensor<2xf32>
  return %a, %s : tensor<2x7xf32>, tensor<2xf32>
}

// What codes stand for, and codes the other way round.
func.func @back(%x: tensor<48x3xf32>) -> (tensor<48xf32>, tensor<48x3xf32>, tensor<3x48xf32>) {
  %rows = swamla.row_amax %x : tensor<48x3xf32> -> tensor<48xf32>
  %s = swamla.row_scale %rows for f8E4M3FN columns 3 : tensor<48xf32>
  %q = swamla.quantize %x scale %s : tensor<48x3xf32>, tensor<48xf32> -> tensor<48x3xf8E4M3FN>
  %y = swamla.dequantize %q scale %s : tensor<48x3xf8E4M3FN>, tensor<48xf32> -> tensor<48x3xf32>
  %t = swamla.transpose %q : tensor<48x3xf8E4M3FN> -> tensor<3x48xf8E4M3FN>
  %z = swamla.cast %t : tensor<3x48xf8E4M3FN> -> tensor<3x48xf32>
  return %s, %y, %z : tensor<48xf32>, tensor<48x3xf32>, tensor<3x48xf32>
}
