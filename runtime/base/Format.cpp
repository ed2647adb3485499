//===- Format.cpp - numbers and names for people --------------------------===//
#include "runtime/base/Format.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace swamla {

std::string formatBytes(uint64_t bytes) {
  static constexpr std::array<const char *, 6> units = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024)
    return fmt::format("{} B", bytes);
  double value = double(bytes) / 1024;
  unsigned unit = 0;
  while (value >= 1023.995 && unit + 1 < units.size()) {
    value /= 1024;
    ++unit;
  }
  return fmt::format("{:.2f} {}", value, units[unit]);
}

std::string quoted(std::string_view text) {
  constexpr size_t longest = 256;
  std::string result = "'";
  for (char c : text.substr(0, longest)) {
    auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f)
      result += fmt::format("\\x{:02x}", byte);
    else
      result += c; // bytes above 0x7f: UTF-8 in paths
  }
  result += text.size() > longest ? "...'" : "'";
  return result;
}

bool isPlainName(std::string_view name) {
  return !name.empty() && name.size() <= 255 &&
         std::all_of(name.begin(), name.end(), [](char c) { return c > 0x20 && c < 0x7f; });
}

} // namespace swamla
