//===- MatmulProblem.cpp - what decides which algorithm is best -----------===//
#include "runtime/cuda/MatmulProblem.h"

#include "runtime/schema/DTypes.h"

#include <algorithm>
#include <fmt/format.h>

namespace swamla {

namespace {
/// Largest power of two that divides the offset. Buffers are aligned to kMaxAlignment.
unsigned alignmentOf(const schema::View &view) {
  uint64_t offset = view.offset() | MatmulProblem::kMaxAlignment;
  return unsigned(offset & (~offset + 1));
}

uint64_t extent(uint64_t rows, uint64_t columns, uint64_t ld, schema::DType type) {
  return ((rows - 1) * ld + columns) * dtypeBytes(type);
}

const char *nameOf(schema::DType type, bool tf32) { return tf32 ? "tf32" : dtypeName(type); }

MatmulScales scalesOf(const schema::Matmul &matmul) {
  if (!matmul.a_scale())
    return MatmulScales::None;
  return matmul.a_scale()->bytes() == sizeof(float) ? MatmulScales::Single : MatmulScales::Each;
}
} // namespace

MatmulProblem MatmulProblem::of(const schema::Matmul &matmul) {
  MatmulProblem problem;
  problem.m = matmul.m();
  problem.n = matmul.n();
  problem.k = matmul.k();
  problem.lda = matmul.lda();
  problem.ldb = matmul.ldb();
  problem.ldc = matmul.ldc();
  problem.transposeA = matmul.transpose_a();
  problem.transposeB = matmul.transpose_b();
  problem.accumulate = matmul.accumulate();
  problem.tf32 = matmul.tf32();
  problem.fastAccum = matmul.fast_accum();
  problem.aType = matmul.a_type();
  problem.bType = matmul.b_type();
  problem.cType = matmul.c_type();
  problem.scales = scalesOf(matmul);
  problem.alignA = alignmentOf(*matmul.a());
  problem.alignB = alignmentOf(*matmul.b());
  problem.alignC = alignmentOf(*matmul.c());
  return problem;
}

std::string MatmulProblem::key() const {
  std::string operands = nameOf(aType, tf32);
  if (bType != aType)
    operands += fmt::format("*{}", nameOf(bType, tf32));
  return fmt::format("{}x{}x{}.ld{},{},{}.{}{}.{}-{}{}{}{}.a{},{},{}", m, n, k, lda, ldb, ldc,
                     transposeA ? 't' : 'n', transposeB ? 't' : 'n', operands, nameOf(cType, false),
                     accumulate ? ".acc" : "", scales == MatmulScales::Each ? ".each" : "",
                     fastAccum ? ".fast" : "", alignA, alignB, alignC);
}

uint64_t MatmulProblem::bytesA() const { return extent(rowsA(), transposeA ? m : k, lda, aType); }
uint64_t MatmulProblem::bytesB() const { return extent(rowsB(), transposeB ? k : n, ldb, bType); }
uint64_t MatmulProblem::bytesC() const { return extent(m, n, ldc, cType); }

} // namespace swamla
