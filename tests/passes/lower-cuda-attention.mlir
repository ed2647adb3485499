// RUN: swamla-opt %s --split-input-file --step-lower-kernels="target=cuda arch=sm_90a" | FileCheck %s

// Tests a window with a small sink: three warpgroups compute and one loads, 64 keys a tile. The maps are those of q, k, v, out, and of the sink's
// 16 keys and values: dims column, head, row, sequence; boxes of 64 columns.
// CHECK-LABEL: llvm.func @window(
// CHECK-SAME: %{{[^ ]*}}: !llvm.ptr<1>, %{{[^ ]*}}: !llvm.ptr<1>, %{{[^ ]*}}: !llvm.ptr<1>, %{{[^ ]*}}: !llvm.ptr<1>, %{{[^ ]*}}: !llvm.ptr<1>,
// CHECK-SAME: %[[SCRATCH:[^ ]*]]: !llvm.ptr<1>, %[[Q:[^ ]*]]: !llvm.ptr {llvm.align = 64 : i64, llvm.byval = !llvm.array<128 x i8>, nvvm.grid_constant},
// CHECK-SAME: %[[K:[^ ]*]]: !llvm.ptr {{[^}]*[}]}}, %[[V:[^ ]*]]: !llvm.ptr {{[^}]*[}]}}, %[[OUT:[^ ]*]]: !llvm.ptr {{[^}]*[}]}},
// CHECK-SAME: %[[SINK_K:[^ ]*]]: !llvm.ptr {{[^}]*[}]}}, %[[SINK_V:[^ ]*]]: !llvm.ptr
// CHECK-SAME: nvvm.reqntid = array<i32: 512, 1, 1>, step.block = 512 : i64, step.grid = array<i64: 12, 1, 1>
// CHECK-SAME: step.num_views = 5 : i64, step.scratch_bytes = 8 : i64
// CHECK-SAME: step.tensor_maps = [#step.tensor_map<view = 0, offset = 0, element = bf16, dims = [96, 2, 512, 2], strides = [192, 1152, 589824], box = [64, 1, 192, 1], swizzle = 3>,
// CHECK-SAME: #step.tensor_map<view = 1, {{[^>]*}} box = [64, 1, 64, 1], swizzle = 3>, #step.tensor_map<view = 2, {{[^>]*}} box = [64, 1, 64, 1]
// CHECK-SAME: #step.tensor_map<view = 3, offset = 0, element = bf16, dims = [96, 2, 512, 2], strides = [192, 384, 196608], box = [64, 1, 192, 1], swizzle = 3>,
// CHECK-SAME: #step.tensor_map<view = 1, {{[^>]*}} box = [64, 1, 16, 1], swizzle = 3>, #step.tensor_map<view = 2, {{[^>]*}} box = [64, 1, 16, 1]
//
// The loading warpgroup gives registers away and takes tiles from a counter.
// CHECK: nvvm.setmaxregister decrease 32
// CHECK: llvm.atomicrmw add %[[SCRATCH]], %{{.*}} syncscope("device") monotonic
// CHECK: nvvm.cp.async.bulk.tensor.shared.cluster.global %{{.*}}, %[[SINK_K]],
// CHECK: nvvm.cp.async.bulk.tensor.shared.cluster.global %{{.*}}, %[[SINK_V]],
// CHECK: nvvm.cp.async.bulk.tensor.shared.cluster.global %{{.*}}, %[[Q]],
// CHECK: nvvm.cp.async.bulk.tensor.shared.cluster.global %{{.*}}, %[[K]],
// CHECK: nvvm.cp.async.bulk.tensor.shared.cluster.global %{{.*}}, %[[V]],
// The counter is left zero.
// CHECK: llvm.atomicrmw uinc_wrap
// CHECK: llvm.store %{{.*}}, %[[SCRATCH]]
// A warp beside it stores results.
// CHECK: nvvm.cp.async.bulk.tensor.global.shared.cta %[[OUT]],
//
// The sink's scores and results; then scores of a tile: 96 columns are six steps of 16, keys the second operand; and results: 64 keys are four.
// CHECK: nvvm.setmaxregister increase 160
// CHECK: llvm.inline_asm {{.*}}wgmma.mma_async.sync.aligned.m64n16k16.f32.bf16.bf16
// CHECK: llvm.inline_asm {{.*}}wgmma.mma_async.sync.aligned.m64n96k16.f32.bf16.bf16
// CHECK: llvm.inline_asm {{.*}}wgmma.fence.sync.aligned;{{( add[^;]*; add[^;]*; wgmma.mma_async.sync.aligned.m64n64k16.f32.bf16.bf16 [^;]*;){6} }}wgmma.commit_group.sync.aligned;
// CHECK: llvm.inline_asm {{.*}}ex2.approx.ftz.f32
// CHECK: llvm.inline_asm {{.*}}m64n64k16
// CHECK: llvm.inline_asm {{.*}}wgmma.fence.sync.aligned;{{( add[^;]*; wgmma.mma_async.sync.aligned.m64n96k16.f32.bf16.bf16 [^;]*;){4} }}wgmma.commit_group.sync.aligned;
// The wait for the scores leaves the results' product under way; what needs the sums holds the next wait back.
// CHECK: llvm.inline_asm {{.*}}wgmma.wait_group.sync.aligned 1;
// CHECK: llvm.inline_asm {{.*}}@p st.volatile.shared.b32
// CHECK: llvm.inline_asm {{.*}}wgmma.wait_group.sync.aligned 0;
// CHECK: llvm.store %{{.*}}, %{{.*}} {alignment = 4 : i64} : f32, !llvm.ptr<1>
// CHECK: nvvm.fence.proxy {kind = #nvvm.proxy_kind<async.shared>, space = #nvvm.shared_space<cta>}
// CHECK: llvm.inline_asm {{.*}}"mbarrier.arrive.shared::cta.b64
// CHECK: step.launch @window
// CHECK-NOT: step.attention_kernel
module {
  step.buffer @arena kind "arena" bytes 2097152
  step.attention_kernel @window element bf16 batch 2 seq 512 scale 0.1 window 256 sink 4
      q <heads = 2, width = 96, row_stride = 576, head_stride = 96> k <heads = 2, width = 96, row_stride = 576, head_stride = 96>
      v <heads = 2, width = 96, row_stride = 576, head_stride = 96> out <heads = 2, width = 96, row_stride = 192, head_stride = 96> lse_stride 1024
  step.program @eval {
    step.launch @window [#step.view<@arena, 0, 1178880>, #step.view<@arena, 384, 1178880>, #step.view<@arena, 768, 1178880>,
      #step.view<@arena, 1179648, 393216>, #step.view<@arena, 1572864, 8192>] units 32 label "window" flops 0 bytes 0
  }
}

// -----

// Tests multi-head latent attention: a key is 128 columns of its head and 64 that all heads share, from two maps; queries likewise.
// CHECK-LABEL: llvm.func @latent(
// CHECK-SAME: step.num_views = 6 : i64
// CHECK-SAME: step.tensor_maps = [#step.tensor_map<view = 0, offset = 0, element = bf16, dims = [128, 2, 300, 1]
// CHECK-SAME: #step.tensor_map<view = 1, offset = 0, element = bf16, dims = [128, 2, 300, 1], strides = [512, 1024, 307200], box = [64, 1, 96, 1]
// CHECK-SAME: #step.tensor_map<view = 2, {{[^>]*}} dims = [128, 2, 300, 1]
// CHECK-SAME: #step.tensor_map<view = 4, {{[^>]*}} dims = [128, 2, 300, 1]
// CHECK-SAME: #step.tensor_map<view = 0, offset = 256, element = bf16, dims = [64, 2, 300, 1]
// CHECK-SAME: #step.tensor_map<view = 3, offset = 0, element = bf16, dims = [64, 1, 300, 1], strides = [640, 640, 192000], box = [64, 1, 96, 1]
// CHECK: nvvm.setmaxregister increase 232
// Tiles of 96 keys leave room for two places of queries. Two warpgroups take turns; 192 columns are twelve steps; results wait to be rescaled until the next scores are under way.
// CHECK: nvvm.barrier.arrive id = %{{.*}} number_of_threads
// CHECK: nvvm.barrier id = %{{.*}} number_of_threads
// CHECK: llvm.inline_asm {{.*}}wgmma.fence.sync.aligned;{{( add[^;]*; add[^;]*; wgmma.mma_async.sync.aligned.m64n96k16.f32.bf16.bf16 [^;]*;){12} }}wgmma.commit_group.sync.aligned;
// CHECK: nvvm.barrier.arrive id = %{{.*}} number_of_threads
// CHECK: llvm.inline_asm {{.*}}wgmma.wait_group.sync.aligned 0;
// CHECK: nvvm.barrier id = %{{.*}} number_of_threads
// CHECK: llvm.inline_asm {{.*}}m64n96k16
// CHECK: llvm.inline_asm {{.*}}mov.b32
// CHECK: llvm.inline_asm {{.*}}m64n128k16
// CHECK: llvm.inline_asm {{.*}}wgmma.wait_group.sync.aligned 1;
module {
  step.buffer @arena kind "arena" bytes 2097152
  step.attention_kernel @latent element bf16 batch 1 seq 300 scale 0.072 sink 0
      q <heads = 2, width = 192, row_stride = 384, head_stride = 192> k <heads = 2, width = 128, row_stride = 512, head_stride = 256>
      v <heads = 2, width = 128, row_stride = 512, head_stride = 256> shared <heads = 1, width = 64, row_stride = 320, head_stride = 64>
      out <heads = 2, width = 128, row_stride = 256, head_stride = 128> lse_stride 304
  step.program @eval {
    step.launch @latent [#step.view<@arena, 0, 230400>, #step.view<@arena, 230400, 306944>, #step.view<@arena, 230656, 306944>,
      #step.view<@arena, 538112, 191488>, #step.view<@arena, 730112, 153600>, #step.view<@arena, 883712, 2416>] units 10 label "latent" flops 0 bytes 0
  }
}

// -----

// Tests that a large sink is visited in whole tiles, by warpgroups that all visit the same ones: no map of its own.
// CHECK-LABEL: llvm.func @large_sink(
// CHECK-SAME: step.tensor_maps = [#step.tensor_map<view = 0, {{[^>]*}}>, #step.tensor_map<view = 1, {{[^>]*}}>, #step.tensor_map<view = 2, {{[^>]*}}>, #step.tensor_map<view = 3, {{[^>]*}}>]
// CHECK-NOT: m64n16k16
// CHECK: llvm.return
module {
  step.buffer @arena kind "arena" bytes 2097152
  step.attention_kernel @large_sink element bf16 batch 1 seq 512 scale 0.125 window 64 sink 100
      q <heads = 4, width = 64, row_stride = 256, head_stride = 64> k <heads = 1, width = 64, row_stride = 64, head_stride = 64>
      v <heads = 1, width = 64, row_stride = 64, head_stride = 64> out <heads = 4, width = 64, row_stride = 256, head_stride = 64> lse_stride 512
  step.program @eval {
    step.launch @large_sink [#step.view<@arena, 0, 262144>, #step.view<@arena, 262144, 65536>, #step.view<@arena, 327680, 65536>,
      #step.view<@arena, 393216, 262144>, #step.view<@arena, 655360, 8192>] units 32 label "sink" flops 0 bytes 0
  }
}

// -----

// Tests that a short sequence takes one computing warpgroup, and no more keys a tile than there are.
// CHECK-LABEL: llvm.func @short(
// CHECK-SAME: step.block = 256 : i64, step.grid = array<i64: 3, 1, 1>
// CHECK: nvvm.setmaxregister increase 216
// CHECK: llvm.inline_asm {{.*}}m64n32k16
module {
  step.buffer @arena kind "arena" bytes 65536
  step.attention_kernel @short element bf16 batch 3 seq 20 scale 0.125 sink 0
      q <heads = 1, width = 64, row_stride = 64, head_stride = 64> k <heads = 1, width = 64, row_stride = 64, head_stride = 64>
      v <heads = 1, width = 64, row_stride = 64, head_stride = 64> out <heads = 1, width = 64, row_stride = 64, head_stride = 64> lse_stride 60
  step.program @eval {
    step.launch @short [#step.view<@arena, 0, 7680>, #step.view<@arena, 7680, 7680>, #step.view<@arena, 15360, 7680>,
      #step.view<@arena, 23040, 7680>, #step.view<@arena, 30720, 240>] units 3 label "short" flops 0 bytes 0
  }
}

// -----

// Tests that what TMA or wgmma cannot take needs neither: a view that is not 16-byte aligned, and widths that are no multiple of 8.
// CHECK-LABEL: llvm.func @unaligned(
// CHECK-NOT: wgmma
// CHECK-LABEL: llvm.func @odd(
// CHECK-NOT: wgmma
// CHECK: step.launch @unaligned
module {
  step.buffer @arena kind "arena" bytes 65536
  step.attention_kernel @unaligned element bf16 batch 1 seq 64 scale 0.125 sink 0
      q <heads = 1, width = 64, row_stride = 64, head_stride = 64> k <heads = 1, width = 64, row_stride = 64, head_stride = 64>
      v <heads = 1, width = 64, row_stride = 64, head_stride = 64> out <heads = 1, width = 64, row_stride = 64, head_stride = 64> lse_stride 64
  step.attention_kernel @odd element bf16 batch 1 seq 64 scale 0.125 sink 0
      q <heads = 1, width = 12, row_stride = 16, head_stride = 16> k <heads = 1, width = 12, row_stride = 16, head_stride = 16>
      v <heads = 1, width = 8, row_stride = 8, head_stride = 8> out <heads = 1, width = 8, row_stride = 8, head_stride = 8> lse_stride 64
  step.program @eval {
    step.launch @unaligned [#step.view<@arena, 0, 8192>, #step.view<@arena, 8200, 8192>, #step.view<@arena, 16640, 8192>,
      #step.view<@arena, 24832, 8192>, #step.view<@arena, 33024, 256>] units 1 label "unaligned" flops 0 bytes 0
    step.launch @odd [#step.view<@arena, 0, 2040>, #step.view<@arena, 2048, 2040>, #step.view<@arena, 4096, 1024>,
      #step.view<@arena, 5120, 1024>, #step.view<@arena, 6144, 256>] units 1 label "odd" flops 0 bytes 0
  }
}
