// Matrix products in all transpositions, embedding, parameters.
func.func @matmul(%a: tensor<5x11xf32>, %b: tensor<11x3xf32>) -> tensor<5x3xf32> attributes {swamla.differentiate} {
  %0 = swamla.matmul %a, %b : tensor<5x11xf32>, tensor<11x3xf32> -> tensor<5x3xf32>
  return %0 : tensor<5x3xf32>
}

func.func @matmul_ta(%a: tensor<11x5xf32>, %b: tensor<11x3xf32>) -> tensor<5x3xf32> attributes {swamla.differentiate} {
  %0 = swamla.matmul %a, %b transpose_a : tensor<11x5xf32>, tensor<11x3xf32> -> tensor<5x3xf32>
  return %0 : tensor<5x3xf32>
}

func.func @matmul_tb(%a: tensor<5x11xf32>, %b: tensor<3x11xf32>) -> tensor<5x3xf32> attributes {swamla.differentiate} {
  %0 = swamla.matmul %a, %b transpose_b : tensor<5x11xf32>, tensor<3x11xf32> -> tensor<5x3xf32>
  return %0 : tensor<5x3xf32>
}

func.func @matmul_ta_tb(%a: tensor<11x5xf32>, %b: tensor<3x11xf32>) -> tensor<5x3xf32> attributes {swamla.differentiate} {
  %0 = swamla.matmul %a, %b transpose_a transpose_b : tensor<11x5xf32>, tensor<3x11xf32> -> tensor<5x3xf32>
  return %0 : tensor<5x3xf32>
}

func.func @matmul_init(%a: tensor<5x11xf32>, %b: tensor<11x3xf32>, %c: tensor<5x3xf32>) -> tensor<5x3xf32> attributes {swamla.differentiate} {
  %0 = swamla.matmul %a, %b init %c : tensor<5x11xf32>, tensor<11x3xf32>, tensor<5x3xf32> -> tensor<5x3xf32>
  return %0 : tensor<5x3xf32>
}

func.func @matmul_square(%a: tensor<6x6xf32>) -> tensor<6x6xf32> attributes {swamla.differentiate} {
  %0 = swamla.matmul %a, %a transpose_b : tensor<6x6xf32>, tensor<6x6xf32> -> tensor<6x6xf32>
  return %0 : tensor<6x6xf32>
}

// Tokens repeat: their rows' cotangents are added.
func.func @embedding_lookup(%tokens: tensor<23xi32> {swamla.below = 7 : i64}, %table: tensor<7x10xf32>) -> tensor<23x10xf32> attributes {swamla.differentiate} {
  %0 = swamla.embedding_lookup %tokens, %table : tensor<23xi32>, tensor<7x10xf32> -> tensor<23x10xf32>
  return %0 : tensor<23x10xf32>
}

// A parameter of the host model, used twice: its gradient takes both contributions.
func.func @get_param(%x: tensor<5x6xf32>) -> tensor<5x11xf32> attributes {swamla.differentiate} {
  %w = swamla.get_param @"wte.weight" : tensor<11x6xf32>
  %0 = swamla.matmul %x, %w transpose_b : tensor<5x6xf32>, tensor<11x6xf32> -> tensor<5x11xf32>
  %1 = swamla.matmul %0, %w : tensor<5x11xf32>, tensor<11x6xf32> -> tensor<5x6xf32>
  %2 = swamla.matmul %1, %w init %0 transpose_b : tensor<5x6xf32>, tensor<11x6xf32>, tensor<5x11xf32> -> tensor<5x11xf32>
  return %2 : tensor<5x11xf32>
}

// The tied table: an embedding's and a head's gradient in one.
func.func @tied(%tokens: tensor<9xi32> {swamla.below = 11 : i64}, %targets: tensor<9xi32> {swamla.below = 11 : i64, swamla.ignored}) -> tensor<1xf32> attributes {swamla.differentiate} {
  %w = swamla.get_param @"wte.weight" : tensor<11x6xf32>
  %0 = swamla.embedding_lookup %tokens, %w : tensor<9xi32>, tensor<11x6xf32> -> tensor<9x6xf32>
  %g = swamla.get_param @"ln_f.weight" : tensor<6xf32>
  %1 = swamla.rms_norm %0, %g eps 1.0e-6 : tensor<9x6xf32>, tensor<6xf32>
  %2 = swamla.linear_cross_entropy %1, %w, %targets smoothing 0.0 : tensor<9x6xf32>, tensor<11x6xf32>, tensor<9xi32> -> tensor<1xf32>
  return %2 : tensor<1xf32>
}
