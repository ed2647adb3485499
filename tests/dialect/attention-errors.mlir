// RUN: swamla-opt %s -split-input-file -verify-diagnostics

func.func @rope_table_c1() {
  // expected-error @+1 {{expected tensor<T x D> with D even, found 'tensor<4x3xf32>'}}
  %0, %1 = swamla.rope_table theta 10000.0 factor 1.0 : tensor<4x3xf32>
  return
}

// -----

func.func @rope_table_c1_rank() {
  // expected-error @+1 {{expected tensor<T x D> with D even, found 'tensor<4xf32>'}}
  %0, %1 = swamla.rope_table theta 10000.0 factor 1.0 : tensor<4xf32>
  return
}

// -----

func.func @rope_table_c2() {
  // expected-error @+1 {{theta: expected a number > 0, found 0.0}}
  %0, %1 = swamla.rope_table theta 0.0 factor 1.0 : tensor<4x2xf32>
  return
}

// -----

func.func @rope_table_c2_factor() {
  // expected-error @+1 {{factor: expected a number > 0, found -1.0}}
  %0, %1 = swamla.rope_table theta 10000.0 factor -1.0 : tensor<4x2xf32>
  return
}

// -----

func.func @rope_c1(%x: tensor<8x12xf32>, %t: tensor<4x2xf32>) {
  // expected-error @+1 {{heads: expected a divisor of the width of x = 12, found 5}}
  %0 = swamla.rope %x, %t, %t heads 5 offset 0 : tensor<8x12xf32>, tensor<4x2xf32>
  return
}

// -----

func.func @rope_c2(%x: tensor<8x12xf32>, %t: tensor<4x3xf32>) {
  // expected-error @+1 {{cos: expected tensor<T x D> with D even, found 'tensor<4x3xf32>'}}
  %0 = swamla.rope %x, %t, %t heads 3 offset 0 : tensor<8x12xf32>, tensor<4x3xf32>
  return
}

// -----

func.func @rope_c3(%x: tensor<8x12xf32>, %t: tensor<4x2xf32>) {
  // expected-error @+1 {{expected columns inside a head's [0, 4), found [3, 5)}}
  %0 = swamla.rope %x, %t, %t heads 3 offset 3 : tensor<8x12xf32>, tensor<4x2xf32>
  return
}

// -----

func.func @rope_c3_negative(%x: tensor<8x12xf32>, %t: tensor<4x2xf32>) {
  // expected-error @+1 {{expected columns inside a head's [0, 4), found [-2, 0)}}
  %0 = swamla.rope %x, %t, %t heads 3 offset -2 : tensor<8x12xf32>, tensor<4x2xf32>
  return
}

// -----

func.func @rope_c4(%x: tensor<8x12xf32>, %t: tensor<3x2xf32>) {
  // expected-error @+1 {{the table's rows: expected a divisor of the rows of x = 8, found 3}}
  %0 = swamla.rope %x, %t, %t heads 3 offset 0 : tensor<8x12xf32>, tensor<3x2xf32>
  return
}

// -----

func.func @logit_scale_table_c1() {
  // expected-error @+1 {{result: expected tensor<T>, found 'tensor<4x1xf32>'}}
  %0 = swamla.logit_scale_table base 8.0 window 16 offset 0 min 1.0 : tensor<4x1xf32>
  return
}

// -----

func.func @logit_scale_table_c2() {
  // expected-error @+1 {{base: expected a number > 1, found 1.0}}
  %0 = swamla.logit_scale_table base 1.0 window 16 offset 0 min 1.0 : tensor<4xf32>
  return
}

// -----

func.func @logit_scale_table_c2_window() {
  // expected-error @+1 {{window: expected at least 1, found 0}}
  %0 = swamla.logit_scale_table base 8.0 window 0 offset 0 min 1.0 : tensor<4xf32>
  return
}

// -----

func.func @logit_scale_table_c3() {
  // expected-error @+1 {{expected min <= max, found 1.000000e+00 and 5.000000e-01}}
  %0 = swamla.logit_scale_table base 8.0 window 16 offset 0 min 1.0 max 0.5 : tensor<4xf32>
  return
}

// -----

func.func @scale_rows_c1(%x: tensor<8x12xf32>, %t: tensor<4x1xf32>) {
  // expected-error @+1 {{scale: expected tensor<T>, found 'tensor<4x1xf32>'}}
  %0 = swamla.scale_rows %x, %t : tensor<8x12xf32>, tensor<4x1xf32>
  return
}

// -----

func.func @scale_rows_c2(%x: tensor<8x12xf32>, %t: tensor<5xf32>) {
  // expected-error @+1 {{the table's rows: expected a divisor of the rows of x = 8, found 5}}
  %0 = swamla.scale_rows %x, %t : tensor<8x12xf32>, tensor<5xf32>
  return
}

// -----

func.func @attention_c1(%q: tensor<8x12xf32>, %k: tensor<8x6xf32>, %v: tensor<8x6xf32>) {
  // expected-error @+1 {{seq: expected a divisor of the rows of q = 8, found 3}}
  %o, %l = swamla.attention %q, %k, %v seq 3 heads 4 kv_heads 2 scale 0.5 window 2 sink 1 : tensor<8x12xf32>, tensor<8x6xf32>, tensor<8x6xf32> -> tensor<8x12xf32>, tensor<4x8xf32>
  return
}

// -----

func.func @attention_c1_zero(%q: tensor<8x12xf32>, %k: tensor<8x6xf32>, %v: tensor<8x6xf32>) {
  // expected-error @+1 {{seq: expected a divisor of the rows of q = 8, found 0}}
  %o, %l = swamla.attention %q, %k, %v seq 0 heads 4 kv_heads 2 scale 0.5 window 2 sink 1 : tensor<8x12xf32>, tensor<8x6xf32>, tensor<8x6xf32> -> tensor<8x12xf32>, tensor<4x8xf32>
  return
}

// -----

func.func @attention_c2(%q: tensor<8x12xf32>, %k: tensor<8x6xf32>, %v: tensor<8x6xf32>) {
  // expected-error @+1 {{kv_heads: expected a divisor of heads = 4, found 3}}
  %o, %l = swamla.attention %q, %k, %v seq 4 heads 4 kv_heads 3 scale 0.5 window 2 sink 1 : tensor<8x12xf32>, tensor<8x6xf32>, tensor<8x6xf32> -> tensor<8x12xf32>, tensor<4x8xf32>
  return
}

// -----

func.func @attention_c2_zero(%q: tensor<8x12xf32>, %k: tensor<8x6xf32>, %v: tensor<8x6xf32>) {
  // expected-error @+1 {{heads: expected at least 1, found 0}}
  %o, %l = swamla.attention %q, %k, %v seq 4 heads 0 kv_heads 2 scale 0.5 window 2 sink 1 : tensor<8x12xf32>, tensor<8x6xf32>, tensor<8x6xf32> -> tensor<8x12xf32>, tensor<4x8xf32>
  return
}

// -----

func.func @attention_c3_rank(%q: tensor<96xf32>, %k: tensor<8x6xf32>, %v: tensor<8x6xf32>) {
  // expected-error @+1 {{q: expected tensor<M x (H * Dqk)>, found 'tensor<96xf32>'}}
  %o, %l = swamla.attention %q, %k, %v seq 4 heads 4 kv_heads 2 scale 0.5 window 2 sink 1 : tensor<96xf32>, tensor<8x6xf32>, tensor<8x6xf32> -> tensor<8x12xf32>, tensor<4x8xf32>
  return
}

// -----

func.func @attention_c3_q(%q: tensor<8x13xf32>, %k: tensor<8x6xf32>, %v: tensor<8x6xf32>) {
  // expected-error @+1 {{heads: expected a divisor of the width of q = 13, found 4}}
  %o, %l = swamla.attention %q, %k, %v seq 4 heads 4 kv_heads 2 scale 0.5 window 2 sink 1 : tensor<8x13xf32>, tensor<8x6xf32>, tensor<8x6xf32> -> tensor<8x12xf32>, tensor<4x8xf32>
  return
}

// -----

func.func @attention_c3_v(%q: tensor<8x12xf32>, %k: tensor<8x6xf32>, %v: tensor<8x7xf32>) {
  // expected-error @+1 {{kv_heads: expected a divisor of the width of v = 7, found 2}}
  %o, %l = swamla.attention %q, %k, %v seq 4 heads 4 kv_heads 2 scale 0.5 window 2 sink 1 : tensor<8x12xf32>, tensor<8x6xf32>, tensor<8x7xf32> -> tensor<8x12xf32>, tensor<4x8xf32>
  return
}

// -----

func.func @attention_c3_k(%q: tensor<8x12xf32>, %k: tensor<8x8xf32>, %v: tensor<8x6xf32>) {
  // expected-error @+1 {{k: expected 'tensor<8x6xf32>', found 'tensor<8x8xf32>'}}
  %o, %l = swamla.attention %q, %k, %v seq 4 heads 4 kv_heads 2 scale 0.5 window 2 sink 1 : tensor<8x12xf32>, tensor<8x8xf32>, tensor<8x6xf32> -> tensor<8x12xf32>, tensor<4x8xf32>
  return
}

// -----

func.func @attention_c3_rows(%q: tensor<8x12xf32>, %k: tensor<8x6xf32>, %v: tensor<4x6xf32>) {
  // expected-error @+1 {{v: expected 'tensor<8x6xf32>', found 'tensor<4x6xf32>'}}
  %o, %l = swamla.attention %q, %k, %v seq 4 heads 4 kv_heads 2 scale 0.5 window 2 sink 1 : tensor<8x12xf32>, tensor<8x6xf32>, tensor<4x6xf32> -> tensor<8x12xf32>, tensor<4x8xf32>
  return
}

// -----

func.func @attention_c3_shared(%q: tensor<8x12xf32>, %k: tensor<8x6xf32>, %v: tensor<8x6xf32>, %s: tensor<8x4xf32>) {
  // expected-error @+1 {{shared: expected at most 3 columns, the width of a head of q, found 'tensor<8x4xf32>'}}
  %o, %l = swamla.attention %q, %k, %v shared %s seq 4 heads 4 kv_heads 2 scale 0.5 window 2 sink 1 : tensor<8x12xf32>, tensor<8x6xf32>, tensor<8x6xf32>, tensor<8x4xf32> -> tensor<8x12xf32>, tensor<4x8xf32>
  return
}

// -----

func.func @attention_c3_shared_k(%q: tensor<8x12xf32>, %k: tensor<8x6xf32>, %v: tensor<8x6xf32>, %s: tensor<8x1xf32>) {
  // expected-error @+1 {{k: expected 'tensor<8x4xf32>', found 'tensor<8x6xf32>'}}
  %o, %l = swamla.attention %q, %k, %v shared %s seq 4 heads 4 kv_heads 2 scale 0.5 window 2 sink 1 : tensor<8x12xf32>, tensor<8x6xf32>, tensor<8x6xf32>, tensor<8x1xf32> -> tensor<8x12xf32>, tensor<4x8xf32>
  return
}

// -----

func.func @attention_c3_result(%q: tensor<8x12xf32>, %k: tensor<8x6xf32>, %v: tensor<8x6xf32>) {
  // expected-error @+1 {{result: expected 'tensor<8x12xf32>', found 'tensor<8x6xf32>'}}
  %o, %l = swamla.attention %q, %k, %v seq 4 heads 4 kv_heads 2 scale 0.5 window 2 sink 1 : tensor<8x12xf32>, tensor<8x6xf32>, tensor<8x6xf32> -> tensor<8x6xf32>, tensor<4x8xf32>
  return
}

// -----

func.func @attention_c3_lse(%q: tensor<8x12xf32>, %k: tensor<8x6xf32>, %v: tensor<8x6xf32>) {
  // expected-error @+1 {{lse: expected 'tensor<4x8xf32>', found 'tensor<2x8xf32>'}}
  %o, %l = swamla.attention %q, %k, %v seq 4 heads 4 kv_heads 2 scale 0.5 window 2 sink 1 : tensor<8x12xf32>, tensor<8x6xf32>, tensor<8x6xf32> -> tensor<8x12xf32>, tensor<2x8xf32>
  return
}

// -----

func.func @attention_c4(%q: tensor<8x12xf32>, %k: tensor<8x6xf32>, %v: tensor<8x6xf32>) {
  // expected-error @+1 {{window: expected at least 0, found -1}}
  %o, %l = swamla.attention %q, %k, %v seq 4 heads 4 kv_heads 2 scale 0.5 window -1 sink 1 : tensor<8x12xf32>, tensor<8x6xf32>, tensor<8x6xf32> -> tensor<8x12xf32>, tensor<4x8xf32>
  return
}

// -----

func.func @attention_c4_sink(%q: tensor<8x12xf32>, %k: tensor<8x6xf32>, %v: tensor<8x6xf32>) {
  // expected-error @+1 {{sink: expected at least 0, found -1}}
  %o, %l = swamla.attention %q, %k, %v seq 4 heads 4 kv_heads 2 scale 0.5 window 2 sink -1 : tensor<8x12xf32>, tensor<8x6xf32>, tensor<8x6xf32> -> tensor<8x12xf32>, tensor<4x8xf32>
  return
}

// -----

func.func @attention_c4_alone(%q: tensor<8x12xf32>, %k: tensor<8x6xf32>, %v: tensor<8x6xf32>) {
  // expected-error @+1 {{sink: expected 0 without a window, found 1}}
  %o, %l = swamla.attention %q, %k, %v seq 4 heads 4 kv_heads 2 scale 0.5 sink 1 : tensor<8x12xf32>, tensor<8x6xf32>, tensor<8x6xf32> -> tensor<8x12xf32>, tensor<4x8xf32>
  return
}

// -----

func.func @attention_delta_c1(%x: tensor<8x12xf32>) {
  // expected-error @+1 {{heads: expected a divisor of the width of out = 12, found 5}}
  %0 = swamla.attention_delta %x, %x heads 5 : tensor<8x12xf32> -> tensor<5x8xf32>
  return
}

// -----

func.func @attention_delta_c2(%x: tensor<8x12xf32>) {
  // expected-error @+1 {{result: expected 'tensor<3x8xf32>', found 'tensor<4x8xf32>'}}
  %0 = swamla.attention_delta %x, %x heads 3 : tensor<8x12xf32> -> tensor<4x8xf32>
  return
}

// -----

func.func @attention_grad_c1(%q: tensor<8x12xf32>, %k: tensor<8x6xf32>, %v: tensor<8x6xf32>, %do: tensor<8x12xf32>, %l: tensor<4x8xf32>, %d: tensor<4x8xf32>) {
  // expected-error @+1 {{seq: expected a divisor of the rows of q = 8, found 5}}
  %r0, %r1, %r2 = swamla.attention_grad %q, %k, %v, %do, %l, %d seq 5 heads 4 kv_heads 2 scale 0.5 window 2 : tensor<8x12xf32>, tensor<8x6xf32>, tensor<8x6xf32>, tensor<8x12xf32>, tensor<4x8xf32>, tensor<4x8xf32> -> tensor<8x12xf32>, tensor<8x6xf32>, tensor<8x6xf32>
  return
}

// -----

func.func @attention_grad_c2(%q: tensor<8x12xf32>, %k: tensor<8x6xf32>, %v: tensor<8x6xf32>, %do: tensor<8x12xf32>, %l: tensor<4x8xf32>, %d: tensor<4x8xf32>) {
  // expected-error @+1 {{kv_heads: expected a divisor of heads = 4, found 3}}
  %r0, %r1, %r2 = swamla.attention_grad %q, %k, %v, %do, %l, %d seq 4 heads 4 kv_heads 3 scale 0.5 window 2 : tensor<8x12xf32>, tensor<8x6xf32>, tensor<8x6xf32>, tensor<8x12xf32>, tensor<4x8xf32>, tensor<4x8xf32> -> tensor<8x12xf32>, tensor<8x6xf32>, tensor<8x6xf32>
  return
}

// -----

func.func @attention_grad_c3(%q: tensor<8x12xf32>, %k: tensor<8x8xf32>, %v: tensor<8x6xf32>, %do: tensor<8x12xf32>, %l: tensor<4x8xf32>, %d: tensor<4x8xf32>) {
  // expected-error @+1 {{k: expected 'tensor<8x6xf32>', found 'tensor<8x8xf32>'}}
  %r0, %r1, %r2 = swamla.attention_grad %q, %k, %v, %do, %l, %d seq 4 heads 4 kv_heads 2 scale 0.5 window 2 : tensor<8x12xf32>, tensor<8x8xf32>, tensor<8x6xf32>, tensor<8x12xf32>, tensor<4x8xf32>, tensor<4x8xf32> -> tensor<8x12xf32>, tensor<8x6xf32>, tensor<8x6xf32>
  return
}

// -----

func.func @attention_grad_c4(%q: tensor<8x12xf32>, %k: tensor<8x6xf32>, %v: tensor<8x6xf32>, %do: tensor<8x12xf32>, %l: tensor<4x8xf32>, %d: tensor<4x8xf32>) {
  // expected-error @+1 {{window: expected at least 0, found -2}}
  %r0, %r1, %r2 = swamla.attention_grad %q, %k, %v, %do, %l, %d seq 4 heads 4 kv_heads 2 scale 0.5 window -2 : tensor<8x12xf32>, tensor<8x6xf32>, tensor<8x6xf32>, tensor<8x12xf32>, tensor<4x8xf32>, tensor<4x8xf32> -> tensor<8x12xf32>, tensor<8x6xf32>, tensor<8x6xf32>
  return
}

// -----

func.func @attention_grad_c5(%q: tensor<8x12xf32>, %k: tensor<8x6xf32>, %v: tensor<8x6xf32>, %do: tensor<8x6xf32>, %l: tensor<4x8xf32>, %d: tensor<4x8xf32>) {
  // expected-error @+1 {{dout: expected 'tensor<8x12xf32>', found 'tensor<8x6xf32>'}}
  %r0, %r1, %r2 = swamla.attention_grad %q, %k, %v, %do, %l, %d seq 4 heads 4 kv_heads 2 scale 0.5 window 2 : tensor<8x12xf32>, tensor<8x6xf32>, tensor<8x6xf32>, tensor<8x6xf32>, tensor<4x8xf32>, tensor<4x8xf32> -> tensor<8x12xf32>, tensor<8x6xf32>, tensor<8x6xf32>
  return
}

// -----

func.func @attention_grad_c5_lse(%q: tensor<8x12xf32>, %k: tensor<8x6xf32>, %v: tensor<8x6xf32>, %do: tensor<8x12xf32>, %l: tensor<2x8xf32>, %d: tensor<4x8xf32>) {
  // expected-error @+1 {{lse: expected 'tensor<4x8xf32>', found 'tensor<2x8xf32>'}}
  %r0, %r1, %r2 = swamla.attention_grad %q, %k, %v, %do, %l, %d seq 4 heads 4 kv_heads 2 scale 0.5 window 2 : tensor<8x12xf32>, tensor<8x6xf32>, tensor<8x6xf32>, tensor<8x12xf32>, tensor<2x8xf32>, tensor<4x8xf32> -> tensor<8x12xf32>, tensor<8x6xf32>, tensor<8x6xf32>
  return
}

// -----

func.func @attention_grad_c5_delta(%q: tensor<8x12xf32>, %k: tensor<8x6xf32>, %v: tensor<8x6xf32>, %do: tensor<8x12xf32>, %l: tensor<4x8xf32>, %d: tensor<2x8xf32>) {
  // expected-error @+1 {{delta: expected 'tensor<4x8xf32>', found 'tensor<2x8xf32>'}}
  %r0, %r1, %r2 = swamla.attention_grad %q, %k, %v, %do, %l, %d seq 4 heads 4 kv_heads 2 scale 0.5 window 2 : tensor<8x12xf32>, tensor<8x6xf32>, tensor<8x6xf32>, tensor<8x12xf32>, tensor<4x8xf32>, tensor<2x8xf32> -> tensor<8x12xf32>, tensor<8x6xf32>, tensor<8x6xf32>
  return
}

// -----

func.func @attention_grad_c6(%q: tensor<8x12xf32>, %k: tensor<8x6xf32>, %v: tensor<8x6xf32>, %do: tensor<8x12xf32>, %l: tensor<4x8xf32>, %d: tensor<4x8xf32>) {
  // expected-error @+1 {{dk: expected 'tensor<8x6xf32>', found 'tensor<8x12xf32>'}}
  %r0, %r1, %r2 = swamla.attention_grad %q, %k, %v, %do, %l, %d seq 4 heads 4 kv_heads 2 scale 0.5 window 2 : tensor<8x12xf32>, tensor<8x6xf32>, tensor<8x6xf32>, tensor<8x12xf32>, tensor<4x8xf32>, tensor<4x8xf32> -> tensor<8x12xf32>, tensor<8x12xf32>, tensor<8x6xf32>
  return
}

// -----

func.func @attention_grad_c6_shared(%q: tensor<8x12xf32>, %k: tensor<8x4xf32>, %v: tensor<8x6xf32>, %s: tensor<8x1xf32>, %do: tensor<8x12xf32>, %l: tensor<4x8xf32>, %d: tensor<4x8xf32>) {
  // expected-error @+1 {{expected 4 results: dq, dk, dv, dshared if and only if shared, delta if and only if out; found 3}}
  %r0, %r1, %r2 = swamla.attention_grad %q, %k, %v shared %s, %do, %l, %d seq 4 heads 4 kv_heads 2 scale 0.5 window 2 : tensor<8x12xf32>, tensor<8x4xf32>, tensor<8x6xf32>, tensor<8x1xf32>, tensor<8x12xf32>, tensor<4x8xf32>, tensor<4x8xf32> -> tensor<8x12xf32>, tensor<8x4xf32>, tensor<8x6xf32>
  return
}

// -----

func.func @attention_grad_c6_dshared(%q: tensor<8x12xf32>, %k: tensor<8x6xf32>, %v: tensor<8x6xf32>, %do: tensor<8x12xf32>, %l: tensor<4x8xf32>, %d: tensor<4x8xf32>) {
  // expected-error @+1 {{expected 3 results: dq, dk, dv, dshared if and only if shared, delta if and only if out; found 4}}
  %r0, %r1, %r2, %r3 = swamla.attention_grad %q, %k, %v, %do, %l, %d seq 4 heads 4 kv_heads 2 scale 0.5 window 2 : tensor<8x12xf32>, tensor<8x6xf32>, tensor<8x6xf32>, tensor<8x12xf32>, tensor<4x8xf32>, tensor<4x8xf32> -> tensor<8x12xf32>, tensor<8x6xf32>, tensor<8x6xf32>, tensor<8x4xf32>
  return
}

// -----

func.func @attention_grad_c6_width(%q: tensor<8x12xf32>, %k: tensor<8x4xf32>, %v: tensor<8x6xf32>, %s: tensor<8x1xf32>, %do: tensor<8x12xf32>, %l: tensor<4x8xf32>, %d: tensor<4x8xf32>) {
  // expected-error @+1 {{dshared: expected 'tensor<8x4xf32>', found 'tensor<8x1xf32>'}}
  %r0, %r1, %r2, %r3 = swamla.attention_grad %q, %k, %v shared %s, %do, %l, %d seq 4 heads 4 kv_heads 2 scale 0.5 window 2 : tensor<8x12xf32>, tensor<8x4xf32>, tensor<8x6xf32>, tensor<8x1xf32>, tensor<8x12xf32>, tensor<4x8xf32>, tensor<4x8xf32> -> tensor<8x12xf32>, tensor<8x4xf32>, tensor<8x6xf32>, tensor<8x1xf32>
  return
}

// -----

func.func @attention_grad_c5_out(%q: tensor<8x12xf32>, %k: tensor<8x6xf32>, %v: tensor<8x6xf32>, %do: tensor<8x12xf32>, %l: tensor<4x8xf32>, %d: tensor<4x8xf32>) {
  // expected-error @+1 {{out: expected 'tensor<8x12xf32>', found 'tensor<4x8xf32>'}}
  %r0, %r1, %r2, %r3 = swamla.attention_grad %q, %k, %v, %do, %l out %d seq 4 heads 4 kv_heads 2 scale 0.5 window 2 : tensor<8x12xf32>, tensor<8x6xf32>, tensor<8x6xf32>, tensor<8x12xf32>, tensor<4x8xf32>, tensor<4x8xf32> -> tensor<8x12xf32>, tensor<8x6xf32>, tensor<8x6xf32>, tensor<4x8xf32>
  return
}

// -----

func.func @attention_grad_c7_both(%q: tensor<8x12xf32>, %k: tensor<8x6xf32>, %v: tensor<8x6xf32>, %do: tensor<8x12xf32>, %l: tensor<4x8xf32>, %d: tensor<4x8xf32>) {
  // expected-error @+1 {{expected delta or out, found both}}
  %r0, %r1, %r2, %r3 = swamla.attention_grad %q, %k, %v, %do, %l, %d out %do seq 4 heads 4 kv_heads 2 scale 0.5 window 2 : tensor<8x12xf32>, tensor<8x6xf32>, tensor<8x6xf32>, tensor<8x12xf32>, tensor<4x8xf32>, tensor<4x8xf32>, tensor<8x12xf32> -> tensor<8x12xf32>, tensor<8x6xf32>, tensor<8x6xf32>, tensor<4x8xf32>
  return
}

// -----

func.func @attention_grad_c7_neither(%q: tensor<8x12xf32>, %k: tensor<8x6xf32>, %v: tensor<8x6xf32>, %do: tensor<8x12xf32>, %l: tensor<4x8xf32>, %d: tensor<4x8xf32>) {
  // expected-error @+1 {{expected delta or out, found neither}}
  %r0, %r1, %r2 = swamla.attention_grad %q, %k, %v, %do, %l seq 4 heads 4 kv_heads 2 scale 0.5 window 2 : tensor<8x12xf32>, tensor<8x6xf32>, tensor<8x6xf32>, tensor<8x12xf32>, tensor<4x8xf32> -> tensor<8x12xf32>, tensor<8x6xf32>, tensor<8x6xf32>
  return
}

// -----

func.func @attention_grad_c7_no_result(%q: tensor<8x12xf32>, %k: tensor<8x6xf32>, %v: tensor<8x6xf32>, %do: tensor<8x12xf32>, %l: tensor<4x8xf32>, %d: tensor<4x8xf32>) {
  // expected-error @+1 {{expected 4 results: dq, dk, dv, dshared if and only if shared, delta if and only if out; found 3}}
  %r0, %r1, %r2 = swamla.attention_grad %q, %k, %v, %do, %l out %do seq 4 heads 4 kv_heads 2 scale 0.5 window 2 : tensor<8x12xf32>, tensor<8x6xf32>, tensor<8x6xf32>, tensor<8x12xf32>, tensor<4x8xf32>, tensor<8x12xf32> -> tensor<8x12xf32>, tensor<8x6xf32>, tensor<8x6xf32>
  return
}

// -----

func.func @attention_grad_c7_result(%q: tensor<8x12xf32>, %k: tensor<8x6xf32>, %v: tensor<8x6xf32>, %do: tensor<8x12xf32>, %l: tensor<4x8xf32>, %d: tensor<4x8xf32>) {
  // expected-error @+1 {{the result delta: expected 'tensor<4x8xf32>', found 'tensor<8x4xf32>'}}
  %r0, %r1, %r2, %r3 = swamla.attention_grad %q, %k, %v, %do, %l out %do seq 4 heads 4 kv_heads 2 scale 0.5 window 2 : tensor<8x12xf32>, tensor<8x6xf32>, tensor<8x6xf32>, tensor<8x12xf32>, tensor<4x8xf32>, tensor<8x12xf32> -> tensor<8x12xf32>, tensor<8x6xf32>, tensor<8x6xf32>, tensor<8x4xf32>
  return
}
