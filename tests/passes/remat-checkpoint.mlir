// RUN: swamla-opt %s --swamla-autodiff --swamla-remat=checkpoint=none | FileCheck %s --check-prefixes=CHECK,NONE
// RUN: swamla-opt %s --swamla-autodiff --swamla-remat=checkpoint=qkv | FileCheck %s --check-prefixes=CHECK,QKVMODE
// RUN: swamla-opt %s --swamla-autodiff --swamla-remat=checkpoint=mlp | FileCheck %s --check-prefixes=CHECK,MLP
// RUN: swamla-opt %s --swamla-autodiff --swamla-remat=checkpoint=attn | FileCheck %s --check-prefixes=CHECK,ATTN
// RUN: swamla-opt %s --swamla-autodiff --swamla-remat=checkpoint=block | FileCheck %s --check-prefixes=CHECK,BLOCK
// RUN: swamla-opt %s --swamla-autodiff --swamla-remat="checkpoint=none remarks" -o /dev/null 2>&1 | FileCheck %s --check-prefix=NONE-BYTES
// RUN: swamla-opt %s --swamla-autodiff --swamla-remat="checkpoint=qkv remarks" -o /dev/null 2>&1 | FileCheck %s --check-prefix=QKV-BYTES
// RUN: swamla-opt %s --swamla-autodiff --swamla-remat="checkpoint=mlp remarks" -o /dev/null 2>&1 | FileCheck %s --check-prefix=MLP-BYTES
// RUN: swamla-opt %s --swamla-autodiff --swamla-remat="checkpoint=attn remarks" -o /dev/null 2>&1 | FileCheck %s --check-prefix=ATTN-BYTES
// RUN: swamla-opt %s --swamla-autodiff --swamla-remat="checkpoint=block remarks" -o /dev/null 2>&1 | FileCheck %s --check-prefix=BLOCK-BYTES

// One block of M = 4 rows and C = 4 columns: an activation of M x C is 64 bytes. The backward asks for
//   x0, n1, q, k, v, out: 64 each, lse: 32          (attention part; n1 is the norm's output)
//   x1, n2: 64 each, value, gate, product: 128 each (MLP part)
//   x2, nf: 64 each                                 (head)
// NONE-BYTES:  remark: checkpoint=none: 1056 bytes saved for the backward before, 736 after; 3 ops recomputed, 1 moved
// QKV-BYTES:   remark: checkpoint=qkv: 1056 bytes saved for the backward before, 544 after; 6 ops recomputed, 1 moved
// MLP-BYTES:   remark: checkpoint=mlp: 1056 bytes saved for the backward before, 480 after; 5 ops recomputed, 1 moved
// ATTN-BYTES:  remark: checkpoint=attn: 1056 bytes saved for the backward before, 448 after; 7 ops recomputed, 1 moved
// BLOCK-BYTES: remark: checkpoint=block: 1056 bytes saved for the backward before, 128 after; 11 ops recomputed, 1 moved

// The forward is the same in all modes.
// CHECK-LABEL: func.func @micro_step
// CHECK: %[[X0:.*]] = swamla.embedding_lookup
// CHECK: %[[QKV:.*]] = swamla.matmul %{{.*}} {scope = "h.0.attn"}
// CHECK: %[[PARTS:.*]]:3 = swamla.split %[[QKV]] heads 1 {scope = "h.0.attn"}
// CHECK: %[[ROT:.*]] = swamla.rope %[[PARTS]]#0, %[[COS:.*]], %[[SIN:.*]] heads 2 offset 0 {scope = "h.0.attn"}
// CHECK: %[[OUT:.*]], %[[LSE:.*]] = swamla.attention %[[ROT]], %[[PARTS]]#1, %[[PARTS]]#2 {{.*}} {scope = "h.0.attn"}
// CHECK: %[[PROJ:.*]] = swamla.matmul %[[OUT]], %{{.*}} {scope = "h.0.attn"}
// CHECK: %[[X1:.*]] = swamla.add %[[X0]], %[[PROJ]] {scope = "h.0.attn"}
// CHECK: %[[GU:.*]] = swamla.matmul %{{.*}} {scope = "h.0.mlp"}
// CHECK: %[[HALVES:.*]]:2 = swamla.split %[[GU]] heads 1 {scope = "h.0.mlp"}
// CHECK: swamla.swiglu %[[HALVES]]#0, %[[HALVES]]#1 {scope = "h.0.mlp"}
// CHECK: %[[DOWN:.*]] = swamla.matmul %{{.*}} {scope = "h.0.mlp"}
// CHECK: %[[X2:.*]] = swamla.add %[[X1]], %[[DOWN]] {scope = "h.0.mlp"}
// CHECK: swamla.rms_norm %[[X2]], %{{.*}} {backward, scope = "head"}
// CHECK-NEXT: swamla.linear_cross_entropy_grad

// Cheap ops only: the product right before down_proj's gradient, each norm's output right before the gradient of what it feeds.
// NONE: swamla.rms_norm_grad %[[X2]],
// NONE-NEXT: swamla.add_grad
// NONE-NEXT: swamla.swiglu %[[HALVES]]#0, %[[HALVES]]#1 {recompute, scope = "h.0.mlp"}
// NONE-NEXT: swamla.matmul %{{.*}} transpose_a {backward, scope = "h.0.mlp"}
// NONE-NOT: recompute
// NONE: swamla.swiglu_grad %[[HALVES]]#0, %[[HALVES]]#1,
// NONE-NOT: recompute
// NONE: swamla.rms_norm %[[X1]], %{{.*}} {recompute, scope = "h.0.mlp"}
// NONE-NEXT: swamla.matmul %{{.*}} transpose_a {backward, scope = "h.0.mlp"}
// NONE-NOT: recompute
// NONE: swamla.attention_delta %[[OUT]],
// NONE-NEXT: swamla.attention_grad %[[ROT]], %[[PARTS]]#1, %[[PARTS]]#2, %{{.*}}, %[[LSE]],
// NONE-NOT: recompute
// NONE: swamla.rms_norm %[[X0]], %{{.*}} {recompute, scope = "h.0.attn"}
// NONE-NOT: recompute
// NONE: return

// Queries, keys and values from the norm on, right before attention's gradient; not attention, whose result and lse are kept.
// QKVMODE: swamla.swiglu_grad %[[HALVES]]#0, %[[HALVES]]#1,
// QKVMODE: swamla.attention_delta %[[OUT]],
// QKVMODE-NEXT: %[[N:.*]] = swamla.rms_norm %[[X0]], %{{.*}} {recompute, scope = "h.0.attn"}
// QKVMODE-NEXT: %[[QKV2:.*]] = swamla.matmul %[[N]], %{{.*}} transpose_b {recompute, scope = "h.0.attn"}
// QKVMODE-NEXT: %[[PARTS2:.*]]:3 = swamla.split %[[QKV2]] heads 1 {recompute, scope = "h.0.attn"}
// QKVMODE-NEXT: %[[ROT2:.*]] = swamla.rope %[[PARTS2]]#0, {{.*}} {recompute, scope = "h.0.attn"}
// QKVMODE-NEXT: swamla.attention_grad %[[ROT2]], %[[PARTS2]]#1, %[[PARTS2]]#2, %{{.*}}, %[[LSE]],
// QKVMODE-NOT: recompute
// QKVMODE: return

// The MLP from its entry, x1, on; attention as before.
// MLP: swamla.rms_norm_grad %[[X2]],
// MLP-NEXT: swamla.add_grad
// MLP-NEXT: %[[N:.*]] = swamla.rms_norm %[[X1]], %{{.*}} {recompute, scope = "h.0.mlp"}
// MLP-NEXT: %[[GU2:.*]] = swamla.matmul %[[N]], %{{.*}} transpose_b {recompute, scope = "h.0.mlp"}
// MLP-NEXT: %[[H2:.*]]:2 = swamla.split %[[GU2]] heads 1 {recompute, scope = "h.0.mlp"}
// MLP-NEXT: %[[P:.*]] = swamla.swiglu %[[H2]]#0, %[[H2]]#1 {recompute, scope = "h.0.mlp"}
// MLP-NEXT: swamla.matmul %{{.*}}, %[[P]] transpose_a {backward, scope = "h.0.mlp"}
// MLP-NOT: recompute
// MLP: swamla.swiglu_grad %[[H2]]#0, %[[H2]]#1,
// MLP-NOT: recompute
// MLP: swamla.matmul %{{.*}}, %[[N]] transpose_a {backward, scope = "h.0.mlp"}
// MLP-NOT: recompute
// MLP: swamla.attention_grad %[[ROT]], %[[PARTS]]#1, %[[PARTS]]#2, %{{.*}}, %[[LSE]],
// MLP-NOT: recompute
// MLP: swamla.rms_norm %[[X0]], %{{.*}} {recompute, scope = "h.0.attn"}
// MLP-NOT: recompute
// MLP: return

// Attention from its entry, x0, on, rotation included; of the MLP the cheap ops.
// ATTN: swamla.swiglu %[[HALVES]]#0, %[[HALVES]]#1 {recompute, scope = "h.0.mlp"}
// ATTN-NOT: recompute
// ATTN: swamla.rms_norm %[[X1]], %{{.*}} {recompute, scope = "h.0.mlp"}
// ATTN-NOT: recompute
// ATTN: swamla.rms_norm_grad %[[X1]],
// ATTN-NEXT: swamla.add
// ATTN-NEXT: swamla.add_grad
// ATTN-NEXT: %[[N:.*]] = swamla.rms_norm %[[X0]], %{{.*}} {recompute, scope = "h.0.attn"}
// ATTN-NEXT: %[[QKV2:.*]] = swamla.matmul %[[N]], %{{.*}} transpose_b {recompute, scope = "h.0.attn"}
// ATTN-NEXT: %[[P2:.*]]:3 = swamla.split %[[QKV2]] heads 1 {recompute, scope = "h.0.attn"}
// ATTN-NEXT: %[[ROT2:.*]] = swamla.rope %[[P2]]#0, %[[COS]], %[[SIN]] heads 2 offset 0 {recompute, scope = "h.0.attn"}
// ATTN-NEXT: %[[OUT2:.*]], %[[LSE2:.*]] = swamla.attention %[[ROT2]], %[[P2]]#1, %[[P2]]#2 {{.*}} {recompute, scope = "h.0.attn"}
// ATTN-NEXT: swamla.matmul %{{.*}}, %[[OUT2]] transpose_a {backward, scope = "h.0.attn"}
// ATTN-NOT: recompute
// ATTN: %[[DELTA:.*]] = swamla.attention_delta %[[OUT2]],
// ATTN-NEXT: swamla.attention_grad %[[ROT2]], %[[P2]]#1, %[[P2]]#2, %{{.*}}, %[[LSE2]], %[[DELTA]]
// ATTN: swamla.matmul %{{.*}}, %[[N]] transpose_a {backward, scope = "h.0.attn"}
// ATTN-NOT: recompute
// ATTN: return

// The whole block from x0, the residual sum x1 included; x2 is the next part's entry and is kept.
// BLOCK: swamla.rms_norm_grad %[[X2]],
// BLOCK-NEXT: swamla.add_grad
// BLOCK-NEXT: swamla.rms_norm %[[X0]], %{{.*}} {recompute, scope = "h.0.attn"}
// BLOCK-NEXT: swamla.matmul %{{.*}} {recompute, scope = "h.0.attn"}
// BLOCK-NEXT: swamla.split %{{.*}} {recompute, scope = "h.0.attn"}
// BLOCK-NEXT: swamla.rope %{{.*}} {recompute, scope = "h.0.attn"}
// BLOCK-NEXT: %[[OUT2:.*]], %[[LSE2:.*]] = swamla.attention %{{.*}} {recompute, scope = "h.0.attn"}
// BLOCK-NEXT: %[[PROJ2:.*]] = swamla.matmul %[[OUT2]], %{{.*}} {recompute, scope = "h.0.attn"}
// BLOCK-NEXT: %[[X12:.*]] = swamla.add %[[X0]], %[[PROJ2]] {recompute, scope = "h.0.attn"}
// BLOCK-NEXT: swamla.rms_norm %[[X12]], %{{.*}} {recompute, scope = "h.0.mlp"}
// BLOCK-NEXT: swamla.matmul %{{.*}} {recompute, scope = "h.0.mlp"}
// BLOCK-NEXT: swamla.split %{{.*}} {recompute, scope = "h.0.mlp"}
// BLOCK-NEXT: swamla.swiglu %{{.*}} {recompute, scope = "h.0.mlp"}
// BLOCK-NOT: recompute
// BLOCK: swamla.rms_norm_grad %[[X12]],
// BLOCK-NOT: recompute
// BLOCK: swamla.attention_delta %[[OUT2]],
// BLOCK-NEXT: swamla.attention_grad %{{.*}}, %[[LSE2]],
// BLOCK-NOT: recompute
// BLOCK: return

swamla.param @wte : tensor<7x4xf32> init normal 0.02
swamla.param @norm1 : tensor<4xf32> init constant 1.0
swamla.param @qkv : tensor<12x4xf32> init normal 0.02 decay
swamla.param @o : tensor<4x4xf32> init normal 0.02 decay
swamla.param @norm2 : tensor<4xf32> init constant 1.0
swamla.param @gate_up : tensor<16x4xf32> init normal 0.02 decay
swamla.param @down : tensor<4x8xf32> init normal 0.02 decay
swamla.param @ln_f : tensor<4xf32> init constant 1.0

func.func @loss(%tokens: tensor<4xi32>, %targets: tensor<4xi32>) -> tensor<1xf32> {
  %wte = swamla.get_param @wte : tensor<7x4xf32>
  %x0 = swamla.embedding_lookup %tokens, %wte {scope = "embed"} : tensor<4xi32>, tensor<7x4xf32> -> tensor<4x4xf32>

  %norm1 = swamla.get_param @norm1 : tensor<4xf32>
  %n1 = swamla.rms_norm %x0, %norm1 eps 0.5 {scope = "h.0.attn"} : tensor<4x4xf32>, tensor<4xf32>
  %wqkv = swamla.get_param @qkv : tensor<12x4xf32>
  %qkv = swamla.matmul %n1, %wqkv transpose_b {scope = "h.0.attn"} : tensor<4x4xf32>, tensor<12x4xf32> -> tensor<4x12xf32>
  %q, %k, %v = swamla.split %qkv heads 1 {scope = "h.0.attn"} : tensor<4x12xf32> -> tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32>
  %cos, %sin = swamla.rope_table theta 1.0e4 factor 1.0 : tensor<4x2xf32>
  %r = swamla.rope %q, %cos, %sin heads 2 offset 0 {scope = "h.0.attn"} : tensor<4x4xf32>, tensor<4x2xf32>
  %out, %lse = swamla.attention %r, %k, %v seq 4 heads 2 kv_heads 2 scale 0.5 window 2 {scope = "h.0.attn"}
    : tensor<4x4xf32>, tensor<4x4xf32>, tensor<4x4xf32> -> tensor<4x4xf32>, tensor<2x4xf32>
  %wo = swamla.get_param @o : tensor<4x4xf32>
  %o = swamla.matmul %out, %wo transpose_b {scope = "h.0.attn"} : tensor<4x4xf32>, tensor<4x4xf32> -> tensor<4x4xf32>
  %x1 = swamla.add %x0, %o {scope = "h.0.attn"} : tensor<4x4xf32>

  %norm2 = swamla.get_param @norm2 : tensor<4xf32>
  %n2 = swamla.rms_norm %x1, %norm2 eps 0.5 {scope = "h.0.mlp"} : tensor<4x4xf32>, tensor<4xf32>
  %wgu = swamla.get_param @gate_up : tensor<16x4xf32>
  %gu = swamla.matmul %n2, %wgu transpose_b {scope = "h.0.mlp"} : tensor<4x4xf32>, tensor<16x4xf32> -> tensor<4x16xf32>
  %value, %gate = swamla.split %gu heads 1 {scope = "h.0.mlp"} : tensor<4x16xf32> -> tensor<4x8xf32>, tensor<4x8xf32>
  %p = swamla.swiglu %value, %gate {scope = "h.0.mlp"} : tensor<4x8xf32>
  %wd = swamla.get_param @down : tensor<4x8xf32>
  %d = swamla.matmul %p, %wd transpose_b {scope = "h.0.mlp"} : tensor<4x8xf32>, tensor<4x8xf32> -> tensor<4x4xf32>
  %x2 = swamla.add %x1, %d {scope = "h.0.mlp"} : tensor<4x4xf32>

  %lnf = swamla.get_param @ln_f : tensor<4xf32>
  %nf = swamla.rms_norm %x2, %lnf eps 0.5 {scope = "head"} : tensor<4x4xf32>, tensor<4xf32>
  %loss = swamla.linear_cross_entropy %nf, %wte, %targets smoothing 0.0 {scope = "head"} : tensor<4x4xf32>, tensor<7x4xf32>, tensor<4xi32> -> tensor<1xf32>
  return %loss : tensor<1xf32>
}
