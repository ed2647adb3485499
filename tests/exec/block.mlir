// A whole block with scopes, as the expand phase makes them: what checkpointing and fusion work on.
func.func @block(%x: tensor<14x12xf32>, %g1: tensor<12xf32>, %wq: tensor<12x12xf32>, %wk: tensor<6x12xf32>, %wv: tensor<6x12xf32>, %wo: tensor<12x12xf32>, %g2: tensor<12xf32>, %wu: tensor<40x12xf32>, %wd: tensor<12x20xf32>, %key: tensor<1xi32> {swamla.below = 1000000 : i64}) -> tensor<14x12xf32> attributes {swamla.differentiate} {
  %cos, %sin = swamla.rope_table theta 100.0 factor 1.0 : tensor<7x6xf32>
  %n = swamla.rms_norm %x, %g1 eps 1.0e-6 {scope = "h.0.attn"} : tensor<14x12xf32>, tensor<12xf32>
  %q = swamla.matmul %n, %wq transpose_b {scope = "h.0.attn"} : tensor<14x12xf32>, tensor<12x12xf32> -> tensor<14x12xf32>
  %k = swamla.matmul %n, %wk transpose_b {scope = "h.0.attn"} : tensor<14x12xf32>, tensor<6x12xf32> -> tensor<14x6xf32>
  %v = swamla.matmul %n, %wv transpose_b {scope = "h.0.attn"} : tensor<14x12xf32>, tensor<6x12xf32> -> tensor<14x6xf32>
  %qr = swamla.rope %q, %cos, %sin heads 2 offset 0 {scope = "h.0.attn"} : tensor<14x12xf32>, tensor<7x6xf32>
  %kr = swamla.rope %k, %cos, %sin heads 1 offset 0 {scope = "h.0.attn"} : tensor<14x6xf32>, tensor<7x6xf32>
  %a, %lse = swamla.attention %qr, %kr, %v seq 7 heads 2 kv_heads 1 scale 0.4 window 3 sink 1 {scope = "h.0.attn"} : tensor<14x12xf32>, tensor<14x6xf32>, tensor<14x6xf32> -> tensor<14x12xf32>, tensor<2x14xf32>
  %o = swamla.matmul %a, %wo transpose_b {scope = "h.0.attn"} : tensor<14x12xf32>, tensor<12x12xf32> -> tensor<14x12xf32>
  %od = swamla.dropout %o, %key p 0.2 site 0 {scope = "h.0.attn"} : tensor<14x12xf32>, tensor<1xi32>
  %r = swamla.add %x, %od {scope = "h.0.attn"} : tensor<14x12xf32>
  %m = swamla.rms_norm %r, %g2 eps 1.0e-6 {scope = "h.0.mlp"} : tensor<14x12xf32>, tensor<12xf32>
  %u = swamla.matmul %m, %wu transpose_b {scope = "h.0.mlp"} : tensor<14x12xf32>, tensor<40x12xf32> -> tensor<14x40xf32>
  %value, %gate = swamla.split %u heads 1 {scope = "h.0.mlp"} : tensor<14x40xf32> -> tensor<14x20xf32>, tensor<14x20xf32>
  %s = swamla.swiglu %value, %gate {scope = "h.0.mlp"} : tensor<14x20xf32>
  %d = swamla.matmul %s, %wd transpose_b {scope = "h.0.mlp"} : tensor<14x20xf32>, tensor<12x20xf32> -> tensor<14x12xf32>
  %dd = swamla.dropout %d, %key p 0.2 site 1 {scope = "h.0.mlp"} : tensor<14x12xf32>, tensor<1xi32>
  %y = swamla.add %r, %dd {scope = "h.0.mlp"} : tensor<14x12xf32>
  return %y : tensor<14x12xf32>
}
