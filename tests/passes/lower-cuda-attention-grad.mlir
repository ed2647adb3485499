// RUN: swamla-opt %s --split-input-file --verify-diagnostics --step-lower-kernels="target=cuda arch=sm_90a" | FileCheck %s

// Tests a window with a small sink: one function for dq, one for dk and dv, each with the inputs and its own results, and a launch of each.
// By query, boxes are 128 fixed rows of q and dout, and of dq, 64 streamed rows of k and v, and the sink's 16 keys and values.
// CHECK-LABEL: llvm.func @window_dq(
// CHECK-SAME: %{{[^ ]*}}: !llvm.ptr<1>, %{{[^ ]*}}: !llvm.ptr<1>, %{{[^ ]*}}: !llvm.ptr<1>, %{{[^ ]*}}: !llvm.ptr<1>, %{{[^ ]*}}: !llvm.ptr<1>,
// CHECK-SAME: %{{[^ ]*}}: !llvm.ptr<1>, %{{[^ ]*}}: !llvm.ptr<1>, %[[SCRATCH:[^ ]*]]: !llvm.ptr<1>, %[[Q:[^ ]*]]: !llvm.ptr {llvm.align = 64
// CHECK-SAME: nvvm.reqntid = array<i32: 384, 1, 1>, step.block = 384 : i64, step.grid = array<i64: 16, 1, 1>, step.num_views = 7 : i64, step.scratch_bytes = 8 : i64
// CHECK-SAME: step.tensor_maps = [#step.tensor_map<view = 0, offset = 0, element = bf16, dims = [96, 2, 512, 2], strides = [192, 1152, 589824], box = [64, 1, 128, 1], swizzle = 3>,
// CHECK-SAME: #step.tensor_map<view = 1, {{[^>]*}} box = [64, 1, 64, 1], swizzle = 3>, #step.tensor_map<view = 6, {{[^>]*}} box = [64, 1, 128, 1], swizzle = 3>,
// CHECK-SAME: #step.tensor_map<view = 1, {{[^>]*}} box = [64, 1, 16, 1], swizzle = 3>, #step.tensor_map<view = 3, {{[^>]*}} strides = [192, 384, 196608], box = [64, 1, 128, 1], swizzle = 3>,
// CHECK-SAME: #step.tensor_map<view = 2, {{[^>]*}} box = [64, 1, 64, 1], swizzle = 3>, #step.tensor_map<view = 2, {{[^>]*}} box = [64, 1, 16, 1], swizzle = 3>]
// CHECK: nvvm.setmaxregister decrease
// CHECK: llvm.atomicrmw add %[[SCRATCH]], %{{.*}} syncscope("device") monotonic
// CHECK: nvvm.cp.async.bulk.tensor.shared.cluster.global %{{.*}}, %[[Q]],
// The counter is left zero.
// CHECK: llvm.atomicrmw uinc_wrap
// CHECK: llvm.store %{{.*}}, %[[SCRATCH]]
// Two warps bring lse and delta, one stores results.
// CHECK: llvm.load %{{.*}} invariant {alignment = 4 : i64} : !llvm.ptr<1> -> f32
// CHECK: nvvm.cp.async.bulk.tensor.global.shared.cta
// CHECK: nvvm.setmaxregister increase
// The sink: S, dP, then its share of dq.
// CHECK: llvm.inline_asm {{.*}}wgmma.fence.sync.aligned;{{( add[^;]*; add[^;]*; wgmma.mma_async.sync.aligned.m64n16k16.f32.bf16.bf16 [^;]*;){6} }}wgmma.commit_group.sync.aligned;
// CHECK: llvm.inline_asm {{.*}}m64n16k16
// CHECK: llvm.inline_asm {{.*}}wgmma.wait_group.sync.aligned 0;
// CHECK: llvm.inline_asm {{.*}}wgmma.fence.sync.aligned;{{( add[^;]*; wgmma.mma_async.sync.aligned.m64n96k16.f32.bf16.bf16 [^;]*;){1} }}wgmma.commit_group.sync.aligned;
// A streamed tile: S and dP are six steps of 16 columns; the wait for S leaves dP under way while the exponentials are taken.
// CHECK: llvm.inline_asm {{.*}}wgmma.fence.sync.aligned;{{( add[^;]*; add[^;]*; wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 [^;]*;){6} }}wgmma.commit_group.sync.aligned;
// CHECK: llvm.inline_asm {{.*}}m64n64k16
// CHECK: llvm.inline_asm {{.*}}wgmma.wait_group.sync.aligned 1;
// CHECK: llvm.inline_asm {{.*}}ex2.approx.ftz.f32
// CHECK: llvm.inline_asm {{.*}}@p st.volatile.shared.b32
// CHECK: llvm.inline_asm {{.*}}wgmma.wait_group.sync.aligned 0;
// dq += dS K: 64 keys are four steps.
// CHECK: llvm.inline_asm {{.*}}wgmma.fence.sync.aligned;{{( add[^;]*; wgmma.mma_async.sync.aligned.m64n96k16.f32.bf16.bf16 [^;]*;){4} }}wgmma.commit_group.sync.aligned;
// CHECK: nvvm.fence.proxy {kind = #nvvm.proxy_kind<async.shared>, space = #nvvm.shared_space<cta>}
// CHECK: llvm.inline_asm {{.*}}"mbarrier.arrive.shared::cta.b64
//
// By key, k and v are fixed, q and dout are streamed; a warp brings lse and delta along.
// CHECK-LABEL: llvm.func @window_dkv(
// CHECK-SAME: step.num_views = 8 : i64
// CHECK-SAME: step.tensor_maps = [#step.tensor_map<view = 1, {{[^>]*}} box = [64, 1, 128, 1], swizzle = 3>, #step.tensor_map<view = 0, {{[^>]*}} box = [64, 1, 64, 1], swizzle = 3>,
// CHECK-SAME: #step.tensor_map<view = 6, {{[^>]*}} box = [64, 1, 128, 1], swizzle = 3>, #step.tensor_map<view = 2, {{[^>]*}} box = [64, 1, 128, 1], swizzle = 3>,
// CHECK-SAME: #step.tensor_map<view = 3, {{[^>]*}} box = [64, 1, 64, 1], swizzle = 3>, #step.tensor_map<view = 7, {{[^>]*}} box = [64, 1, 128, 1], swizzle = 3>]
// CHECK: llvm.load %{{.*}} invariant {alignment = 4 : i64} : !llvm.ptr<1> -> f32
// CHECK-NOT: m64n16k16
// CHECK: step.launch @window_dq [#step.view<@arena, 0, 1178880>, #step.view<@arena, 384, 1178880>, #step.view<@arena, 768, 1178880>, #step.view<@arena, 1179648, 393216>, #step.view<@arena, 1572864, 8192>, #step.view<@arena, 1581056, 8192>, #step.view<@arena, 1589248, 1178880>]
// CHECK: step.launch @window_dkv [{{.*}}#step.view<@arena, 1581056, 8192>, #step.view<@arena, 1589632, 1178880>, #step.view<@arena, 1590016, 1178880>]
// CHECK-NOT: step.attention_grad_kernel
module {
  step.buffer @arena kind "arena" bytes 4194304
  step.attention_grad_kernel @window element bf16 batch 2 seq 512 scale 0.1 window 256 sink 4
      q <heads = 2, width = 96, row_stride = 576, head_stride = 96> k <heads = 2, width = 96, row_stride = 576, head_stride = 96>
      v <heads = 2, width = 96, row_stride = 576, head_stride = 96> dout <heads = 2, width = 96, row_stride = 192, head_stride = 96>
      lse_stride 1024 delta_stride 1024
      dq <heads = 2, width = 96, row_stride = 576, head_stride = 96> dk <heads = 2, width = 96, row_stride = 576, head_stride = 96>
      dv <heads = 2, width = 96, row_stride = 576, head_stride = 96>
  step.program @micro_step {
    step.launch @window [#step.view<@arena, 0, 1178880>, #step.view<@arena, 384, 1178880>, #step.view<@arena, 768, 1178880>,
      #step.view<@arena, 1179648, 393216>, #step.view<@arena, 1572864, 8192>, #step.view<@arena, 1581056, 8192>,
      #step.view<@arena, 1589248, 1178880>, #step.view<@arena, 1589632, 1178880>, #step.view<@arena, 1590016, 1178880>]
      units 4 label "window" flops 0 bytes 0
  }
}

// -----

// Tests multi-head latent attention: dq is written as two parts; dk and dshared are the two parts of one accumulator of 192 columns.
// CHECK-LABEL: llvm.func @latent_dq(
// CHECK-SAME: #step.tensor_map<view = 7, offset = 0, element = bf16, dims = [128, 2, 300, 1], strides = [384, 768, 230400], box = [64, 1, 128, 1], swizzle = 3>,
// CHECK-SAME: #step.tensor_map<view = 7, offset = 256, element = bf16, dims = [64, 2, 300, 1], strides = [384, 768, 230400], box = [64, 1, 128, 1], swizzle = 3>
// CHECK-LABEL: llvm.func @latent_dkv(
// CHECK-SAME: #step.tensor_map<view = 7, offset = 0, element = bf16, dims = [128, 2, 300, 1]
// CHECK-SAME: #step.tensor_map<view = 9, offset = 0, element = bf16, dims = [64, 2, 300, 1], strides = [128, 256, 76800], box = [64, 1, 128, 1], swizzle = 3>
// CHECK-SAME: #step.tensor_map<view = 8, offset = 0, element = bf16, dims = [128, 2, 300, 1]
// Few registers are left: P is rounded first, then dP and dv += P^T dout are started; the wait for dP leaves dv under way.
// CHECK: llvm.inline_asm {{.*}}wgmma.fence.sync.aligned;{{( add[^;]*; add[^;]*; wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 [^;]*;){12} }}wgmma.commit_group.sync.aligned;
// CHECK: llvm.inline_asm {{.*}}wgmma.wait_group.sync.aligned 0;
// CHECK: llvm.inline_asm {{.*}}ex2.approx.ftz.f32
// CHECK: llvm.inline_asm {{.*}}wgmma.fence.sync.aligned;{{( add[^;]*; add[^;]*; wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 [^;]*;){8} }}wgmma.commit_group.sync.aligned;
// CHECK: llvm.inline_asm {{.*}}wgmma.fence.sync.aligned;{{( add[^;]*; wgmma.mma_async.sync.aligned.m64n128k16.f32.bf16.bf16 [^;]*;){4} }}wgmma.commit_group.sync.aligned;
// CHECK: llvm.inline_asm {{.*}}wgmma.wait_group.sync.aligned 1;
// CHECK: llvm.inline_asm {{.*}}wgmma.fence.sync.aligned;{{( add[^;]*; wgmma.mma_async.sync.aligned.m64n192k16.f32.bf16.bf16 [^;]*;){4} }}wgmma.commit_group.sync.aligned;
module {
  step.buffer @arena kind "arena" bytes 4194304
  step.attention_grad_kernel @latent element bf16 batch 1 seq 300 scale 0.1 sink 0
      q <heads = 2, width = 192, row_stride = 384, head_stride = 192> k <heads = 2, width = 128, row_stride = 512, head_stride = 256>
      v <heads = 2, width = 128, row_stride = 512, head_stride = 256> shared <heads = 1, width = 64, row_stride = 320, head_stride = 64>
      dout <heads = 2, width = 128, row_stride = 256, head_stride = 128> lse_stride 300 delta_stride 300
      dq <heads = 2, width = 192, row_stride = 384, head_stride = 192> dk <heads = 2, width = 128, row_stride = 512, head_stride = 256>
      dv <heads = 2, width = 128, row_stride = 512, head_stride = 256> dshared <heads = 2, width = 64, row_stride = 128, head_stride = 64>
  step.program @micro_step {
    step.launch @latent [#step.view<@arena, 0, 230400>, #step.view<@arena, 230400, 306944>, #step.view<@arena, 230656, 306944>,
      #step.view<@arena, 537600, 191488>, #step.view<@arena, 729600, 153600>, #step.view<@arena, 883200, 2400>, #step.view<@arena, 885760, 2400>,
      #step.view<@arena, 888320, 230400>, #step.view<@arena, 1118720, 306944>, #step.view<@arena, 1118976, 306944>, #step.view<@arena, 1425920, 76800>]
      units 2 label "latent" flops 0 bytes 0
  }
}

// -----

// Tests f32: no matrix units, one function for each result, with scores in chunks of 32 columns and no memory but the op's views.
// CHECK-LABEL: llvm.func @exact_dq(
// CHECK-SAME: step.block = 256 : i64, step.grid = array<i64: 8, 1, 1>, step.num_views = 7 : i64, step.scratch_bytes = 0 : i64
// CHECK-NOT: wgmma
// CHECK: llvm.intr.fma
// CHECK-LABEL: llvm.func @exact_dk(
// CHECK-LABEL: llvm.func @exact_dv(
// CHECK: step.launch @exact_dq
// CHECK: step.launch @exact_dk
// CHECK: step.launch @exact_dv
module {
  step.buffer @arena kind "arena" bytes 4194304
  step.attention_grad_kernel @exact element f32 batch 1 seq 100 scale 0.1 sink 0
      q <heads = 4, width = 8, row_stride = 32, head_stride = 8> k <heads = 2, width = 8, row_stride = 16, head_stride = 8>
      v <heads = 2, width = 8, row_stride = 16, head_stride = 8> dout <heads = 4, width = 8, row_stride = 32, head_stride = 8>
      lse_stride 100 delta_stride 100
      dq <heads = 4, width = 8, row_stride = 32, head_stride = 8> dk <heads = 2, width = 8, row_stride = 16, head_stride = 8>
      dv <heads = 2, width = 8, row_stride = 16, head_stride = 8>
  step.program @micro_step {
    step.launch @exact [#step.view<@arena, 0, 12800>, #step.view<@arena, 12800, 6400>, #step.view<@arena, 19200, 6400>,
      #step.view<@arena, 25600, 12800>, #step.view<@arena, 38400, 1600>, #step.view<@arena, 40192, 1600>,
      #step.view<@arena, 41984, 12800>, #step.view<@arena, 54784, 6400>, #step.view<@arena, 61184, 6400>] units 2 label "exact" flops 0 bytes 0
  }
}

// -----

// Tests that key columns which several query heads of a KV head share have a function of their own: their gradients do not add up.
// CHECK-LABEL: llvm.func @grouped_dq(
// CHECK-LABEL: llvm.func @grouped_dk(
// CHECK-SAME: step.grid = array<i64: 2, 1, 1>, step.num_views = 8 : i64
// CHECK-LABEL: llvm.func @grouped_dshared(
// CHECK-SAME: step.grid = array<i64: 4, 1, 1>, step.num_views = 8 : i64
// CHECK-LABEL: llvm.func @grouped_dv(
step.attention_grad_kernel @grouped element bf16 batch 1 seq 10 scale 0.1 sink 0
    q <heads = 4, width = 24, row_stride = 96, head_stride = 24> k <heads = 2, width = 16, row_stride = 32, head_stride = 16>
    v <heads = 2, width = 16, row_stride = 32, head_stride = 16> shared <heads = 1, width = 8, row_stride = 8, head_stride = 8>
    dout <heads = 4, width = 16, row_stride = 64, head_stride = 16> lse_stride 10 delta_stride 10
    dq <heads = 4, width = 24, row_stride = 96, head_stride = 24> dk <heads = 2, width = 16, row_stride = 32, head_stride = 16>
    dv <heads = 2, width = 16, row_stride = 32, head_stride = 16> dshared <heads = 4, width = 8, row_stride = 32, head_stride = 8>

// -----

// Tests that the kernel by query computes delta where it is given attention's result, while it brings both to the cache ahead of time, and that the
// one by key reads it: view 9, a result, in the place of view 5.
// CHECK-LABEL: llvm.func @folded_dq(
// CHECK-SAME: step.num_views = 8 : i64
// CHECK-COUNT-8: llvm.inline_asm {{.*}}prefetch.global.L2
// CHECK: llvm.load %{{.*}} invariant {alignment = 16 : i64} : !llvm.ptr<1> -> vector<4xi32>
// CHECK: llvm.store %{{.*}}, %{{.*}} {alignment = 4 : i64} : f32, !llvm.ptr<1>
// CHECK-LABEL: llvm.func @folded_dkv(
// CHECK-SAME: step.num_views = 8 : i64
// CHECK: step.launch @folded_dq [{{.*}}#step.view<@arena, 400000, 19200>, #step.view<@arena, 480000, 400>, #step.view<@arena, 500480, 19200>, #step.view<@arena, 600320, 19200>, #step.view<@arena, 900096, 400>]
// CHECK: step.launch @folded_dkv [{{.*}}#step.view<@arena, 400000, 19200>, #step.view<@arena, 480000, 400>, #step.view<@arena, 900096, 400>, #step.view<@arena, 700160, 19200>, #step.view<@arena, 800000, 19200>]
module {
  step.buffer @arena kind "arena" bytes 4194304
  step.attention_grad_kernel @folded element bf16 batch 1 seq 100 scale 0.1 sink 0
      q <heads = 1, width = 96, row_stride = 96, head_stride = 96> k <heads = 1, width = 96, row_stride = 96, head_stride = 96>
      v <heads = 1, width = 96, row_stride = 96, head_stride = 96> dout <heads = 1, width = 96, row_stride = 96, head_stride = 96>
      out <heads = 1, width = 96, row_stride = 96, head_stride = 96> lse_stride 100 delta_stride 100
      dq <heads = 1, width = 96, row_stride = 96, head_stride = 96> dk <heads = 1, width = 96, row_stride = 96, head_stride = 96>
      dv <heads = 1, width = 96, row_stride = 96, head_stride = 96>
  step.program @micro_step {
    step.launch @folded [#step.view<@arena, 0, 19200>, #step.view<@arena, 100096, 19200>, #step.view<@arena, 200192, 19200>,
      #step.view<@arena, 400000, 19200>, #step.view<@arena, 480000, 400>, #step.view<@arena, 500480, 19200>,
      #step.view<@arena, 600320, 19200>, #step.view<@arena, 700160, 19200>, #step.view<@arena, 800000, 19200>,
      #step.view<@arena, 900096, 400>] units 1 label "folded" flops 0 bytes 0
  }
}

// -----

// Tests that without matrix units a kernel of its own computes delta, before the others.
// CHECK-LABEL: llvm.func @narrow_delta(
// CHECK-SAME: step.block = 256 : i64, step.grid = array<i64: 13, 1, 1>, step.num_views = 3 : i64
// CHECK-LABEL: llvm.func @narrow_dq(
// CHECK: step.launch @narrow_delta [#step.view<@arena, 5120, 1400>, #step.view<@arena, 3072, 1400>, #step.view<@arena, 12800, 400>]
// CHECK-NEXT: step.launch @narrow_dq [{{.*}}#step.view<@arena, 4608, 400>, #step.view<@arena, 12800, 400>, #step.view<@arena, 7168, 1400>]
// CHECK-NEXT: step.launch @narrow_dk [{{.*}}#step.view<@arena, 12800, 400>, #step.view<@arena, 8704, 1400>]
module {
  step.buffer @arena kind "arena" bytes 4194304
  step.attention_grad_kernel @narrow element bf16 batch 1 seq 100 scale 0.1 sink 0
      q <heads = 1, width = 7, row_stride = 7, head_stride = 7> k <heads = 1, width = 7, row_stride = 7, head_stride = 7>
      v <heads = 1, width = 7, row_stride = 7, head_stride = 7> dout <heads = 1, width = 7, row_stride = 7, head_stride = 7>
      out <heads = 1, width = 7, row_stride = 7, head_stride = 7> lse_stride 100 delta_stride 100
      dq <heads = 1, width = 7, row_stride = 7, head_stride = 7> dk <heads = 1, width = 7, row_stride = 7, head_stride = 7>
      dv <heads = 1, width = 7, row_stride = 7, head_stride = 7>
  step.program @micro_step {
    step.launch @narrow [#step.view<@arena, 0, 1400>, #step.view<@arena, 1536, 1400>, #step.view<@arena, 2048, 1400>,
      #step.view<@arena, 3072, 1400>, #step.view<@arena, 4608, 400>, #step.view<@arena, 5120, 1400>,
      #step.view<@arena, 7168, 1400>, #step.view<@arena, 8704, 1400>, #step.view<@arena, 10240, 1400>,
      #step.view<@arena, 12800, 400>] units 1 label "narrow" flops 0 bytes 0
  }
}

// -----

// Tests the longest sequence: positions are 32-bit numbers.
// expected-error @+1 {{'step.attention_grad_kernel' op has seq 536870912 and window 0, expected a seq below 536870912 on a GPU; shorten the sequences}}
step.attention_grad_kernel @long element f32 batch 1 seq 536870912 scale 0.1 sink 0
    q <heads = 1, width = 8, row_stride = 8, head_stride = 8> k <heads = 1, width = 8, row_stride = 8, head_stride = 8>
    v <heads = 1, width = 8, row_stride = 8, head_stride = 8> dout <heads = 1, width = 8, row_stride = 8, head_stride = 8>
    lse_stride 536870912 delta_stride 536870912
    dq <heads = 1, width = 8, row_stride = 8, head_stride = 8> dk <heads = 1, width = 8, row_stride = 8, head_stride = 8>
    dv <heads = 1, width = 8, row_stride = 8, head_stride = 8>
