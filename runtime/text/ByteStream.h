//===- ByteStream.h - files and what compressed ones hold -----------------===//
#pragma once

#include "runtime/base/Status.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace swamla {

/// Bytes from front to back.
class ByteStream {
public:
  virtual ~ByteStream() = default;
  /// Reads up to `bytes` > 0 bytes to `to`; returns how many, 0 only at the end.
  virtual Result<size_t> read(char *to, size_t bytes) = 0;
  /// Bytes of the file that were read so far, as they are on the disk.
  virtual uint64_t consumed() const = 0;
};

/// Opens a file; one named *.gz or *.zst is decompressed. A compressed file that is damaged or cut
/// off is an error when one gets there.
Result<std::unique_ptr<ByteStream>> openByteStream(const std::string &path);

/// Bytes in memory, which must outlive the stream.
std::unique_ptr<ByteStream> memoryStream(std::string_view bytes);
/// What a stream of gzip members or zstd frames holds; `name` is for errors.
Result<std::unique_ptr<ByteStream>> gunzip(std::unique_ptr<ByteStream> from,
                                           const std::string &name);
Result<std::unique_ptr<ByteStream>> unzstd(std::unique_ptr<ByteStream> from,
                                           const std::string &name);

/// The name without .gz or .zst.
std::string_view withoutCompression(std::string_view path);

} // namespace swamla
