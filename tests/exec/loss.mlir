// Head and cross-entropy. Some targets are -100: they do not count.
func.func @linear_cross_entropy(%x: tensor<21x5xf32>, %w: tensor<13x5xf32>, %t: tensor<21xi32> {swamla.below = 13 : i64, swamla.ignored}) -> tensor<1xf32> attributes {swamla.differentiate} {
  %0 = swamla.linear_cross_entropy %x, %w, %t smoothing 0.0 : tensor<21x5xf32>, tensor<13x5xf32>, tensor<21xi32> -> tensor<1xf32>
  return %0 : tensor<1xf32>
}

func.func @linear_cross_entropy_smoothing(%x: tensor<21x5xf32>, %w: tensor<13x5xf32>, %t: tensor<21xi32> {swamla.below = 13 : i64, swamla.ignored}) -> tensor<1xf32> attributes {swamla.differentiate} {
  %0 = swamla.linear_cross_entropy %x, %w, %t smoothing 0.15 : tensor<21x5xf32>, tensor<13x5xf32>, tensor<21xi32> -> tensor<1xf32>
  return %0 : tensor<1xf32>
}

func.func @linear_cross_entropy_two_classes(%x: tensor<4x3xf32>, %w: tensor<2x3xf32>, %t: tensor<4xi32> {swamla.below = 2 : i64}) -> tensor<1xf32> attributes {swamla.differentiate} {
  %0 = swamla.linear_cross_entropy %x, %w, %t smoothing 0.3 : tensor<4x3xf32>, tensor<2x3xf32>, tensor<4xi32> -> tensor<1xf32>
  return %0 : tensor<1xf32>
}

// The loss of two heads that share a weight.
func.func @two_heads(%x: tensor<6x4xf32>, %w: tensor<7x4xf32>, %t: tensor<6xi32> {swamla.below = 7 : i64}, %u: tensor<6xi32> {swamla.below = 7 : i64, swamla.ignored}) -> tensor<1xf32> attributes {swamla.differentiate} {
  %0 = swamla.linear_cross_entropy %x, %w, %t smoothing 0.0 : tensor<6x4xf32>, tensor<7x4xf32>, tensor<6xi32> -> tensor<1xf32>
  %1 = swamla.linear_cross_entropy %x, %w, %u smoothing 0.1 : tensor<6x4xf32>, tensor<7x4xf32>, tensor<6xi32> -> tensor<1xf32>
  %2 = swamla.add %0, %1 : tensor<1xf32>
  return %2 : tensor<1xf32>
}
