//===- JsonLinesFuzzer.cpp - arbitrary bytes as JSON Lines ----------------===//
//
// Reading must answer any bytes with documents or an error, the same wherever
// batches end. Documents are UTF-8. What starts as a gzip or zstd file does is
// decompressed.
//
//===----------------------------------------------------------------------===//
#include "runtime/text/Documents.h"
#include "runtime/text/Utf8.h"

#include <cstdlib>
#include <cstring>
#include <zlib.h>
#include <zstd.h>

using namespace swamla;

extern "C" size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t maxSize);

static constexpr std::string_view kGzipMagic = "\x1f\x8b", kZstdMagic = "\x28\xb5\x2f\xfd";

static Result<std::vector<std::string>> documentsOf(std::string_view bytes, size_t batchBytes,
                                                    bool skipBad) {
  auto reader = readLines(memoryStream(bytes), "fuzz.jsonl", batchBytes);
  std::vector<std::string> documents;
  for (;;) {
    TextBatch batch;
    SWAMLA_TRY(bool more, reader->next(batch));
    if (!more)
      return documents;
    SWAMLA_TRY(uint64_t bad, decodeLines(batch, {"text", skipBad}, [&](std::string_view text) {
                 documents.emplace_back(text);
               }));
    if (bad > 0 && !skipBad)
      std::abort();
  }
}

static void readCompressed(decltype(&gunzip) open, std::string_view bytes) {
  constexpr size_t kMost = size_t{1} << 24; // a small file can hold very much
  auto stream = open(memoryStream(bytes), "fuzz");
  if (!stream.isOk())
    std::abort();
  char buffer[4096];
  for (size_t total = 0; total < kMost;) {
    auto count = (*stream)->read(buffer, sizeof(buffer));
    if (!count.isOk() && count.status().message().empty())
      std::abort();
    if (!count.isOk() || *count == 0)
      return;
    total += *count;
  }
}

static void readAsLines(std::string_view bytes) {
  for (bool skipBad : {false, true}) {
    auto whole = documentsOf(bytes, bytes.size() + 1, skipBad);
    auto parts = documentsOf(bytes, 7, skipBad);
    if (whole.isOk() != parts.isOk() || (skipBad && !whole.isOk()))
      std::abort();
    if (!whole.isOk() && whole.status().message() != parts.status().message())
      std::abort();
    if (!whole.isOk())
      continue;
    if (*whole != *parts)
      std::abort();
    for (const std::string &document : *whole)
      if (validUtf8Prefix(document) != document.size())
        std::abort();
  }
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  std::string_view bytes(reinterpret_cast<const char *>(data), size);
  if (bytes.starts_with(kGzipMagic))
    readCompressed(gunzip, bytes);
  else if (bytes.starts_with(kZstdMagic))
    readCompressed(unzstd, bytes);
  else
    readAsLines(bytes);
  return 0;
}

/// Something to begin with: lines, or a file of each kind.
static std::string sample(unsigned seed) {
  std::string text = "{\"text\":\"one \\u00e9\\n\",\"id\":[1,{\"text\":2}]}\r\n\n"
                     "{\"a\":{},\"text\":\"two\"}\nbad\n{\"text\":null}";
  std::string out(4096, '\0');
  if (seed % 3 == 0)
    return text;
  if (seed % 3 == 1) {
    out.resize(ZSTD_compress(out.data(), out.size(), text.data(), text.size(), 1));
    return out;
  }
  z_stream state = {};
  deflateInit2(&state, 6, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY);
  state.next_in = reinterpret_cast<Bytef *>(text.data());
  state.avail_in = static_cast<uInt>(text.size());
  state.next_out = reinterpret_cast<Bytef *>(out.data());
  state.avail_out = static_cast<uInt>(out.size());
  deflate(&state, Z_FINISH);
  out.resize(state.total_out);
  deflateEnd(&state);
  return out;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t maxSize,
                                          unsigned seed) {
  std::string start = size < 2 ? sample(seed) : std::string();
  if (!start.empty() && start.size() <= maxSize) {
    std::memcpy(data, start.data(), start.size());
    return start.size();
  }
  return LLVMFuzzerMutate(data, size, maxSize);
}
