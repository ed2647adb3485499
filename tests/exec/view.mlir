// Parts of tensors.
func.func @split(%x: tensor<5x20xf32>) -> (tensor<5x12xf32>, tensor<5x8xf32>) attributes {swamla.differentiate} {
  %0, %1 = swamla.split %x heads 4 : tensor<5x20xf32> -> tensor<5x12xf32>, tensor<5x8xf32>
  return %0, %1 : tensor<5x12xf32>, tensor<5x8xf32>
}

// A part that nobody uses has the cotangent zero.
func.func @split_unused(%x: tensor<5x9xf32>) -> tensor<5x4xf32> attributes {swamla.differentiate} {
  %0, %1, %2 = swamla.split %x heads 1 : tensor<5x9xf32> -> tensor<5x2xf32>, tensor<5x4xf32>, tensor<5x3xf32>
  %3 = swamla.add %1, %1 : tensor<5x4xf32>
  return %3 : tensor<5x4xf32>
}

func.func @join(%x: tensor<5x4xf32>, %y: tensor<5x6xf32>) -> tensor<5x10xf32> attributes {swamla.differentiate} {
  %0 = swamla.join %x, %y heads 2 : tensor<5x4xf32>, tensor<5x6xf32> -> tensor<5x10xf32>
  return %0 : tensor<5x10xf32>
}

// The same value in two places of a join, and the join of computed values.
func.func @join_twice(%x: tensor<5x4xf32>, %y: tensor<5x4xf32>) -> tensor<5x12xf32> attributes {swamla.differentiate} {
  %0 = swamla.swiglu %x, %y : tensor<5x4xf32>
  %1 = swamla.join %0, %x, %0 heads 1 : tensor<5x4xf32>, tensor<5x4xf32>, tensor<5x4xf32> -> tensor<5x12xf32>
  return %1 : tensor<5x12xf32>
}

func.func @split_swiglu_join(%x: tensor<7x10xf32>) -> tensor<7x10xf32> attributes {swamla.differentiate} {
  %0, %1 = swamla.split %x heads 1 : tensor<7x10xf32> -> tensor<7x5xf32>, tensor<7x5xf32>
  %2 = swamla.swiglu %0, %1 : tensor<7x5xf32>
  %3 = swamla.join %2, %0 heads 1 : tensor<7x5xf32>, tensor<7x5xf32> -> tensor<7x10xf32>
  return %3 : tensor<7x10xf32>
}
