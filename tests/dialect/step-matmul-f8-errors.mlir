// RUN: swamla-opt %s -split-input-file -verify-diagnostics

step.buffer @arena kind "arena" bytes 8192
step.program @eval {
  // expected-error @+1 {{'step.matmul' op a and b are both f8E5M2, expected f8E4M3FN for one of them}}
  step.matmul a <@arena, 0, 512> b <@arena, 1024, 512> c <@arena, 2048, 1024> scales <@arena, 3072, 4>, <@arena, 3076, 4> m 16 n 16 k 16 lda 16 ldb 16 ldc 16 transpose_b types f8E5M2, bf16 label "x"
}

// -----

step.buffer @arena kind "arena" bytes 8192
step.program @eval {
  // expected-error @+1 {{'step.matmul' op a has type 'f8E4M3FN' and b 'bf16', expected one type, or f8E4M3FN and f8E5M2}}
  step.matmul a <@arena, 0, 512> b <@arena, 1024, 512> c <@arena, 2048, 1024> scales <@arena, 3072, 4>, <@arena, 3076, 4> m 16 n 16 k 16 lda 16 ldb 16 ldc 16 transpose_b types f8E4M3FN x bf16, bf16 label "x"
}

// -----

step.buffer @arena kind "arena" bytes 8192
step.program @eval {
  // expected-error @+1 {{'step.matmul' op b has type 'f16', expected f32, bf16, f8E4M3FN or f8E5M2}}
  step.matmul a <@arena, 0, 512> b <@arena, 1024, 512> c <@arena, 2048, 1024> scales <@arena, 3072, 4>, <@arena, 3076, 4> m 16 n 16 k 16 lda 16 ldb 16 ldc 16 transpose_b types bf16 x f16, bf16 label "x"
}

// -----

step.buffer @arena kind "arena" bytes 8192
step.program @eval {
  // expected-error @+1 {{'step.matmul' op c has type 'f8E4M3FN', expected f32 or bf16}}
  step.matmul a <@arena, 0, 512> b <@arena, 1024, 512> c <@arena, 2048, 1024> scales <@arena, 3072, 4>, <@arena, 3076, 4> m 16 n 16 k 16 lda 16 ldb 16 ldc 16 transpose_b types f8E4M3FN, f8E4M3FN label "x"
}

// -----

step.buffer @arena kind "arena" bytes 8192
step.program @eval {
  // expected-error @+1 {{'step.matmul' op has no scales with operands of 'f8E4M3FN', expected them exactly with f8 operands}}
  step.matmul a <@arena, 0, 512> b <@arena, 1024, 512> c <@arena, 2048, 1024> m 16 n 16 k 16 lda 16 ldb 16 ldc 16 transpose_b types f8E4M3FN, bf16 label "x"
}

// -----

step.buffer @arena kind "arena" bytes 8192
step.program @eval {
  // expected-error @+1 {{'step.matmul' op has scales with operands of 'bf16', expected them exactly with f8 operands}}
  step.matmul a <@arena, 0, 512> b <@arena, 1024, 512> c <@arena, 2048, 1024> scales <@arena, 3072, 4>, <@arena, 3076, 4> m 16 n 16 k 16 lda 16 ldb 16 ldc 16 transpose_b types bf16, bf16 label "x"
}

// -----

step.buffer @arena kind "arena" bytes 8192
step.program @eval {
  // expected-error @+1 {{'step.matmul' op is marked fast_accum with operands of 'bf16', expected f8}}
  step.matmul a <@arena, 0, 512> b <@arena, 1024, 512> c <@arena, 2048, 1024> m 16 n 16 k 16 lda 16 ldb 16 ldc 16 transpose_b types bf16, bf16 fast_accum label "x"
}

// -----

step.buffer @arena kind "arena" bytes 8192
step.program @eval {
  // expected-error @+1 {{'step.matmul' op multiplies f8, expected transpose_b without transpose_a}}
  step.matmul a <@arena, 0, 512> b <@arena, 1024, 512> c <@arena, 2048, 1024> scales <@arena, 3072, 4>, <@arena, 3076, 4> m 16 n 16 k 16 lda 16 ldb 16 ldc 16 types f8E4M3FN, bf16 label "x"
}

// -----

step.buffer @arena kind "arena" bytes 8192
step.program @eval {
  // expected-error @+1 {{'step.matmul' op k is 8, expected a multiple of 16 with f8 operands}}
  step.matmul a <@arena, 0, 512> b <@arena, 1024, 512> c <@arena, 2048, 1024> scales <@arena, 3072, 4>, <@arena, 3076, 4> m 16 n 16 k 8 lda 16 ldb 16 ldc 16 transpose_b types f8E4M3FN, bf16 label "x"
}

// -----

step.buffer @arena kind "arena" bytes 8192
step.program @eval {
  // expected-error @+1 {{'step.matmul' op b begins at byte 1032, its rows are 16 bytes apart; expected multiples of 16 with f8 operands}}
  step.matmul a <@arena, 0, 512> b <@arena, 1032, 512> c <@arena, 2048, 1024> scales <@arena, 3072, 4>, <@arena, 3076, 4> m 16 n 16 k 16 lda 16 ldb 16 ldc 16 transpose_b types f8E4M3FN, bf16 label "x"
}

// -----

step.buffer @arena kind "arena" bytes 8192
step.program @eval {
  // expected-error @+1 {{'step.matmul' op c begins at byte 2048, its rows are 40 bytes apart; expected multiples of 16 with f8 operands}}
  step.matmul a <@arena, 0, 512> b <@arena, 1024, 512> c <@arena, 2048, 1024> scales <@arena, 3072, 4>, <@arena, 3076, 4> m 16 n 16 k 16 lda 16 ldb 16 ldc 20 transpose_b types f8E4M3FN, bf16 label "x"
}

// -----

step.buffer @arena kind "arena" bytes 8192
step.program @eval {
  // expected-error @+1 {{'step.matmul' op has scales of 64 and 4 bytes, expected one number each (4 and 4 bytes), or one for each row and column (64 and 64 bytes)}}
  step.matmul a <@arena, 0, 512> b <@arena, 1024, 512> c <@arena, 2048, 1024> scales <@arena, 3072, 64>, <@arena, 3200, 4> m 16 n 16 k 16 lda 16 ldb 16 ldc 16 transpose_b types f8E4M3FN, bf16 label "x"
}

// -----

step.buffer @arena kind "arena" bytes 8192
step.program @eval {
  // expected-error @+1 {{'step.matmul' op the scales of b begin at byte 3204, expected a multiple of 16}}
  step.matmul a <@arena, 0, 512> b <@arena, 1024, 512> c <@arena, 2048, 1024> scales <@arena, 3072, 64>, <@arena, 3204, 64> m 16 n 16 k 16 lda 16 ldb 16 ldc 16 transpose_b types f8E4M3FN, bf16 label "x"
}

// -----

step.buffer @arena kind "arena" bytes 8192
step.program @eval {
  // expected-error @+1 {{'step.matmul' op the scales of a begin at byte 3076, expected a multiple of 16}}
  step.matmul a <@arena, 0, 512> b <@arena, 1024, 512> c <@arena, 2048, 1024> scales <@arena, 3076, 4>, <@arena, 3088, 4> m 16 n 16 k 16 lda 16 ldb 16 ldc 16 transpose_b types f8E4M3FN, bf16 label "x"
}

// -----

step.buffer @arena kind "arena" bytes 8192
step.program @eval {
  // expected-error @+1 {{'step.matmul' op a's scales covers bytes [8192, 8196) of @arena, expected to lie in its 8192 bytes}}
  step.matmul a <@arena, 0, 512> b <@arena, 1024, 512> c <@arena, 2048, 1024> scales <@arena, 8192, 4>, <@arena, 3072, 4> m 16 n 16 k 16 lda 16 ldb 16 ldc 16 transpose_b types f8E4M3FN, bf16 label "x"
}
