//===- Columns.h - column-major matmuls in loops, for the fake libraries --===//
#pragma once

#include <cublasLt.h>

#include <bit>
#include <cstdint>

namespace swamla::fake {

struct Desc {
  cublasComputeType_t compute;
  cublasOperation_t a = CUBLAS_OP_N, b = CUBLAS_OP_N;
};
struct Layout {
  cudaDataType type;
  uint64_t rows, columns;
  int64_t ld;
};

inline double load(const void *base, const Layout &layout, uint64_t row, uint64_t column,
                   bool tf32) {
  uint64_t index = column * uint64_t(layout.ld) + row;
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
  for (uint64_t i = 0; i < lc.rows; ++i)
    for (uint64_t j = 0; j < lc.columns; ++j) {
      double sum = beta != 0 ? load(c, lc, i, j, false) : 0;
      for (uint64_t l = 0; l < k; ++l)
        sum += (desc.a == CUBLAS_OP_N ? load(a, la, i, l, tf32) : load(a, la, l, i, tf32)) *
               (desc.b == CUBLAS_OP_N ? load(b, lb, l, j, tf32) : load(b, lb, j, l, tf32));
      store(c, lc, i, j, sum);
    }
}

} // namespace swamla::fake
