// RUN: swamla-opt %s -split-input-file -verify-diagnostics

// expected-error @+1 {{expected two block arguments of one type tensor<B x T x i32>, found ('tensor<?x8xi32>', 'tensor<?x8xi32>', 'tensor<?x8xi32>')}}
swamla.model @model_c1 {
^bb0(%tokens: tensor<?x8xi32>, %targets: tensor<?x8xi32>, %more: tensor<?x8xi32>):
  %0 = swamla.embedding "wte" %tokens vocab 32 : tensor<?x8xi32> -> tensor<?x8x16xf32>
  swamla.lm_loss %0, %targets tied "wte" vocab 32 : tensor<?x8x16xf32>, tensor<?x8xi32>
}

// -----

// expected-error @+1 {{expected two block arguments of one type tensor<B x T x i32>, found ('tensor<?x8xi32>', 'tensor<?x9xi32>')}}
swamla.model @model_c1_type {
^bb0(%tokens: tensor<?x8xi32>, %targets: tensor<?x9xi32>):
  %0 = swamla.embedding "wte" %tokens vocab 32 : tensor<?x8xi32> -> tensor<?x8x16xf32>
  swamla.lm_loss %0, %targets tied "wte" vocab 32 : tensor<?x8x16xf32>, tensor<?x9xi32>
}

// -----

// expected-error @+1 {{expected swamla.lm_loss at the end, found 'swamla.yield'}}
swamla.model @model_c2 {
^bb0(%tokens: tensor<?x8xi32>, %targets: tensor<?x8xi32>):
  %0 = swamla.embedding "wte" %tokens vocab 32 : tensor<?x8xi32> -> tensor<?x8x16xf32>
  "swamla.yield"() : () -> ()
}

// -----

swamla.model @model_c3 {
^bb0(%tokens: tensor<?x8xi32>, %targets: tensor<?x8xi32>):
  %0 = swamla.embedding "wte" %tokens vocab 32 : tensor<?x8xi32> -> tensor<?x8x16xf32>
  // expected-note @+1 {{the other block}}
  %1 = swamla.norm "n" %0 norm rms(eps 1.0e-06) : tensor<?x8x16xf32>
  // expected-error @+1 {{expected a name that no other block has, found "n"}}
  %2 = swamla.norm "n" %1 norm rms(eps 1.0e-06) : tensor<?x8x16xf32>
  swamla.lm_loss %2, %targets tied "wte" vocab 32 : tensor<?x8x16xf32>, tensor<?x8xi32>
}

// -----

swamla.model @model_c4 {
^bb0(%tokens: tensor<?x8xi32>, %targets: tensor<?x8xi32>):
  %0 = swamla.embedding "wte" %tokens vocab 32 : tensor<?x8xi32> -> tensor<?x8x16xf32>
  // expected-error @+1 {{tied: expected the name of the embedding, found 'wpe'}}
  swamla.lm_loss %0, %targets tied "wpe" vocab 32 : tensor<?x8x16xf32>, tensor<?x8xi32>
}

// -----

swamla.model @model_c4_vocab {
^bb0(%tokens: tensor<?x8xi32>, %targets: tensor<?x8xi32>):
  // expected-note @+1 {{the embedding}}
  %0 = swamla.embedding "wte" %tokens vocab 32 : tensor<?x8xi32> -> tensor<?x8x16xf32>
  // expected-error @+1 {{expected the embedding's vocabulary and width, 32 x 16, found 33 x 16}}
  swamla.lm_loss %0, %targets tied "wte" vocab 33 : tensor<?x8x16xf32>, tensor<?x8xi32>
}

// -----

swamla.model @model_unknown_op {
^bb0(%tokens: tensor<?x8xi32>, %targets: tensor<?x8xi32>):
  %0 = swamla.embedding "wte" %tokens vocab 32 : tensor<?x8xi32> -> tensor<?x8x16xf32>
  // expected-error @+1 {{in a swamla.model, expected a block with a name}}
  %1 = arith.constant 1 : i32
  swamla.lm_loss %0, %targets tied "wte" vocab 32 : tensor<?x8x16xf32>, tensor<?x8xi32>
}

// -----

swamla.model @embedding_c1 {
^bb0(%tokens: tensor<?x8xi32>, %targets: tensor<?x8xi32>):
  // expected-error @+1 {{result: expected tensor<B x T x C x f32>, found 'tensor<?x8x16xf64>'}}
  %0 = swamla.embedding "wte" %tokens vocab 32 : tensor<?x8xi32> -> tensor<?x8x16xf64>
  swamla.lm_loss %0, %targets tied "wte" vocab 32 : tensor<?x8x16xf64>, tensor<?x8xi32>
}

// -----

swamla.model @embedding_c1_tokens {
^bb0(%tokens: tensor<?x8xi32>, %targets: tensor<?x8xi32>):
  // expected-error @+1 {{tokens: expected 'tensor<?x9xi32>', found 'tensor<?x8xi32>'}}
  %0 = swamla.embedding "wte" %tokens vocab 32 : tensor<?x8xi32> -> tensor<?x9x16xf32>
  swamla.lm_loss %0, %targets tied "wte" vocab 32 : tensor<?x9x16xf32>, tensor<?x8xi32>
}

// -----

swamla.model @embedding_c1_empty {
^bb0(%tokens: tensor<?x8xi32>, %targets: tensor<?x8xi32>):
  // expected-error @+1 {{result: expected tensor<B x T x C x f32>, found 'tensor<?x8x0xf32>'}}
  %0 = swamla.embedding "wte" %tokens vocab 32 : tensor<?x8xi32> -> tensor<?x8x0xf32>
  swamla.lm_loss %0, %targets tied "wte" vocab 32 : tensor<?x8x0xf32>, tensor<?x8xi32>
}

// -----

swamla.model @embedding_c2 {
^bb0(%tokens: tensor<?x8xi32>, %targets: tensor<?x8xi32>):
  // expected-error @+1 {{vocab: expected at least 1, found 0}}
  %0 = swamla.embedding "wte" %tokens vocab 0 : tensor<?x8xi32> -> tensor<?x8x16xf32>
  swamla.lm_loss %0, %targets tied "wte" vocab 32 : tensor<?x8x16xf32>, tensor<?x8xi32>
}

// -----

swamla.model @embedding_c3 {
^bb0(%tokens: tensor<?x8xi32>, %targets: tensor<?x8xi32>):
  // expected-error @+1 {{dropout: expected 0 <= dropout < 1, found 1.0}}
  %0 = swamla.embedding "wte" %tokens vocab 32 dropout 1.0 : tensor<?x8xi32> -> tensor<?x8x16xf32>
  swamla.lm_loss %0, %targets tied "wte" vocab 32 : tensor<?x8x16xf32>, tensor<?x8xi32>
}

// -----

swamla.model @swa_block_c1 {
^bb0(%tokens: tensor<?x8xi32>, %targets: tensor<?x8xi32>):
  %0 = swamla.embedding "wte" %tokens vocab 32 : tensor<?x8xi32> -> tensor<?x8x16xf32>
  // expected-error @+1 {{heads: expected a divisor of the width of x = 16, found 3}}
  %1 = swamla.swa_block "h.0" %0 heads 3 kv_heads 1 window 4 sink 0 theta 10000.0 norm rms(eps 1.0e-06) : tensor<?x8x16xf32>
  swamla.lm_loss %1, %targets tied "wte" vocab 32 : tensor<?x8x16xf32>, tensor<?x8xi32>
}

// -----

swamla.model @swa_block_c1_zero {
^bb0(%tokens: tensor<?x8xi32>, %targets: tensor<?x8xi32>):
  %0 = swamla.embedding "wte" %tokens vocab 32 : tensor<?x8xi32> -> tensor<?x8x16xf32>
  // expected-error @+1 {{heads: expected a divisor of the width of x = 16, found 0}}
  %1 = swamla.swa_block "h.0" %0 heads 0 kv_heads 1 window 4 sink 0 theta 10000.0 norm rms(eps 1.0e-06) : tensor<?x8x16xf32>
  swamla.lm_loss %1, %targets tied "wte" vocab 32 : tensor<?x8x16xf32>, tensor<?x8xi32>
}

// -----

swamla.model @swa_block_c2 {
^bb0(%tokens: tensor<?x8xi32>, %targets: tensor<?x8xi32>):
  %0 = swamla.embedding "wte" %tokens vocab 32 : tensor<?x8xi32> -> tensor<?x8x16xf32>
  // expected-error @+1 {{kv_heads: expected a divisor of heads = 4, found 3}}
  %1 = swamla.swa_block "h.0" %0 heads 4 kv_heads 3 window 4 sink 0 theta 10000.0 norm rms(eps 1.0e-06) : tensor<?x8x16xf32>
  swamla.lm_loss %1, %targets tied "wte" vocab 32 : tensor<?x8x16xf32>, tensor<?x8xi32>
}

// -----

swamla.model @swa_block_c3 {
^bb0(%tokens: tensor<?x8xi32>, %targets: tensor<?x8xi32>):
  %0 = swamla.embedding "wte" %tokens vocab 32 : tensor<?x8xi32> -> tensor<?x8x16xf32>
  // expected-error @+1 {{expected an even head width, for rope, found 16 / 16 = 1}}
  %1 = swamla.swa_block "h.0" %0 heads 16 kv_heads 1 window 4 sink 0 theta 10000.0 norm rms(eps 1.0e-06) : tensor<?x8x16xf32>
  swamla.lm_loss %1, %targets tied "wte" vocab 32 : tensor<?x8x16xf32>, tensor<?x8xi32>
}

// -----

swamla.model @swa_block_c4 {
^bb0(%tokens: tensor<?x8xi32>, %targets: tensor<?x8xi32>):
  %0 = swamla.embedding "wte" %tokens vocab 32 : tensor<?x8xi32> -> tensor<?x8x16xf32>
  // expected-error @+1 {{window: expected at least 0, found -1}}
  %1 = swamla.swa_block "h.0" %0 heads 2 kv_heads 1 window -1 sink 0 theta 10000.0 norm rms(eps 1.0e-06) : tensor<?x8x16xf32>
  swamla.lm_loss %1, %targets tied "wte" vocab 32 : tensor<?x8x16xf32>, tensor<?x8xi32>
}

// -----

swamla.model @swa_block_c4_sink {
^bb0(%tokens: tensor<?x8xi32>, %targets: tensor<?x8xi32>):
  %0 = swamla.embedding "wte" %tokens vocab 32 : tensor<?x8xi32> -> tensor<?x8x16xf32>
  // expected-error @+1 {{sink: expected at least 0, found -2}}
  %1 = swamla.swa_block "h.0" %0 heads 2 kv_heads 1 window 4 sink -2 theta 10000.0 norm rms(eps 1.0e-06) : tensor<?x8x16xf32>
  swamla.lm_loss %1, %targets tied "wte" vocab 32 : tensor<?x8x16xf32>, tensor<?x8xi32>
}

// -----

swamla.model @swa_block_c5 {
^bb0(%tokens: tensor<?x8xi32>, %targets: tensor<?x8xi32>):
  %0 = swamla.embedding "wte" %tokens vocab 32 : tensor<?x8xi32> -> tensor<?x8x16xf32>
  // expected-error @+1 {{dropout: expected 0 <= dropout < 1, found -1}}
  %1 = swamla.swa_block "h.0" %0 heads 2 kv_heads 1 window 4 sink 0 theta 10000.0 norm rms(eps 1.0e-06) dropout -0.1 : tensor<?x8x16xf32>
  swamla.lm_loss %1, %targets tied "wte" vocab 32 : tensor<?x8x16xf32>, tensor<?x8xi32>
}

// -----

swamla.model @swa_block_c6 {
^bb0(%tokens: tensor<?x8xi32>, %targets: tensor<?x8xi32>):
  %0 = swamla.embedding "wte" %tokens vocab 32 : tensor<?x8xi32> -> tensor<?x8x16xf32>
  // expected-error @+1 {{norm: expected rms(eps ...) or dyt(alpha ...), found "layer"}}
  %1 = "swamla.swa_block"(%0) <{name = "h.0", heads = 2, kv_heads = 1, window = 4, sink = 0, theta = 1.0, norm = "layer"}> : (tensor<?x8x16xf32>) -> tensor<?x8x16xf32>
  swamla.lm_loss %1, %targets tied "wte" vocab 32 : tensor<?x8x16xf32>, tensor<?x8xi32>
}

// -----

swamla.model @swa_block_c6_syntax {
^bb0(%tokens: tensor<?x8xi32>, %targets: tensor<?x8xi32>):
  %0 = swamla.embedding "wte" %tokens vocab 32 : tensor<?x8xi32> -> tensor<?x8x16xf32>
  // expected-error @+1 {{expected rms(eps ...) or dyt(alpha ...)}}
  %1 = swamla.swa_block "h.0" %0 heads 2 kv_heads 1 window 4 sink 0 theta 10000.0 norm layer(eps 1.0) : tensor<?x8x16xf32>
  swamla.lm_loss %1, %targets tied "wte" vocab 32 : tensor<?x8x16xf32>, tensor<?x8xi32>
}

// -----

swamla.model @swa_block_c6_eps {
^bb0(%tokens: tensor<?x8xi32>, %targets: tensor<?x8xi32>):
  %0 = swamla.embedding "wte" %tokens vocab 32 : tensor<?x8xi32> -> tensor<?x8x16xf32>
  // expected-error @+1 {{norm's eps: expected a number > 0, found 0.0}}
  %1 = swamla.swa_block "h.0" %0 heads 2 kv_heads 1 window 4 sink 0 theta 10000.0 norm rms(eps 0.0) : tensor<?x8x16xf32>
  swamla.lm_loss %1, %targets tied "wte" vocab 32 : tensor<?x8x16xf32>, tensor<?x8xi32>
}

// -----

swamla.model @swa_block_c7 {
^bb0(%tokens: tensor<?x8xi32>, %targets: tensor<?x8xi32>):
  %0 = swamla.embedding "wte" %tokens vocab 32 : tensor<?x8xi32> -> tensor<?x8x16xf32>
  // expected-error @+1 {{theta: expected a number > 0, found 0.0}}
  %1 = swamla.swa_block "h.0" %0 heads 2 kv_heads 1 window 4 sink 0 theta 0.0 norm rms(eps 1.0e-06) : tensor<?x8x16xf32>
  swamla.lm_loss %1, %targets tied "wte" vocab 32 : tensor<?x8x16xf32>, tensor<?x8xi32>
}

// -----

swamla.model @swa_block_c8 {
^bb0(%tokens: tensor<?x8xi32>, %targets: tensor<?x8xi32>):
  // expected-error @+1 {{x: expected tensor<B x T x C x f32>, found 'tensor<?x8xi32>'}}
  %1 = swamla.swa_block "h.0" %tokens heads 2 kv_heads 1 window 4 sink 0 theta 10000.0 norm rms(eps 1.0e-06) : tensor<?x8xi32>
  swamla.lm_loss %1, %targets tied "wte" vocab 32 : tensor<?x8xi32>, tensor<?x8xi32>
}

// -----

swamla.model @swa_block_c9 {
^bb0(%tokens: tensor<?x8xi32>, %targets: tensor<?x8xi32>):
  %0 = swamla.embedding "wte" %tokens vocab 32 : tensor<?x8xi32> -> tensor<?x8x16xf32>
  // expected-error @+1 {{logit_scale's base: expected a number > 1, found 1.0}}
  %1 = swamla.swa_block "h.0" %0 heads 2 kv_heads 1 window 4 sink 0 theta 10000.0 norm rms(eps 1.0e-06) logit_scale <base = 1.0, window = 16, offset = 0, min = 1.0> : tensor<?x8x16xf32>
  swamla.lm_loss %1, %targets tied "wte" vocab 32 : tensor<?x8x16xf32>, tensor<?x8xi32>
}

// -----

swamla.model @swa_block_c9_window {
^bb0(%tokens: tensor<?x8xi32>, %targets: tensor<?x8xi32>):
  %0 = swamla.embedding "wte" %tokens vocab 32 : tensor<?x8xi32> -> tensor<?x8x16xf32>
  // expected-error @+1 {{logit_scale's window: expected at least 1, found 0}}
  %1 = swamla.swa_block "h.0" %0 heads 2 kv_heads 1 window 4 sink 0 theta 10000.0 norm rms(eps 1.0e-06) logit_scale <base = 2.0, window = 0, offset = 0, min = 1.0> : tensor<?x8x16xf32>
  swamla.lm_loss %1, %targets tied "wte" vocab 32 : tensor<?x8x16xf32>, tensor<?x8xi32>
}

// -----

swamla.model @swa_block_c9_max {
^bb0(%tokens: tensor<?x8xi32>, %targets: tensor<?x8xi32>):
  %0 = swamla.embedding "wte" %tokens vocab 32 : tensor<?x8xi32> -> tensor<?x8x16xf32>
  // expected-error @+1 {{logit_scale: expected min <= max, found 1.000000e+00 and 5.000000e-01}}
  %1 = swamla.swa_block "h.0" %0 heads 2 kv_heads 1 window 4 sink 0 theta 10000.0 norm rms(eps 1.0e-06) logit_scale <base = 2.0, window = 16, offset = 0, min = 1.0, max = 0.5> : tensor<?x8x16xf32>
  swamla.lm_loss %1, %targets tied "wte" vocab 32 : tensor<?x8x16xf32>, tensor<?x8xi32>
}

// -----

swamla.model @mla_block_c1 {
^bb0(%tokens: tensor<?x8xi32>, %targets: tensor<?x8xi32>):
  %0 = swamla.embedding "wte" %tokens vocab 32 : tensor<?x8xi32> -> tensor<?x8x16xf32>
  // expected-error @+1 {{heads: expected at least 1, found 0}}
  %1 = swamla.mla_block "h.0" %0 heads 0 kv_lora 6 nope 4 rope 2 v 4 theta 10000.0 lora_eps 1.0e-05 norm rms(eps 1.0e-06) : tensor<?x8x16xf32>
  swamla.lm_loss %1, %targets tied "wte" vocab 32 : tensor<?x8x16xf32>, tensor<?x8xi32>
}

// -----

swamla.model @mla_block_c1_kv_lora {
^bb0(%tokens: tensor<?x8xi32>, %targets: tensor<?x8xi32>):
  %0 = swamla.embedding "wte" %tokens vocab 32 : tensor<?x8xi32> -> tensor<?x8x16xf32>
  // expected-error @+1 {{kv_lora: expected at least 1, found 0}}
  %1 = swamla.mla_block "h.0" %0 heads 2 kv_lora 0 nope 4 rope 2 v 4 theta 10000.0 lora_eps 1.0e-05 norm rms(eps 1.0e-06) : tensor<?x8x16xf32>
  swamla.lm_loss %1, %targets tied "wte" vocab 32 : tensor<?x8x16xf32>, tensor<?x8xi32>
}

// -----

swamla.model @mla_block_c1_nope {
^bb0(%tokens: tensor<?x8xi32>, %targets: tensor<?x8xi32>):
  %0 = swamla.embedding "wte" %tokens vocab 32 : tensor<?x8xi32> -> tensor<?x8x16xf32>
  // expected-error @+1 {{nope: expected at least 1, found 0}}
  %1 = swamla.mla_block "h.0" %0 heads 2 kv_lora 6 nope 0 rope 2 v 4 theta 10000.0 lora_eps 1.0e-05 norm rms(eps 1.0e-06) : tensor<?x8x16xf32>
  swamla.lm_loss %1, %targets tied "wte" vocab 32 : tensor<?x8x16xf32>, tensor<?x8xi32>
}

// -----

swamla.model @mla_block_c1_v {
^bb0(%tokens: tensor<?x8xi32>, %targets: tensor<?x8xi32>):
  %0 = swamla.embedding "wte" %tokens vocab 32 : tensor<?x8xi32> -> tensor<?x8x16xf32>
  // expected-error @+1 {{v: expected at least 1, found 0}}
  %1 = swamla.mla_block "h.0" %0 heads 2 kv_lora 6 nope 4 rope 2 v 0 theta 10000.0 lora_eps 1.0e-05 norm rms(eps 1.0e-06) : tensor<?x8x16xf32>
  swamla.lm_loss %1, %targets tied "wte" vocab 32 : tensor<?x8x16xf32>, tensor<?x8xi32>
}

// -----

swamla.model @mla_block_c1_rope {
^bb0(%tokens: tensor<?x8xi32>, %targets: tensor<?x8xi32>):
  %0 = swamla.embedding "wte" %tokens vocab 32 : tensor<?x8xi32> -> tensor<?x8x16xf32>
  // expected-error @+1 {{rope: expected an even number >= 2, found 3}}
  %1 = swamla.mla_block "h.0" %0 heads 2 kv_lora 6 nope 4 rope 3 v 4 theta 10000.0 lora_eps 1.0e-05 norm rms(eps 1.0e-06) : tensor<?x8x16xf32>
  swamla.lm_loss %1, %targets tied "wte" vocab 32 : tensor<?x8x16xf32>, tensor<?x8xi32>
}

// -----

swamla.model @mla_block_c2 {
^bb0(%tokens: tensor<?x8xi32>, %targets: tensor<?x8xi32>):
  %0 = swamla.embedding "wte" %tokens vocab 32 : tensor<?x8xi32> -> tensor<?x8x16xf32>
  // expected-error @+1 {{q_lora: expected at least 0, found -1}}
  %1 = swamla.mla_block "h.0" %0 heads 2 q_lora -1 kv_lora 6 nope 4 rope 2 v 4 theta 10000.0 lora_eps 1.0e-05 norm rms(eps 1.0e-06) : tensor<?x8x16xf32>
  swamla.lm_loss %1, %targets tied "wte" vocab 32 : tensor<?x8x16xf32>, tensor<?x8xi32>
}

// -----

swamla.model @mla_block_c3 {
^bb0(%tokens: tensor<?x8xi32>, %targets: tensor<?x8xi32>):
  %0 = swamla.embedding "wte" %tokens vocab 32 : tensor<?x8xi32> -> tensor<?x8x16xf32>
  // expected-error @+1 {{dropout: expected 0 <= dropout < 1, found 1.5}}
  %1 = swamla.mla_block "h.0" %0 heads 2 kv_lora 6 nope 4 rope 2 v 4 theta 10000.0 lora_eps 1.0e-05 norm rms(eps 1.0e-06) dropout 1.5 : tensor<?x8x16xf32>
  swamla.lm_loss %1, %targets tied "wte" vocab 32 : tensor<?x8x16xf32>, tensor<?x8xi32>
}

// -----

swamla.model @mla_block_c4 {
^bb0(%tokens: tensor<?x8xi32>, %targets: tensor<?x8xi32>):
  %0 = swamla.embedding "wte" %tokens vocab 32 : tensor<?x8xi32> -> tensor<?x8x16xf32>
  // expected-error @+1 {{norm: expected rms(eps ...) or dyt(alpha ...), found unit}}
  %1 = "swamla.mla_block"(%0) <{name = "h.0", heads = 2, kv_lora = 1, nope = 1, rope = 2, v = 1, theta = 1.0, lora_eps = 1.0, norm}> : (tensor<?x8x16xf32>) -> tensor<?x8x16xf32>
  swamla.lm_loss %1, %targets tied "wte" vocab 32 : tensor<?x8x16xf32>, tensor<?x8xi32>
}

// -----

swamla.model @mla_block_c5 {
^bb0(%tokens: tensor<?x8xi32>, %targets: tensor<?x8xi32>):
  %0 = swamla.embedding "wte" %tokens vocab 32 : tensor<?x8xi32> -> tensor<?x8x16xf32>
  // expected-error @+1 {{theta: expected a number > 0, found -1.0}}
  %1 = swamla.mla_block "h.0" %0 heads 2 kv_lora 6 nope 4 rope 2 v 4 theta -1.0 lora_eps 1.0e-05 norm rms(eps 1.0e-06) : tensor<?x8x16xf32>
  swamla.lm_loss %1, %targets tied "wte" vocab 32 : tensor<?x8x16xf32>, tensor<?x8xi32>
}

// -----

swamla.model @mla_block_c5_factor {
^bb0(%tokens: tensor<?x8xi32>, %targets: tensor<?x8xi32>):
  %0 = swamla.embedding "wte" %tokens vocab 32 : tensor<?x8xi32> -> tensor<?x8x16xf32>
  // expected-error @+1 {{factor: expected a number > 0, found 0.0}}
  %1 = swamla.mla_block "h.0" %0 heads 2 kv_lora 6 nope 4 rope 2 v 4 theta 10000.0 factor 0.0 lora_eps 1.0e-05 norm rms(eps 1.0e-06) : tensor<?x8x16xf32>
  swamla.lm_loss %1, %targets tied "wte" vocab 32 : tensor<?x8x16xf32>, tensor<?x8xi32>
}

// -----

swamla.model @mla_block_c6 {
^bb0(%tokens: tensor<?x8xi32>, %targets: tensor<?x8xi32>):
  // expected-error @+1 {{x: expected tensor<B x T x C x f32>, found 'tensor<?x8xi32>'}}
  %1 = swamla.mla_block "h.0" %tokens heads 2 kv_lora 6 nope 4 rope 2 v 4 theta 10000.0 lora_eps 1.0e-05 norm rms(eps 1.0e-06) : tensor<?x8xi32>
  swamla.lm_loss %1, %targets tied "wte" vocab 32 : tensor<?x8xi32>, tensor<?x8xi32>
}

// -----

swamla.model @mla_block_c7 {
^bb0(%tokens: tensor<?x8xi32>, %targets: tensor<?x8xi32>):
  %0 = swamla.embedding "wte" %tokens vocab 32 : tensor<?x8xi32> -> tensor<?x8x16xf32>
  // expected-error @+1 {{lora_eps: expected a number > 0, found 0.0}}
  %1 = swamla.mla_block "h.0" %0 heads 2 kv_lora 6 nope 4 rope 2 v 4 theta 10000.0 lora_eps 0.0 norm rms(eps 1.0e-06) : tensor<?x8x16xf32>
  swamla.lm_loss %1, %targets tied "wte" vocab 32 : tensor<?x8x16xf32>, tensor<?x8xi32>
}

// -----

swamla.model @norm_c1 {
^bb0(%tokens: tensor<?x8xi32>, %targets: tensor<?x8xi32>):
  // expected-error @+1 {{x: expected tensor<B x T x C x f32>, found 'tensor<?x8xi32>'}}
  %1 = swamla.norm "n" %tokens norm rms(eps 1.0e-06) : tensor<?x8xi32>
  swamla.lm_loss %1, %targets tied "wte" vocab 32 : tensor<?x8xi32>, tensor<?x8xi32>
}

// -----

swamla.model @norm_c2 {
^bb0(%tokens: tensor<?x8xi32>, %targets: tensor<?x8xi32>):
  %0 = swamla.embedding "wte" %tokens vocab 32 : tensor<?x8xi32> -> tensor<?x8x16xf32>
  // expected-error @+1 {{norm: expected rms(eps ...) or dyt(alpha ...), found 1 : i64}}
  %1 = "swamla.norm"(%0) <{name = "n", norm = 1}> : (tensor<?x8x16xf32>) -> tensor<?x8x16xf32>
  swamla.lm_loss %1, %targets tied "wte" vocab 32 : tensor<?x8x16xf32>, tensor<?x8xi32>
}

// -----

swamla.model @lm_loss_c1 {
^bb0(%tokens: tensor<?x8xi32>, %targets: tensor<?x8xi32>):
  %0 = swamla.embedding "wte" %tokens vocab 32 : tensor<?x8xi32> -> tensor<?x8x16xf32>
  // expected-error @+1 {{targets: expected 'tensor<?x8xi32>', found 'tensor<?x8x16xf32>'}}
  swamla.lm_loss %0, %0 tied "wte" vocab 32 : tensor<?x8x16xf32>, tensor<?x8x16xf32>
}

// -----

swamla.model @lm_loss_c2 {
^bb0(%tokens: tensor<?x8xi32>, %targets: tensor<?x8xi32>):
  %0 = swamla.embedding "wte" %tokens vocab 1 : tensor<?x8xi32> -> tensor<?x8x16xf32>
  // expected-error @+1 {{vocab: expected at least 2, found 1}}
  swamla.lm_loss %0, %targets tied "wte" vocab 1 : tensor<?x8x16xf32>, tensor<?x8xi32>
}

// -----

swamla.model @lm_loss_c3 {
^bb0(%tokens: tensor<?x8xi32>, %targets: tensor<?x8xi32>):
  %0 = swamla.embedding "wte" %tokens vocab 32 : tensor<?x8xi32> -> tensor<?x8x16xf32>
  // expected-error @+1 {{smoothing: expected 0 <= smoothing < 1, found 1.0}}
  swamla.lm_loss %0, %targets tied "wte" vocab 32 smoothing 1.0 : tensor<?x8x16xf32>, tensor<?x8xi32>
}
