//===- Columns.h - column-major matmuls in loops, for the fake libraries --===//
#pragma once

#include "runtime/base/Fp8.h"

#include <cublasLt.h>

#include <bit>
#include <cstdint>

namespace swamla::fake {

struct Desc {
  cublasComputeType_t compute;
  cublasOperation_t a = CUBLAS_OP_N, b = CUBLAS_OP_N;
  const float *aScale = nullptr, *bScale = nullptr;
  int32_t aMode = CUBLASLT_MATMUL_MATRIX_SCALE_SCALAR_32F, bMode = aMode;
};
struct Layout {
  cudaDataType type;
  uint64_t rows, columns;
  int64_t ld;
};

inline bool isF8(cudaDataType type) { return type == CUDA_R_8F_E4M3 || type == CUDA_R_8F_E5M2; }

inline double load(const void *base, const Layout &layout, uint64_t row, uint64_t column,
                   bool tf32) {
  uint64_t index = column * uint64_t(layout.ld) + row;
  if (isF8(layout.type))
    return toFloat(static_cast<const Fp8 *>(base)[index],
                   layout.type == CUDA_R_8F_E4M3 ? kE4M3 : kE5M2);
  if (layout.type == CUDA_R_16BF)
    return std::bit_cast<float>(uint32_t(static_cast<const uint16_t *>(base)[index]) << 16);
  auto bits = std::bit_cast<uint32_t>(static_cast<const float *>(base)[index]);
  return std::bit_cast<float>(tf32 ? (bits + 0x1000) & ~uint32_t(0x1FFF) : bits);
}
inline void store(void *base, const Layout &layout, uint64_t row, uint64_t column, double value) {
  uint64_t index = column * uint64_t(layout.ld) + row;
  auto narrow = float(value);
  auto bits = std::bit_cast<uint32_t>(narrow);
  if (layout.type == CUDA_R_16BF)
    static_cast<uint16_t *>(base)[index] = uint16_t((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
  else
    static_cast<float *>(base)[index] = narrow;
}

inline void multiply(const Desc &desc, const Layout &la, const void *a, const Layout &lb,
                     const void *b, const Layout &lc, void *c, float beta) {
  bool tf32 = desc.compute == CUBLAS_COMPUTE_32F_FAST_TF32;
  uint64_t k = desc.a == CUBLAS_OP_N ? la.columns : la.rows;
  auto scale = [](const float *scales, int32_t mode, uint64_t index) -> double {
    return !scales ? 1 : scales[mode == CUBLASLT_MATMUL_MATRIX_SCALE_OUTER_VEC_32F ? index : 0];
  };
  for (uint64_t i = 0; i < lc.rows; ++i)
    for (uint64_t j = 0; j < lc.columns; ++j) {
      double sum = 0;
      for (uint64_t l = 0; l < k; ++l)
        sum += (desc.a == CUBLAS_OP_N ? load(a, la, i, l, tf32) : load(a, la, l, i, tf32)) *
               (desc.b == CUBLAS_OP_N ? load(b, lb, l, j, tf32) : load(b, lb, j, l, tf32));
      sum *= scale(desc.aScale, desc.aMode, i) * scale(desc.bScale, desc.bMode, j);
      store(c, lc, i, j, beta != 0 ? load(c, lc, i, j, false) + sum : sum);
    }
}

} // namespace swamla::fake
