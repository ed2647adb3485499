// RUN: swamla-opt %models/tiny.mlir --swamla-compile="batch=2 checkpoint=mlp loss-rows=64 optimizer=lion precision=bf16 mcpu=x86-64-v3" --dump-pass-pipeline 2>&1 >/dev/null | FileCheck %s

// The compiler at a glance: the passes of every phase, in order. No CSE stands after remat: it would undo it.


// CHECK: builtin.module(
// CHECK-NEXT: swamla-verify-phase{phase=input},
// CHECK-NEXT: swamla-mark-phase{phase=input},
// CHECK-NEXT: swamla-specialize{batch=2},
// CHECK-NEXT: swamla-expand,
// CHECK-NEXT: swamla-verify-phase{phase=expand},
// CHECK-NEXT: swamla-mark-phase{phase=expand},
// CHECK-NEXT: func.func(
// CHECK-NEXT: cse
// CHECK-NEXT: ),
// CHECK-NEXT: swamla-autodiff{{.*}},
// CHECK-NEXT: swamla-verify-phase{phase=autodiff},
// CHECK-NEXT: swamla-mark-phase{phase=autodiff},
// CHECK-NEXT: func.func(
// CHECK-NEXT: swamla-remat{checkpoint=mlp {{.*}}
// CHECK-NEXT: ),
// CHECK-NOT: cse
// CHECK: swamla-verify-phase{phase=remat},
// CHECK-NEXT: swamla-mark-phase{phase=remat},
// CHECK-NEXT: func.func(
// CHECK-NEXT: swamla-set-precision{precision=bf16}
// CHECK-NEXT: ),
// CHECK-NEXT: swamla-verify-phase{phase=precision},
// CHECK-NEXT: swamla-mark-phase{phase=precision},
// CHECK-NEXT: swamla-group-matmuls,
// CHECK-NEXT: func.func(
// CHECK-NEXT: swamla-chunk-loss{{.*}}rows=64{{.*}}
// CHECK-NEXT: ),
// CHECK-NEXT: swamla-verify-phase{phase=group},
// CHECK-NEXT: swamla-mark-phase{phase=group},
// CHECK-NEXT: swamla-verify-phase{phase=quantize},
// CHECK-NEXT: swamla-mark-phase{phase=quantize},
// CHECK-NEXT: func.func(
// CHECK-NEXT: swamla-form-fused
// CHECK-NEXT: ),
// CHECK-NEXT: func.func(
// CHECK-NEXT: swamla-fuse-rowwise
// CHECK-NEXT: ),
// CHECK-NEXT: func.func(
// CHECK-NEXT: swamla-accumulate-grads
// CHECK-NEXT: ),
// CHECK-NEXT: func.func(
// CHECK-NEXT: swamla-split-reductions{{.*}}
// CHECK-NEXT: ),
// CHECK-NEXT: swamla-verify-phase{phase=fuse},
// CHECK-NEXT: swamla-mark-phase{phase=fuse},
// CHECK-NEXT: swamla-layout-params,
// CHECK-NEXT: swamla-build-optimizer{{.*}}kind=lion{{.*}},
// CHECK-NEXT: swamla-build-scaling,
// CHECK-NEXT: func.func(
// CHECK-NEXT: swamla-form-fused
// CHECK-NEXT: ),
// CHECK-NEXT: func.func(
// CHECK-NEXT: swamla-fuse-rowwise
// CHECK-NEXT: ),
// CHECK-NEXT: func.func(
// CHECK-NEXT: swamla-split-reductions{{.*}}
// CHECK-NEXT: ),
// CHECK-NEXT: swamla-verify-phase{phase=optimizer},
// CHECK-NEXT: swamla-mark-phase{phase=optimizer},
// CHECK-NEXT: swamla-plan{{.*}},
// CHECK-NEXT: swamla-compact-working,
// CHECK-NEXT: swamla-verify-phase{phase=plan},
// CHECK-NEXT: swamla-mark-phase{phase=plan},
// CHECK-NEXT: swamla-verify-phase{phase=distribute},
// CHECK-NEXT: swamla-mark-phase{phase=distribute},
// CHECK-NEXT: step-lower-kernels{arch=x86-64-v3 target=cpu},
// CHECK-NEXT: swamla-verify-phase{phase=lower},
// CHECK-NEXT: swamla-mark-phase{phase=lower}
// CHECK-NEXT: )
