//===- DTypes.h - what there is to know of an element type ----------------===//
#pragma once

#include "runtime/schema/step_generated.h"

#include <cstdint>

namespace swamla {

constexpr bool isF8(schema::DType type) {
  return type == schema::DType::F8E4M3 || type == schema::DType::F8E5M2;
}

constexpr bool isFloat(schema::DType type) {
  return isF8(type) || type == schema::DType::F32 || type == schema::DType::BF16;
}

/// Bytes of one element.
constexpr uint64_t dtypeBytes(schema::DType type) {
  bool isByte = isF8(type) || type == schema::DType::I8;
  return isByte ? 1 : type == schema::DType::BF16 ? 2 : 4;
}

/// As reports and cache keys name it: "bf16", "e4m3".
constexpr const char *dtypeName(schema::DType type) {
  switch (type) {
  case schema::DType::F32:
    return "f32";
  case schema::DType::I32:
    return "i32";
  case schema::DType::BF16:
    return "bf16";
  case schema::DType::F8E4M3:
    return "e4m3";
  case schema::DType::F8E5M2:
    return "e5m2";
  case schema::DType::I8:
    return "i8";
  }
  return "?"; // not reached: a verified file has no other
}

} // namespace swamla
