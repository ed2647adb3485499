// RUN: swamla-opt %s --swamla-form-fused --split-input-file | FileCheck %s

// CHECK-LABEL: func.func @square_sum
// CHECK: swamla.fused [2 | 4]
// CHECK-NEXT: ^bb0(%[[X:.*]]: f32, %{{.*}}: f32):
// CHECK-NEXT: %[[XX:.*]] = arith.mulf %[[X]], %[[X]]
// CHECK-NEXT: %[[SUM:.*]] = swamla.reduce_row add %[[XX]]
// CHECK-NEXT: swamla.yield %[[SUM]]
func.func @square_sum(%x: tensor<2x4xf32>) -> tensor<2xf32> {
  %0 = swamla.square_sum %x : tensor<2x4xf32> -> tensor<2xf32>
  return %0 : tensor<2xf32>
}

// -----

// Tests that there is no clipping where clip is not positive.
// CHECK-LABEL: func.func @clip_factor
// CHECK: swamla.fused [1 | 1]
// CHECK-NEXT: ^bb0(%[[SQ:.*]]: f32, %[[SCALE:.*]]: f32, %[[CLIP:.*]]: f32, %{{.*}}: f32, %{{.*}}: f32):
// CHECK: %[[ROOT:.*]] = math.sqrt %[[SQ]]
// CHECK: %[[NORM:.*]] = arith.mulf %[[SCALE]], %[[ROOT]]
// CHECK: %[[SAFE:.*]] = arith.addf %[[NORM]],
// CHECK: %[[RATIO:.*]] = arith.divf %[[CLIP]], %[[SAFE]]
// CHECK: %[[MIN:.*]] = arith.minimumf %{{.*}}, %[[RATIO]]
// CHECK: %[[CLIPPED:.*]] = arith.mulf %[[SCALE]], %[[MIN]]
// CHECK: %[[CLIPS:.*]] = arith.cmpf ogt, %[[CLIP]],
// CHECK: %[[FACTOR:.*]] = arith.select %[[CLIPS]], %[[CLIPPED]], %[[SCALE]]
// CHECK: swamla.yield %[[NORM]], %[[FACTOR]]
func.func @clip_factor(%s: tensor<1xf32>, %g: tensor<1xf32>, %c: tensor<1xf32>) -> (tensor<1xf32>, tensor<1xf32>) {
  %0, %1 = swamla.clip_factor %s, %g, %c : tensor<1xf32>
  return %0, %1 : tensor<1xf32>, tensor<1xf32>
}

// -----

// Tests that parameters, gradients and moments are updated in place, that the gradient is left zero, and that nothing else changes where its norm is
// not finite.
// CHECK-LABEL: func.func @adamw
// CHECK-SAME: (%[[P:[^:]*]]: tensor<2x4xf32>, %[[G:[^:]*]]: tensor<2x4xf32>, %[[M:[^:]*]]: tensor<2x4xf32>, %[[V:[^:]*]]: tensor<2x4xf32>,
// CHECK: swamla.fused [2 | 4] {{.*}} outs(%[[P]], %[[G]], %[[M]], %[[V]] :
// CHECK-NEXT: ^bb0(%[[FACTOR:[^:]*]]: f32, %[[NORM:[^:]*]]: f32, %[[LR:[^:]*]]: f32, %[[B1:[^:]*]]: f32, %[[B2:[^:]*]]: f32, %[[EPS:[^:]*]]: f32, %[[WD:[^:]*]]: f32, %[[C1:[^:]*]]: f32, %[[C2:[^:]*]]: f32, %[[PV:[^:]*]]: f32, %[[GV:[^:]*]]: f32, %[[MV:[^:]*]]: f32, %[[VV:[^:]*]]: f32):
// CHECK: %[[GF:.*]] = arith.mulf %[[FACTOR]], %[[GV]]
// CHECK: arith.mulf %[[B1]], %[[MV]]
// CHECK: %[[NM:.*]] = arith.addf
// CHECK: arith.mulf %[[GF]], %[[GF]]
// CHECK: arith.mulf %[[B2]], %[[VV]]
// CHECK: %[[NV:.*]] = arith.addf
// CHECK: %[[STEP:.*]] = arith.divf %[[LR]], %[[C1]]
// CHECK: %[[C:.*]] = arith.divf %{{.*}}, %[[C2]]
// CHECK: %[[CV:.*]] = arith.mulf %[[NV]], %[[C]]
// CHECK: %[[ROOT:.*]] = math.sqrt %[[CV]]
// CHECK: %[[RMS:.*]] = arith.addf %[[ROOT]], %[[EPS]]
// CHECK: %[[SM:.*]] = arith.mulf %[[STEP]], %[[NM]]
// CHECK: %[[U:.*]] = arith.divf %[[SM]], %[[RMS]]
// CHECK: arith.mulf %[[LR]], %[[WD]]
// CHECK: %[[NP:.*]] = arith.subf %{{.*}}, %[[U]]
// CHECK: %[[INF:.*]] = arith.constant 0x7F800000 : f32
// CHECK: %[[NEGATED:.*]] = arith.negf %[[NORM]]
// CHECK: %[[SIZE:.*]] = arith.maximumf %[[NORM]], %[[NEGATED]]
// CHECK: %[[FINITE:.*]] = arith.cmpf ogt, %[[INF]], %[[SIZE]]
// CHECK: %[[KEPTP:.*]] = arith.select %[[FINITE]], %[[NP]], %[[PV]]
// CHECK: %[[KEPTM:.*]] = arith.select %[[FINITE]], %[[NM]], %[[MV]]
// CHECK: %[[KEPTV:.*]] = arith.select %[[FINITE]], %[[NV]], %[[VV]]
// CHECK: swamla.yield %[[KEPTP]], %{{.*}}, %[[KEPTM]], %[[KEPTV]]
func.func @adamw(%p: tensor<2x4xf32>, %g: tensor<2x4xf32>, %m: tensor<2x4xf32>, %v: tensor<2x4xf32>, %s: tensor<1xf32>) -> (tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>) {
  %0:4 = swamla.adamw %p, %g, %m, %v (%s, %s, %s, %s, %s, %s, %s, %s, %s) decay : tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32> -> tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>
  return %0#0, %0#1, %0#2, %0#3 : tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>
}

// -----

// Tests Lion, here without weight decay: the parameter is read by the last subtraction alone.
// CHECK-LABEL: func.func @lion
// CHECK: ^bb0(%[[FACTOR:[^:]*]]: f32, %[[NORM:[^:]*]]: f32, %[[LR:[^:]*]]: f32, %[[B1:[^:]*]]: f32, %[[B2:[^:]*]]: f32, %[[WD:[^:]*]]: f32, %[[PV:[^:]*]]: f32, %[[GV:[^:]*]]: f32, %[[MV:[^:]*]]: f32):
// CHECK: arith.mulf %[[B1]], %[[MV]]
// CHECK: %[[U:.*]] = arith.addf
// CHECK: %[[UP:.*]] = arith.cmpf ogt, %[[U]],
// CHECK: %[[DOWN:.*]] = arith.cmpf ogt, %{{.*}}, %[[U]]
// CHECK: %[[INNER:.*]] = arith.select %[[DOWN]],
// CHECK: %[[SIGN:.*]] = arith.select %[[UP]], %{{.*}}, %[[INNER]]
// CHECK: %[[STEP:.*]] = arith.mulf %[[LR]], %[[SIGN]]
// CHECK: %[[NP:.*]] = arith.subf %[[PV]], %[[STEP]]
// CHECK: arith.mulf %[[B2]], %[[MV]]
// CHECK: %[[NM:.*]] = arith.addf
// CHECK: %[[SIZE:.*]] = arith.maximumf %[[NORM]],
// CHECK: %[[FINITE:.*]] = arith.cmpf ogt, %{{.*}}, %[[SIZE]]
// CHECK: %[[KEPTP:.*]] = arith.select %[[FINITE]], %[[NP]], %[[PV]]
// CHECK: %[[KEPTM:.*]] = arith.select %[[FINITE]], %[[NM]], %[[MV]]
// CHECK: swamla.yield %[[KEPTP]], %{{.*}}, %[[KEPTM]]
func.func @lion(%p: tensor<2x4xf32>, %g: tensor<2x4xf32>, %m: tensor<2x4xf32>, %s: tensor<1xf32>) -> (tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>) {
  %0:3 = swamla.lion %p, %g, %m (%s, %s, %s, %s, %s, %s) : tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32>, tensor<1xf32> -> tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>
  return %0#0, %0#1, %0#2 : tensor<2x4xf32>, tensor<2x4xf32>, tensor<2x4xf32>
}
