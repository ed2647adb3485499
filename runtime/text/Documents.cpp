//===- Documents.cpp - documents of text files ----------------------------===//

#include "runtime/text/Documents.h"

#include "runtime/base/Format.h"
#include "runtime/text/Pieces.h"

#include <algorithm>

namespace swamla {
namespace {

constexpr size_t kNowhere = std::string_view::npos;

/// Bytes of a file that no batch has yet.
class Unread {
public:
  Unread(std::unique_ptr<ByteStream> stream, std::string file)
      : stream(std::move(stream)), file(std::move(file)) {}

  /// Reads until there are `wanted` bytes or the file ends.
  Status fill(size_t wanted) {
    while (!ended && bytes.size() < wanted) {
      size_t before = bytes.size();
      bytes.resize(wanted);
      Result<size_t> count = stream->read(bytes.data() + before, wanted - before);
      bytes.resize(before + (count.isOk() ? *count : 0));
      if (!count.isOk())
        return std::move(count).takeStatus();
      ended = *count == 0;
    }
    return Status::ok();
  }

  /// The next step up where `size` bytes cannot be divided.
  Result<size_t> grow(size_t size, const char *what) const {
    if (size >= kMaxBatchBytes)
      return dataCorrupt(fmt::format("{}: {} of more than {}", swamla::quoted(file), what,
                                     formatBytes(kMaxBatchBytes)));
    return std::min(2 * size, kMaxBatchBytes);
  }

  /// Moves the first `size` bytes to a batch.
  void give(TextBatch &batch, size_t size) {
    std::string rest = bytes.substr(size);
    bytes.resize(size);
    batch.bytes = std::move(bytes);
    bytes = std::move(rest);
    batch.file = file;
    batch.inputBytes = stream->consumed() - reported;
    reported = stream->consumed();
  }

  bool isEnded() const { return ended; }
  std::string_view view() const { return bytes; }

private:
  std::unique_ptr<ByteStream> stream;
  std::string file, bytes;
  bool ended = false;
  uint64_t reported = 0;
};

class TextDocuments final : public TextReader {
public:
  TextDocuments(Unread unread, std::string separator, size_t batchBytes)
      : unread(std::move(unread)), separator(std::move(separator)), batchBytes(batchBytes) {}

  Result<bool> next(TextBatch &batch) override {
    size_t wanted = batchBytes;
    for (;;) {
      SWAMLA_RETURN_IF_ERROR(unread.fill(wanted));
      if (unread.view().empty())
        return false;
      if (size_t taken = take(batch)) {
        unread.give(batch, taken);
        return true;
      }
      SWAMLA_TRY(wanted, unread.grow(wanted, "a run without white space"));
    }
  }

private:
  void add(TextBatch &batch, size_t begin, size_t end) {
    if (begin == end)
      return;
    batch.parts.push_back({begin, end, !inDocument});
    inDocument = true;
  }

  /// Lists what can be had of the bytes so far; returns how many of them that is.
  size_t take(TextBatch &batch) {
    std::string_view text = unread.view();
    size_t begin = 0;
    while (!separator.empty()) {
      size_t found = text.find(separator, begin);
      if (found == kNowhere)
        break;
      add(batch, begin, found);
      inDocument = false;
      begin = found + separator.size();
    }
    if (unread.isEnded()) {
      add(batch, begin, text.size());
      return text.size();
    }
    // A separator may have begun at the end, so the cut is in front of that.
    std::string_view tail = text.substr(begin);
    size_t margin = std::max<size_t>(separator.size(), 1);
    size_t cut = tail.size() > margin ? findLastSafeCut(tail, tail.size() - margin) : kNowhere;
    if (cut == kNowhere)
      return begin;
    add(batch, begin, begin + cut);
    return begin + cut;
  }

  Unread unread;
  std::string separator;
  size_t batchBytes;
  bool inDocument = false; ///< the next bytes go on with a document
};

class LineBatches final : public TextReader {
public:
  LineBatches(Unread unread, size_t batchBytes)
      : unread(std::move(unread)), batchBytes(batchBytes) {}

  Result<bool> next(TextBatch &batch) override {
    size_t wanted = batchBytes;
    for (;;) {
      SWAMLA_RETURN_IF_ERROR(unread.fill(wanted));
      std::string_view text = unread.view();
      if (text.empty())
        return false;
      size_t end = unread.isEnded() ? text.size() : text.rfind('\n') + 1; // npos + 1 is 0
      if (end > 0) {
        unread.give(batch, end);
        batch.isLines = true;
        batch.firstLine = line;
        line += static_cast<uint64_t>(std::ranges::count(batch.bytes, '\n'));
        return true;
      }
      SWAMLA_TRY(wanted, unread.grow(wanted, "a line"));
    }
  }

private:
  Unread unread;
  size_t batchBytes;
  uint64_t line = 1;
};

} // namespace

std::unique_ptr<TextReader> readText(std::unique_ptr<ByteStream> stream, std::string file,
                                     std::string separator, size_t batchBytes) {
  return std::make_unique<TextDocuments>(Unread(std::move(stream), std::move(file)),
                                         std::move(separator), batchBytes);
}

std::unique_ptr<TextReader> readLines(std::unique_ptr<ByteStream> stream, std::string file,
                                      size_t batchBytes) {
  return std::make_unique<LineBatches>(Unread(std::move(stream), std::move(file)), batchBytes);
}

} // namespace swamla
