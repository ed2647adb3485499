//===- Parquet.cpp - documents of a column of strings ---------------------===//
//
// Arrow's library throws; its exceptions end here.
//
//===----------------------------------------------------------------------===//

#include "runtime/base/Format.h"
#include "runtime/text/Documents.h"

#include <parquet/api/reader.h>

#include <filesystem>

namespace swamla {
namespace {

constexpr int64_t kRowsAtOnce = 1024;

class ParquetDocuments final : public TextReader {
public:
  ParquetDocuments(std::string path, ParquetOptions options)
      : path(std::move(path)), options(std::move(options)) {}

  Status open() {
    return guarded([&]() -> Status {
      file = parquet::ParquetFileReader::OpenFile(path, false);
      std::error_code ignored;
      fileBytes = std::filesystem::file_size(path, ignored);
      return findColumn();
    });
  }

  Result<bool> next(TextBatch &batch) override {
    batch.file = path;
    Status status = guarded([&]() -> Status {
      while (batch.bytes.size() < kBatchBytes && row < rows())
        SWAMLA_RETURN_IF_ERROR(readRows(batch));
      return Status::ok();
    });
    if (!status.isOk())
      return status;
    uint64_t reached =
        rows() == 0 ? fileBytes
                    : static_cast<uint64_t>(static_cast<double>(fileBytes) *
                                            static_cast<double>(row) / static_cast<double>(rows()));
    batch.inputBytes = reached - reported;
    reported = reached;
    return !batch.parts.empty() || row < rows() || batch.badDocuments > 0;
  }

private:
  int64_t rows() const { return file->metadata()->num_rows(); }

  /// Arrow's exceptions, and those of the standard library below it, as a Status.
  template <typename Function> Status guarded(Function function) const {
    try {
      return function();
    } catch (const std::exception &error) {
      return dataCorrupt(fmt::format("{}: cannot read it as Parquet: {}", path, error.what()));
    }
  }

  Status findColumn() {
    const parquet::SchemaDescriptor *schema = file->metadata()->schema();
    std::string names;
    for (int i = 0; i < schema->num_columns(); ++i) {
      const parquet::ColumnDescriptor *one = schema->Column(i);
      names += (names.empty() ? "" : ", ") + one->path()->ToDotString();
      if (one->path()->ToDotString() != options.field)
        continue;
      if (one->physical_type() != parquet::Type::BYTE_ARRAY || one->max_repetition_level() > 0)
        return dataCorrupt(fmt::format("{}: column {} does not hold one string a row", path,
                                       swamla::quoted(options.field)));
      column = i;
      return Status::ok();
    }
    return dataCorrupt(fmt::format("{}: no column {}; it has {} (--field names the column)", path,
                                   swamla::quoted(options.field), names));
  }

  /// Reads some rows of the current group, or goes to the next one.
  Status readRows(TextBatch &batch) {
    if (!values || !values->HasNext()) {
      group = file->RowGroup(nextGroup++);
      chunk = group->Column(column);
      values = std::static_pointer_cast<parquet::ByteArrayReader>(chunk);
      return Status::ok();
    }
    int16_t present[kRowsAtOnce];
    parquet::ByteArray texts[kRowsAtOnce];
    int64_t count = 0;
    int64_t levels = values->ReadBatch(kRowsAtOnce, present, nullptr, texts, &count);
    int16_t full = values->descr()->max_definition_level();
    const parquet::ByteArray *text = texts;
    for (int64_t i = 0; i < levels; ++i, ++row) {
      if (full == 0 || present[i] == full) {
        add(batch, *text++);
        continue;
      }
      if (!options.skipBad)
        return dataCorrupt(fmt::format("{}: row {} (from 0) has no {} (--skip-bad leaves such rows "
                                       "out)",
                                       path, row, swamla::quoted(options.field)));
      ++batch.badDocuments;
    }
    return Status::ok();
  }

  static void add(TextBatch &batch, const parquet::ByteArray &text) {
    size_t begin = batch.bytes.size();
    batch.bytes.append(reinterpret_cast<const char *>(text.ptr), text.len);
    batch.parts.push_back({begin, batch.bytes.size(), true});
  }

  std::string path;
  ParquetOptions options;
  std::unique_ptr<parquet::ParquetFileReader> file;
  std::shared_ptr<parquet::RowGroupReader> group;
  std::shared_ptr<parquet::ColumnReader> chunk;
  std::shared_ptr<parquet::ByteArrayReader> values;
  int column = 0, nextGroup = 0;
  int64_t row = 0;
  uint64_t fileBytes = 0, reported = 0;
};

} // namespace

Result<std::unique_ptr<TextReader>> readParquet(const std::string &path,
                                                const ParquetOptions &options) {
  auto reader = std::make_unique<ParquetDocuments>(path, options);
  SWAMLA_RETURN_IF_ERROR(reader->open());
  return std::unique_ptr<TextReader>(std::move(reader));
}

} // namespace swamla
