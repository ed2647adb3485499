// RUN: swamla-opt %s --swamla-build-optimizer=state=int8 | FileCheck %s --check-prefix=INT8
// RUN: swamla-opt %s --swamla-build-optimizer="state=int4 kind=lion" | FileCheck %s --check-prefix=INT4
// RUN: swamla-opt %s --swamla-build-optimizer=state=bf16 | FileCheck %s --check-prefix=BF16
// RUN: swamla-opt %s --swamla-build-optimizer=state=fp8 --swamla-form-fused --swamla-fuse-rowwise --swamla-plan | FileCheck %s --check-prefix=PLAN
// RUN: swamla-opt %s --swamla-build-optimizer=state=int4 --swamla-form-fused --swamla-fuse-rowwise --swamla-plan | FileCheck %s --check-prefix=PLAN4

// Tests states of eight bits: rows are blocks of 256, each with a scale; the second range's blocks follow the first's.
// INT8: swamla.optimizer_state = "int8"
// INT8: swamla.state @adamw.m : tensor<3072xi8>
// INT8: swamla.state @adamw.m.scale : tensor<12xf32>
// INT8: swamla.state @adamw.v : tensor<3072xi8>
// INT8: swamla.state @adamw.v.scale : tensor<12xf32>
// INT8-LABEL: func.func @apply
// INT8: %[[NORM:.*]], %{{.*}} = swamla.clip_factor
// INT8: swamla.get_flat "params" offset 0 {{.*}} : tensor<8x256xf32>
// INT8: %[[C:.*]] = swamla.get_flat "adamw.m" offset 0 {{.*}} : tensor<8x256xi8>
// INT8: %[[S:.*]] = swamla.get_flat "adamw.m.scale" offset 0 {{.*}} : tensor<8xf32>
// INT8: %[[M:.*]] = swamla.load_state int8 %[[C]] scales %[[S]]
// INT8: %[[V:.*]] = swamla.load_state int8 nonnegative
// INT8: %{{.*}}, %{{.*}}, %[[NM:.*]], %[[NV:.*]] = swamla.adamw %{{.*}}, %{{.*}}, %[[M]], %[[V]]
// INT8: %[[NC:.*]], %[[NS:.*]] = swamla.store_state int8 %[[NM]] over %[[C]] scales %[[S]] if_finite %[[NORM]]
// INT8: swamla.store_state int8 nonnegative %[[NV]]
// INT8: swamla.set_flat "adamw.m" offset 0, %[[NC]]
// INT8: swamla.set_flat "adamw.m.scale" offset 0, %[[NS]]
// INT8: swamla.get_flat "adamw.m" offset 2048 {{.*}} : tensor<4x256xi8>
// INT8: swamla.get_flat "adamw.m.scale" offset 8 {{.*}} : tensor<4xf32>

// Tests that two halves of a range share the bytes of four bits, and that each has scales of its own.
// INT4: swamla.state @lion.m : tensor<1536xi8>
// INT4: swamla.state @lion.m.scale : tensor<24xf32>
// INT4-LABEL: func.func @apply
// INT4: swamla.get_flat "params" offset 0 {{.*}} : tensor<8x128xf32>
// INT4: swamla.get_flat "params" offset 1024 {{.*}} : tensor<8x128xf32>
// INT4: %[[C:.*]] = swamla.get_flat "lion.m" offset 0 {{.*}} : tensor<8x128xi8>
// INT4: %[[S0:.*]] = swamla.get_flat "lion.m.scale" offset 0 {{.*}} : tensor<8xf32>
// INT4: %[[S1:.*]] = swamla.get_flat "lion.m.scale" offset 8 {{.*}} : tensor<8xf32>
// INT4: %[[M:.*]]:2 = swamla.load_state int4 %[[C]] scales %[[S0]], %[[S1]]
// INT4: %{{.*}}, %{{.*}}, %[[N0:.*]] = swamla.lion %{{.*}}, %{{.*}}, %[[M]]#0
// INT4: %{{.*}}, %{{.*}}, %[[N1:.*]] = swamla.lion %{{.*}}, %{{.*}}, %[[M]]#1
// INT4: swamla.store_state int4 %[[N0]], %[[N1]] over %[[C]]
// INT4: swamla.get_flat "lion.m" offset 1024 {{.*}} : tensor<4x128xi8>
// INT4: swamla.get_flat "lion.m.scale" offset 16

// Tests that states in bf16 have the layout of the parameters.
// BF16-NOT: swamla.state
// BF16: swamla.get_flat "adamw.m" offset 0 {{.*}} : tensor<2x1024xbf16>

// Tests that reading, updating and writing is one launch a range, in place: nothing is copied.
// PLAN: step.buffer @adamw.m kind "state" bytes 3072 type tensor<3072xf8E4M3FN>
// PLAN: step.buffer @adamw.m.scale kind "state" bytes 48 type tensor<12xf32>
// PLAN: step.program @apply {
// PLAN-NEXT: step.launch @square_sum
// PLAN-NEXT: step.launch @sum
// PLAN-NEXT: step.launch @clip_factor
// PLAN-NEXT: step.launch {{.*}}<@adamw.m, 0, 2048>{{.*}}<@adamw.m.scale, 0, 32>{{.*}}<@adamw.v, 0, 2048>
// PLAN-NEXT: step.launch {{.*}}<@adamw.m, 2048, 1024>{{.*}}<@adamw.m.scale, 32, 16>{{.*}}<@adamw.v, 2048, 1024>
// PLAN-NEXT: }
// PLAN4: step.buffer @adamw.v kind "state" bytes 1536 type tensor<1536xi8>
// PLAN4: step.program @apply {
// PLAN4-COUNT-5: step.launch
// PLAN4-NOT: step.launch
module attributes {swamla.flat_decay = 2048 : i64, swamla.flat_total = 3072 : i64} {
}
