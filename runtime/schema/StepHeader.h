//===- StepHeader.h - the 64 bytes before the flatbuffer of a step.bin ----===//
#pragma once

#include <array>
#include <cstdint>

namespace swamla {

inline constexpr std::array<char, 8> kStepMagic = {'S', 'W', 'A', 'M', 'L', 'A', '\r', '\n'};
inline constexpr uint32_t kStepFormatVersion = 4;

/// Little-endian, at offset 0 of the file. The flatbuffer follows at offset 64 and ends the file.
struct StepHeader {
  std::array<char, 8> magic;    ///< kStepMagic; the line ending shows a transfer in text mode
  uint32_t version;             ///< kStepFormatVersion
  uint32_t headerBytes;         ///< 64
  uint64_t contentBytes;        ///< size of the flatbuffer
  uint64_t checksum;            ///< XXH3-64 of the flatbuffer
  std::array<uint8_t, 32> zero; ///< reserved, zero
};
static_assert(sizeof(StepHeader) == 64);

} // namespace swamla
