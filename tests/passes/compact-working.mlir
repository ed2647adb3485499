// RUN: swamla-opt %s --split-input-file --swamla-compact-working | FileCheck %s

// Tests that what views name moves together, in order: ranges that touch or overlap stay together, gaps go, and each range keeps its
// offset modulo 256. Other buffers stay as they are.

// CHECK-DAG: step.buffer @params kind "params" bytes 16384
// CHECK-DAG: step.buffer @working kind "working" bytes 3328
// CHECK-DAG: step.buffer @working.e4m3 kind "working" bytes 1088
// CHECK: step.program @cast
// CHECK-NEXT: step.fill <@params, 12288, 4096>
// CHECK-NEXT: step.fill <@working, 1024, 2048>
// CHECK-NEXT: step.fill <@working, 0, 1024>
// CHECK-NEXT: step.fill <@working, 512, 512>
// CHECK-NEXT: step.fill <@working, 3200, 128>
// CHECK-NEXT: step.fill <@working.e4m3, 64, 1024>
step.buffer @params kind "params" bytes 16384
step.buffer @working kind "working" bytes 8192
step.buffer @working.e4m3 kind "working" bytes 4096
step.program @cast {
  step.fill <@params, 12288, 4096> value 0 label "masters"
  step.fill <@working, 4096, 2048> value 0 label "touches the next one"
  step.fill <@working, 3072, 1024> value 0 label "first"
  step.fill <@working, 3584, 512> value 0 label "within the first"
  step.fill <@working, 8064, 128> value 0 label "keeps 128 of 256"
  step.fill <@working.e4m3, 2112, 1024> value 0 label "keeps 64 of 256"
}

// -----

// Tests that a copy that nothing uses takes no memory.

// CHECK: step.buffer @working kind "working" bytes 0
step.buffer @working kind "working" bytes 8192
