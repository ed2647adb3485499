//===- Pieces.h - text cut into the pieces that BPE works on --------------===//
#pragma once

#include <cstddef>
#include <string_view>

namespace swamla {

/// Bytes of the first piece of a text, which must be valid UTF-8 and not empty: what GPT-2's
/// pattern
///
///   '(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
///
/// matches at its start. It matches somewhere in every text, and at every start, so pieces lie one
/// behind the other.
size_t firstPiece(std::string_view text);

/// A position in `text`, from `from` on, at which any text may be cut without changing its pieces:
/// in front of ASCII white space that follows a character which is none. npos: nowhere. The text
/// may be invalid UTF-8.
size_t findSafeCut(std::string_view text, size_t from);
/// The last such position that is not above `to`.
size_t findLastSafeCut(std::string_view text, size_t to);

} // namespace swamla
