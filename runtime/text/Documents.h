//===- Documents.h - documents of text files ------------------------------===//
//
// Reading is one thread's work and decoding is many threads', so a reader does
// as little as it can: it cuts a file into batches of about a MiB. Where one
// document ends and the next begins is in the batch, or, for JSON Lines, found
// when the batch is decoded.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/text/ByteStream.h"

#include <functional>
#include <vector>

namespace swamla {

/// A part of a file.
struct TextBatch {
  /// A document, or a part of one that is long.
  struct Part {
    size_t begin, end;   ///< in `bytes`
    bool startsDocument; ///< else it goes on with the one before
  };

  std::string file;
  std::string bytes;
  bool isLines = false; ///< of JSON; then `firstLine` counts, from 1, and not `parts`
  uint64_t firstLine = 0;
  std::vector<Part> parts;
  uint64_t badDocuments = 0; ///< left out by the reader
  uint64_t inputBytes = 0;   ///< of the file, on the disk, that this batch used up
};

/// Yields the batches of one file.
class TextReader {
public:
  virtual ~TextReader() = default;
  /// Fills an empty batch; false at the end. The last one may be empty.
  virtual Result<bool> next(TextBatch &batch) = 0;
};

/// About how many bytes a batch has. A document that cannot be cut, and a line, may have more, up
/// to kMaxBatchBytes.
inline constexpr size_t kBatchBytes = size_t{1} << 20;
inline constexpr size_t kMaxBatchBytes = size_t{1} << 30;

/// A text is one document, or several with `separator` between them; empty ones are left out. Long
/// documents come in parts, cut where their tokens stay the same.
std::unique_ptr<TextReader> readText(std::unique_ptr<ByteStream> stream, std::string file,
                                     std::string separator, size_t batchBytes = kBatchBytes);

/// Whole lines.
std::unique_ptr<TextReader> readLines(std::unique_ptr<ByteStream> stream, std::string file,
                                      size_t batchBytes = kBatchBytes);

struct ParquetOptions {
  std::string field;    ///< the column
  bool skipBad = false; ///< leave out rows without text instead of failing
};
/// The documents of a column of strings. Fails with FailedPrecondition where swamla was built
/// without Arrow.
Result<std::unique_ptr<TextReader>> readParquet(const std::string &path,
                                                const ParquetOptions &options);

struct LineOptions {
  std::string field = "text"; ///< the member that holds a document's text
  bool skipBad = false;       ///< leave out lines that have none instead of failing
};
/// The texts of a batch of JSON lines, one after the other; empty lines are none. Returns how many
/// were left out. Fails with DataCorrupt, naming file and line, at a line that is not a JSON object
/// with a string as that member.
Result<uint64_t> decodeLines(const TextBatch &batch, const LineOptions &options,
                             const std::function<void(std::string_view)> &document);

} // namespace swamla
