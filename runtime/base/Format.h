//===- Format.h - numbers for people --------------------------------------===//
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace swamla {

/// "1.50 GiB", "640 B".
std::string formatBytes(uint64_t bytes);
/// The text in single quotes, fit for a terminal: unprintable bytes as \xNN, long texts cut.
/// Where <iomanip> is included, write swamla::quoted: argument-dependent lookup finds std::quoted
/// too.
std::string quoted(std::string_view text);
/// Not empty, at most 255 characters, printable ASCII without spaces: what names in files must be.
bool isPlainName(std::string_view name);

} // namespace swamla
