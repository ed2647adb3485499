// bf16 numbers are quantised, straight and transposed, and read again: what F8Test.cpp computes by hand. Functions of this folder have no
// gradients.

#straight = affine_map<(m, c) -> (m, c)>
#transposed = affine_map<(m, c) -> (c, m)>

// A producer, a quantisation in both orientations, and their readers, the transposed copy read in rows of its own. y, z in E4M3; u in E5M2.
func.func @quantize(%x: tensor<70x37xf32>) -> (tensor<70x37xf32>, tensor<37x70xf32>, tensor<37x70xf32>) {
  %e0 = tensor.empty() : tensor<70x37xbf16>
  %b = swamla.fused [70 | 37] ins(%x : tensor<70x37xf32>) outs(%e0 : tensor<70x37xbf16>) label "produce" maps [#straight, #straight] {
  ^bb0(%a: f32, %i: bf16):
    %k = arith.constant 100.0 : f32
    %0 = arith.mulf %a, %k : f32
    %1 = arith.truncf %0 : f32 to bf16
    swamla.yield %1 : bf16
  } -> tensor<70x37xbf16>

  %e1 = tensor.empty() : tensor<70x37xf8E4M3FN>
  %e2 = tensor.empty() : tensor<37x70xf8E4M3FN>
  %e3 = tensor.empty() : tensor<37x70xf8E5M2>
  %q, %t, %g = swamla.fused [70 | 37] ins(%b : tensor<70x37xbf16>)
      outs(%e1, %e2, %e3 : tensor<70x37xf8E4M3FN>, tensor<37x70xf8E4M3FN>, tensor<37x70xf8E5M2>) label "quantize"
      maps [#straight, #straight, #transposed, #transposed] {
  ^bb0(%a: bf16, %i0: f8E4M3FN, %i1: f8E4M3FN, %i2: f8E5M2):
    %0 = arith.extf %a : bf16 to f32
    %1 = arith.truncf %0 : f32 to f8E4M3FN
    %2 = arith.truncf %0 : f32 to f8E5M2
    swamla.yield %1, %1, %2 : f8E4M3FN, f8E4M3FN, f8E5M2
  } -> tensor<70x37xf8E4M3FN>, tensor<37x70xf8E4M3FN>, tensor<37x70xf8E5M2>

  %e4 = tensor.empty() : tensor<70x37xf32>
  %y = swamla.fused [70 | 37] ins(%q : tensor<70x37xf8E4M3FN>) outs(%e4 : tensor<70x37xf32>) label "read" maps [#straight, #straight] {
  ^bb0(%a: f8E4M3FN, %i: f32):
    %0 = arith.extf %a : f8E4M3FN to f32
    swamla.yield %0 : f32
  } -> tensor<70x37xf32>
  %e5 = tensor.empty() : tensor<37x70xf32>
  %z, %u = swamla.fused [37 | 70] ins(%t, %g : tensor<37x70xf8E4M3FN>, tensor<37x70xf8E5M2>)
      outs(%e5, %e5 : tensor<37x70xf32>, tensor<37x70xf32>) label "read" maps [#straight, #straight, #straight, #straight] {
  ^bb0(%a: f8E4M3FN, %b0: f8E5M2, %i0: f32, %i1: f32):
    %0 = arith.extf %a : f8E4M3FN to f32
    %1 = arith.extf %b0 : f8E5M2 to f32
    swamla.yield %0, %1 : f32, f32
  } -> tensor<37x70xf32>, tensor<37x70xf32>
  return %y, %z, %u : tensor<70x37xf32>, tensor<37x70xf32>, tensor<37x70xf32>
}
