// RUN: swamla-opt %s --swamla-expand | FileCheck %s
// RUN: swamla-opt %s --swamla-expand --verify-roundtrip -o /dev/null
// RUN: swamla-opt %s --swamla-expand | FileCheck %s --check-prefix=EVAL

// One block of each kind, with everything that a block can ask for in the first.
swamla.model @m {
^bb0(%tokens: tensor<2x8xi32>, %targets: tensor<2x8xi32>):
  %0 = swamla.embedding "wte" %tokens vocab 32 dropout 0.5 : tensor<2x8xi32> -> tensor<2x8x16xf32>
  %1 = swamla.swa_block "h.0" %0 heads 4 kv_heads 2 window 3 sink 1 theta 500.0 norm dyt(alpha 0.25) dropout 0.25 logit_scale <base = 8.0, window = 4, offset = 2, min = 1.0, max = 3.0> bias : tensor<2x8x16xf32>
  %2 = swamla.mla_block "h.1" %1 heads 2 kv_lora 6 nope 4 rope 2 v 3 theta 500.0 factor 2.0 lora_eps 1.0e-05 norm rms(eps 1.0e-06) : tensor<2x8x16xf32>
  %3 = swamla.norm "ln_f" %2 norm rms(eps 1.0e-06) : tensor<2x8x16xf32>
  swamla.lm_loss %3, %targets tied "wte" vocab 32 smoothing 0.1 : tensor<2x8x16xf32>, tensor<2x8xi32>
}

// CHECK:      module attributes {swamla.model_info = {batch = 2 : i64, block_size = 8 : i64,
// CHECK-SAME:   description = "swamla.model @m {\0A^bb0(%tokens: tensor<2x8xi32>
// CHECK-SAME:   forward_flops_per_token = 1.625000e+04 : f64, n_embd = 16 : i64, n_layer = 2 : i64, name = "m", num_params = 8242 : i64, vocab_size = 32 : i64}}

// CHECK-NEXT: swamla.param @wte.weight : tensor<32x16xf32> init normal 2.000000e-02{{$}}
// CHECK-NEXT: swamla.param @h.0.norm1.alpha : tensor<1xf32> init constant 2.500000e-01{{$}}
// CHECK-NEXT: swamla.param @h.0.norm1.weight : tensor<16xf32> init constant 1.000000e+00{{$}}
// CHECK-NEXT: swamla.param @h.0.norm1.bias : tensor<16xf32> init constant 0.000000e+00{{$}}
// CHECK-NEXT: swamla.param @h.0.attn.q_proj.weight : tensor<16x16xf32> init normal 2.000000e-02 decay
// CHECK-NEXT: swamla.param @h.0.attn.q_proj.bias : tensor<16xf32> init constant 0.000000e+00{{$}}
// CHECK-NEXT: swamla.param @h.0.attn.k_proj.weight : tensor<8x16xf32> init normal 2.000000e-02 decay
// CHECK:      swamla.param @h.0.mlp.gate_up_proj.weight : tensor<128x16xf32>
// CHECK:      swamla.param @h.1.norm1.weight
// CHECK-NEXT: swamla.param @h.1.attn.wq.weight : tensor<12x16xf32>
// CHECK-NEXT: swamla.param @h.1.attn.wkv_a.weight : tensor<8x16xf32>
// CHECK-NEXT: swamla.param @h.1.attn.kv_norm.weight : tensor<6xf32> init constant 1.000000e+00{{$}}
// CHECK-NEXT: swamla.param @h.1.attn.kv_norm.bias : tensor<6xf32> init constant 0.000000e+00{{$}}
// CHECK-NEXT: swamla.param @h.1.attn.wkv_b.weight : tensor<14x6xf32>
// CHECK-NEXT: swamla.param @h.1.attn.wo.weight : tensor<16x6xf32>
// CHECK:      swamla.param @ln_f.weight

// CHECK-LABEL: func.func @loss(%arg0: tensor<16xi32> {swamla.name = "tokens"}, %arg1: tensor<16xi32> {swamla.name = "targets"}) -> (tensor<1xf32> {swamla.name = "loss"})
// Tables first, one for each width and factor.
// CHECK-NEXT:  %[[COS4:.*]], %[[SIN4:.*]] = swamla.rope_table theta 5.000000e+02 factor 1.000000e+00 {scope = "setup"} : tensor<8x4xf32>
// CHECK-NEXT:  %[[SCALE:.*]] = swamla.logit_scale_table base 8.000000e+00 window 4 offset 2 min 1.000000e+00 max 3.000000e+00 {scope = "setup"} : tensor<8xf32>
// CHECK-NEXT:  %[[COS2:.*]], %[[SIN2:.*]] = swamla.rope_table theta 5.000000e+02 factor 2.000000e+00 {scope = "setup"} : tensor<8x2xf32>
// CHECK-NEXT:  %[[KEY:.*]] = swamla.scalar "dropout_key"
// CHECK-NEXT:  %[[TABLE:.*]] = swamla.get_param @wte.weight {scope = "embed"} : tensor<32x16xf32>
// CHECK-NEXT:  %[[LOOKUP:.*]] = swamla.embedding_lookup %arg0, %[[TABLE]] {scope = "embed"} : tensor<16xi32>, tensor<32x16xf32> -> tensor<16x16xf32>
// CHECK-NEXT:  %[[X0:.*]] = swamla.dropout %[[LOOKUP]], %[[KEY]] p 5.000000e-01 site 0 {scope = "embed"}
// The SWA block: norm, three projections, rope, scale, attention, output projection, residual.
// CHECK:       %[[NORM:.*]] = swamla.dyt %[[X0]], {{.*}} {scope = "h.0.attn"} : tensor<16x16xf32>, tensor<1xf32>, tensor<16xf32>
// CHECK-NEXT:  %[[WQ:.*]] = swamla.get_param @h.0.attn.q_proj.weight
// CHECK-NEXT:  %[[Q0:.*]] = swamla.matmul %[[NORM]], %[[WQ]] transpose_b {scope = "h.0.attn"} : tensor<16x16xf32>, tensor<16x16xf32> -> tensor<16x16xf32>
// CHECK-NEXT:  %[[BQ:.*]] = swamla.get_param @h.0.attn.q_proj.bias
// CHECK-NEXT:  %[[Q1:.*]] = swamla.bias_add %[[Q0]], %[[BQ]]
// CHECK:       %[[K0:.*]] = swamla.matmul %[[NORM]], %{{.*}} transpose_b {{.*}} -> tensor<16x8xf32>
// CHECK:       %[[K1:.*]] = swamla.bias_add %[[K0]]
// CHECK:       %[[V0:.*]] = swamla.matmul %[[NORM]], %{{.*}} transpose_b {{.*}} -> tensor<16x8xf32>
// CHECK:       %[[V1:.*]] = swamla.bias_add %[[V0]]
// CHECK-NEXT:  %[[Q2:.*]] = swamla.rope %[[Q1]], %[[COS4]], %[[SIN4]] heads 4 offset 0
// CHECK-NEXT:  %[[K2:.*]] = swamla.rope %[[K1]], %[[COS4]], %[[SIN4]] heads 2 offset 0
// CHECK-NEXT:  %[[Q3:.*]] = swamla.scale_rows %[[Q2]], %[[SCALE]]
// CHECK-NEXT:  %[[A:.*]], %{{.*}} = swamla.attention %[[Q3]], %[[K2]], %[[V1]] seq 8 heads 4 kv_heads 2 scale 5.000000e-01 window 3 sink 1 {{.*}} -> tensor<16x16xf32>, tensor<4x16xf32>
// CHECK-NEXT:  %[[WO:.*]] = swamla.get_param @h.0.attn.o_proj.weight
// CHECK-NEXT:  %[[O0:.*]] = swamla.matmul %[[A]], %[[WO]] transpose_b
// CHECK:       %[[O1:.*]] = swamla.bias_add %[[O0]]
// CHECK-NEXT:  %[[O2:.*]] = swamla.dropout %[[O1]], %[[KEY]] p 2.500000e-01 site 1 {scope = "h.0.attn"}
// CHECK-NEXT:  %[[X1:.*]] = swamla.add %[[X0]], %[[O2]] {scope = "h.0.attn"}
// CHECK:       %[[NORM2:.*]] = swamla.dyt %[[X1]], {{.*}} {scope = "h.0.mlp"}
// CHECK:       %[[GU0:.*]] = swamla.matmul %[[NORM2]], {{.*}} -> tensor<16x128xf32>
// CHECK:       %[[GU1:.*]] = swamla.bias_add %[[GU0]]
// CHECK-NEXT:  %[[GU2:.*]]:2 = swamla.split %[[GU1]] heads 1 {scope = "h.0.mlp"} : tensor<16x128xf32> -> tensor<16x64xf32>, tensor<16x64xf32>
// CHECK-NEXT:  %[[P:.*]] = swamla.swiglu %[[GU2]]#0, %[[GU2]]#1
// CHECK:       %[[D0:.*]] = swamla.matmul %[[P]], {{.*}} -> tensor<16x16xf32>
// CHECK:       %[[D1:.*]] = swamla.bias_add %[[D0]]
// CHECK-NEXT:  %[[D2:.*]] = swamla.dropout %[[D1]], %[[KEY]] p 2.500000e-01 site 2 {scope = "h.0.mlp"}
// CHECK-NEXT:  %[[X2:.*]] = swamla.add %[[X1]], %[[D2]] {scope = "h.0.mlp"}
// The MLA block: no bias, no dropout; one rotary key for both heads.
// CHECK:       %[[N1:.*]] = swamla.rms_norm %[[X2]], {{.*}} eps 9.{{.*}}E-7 {scope = "h.1.attn"}
// CHECK-NEXT:  %[[W:.*]] = swamla.get_param @h.1.attn.wq.weight
// CHECK-NEXT:  %[[Q4:.*]] = swamla.matmul %[[N1]], %[[W]] transpose_b {{.*}} -> tensor<16x12xf32>
// CHECK-NEXT:  %[[Q5:.*]] = swamla.rope %[[Q4]], %[[COS2]], %[[SIN2]] heads 2 offset 4
// CHECK-NEXT:  %[[W:.*]] = swamla.get_param @h.1.attn.wkv_a.weight
// CHECK-NEXT:  %[[KV:.*]] = swamla.matmul %[[N1]], %[[W]] transpose_b {{.*}} -> tensor<16x8xf32>
// CHECK-NEXT:  %[[KV2:.*]]:2 = swamla.split %[[KV]] heads 1 {{.*}} -> tensor<16x6xf32>, tensor<16x2xf32>
// CHECK:       %[[LATENT:.*]] = swamla.layer_norm %[[KV2]]#0, {{.*}} eps 1.000000e-05
// CHECK-NEXT:  %[[SHARED:.*]] = swamla.rope %[[KV2]]#1, %[[COS2]], %[[SIN2]] heads 1 offset 0
// CHECK-NEXT:  %[[W:.*]] = swamla.get_param @h.1.attn.wkv_b.weight
// CHECK-NEXT:  %[[UP:.*]] = swamla.matmul %[[LATENT]], %[[W]] transpose_b {{.*}} -> tensor<16x14xf32>
// CHECK-NEXT:  %[[UP2:.*]]:2 = swamla.split %[[UP]] heads 2 {{.*}} -> tensor<16x8xf32>, tensor<16x6xf32>
// CHECK-NEXT:  %[[A1:.*]], %{{.*}} = swamla.attention %[[Q5]], %[[UP2]]#0, %[[UP2]]#1 shared %[[SHARED]] seq 8 heads 2 kv_heads 2 scale 0.408{{.*}} {scope = "h.1.attn"} : {{.*}} -> tensor<16x6xf32>, tensor<2x16xf32>
// CHECK-NEXT:  %[[W:.*]] = swamla.get_param @h.1.attn.wo.weight
// CHECK-NEXT:  %[[O3:.*]] = swamla.matmul %[[A1]], %[[W]] transpose_b
// CHECK-NEXT:  %[[X3:.*]] = swamla.add %[[X2]], %[[O3]]
// CHECK:       %[[X4:.*]] = swamla.add %[[X3]], %{{.*}} {scope = "h.1.mlp"}
// The head.
// CHECK-NEXT:  %[[W:.*]] = swamla.get_param @ln_f.weight {scope = "head"}
// CHECK-NEXT:  %[[N3:.*]] = swamla.rms_norm %[[X4]], %[[W]]
// CHECK-NEXT:  %[[W:.*]] = swamla.get_param @wte.weight {scope = "head"}
// CHECK-NEXT:  %[[LOSS:.*]] = swamla.linear_cross_entropy %[[N3]], %[[W]], %arg1 smoothing 1.000000e-01 {scope = "head"}
// CHECK-NEXT:  return %[[LOSS]] : tensor<1xf32>

// No dropout, else the same.
// EVAL-LABEL: func.func @eval(%arg0: tensor<16xi32> {swamla.name = "tokens"}, %arg1: tensor<16xi32> {swamla.name = "targets"}) -> (tensor<1xf32> {swamla.name = "loss"})
// EVAL-NOT:   swamla.dropout
// EVAL-NOT:   dropout_key
// EVAL:       swamla.linear_cross_entropy

// One sequence; a single row from the last block on.
// EVAL-LABEL: func.func @logits(%arg0: tensor<8xi32> {swamla.name = "tokens"}) -> (tensor<1x32xf32> {swamla.name = "logits"})
// EVAL-NOT:   swamla.dropout
// EVAL:       %[[X:.*]] = swamla.add {{.*}} {scope = "h.1.mlp"} : tensor<8x16xf32>
// EVAL-NEXT:  %[[POSITION:.*]] = swamla.scalar "position" {scope = "head"} : tensor<1xi32>
// EVAL-NEXT:  %[[ROW:.*]] = swamla.select_row %[[X]], %[[POSITION]] {scope = "head"} : tensor<8x16xf32>, tensor<1xi32> -> tensor<1x16xf32>
// EVAL-NEXT:  %[[W:.*]] = swamla.get_param @ln_f.weight
// EVAL-NEXT:  %[[N:.*]] = swamla.rms_norm %[[ROW]], %[[W]]
// EVAL-NEXT:  %[[W:.*]] = swamla.get_param @wte.weight
// EVAL-NEXT:  %[[LOGITS:.*]] = swamla.matmul %[[N]], %[[W]] transpose_b {scope = "head"} : tensor<1x16xf32>, tensor<32x16xf32> -> tensor<1x32xf32>
// EVAL-NEXT:  return %[[LOGITS]] : tensor<1x32xf32>
