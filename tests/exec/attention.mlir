// Positions and attention: causal, with window and sink, grouped heads, unequal widths, a shared key.
func.func @rope(%x: tensor<10x18xf32>) -> tensor<10x18xf32> attributes {swamla.differentiate} {
  %cos, %sin = swamla.rope_table theta 100.0 factor 1.0 : tensor<5x6xf32>
  %0 = swamla.rope %x, %cos, %sin heads 3 offset 0 : tensor<10x18xf32>, tensor<5x6xf32>
  return %0 : tensor<10x18xf32>
}

// Columns before and behind the range pass through.
func.func @rope_part(%x: tensor<10x18xf32>) -> tensor<10x18xf32> attributes {swamla.differentiate} {
  %cos, %sin = swamla.rope_table theta 1.0e4 factor 2.5 : tensor<5x4xf32>
  %0 = swamla.rope %x, %cos, %sin heads 2 offset 3 : tensor<10x18xf32>, tensor<5x4xf32>
  return %0 : tensor<10x18xf32>
}

func.func @rope_inverse(%x: tensor<10x18xf32>) -> tensor<10x18xf32> attributes {swamla.differentiate} {
  %cos, %sin = swamla.rope_table theta 100.0 factor 1.0 : tensor<5x6xf32>
  %0 = swamla.rope %x, %cos, %sin heads 3 offset 0 inverse : tensor<10x18xf32>, tensor<5x6xf32>
  return %0 : tensor<10x18xf32>
}

func.func @scale_rows(%x: tensor<12x9xf32>) -> tensor<12x9xf32> attributes {swamla.differentiate} {
  %s = swamla.logit_scale_table base 3.0 window 2 offset 3 min 1.2 max 1.9 : tensor<6xf32>
  %0 = swamla.scale_rows %x, %s : tensor<12x9xf32>, tensor<6xf32>
  return %0 : tensor<12x9xf32>
}

func.func @attention_causal(%q: tensor<22x12xf32>, %k: tensor<22x12xf32>, %v: tensor<22x12xf32>) -> tensor<22x12xf32> attributes {swamla.differentiate} {
  %0, %lse = swamla.attention %q, %k, %v seq 11 heads 2 kv_heads 2 scale 0.4 : tensor<22x12xf32>, tensor<22x12xf32>, tensor<22x12xf32> -> tensor<22x12xf32>, tensor<2x22xf32>
  return %0 : tensor<22x12xf32>
}

func.func @attention_grouped(%q: tensor<18x24xf32>, %k: tensor<18x12xf32>, %v: tensor<18x10xf32>) -> tensor<18x20xf32> attributes {swamla.differentiate} {
  %0, %lse = swamla.attention %q, %k, %v seq 9 heads 4 kv_heads 2 scale 0.5 : tensor<18x24xf32>, tensor<18x12xf32>, tensor<18x10xf32> -> tensor<18x20xf32>, tensor<4x18xf32>
  return %0 : tensor<18x20xf32>
}

func.func @attention_window(%q: tensor<40x6xf32>, %k: tensor<40x6xf32>, %v: tensor<40x6xf32>) -> tensor<40x6xf32> attributes {swamla.differentiate} {
  %0, %lse = swamla.attention %q, %k, %v seq 20 heads 1 kv_heads 1 scale 0.4 window 4 : tensor<40x6xf32>, tensor<40x6xf32>, tensor<40x6xf32> -> tensor<40x6xf32>, tensor<1x40xf32>
  return %0 : tensor<40x6xf32>
}

func.func @attention_window_sink(%q: tensor<46x8xf32>, %k: tensor<46x4xf32>, %v: tensor<46x4xf32>) -> tensor<46x8xf32> attributes {swamla.differentiate} {
  %0, %lse = swamla.attention %q, %k, %v seq 23 heads 2 kv_heads 1 scale 0.5 window 5 sink 3 : tensor<46x8xf32>, tensor<46x4xf32>, tensor<46x4xf32> -> tensor<46x8xf32>, tensor<2x46xf32>
  return %0 : tensor<46x8xf32>
}

// A window of the query's own key: the value itself, and no cotangent for q and k.
func.func @attention_window_zero(%q: tensor<14x4xf32>, %k: tensor<14x4xf32>, %v: tensor<14x4xf32>) -> tensor<14x4xf32> attributes {swamla.differentiate} {
  %0, %lse = swamla.attention %q, %k, %v seq 7 heads 1 kv_heads 1 scale 0.5 window 0 : tensor<14x4xf32>, tensor<14x4xf32>, tensor<14x4xf32> -> tensor<14x4xf32>, tensor<1x14xf32>
  return %0 : tensor<14x4xf32>
}

// More than one tile of queries and keys, so that some tiles are hidden and others cut.
func.func @attention_tiles(%q: tensor<150x8xf32>, %k: tensor<150x8xf32>, %v: tensor<150x6xf32>) -> tensor<150x6xf32> attributes {swamla.differentiate} {
  %0, %lse = swamla.attention %q, %k, %v seq 150 heads 1 kv_heads 1 scale 0.35 window 37 sink 9 : tensor<150x8xf32>, tensor<150x8xf32>, tensor<150x6xf32> -> tensor<150x6xf32>, tensor<1x150xf32>
  return %0 : tensor<150x6xf32>
}

// MLA: keys of 3 own and 4 shared columns, values of 5.
func.func @attention_shared(%q: tensor<26x14xf32>, %k: tensor<26x6xf32>, %v: tensor<26x10xf32>, %s: tensor<26x4xf32>) -> tensor<26x10xf32> attributes {swamla.differentiate} {
  %0, %lse = swamla.attention %q, %k, %v shared %s seq 13 heads 2 kv_heads 2 scale 0.4 : tensor<26x14xf32>, tensor<26x6xf32>, tensor<26x10xf32>, tensor<26x4xf32> -> tensor<26x10xf32>, tensor<2x26xf32>
  return %0 : tensor<26x10xf32>
}

// One token a sequence: attention to itself.
func.func @attention_one_token(%q: tensor<3x4xf32>, %k: tensor<3x4xf32>, %v: tensor<3x4xf32>) -> tensor<3x4xf32> attributes {swamla.differentiate} {
  %0, %lse = swamla.attention %q, %k, %v seq 1 heads 2 kv_heads 2 scale 0.7 : tensor<3x4xf32>, tensor<3x4xf32>, tensor<3x4xf32> -> tensor<3x4xf32>, tensor<2x3xf32>
  return %0 : tensor<3x4xf32>
}
