//===- Safetensors.h - named tensors in a file ----------------------------===//
//
// The safetensors format: 8 bytes length N (little-endian), N bytes of JSON
// that map each name to {"dtype", "shape", "data_offsets": [begin, end]}, then
// the data. The reader accepts only files whose tensors fill the data section
// without gap or overlap, so every byte of an accepted file has one meaning.
//
//===----------------------------------------------------------------------===//
#pragma once

#include "runtime/base/File.h"
#include "runtime/base/Status.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace swamla {

enum class TensorType : uint8_t { F32, F64, I32, I64, BF16, F8E4M3, I8 };

/// "F32", ...: the name in the file.
std::string_view tensorTypeName(TensorType type);
uint64_t tensorTypeBytes(TensorType type);
/// "[96, 32]".
std::string shapeToString(std::span<const uint64_t> shape);
/// Equal, or both of one element: a scalar's shape may be written [] or [1].
bool sameShape(std::span<const uint64_t> a, std::span<const uint64_t> b);

struct TensorInfo {
  std::string name;
  TensorType type = TensorType::F32;
  std::vector<uint64_t> shape;
  uint64_t offset = 0;   ///< bytes, from the start of the data section
  uint64_t elements = 0; ///< product of the shape
  uint64_t bytes() const { return elements * tensorTypeBytes(type); }
};

/// A file that was checked and can be read.
class SafetensorsFile {
public:
  /// Maps and checks a file. Errors name the file, and the tensor, with expected and found.
  static Result<SafetensorsFile> open(const std::string &path);
  /// The same for bytes in memory, which must outlive the result; `name` stands for the path.
  static Result<SafetensorsFile> fromBytes(std::span<const std::byte> bytes,
                                           const std::string &name);

  const std::string &path() const { return name; }
  /// In the order of their data.
  const std::vector<TensorInfo> &tensors() const { return infos; }
  const std::map<std::string, std::string> &metadata() const { return texts; }
  /// Null when there is no such tensor.
  const TensorInfo *find(std::string_view tensorName) const;
  /// The bytes of a tensor of this file; not aligned.
  std::span<const std::byte> data(const TensorInfo &tensor) const;
  /// Copies out a tensor of type F32, F64 or BF16 as f32, or of type I32 or I64 (which must fit) as
  /// i32. `out` has tensor.elements elements. Fails with InvalidArgument on another type.
  Status read(const TensorInfo &tensor, std::span<float> out) const;
  Status read(const TensorInfo &tensor, std::span<int32_t> out) const;
  /// The whole file, for checksums.
  std::span<const std::byte> fileBytes() const { return content; }

private:
  std::string name;
  std::optional<MappedFile> mapping;
  std::span<const std::byte> content;
  std::span<const std::byte> dataSection;
  std::vector<TensorInfo> infos;
  std::map<std::string, size_t, std::less<>> index;
  std::map<std::string, std::string> texts;
};

/// What a finished file is recognised by.
struct FileDigest {
  uint64_t bytes = 0;
  uint64_t checksum = 0; ///< XXH3-64 of the whole file
};

/// Writes a file aside and renames it when it is complete: `path` never holds a part of it.
class SafetensorsWriter {
public:
  /// Starts a file with `tensors` in this order (offsets are computed, names must differ).
  static Result<SafetensorsWriter> create(const std::string &path,
                                          const std::vector<TensorInfo> &tensors,
                                          const std::map<std::string, std::string> &metadata);
  SafetensorsWriter(SafetensorsWriter &&) noexcept;
  SafetensorsWriter &operator=(SafetensorsWriter &&) noexcept;
  /// Removes what was written aside when finish() did not come.
  ~SafetensorsWriter();

  /// The next bytes of the data section, in pieces of any size.
  Status append(std::span<const std::byte> bytes);
  /// Fails with Internal when the data is not as long as the tensors need.
  Result<FileDigest> finish();

private:
  struct State;
  explicit SafetensorsWriter(std::unique_ptr<State> state);
  std::unique_ptr<State> state;
};

} // namespace swamla
