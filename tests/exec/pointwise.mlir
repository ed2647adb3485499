// Elementwise and small row-wise ops. Sizes are odd on purpose: no width is a multiple of a vector.
func.func @add(%x: tensor<5x7xf32>, %y: tensor<5x7xf32>) -> tensor<5x7xf32> attributes {swamla.differentiate} {
  %0 = swamla.add %x, %y : tensor<5x7xf32>
  return %0 : tensor<5x7xf32>
}

// A value with several uses: its cotangents are added.
func.func @fan_out(%x: tensor<3x17xf32>, %y: tensor<3x17xf32>) -> (tensor<3x17xf32>, tensor<3x17xf32>) attributes {swamla.differentiate} {
  %0 = swamla.add %x, %x : tensor<3x17xf32>
  %1 = swamla.swiglu %0, %x : tensor<3x17xf32>
  %2 = swamla.add %1, %y : tensor<3x17xf32>
  return %2, %1 : tensor<3x17xf32>, tensor<3x17xf32>
}

func.func @bias_add(%x: tensor<9x33xf32>, %bias: tensor<33xf32>) -> tensor<9x33xf32> attributes {swamla.differentiate} {
  %0 = swamla.bias_add %x, %bias : tensor<9x33xf32>, tensor<33xf32>
  return %0 : tensor<9x33xf32>
}

func.func @bias_add_one_column(%x: tensor<70x1xf32>, %bias: tensor<1xf32>) -> tensor<70x1xf32> attributes {swamla.differentiate} {
  %0 = swamla.bias_add %x, %bias : tensor<70x1xf32>, tensor<1xf32>
  return %0 : tensor<70x1xf32>
}

// Enough rows that the sum over them is split into units.
func.func @bias_add_many_rows(%x: tensor<700x5xf32>, %bias: tensor<5xf32>) -> tensor<700x5xf32> attributes {swamla.differentiate} {
  %0 = swamla.bias_add %x, %bias : tensor<700x5xf32>, tensor<5xf32>
  return %0 : tensor<700x5xf32>
}

func.func @swiglu(%value: tensor<6x21xf32>, %gate: tensor<6x21xf32>) -> tensor<6x21xf32> attributes {swamla.differentiate} {
  %0 = swamla.swiglu %value, %gate : tensor<6x21xf32>
  return %0 : tensor<6x21xf32>
}

func.func @dropout(%x: tensor<13x19xf32>, %key: tensor<1xi32> {swamla.below = 1000000 : i64}) -> tensor<13x19xf32> attributes {swamla.differentiate} {
  %0 = swamla.dropout %x, %key p 0.3 site 2 : tensor<13x19xf32>, tensor<1xi32>
  return %0 : tensor<13x19xf32>
}

// Two sites draw different masks.
func.func @dropout_two_sites(%x: tensor<13x19xf32>, %key: tensor<1xi32> {swamla.below = 1000000 : i64}) -> (tensor<13x19xf32>, tensor<13x19xf32>) attributes {swamla.differentiate} {
  %0 = swamla.dropout %x, %key p 0.5 site 0 : tensor<13x19xf32>, tensor<1xi32>
  %1 = swamla.dropout %x, %key p 0.5 site 1 : tensor<13x19xf32>, tensor<1xi32>
  return %0, %1 : tensor<13x19xf32>, tensor<13x19xf32>
}
