//===- Scaling.h - how scales of fp8 tensors lie in the scaling state -----===//
#pragma once

#include <cstdint>

namespace swamla {

/// Elements (f32) from the scale of one tensor to that of the next in the buffer `scale`: cuBLASLt
/// reads scales from multiples of 16 bytes only. Scales of a tensor's rows lie side by side.
inline constexpr int64_t kScaleStride = 4;

} // namespace swamla
