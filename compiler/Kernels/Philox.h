//===- Philox.h - the counter-based generator of swamla.random_uniform ----===//
#pragma once

#include "mlir/IR/Builders.h"

namespace swamla {

/// The first word of Philox2x32-10's encryption of the counter (low, high) under `key`; i32, or
/// vectors of them.
mlir::Value emitPhilox(mlir::ImplicitLocOpBuilder &b, mlir::Value low, mlir::Value high,
                       mlir::Value key);

/// The uniform f32 number in [0, 1) that a word stands for: its top 24 bits, times 2^-24.
mlir::Value emitUniform(mlir::ImplicitLocOpBuilder &b, mlir::Value word);

} // namespace swamla
