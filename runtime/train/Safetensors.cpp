//===- Safetensors.cpp - reading named tensors ----------------------------===//

#include "runtime/train/Safetensors.h"

#include "runtime/base/Format.h"
#include "runtime/train/Json.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

namespace swamla {

static_assert(std::endian::native == std::endian::little, "the format is little-endian");

namespace {

/// Longer headers are refused, as by the format's own library.
constexpr uint64_t kMaxHeaderBytes = 100'000'000;
constexpr size_t kMaxRank = 16;

struct TypeRow {
  TensorType type;
  std::string_view name;
  uint64_t bytes;
};
constexpr TypeRow kTypes[] = {{TensorType::F32, "F32", 4},   {TensorType::F64, "F64", 8},
                              {TensorType::I32, "I32", 4},   {TensorType::I64, "I64", 8},
                              {TensorType::BF16, "BF16", 2}, {TensorType::F8E4M3, "F8_E4M3", 1},
                              {TensorType::I8, "I8", 1}};

const TypeRow &row(TensorType type) { return kTypes[static_cast<size_t>(type)]; }

/// Reads the entries of the header's JSON.
class HeaderParser {
public:
  HeaderParser(const std::string &file, uint64_t dataBytes) : file(file), dataBytes(dataBytes) {}

  Result<TensorInfo> tensor(const std::string &name, const Json &entry) const {
    TensorInfo info;
    info.name = name;
    if (!entry.is_object())
      return bad(name, "expected an object with dtype, shape and data_offsets");
    for (const auto &item : entry.items())
      if (item.key() != "dtype" && item.key() != "shape" && item.key() != "data_offsets")
        return bad(name, fmt::format("unknown key {}", swamla::quoted(item.key())));
    SWAMLA_RETURN_IF_ERROR(type(entry, info));
    SWAMLA_RETURN_IF_ERROR(shape(entry, info));
    SWAMLA_RETURN_IF_ERROR(offsets(entry, info));
    return info;
  }

  Result<std::map<std::string, std::string>> metadata(const Json &entry) const {
    std::map<std::string, std::string> texts;
    if (!entry.is_object())
      return dataCorrupt(fmt::format("{}: __metadata__ is not an object", file));
    for (const auto &item : entry.items()) {
      if (!item.value().is_string())
        return dataCorrupt(fmt::format("{}: __metadata__ {}: expected a string", file,
                                       swamla::quoted(item.key())));
      texts.emplace(item.key(), item.value().get<std::string>());
    }
    return texts;
  }

private:
  Status bad(const std::string &tensorName, const std::string &what) const {
    return dataCorrupt(fmt::format("{}: tensor {}: {}", file, swamla::quoted(tensorName), what));
  }

  Status type(const Json &entry, TensorInfo &info) const {
    const Json *value = findMember(entry, "dtype");
    const auto *text = value ? value->get_ptr<const std::string *>() : nullptr;
    if (!text)
      return bad(info.name, "dtype is missing or not a string");
    for (const TypeRow &known : kTypes)
      if (known.name == *text) {
        info.type = known.type;
        return Status::ok();
      }
    return bad(info.name,
               fmt::format("dtype is {}; expected F32, F64, I32, I64, BF16, F8_E4M3 or I8",
                           swamla::quoted(*text)));
  }

  Status shape(const Json &entry, TensorInfo &info) const {
    const Json *value = findMember(entry, "shape");
    if (!value || !value->is_array() || value->size() > kMaxRank)
      return bad(info.name,
                 fmt::format("shape is missing or not an array of at most {} sizes", kMaxRank));
    // Sizes after a zero must not hide an overflow, so the product counts a zero as one.
    uint64_t product = tensorTypeBytes(info.type);
    bool empty = false;
    for (const Json &size : *value) {
      if (!size.is_number_unsigned())
        return bad(info.name, "a size in shape is not a non-negative integer");
      uint64_t n = size.get<uint64_t>();
      empty |= n == 0;
      if (__builtin_mul_overflow(product, std::max<uint64_t>(n, 1), &product))
        return bad(info.name, "shape is too large");
      info.shape.push_back(n);
    }
    info.elements = empty ? 0 : product / tensorTypeBytes(info.type);
    return Status::ok();
  }

  Status offsets(const Json &entry, TensorInfo &info) const {
    const Json *value = findMember(entry, "data_offsets");
    if (!value || !value->is_array() || value->size() != 2 || !(*value)[0].is_number_unsigned() ||
        !(*value)[1].is_number_unsigned())
      return bad(info.name, "data_offsets is missing or not an array of two integers");
    uint64_t begin = (*value)[0].get<uint64_t>(), end = (*value)[1].get<uint64_t>();
    if (begin > end || end > dataBytes)
      return bad(info.name, fmt::format("data_offsets are [{}, {}]; the file has {} bytes of data",
                                        begin, end, dataBytes));
    if (end - begin != info.bytes())
      return bad(info.name,
                 fmt::format("data_offsets span {} bytes; expected {} for {} {}", end - begin,
                             info.bytes(), row(info.type).name, shapeToString(info.shape)));
    info.offset = begin;
    return Status::ok();
  }

  const std::string &file;
  uint64_t dataBytes;
};

/// The tensors, sorted by offset, must fill the data section.
Status checkContiguous(const std::string &file, const std::vector<TensorInfo> &infos,
                       uint64_t dataBytes) {
  uint64_t end = 0;
  for (const TensorInfo &info : infos) {
    if (info.offset != end)
      return dataCorrupt(
          fmt::format("{}: tensor {} starts at byte {} of the data; expected {} ({})", file,
                      swamla::quoted(info.name), info.offset, end,
                      info.offset < end ? "it overlaps another tensor" : "a gap before it"));
    end += info.bytes();
  }
  if (end != dataBytes)
    return dataCorrupt(fmt::format("{}: the tensors end at byte {} of the data, which has {} bytes",
                                   file, end, dataBytes));
  return Status::ok();
}

} // namespace

std::string_view tensorTypeName(TensorType type) { return row(type).name; }
uint64_t tensorTypeBytes(TensorType type) { return row(type).bytes; }

std::string shapeToString(std::span<const uint64_t> shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

bool sameShape(std::span<const uint64_t> a, std::span<const uint64_t> b) {
  auto isOne = [](uint64_t n) { return n == 1; };
  return std::ranges::equal(a, b) ||
         (a.size() <= 1 && b.size() <= 1 && std::ranges::all_of(a, isOne) &&
          std::ranges::all_of(b, isOne));
}

Result<SafetensorsFile> SafetensorsFile::open(const std::string &path) {
  SWAMLA_TRY(MappedFile mapped, MappedFile::open(path));
  std::span<const std::byte> bytes = mapped.bytes();
  SWAMLA_TRY(SafetensorsFile file, fromBytes(bytes, path));
  file.mapping.emplace(std::move(mapped));
  return file;
}

Result<SafetensorsFile> SafetensorsFile::fromBytes(std::span<const std::byte> bytes,
                                                   const std::string &name) {
  SafetensorsFile file;
  file.name = name;
  file.content = bytes;
  uint64_t headerBytes = 0;
  if (bytes.size() < sizeof(headerBytes))
    return dataCorrupt(
        fmt::format("{}: {} bytes; a safetensors file has at least 8", name, bytes.size()));
  std::memcpy(&headerBytes, bytes.data(), sizeof(headerBytes));
  uint64_t rest = bytes.size() - sizeof(headerBytes);
  if (headerBytes > std::min(rest, kMaxHeaderBytes))
    return dataCorrupt(fmt::format(
        "{}: the header's length is {} bytes, but {}; not a safetensors file, or cut off", name,
        headerBytes,
        headerBytes > rest ? fmt::format("only {} follow", rest)
                           : fmt::format("at most {} are allowed", kMaxHeaderBytes)));
  file.dataSection = bytes.subspan(sizeof(headerBytes) + headerBytes);
  std::string_view text(reinterpret_cast<const char *>(bytes.data()) + sizeof(headerBytes),
                        headerBytes);
  SWAMLA_TRY(Json header, parseJson(text, name + ": header"));
  if (!header.is_object())
    return dataCorrupt(fmt::format("{}: the header is not a JSON object", name));

  HeaderParser parser(name, file.dataSection.size());
  for (const auto &item : header.items()) {
    if (item.key() == "__metadata__") {
      SWAMLA_TRY(file.texts, parser.metadata(item.value()));
      continue;
    }
    SWAMLA_TRY(TensorInfo info, parser.tensor(item.key(), item.value()));
    file.infos.push_back(std::move(info));
  }
  std::ranges::sort(file.infos, [](const TensorInfo &a, const TensorInfo &b) {
    return std::pair(a.offset, a.bytes()) < std::pair(b.offset, b.bytes());
  });
  SWAMLA_RETURN_IF_ERROR(checkContiguous(name, file.infos, file.dataSection.size()));
  for (size_t i = 0; i < file.infos.size(); ++i)
    file.index.emplace(file.infos[i].name, i);
  return file;
}

const TensorInfo *SafetensorsFile::find(std::string_view tensorName) const {
  auto it = index.find(tensorName);
  return it == index.end() ? nullptr : &infos[it->second];
}

std::span<const std::byte> SafetensorsFile::data(const TensorInfo &tensor) const {
  return dataSection.subspan(tensor.offset, tensor.bytes());
}

template <typename From, typename To, typename Convert>
static void convertAll(std::span<const std::byte> from, std::span<To> to, Convert convert) {
  for (size_t i = 0; i < to.size(); ++i) {
    From value;
    std::memcpy(&value, from.data() + i * sizeof(From), sizeof(From));
    to[i] = convert(value);
  }
}

Status SafetensorsFile::read(const TensorInfo &tensor, std::span<float> out) const {
  std::span<const std::byte> from = data(tensor);
  if (out.size() != tensor.elements)
    return internalError(fmt::format("{}: tensor {} has {} elements, {} were asked for", name,
                                     swamla::quoted(tensor.name), tensor.elements, out.size()));
  switch (tensor.type) {
  case TensorType::F32:
    std::memcpy(out.data(), from.data(), from.size());
    return Status::ok();
  case TensorType::F64:
    convertAll<double>(from, out, [](double v) { return static_cast<float>(v); });
    return Status::ok();
  case TensorType::BF16:
    convertAll<uint16_t>(from, out,
                         [](uint16_t v) { return std::bit_cast<float>(uint32_t{v} << 16); });
    return Status::ok();
  case TensorType::I32:
  case TensorType::I64:
  case TensorType::F8E4M3:
  case TensorType::I8:
    break;
  }
  return invalidArgument(fmt::format("{}: tensor {} has type {}; expected F32, F64 or BF16", name,
                                     swamla::quoted(tensor.name), tensorTypeName(tensor.type)));
}

Status SafetensorsFile::read(const TensorInfo &tensor, std::span<int32_t> out) const {
  std::span<const std::byte> from = data(tensor);
  if (out.size() != tensor.elements)
    return internalError(fmt::format("{}: tensor {} has {} elements, {} were asked for", name,
                                     swamla::quoted(tensor.name), tensor.elements, out.size()));
  if (tensor.type == TensorType::I32) {
    std::memcpy(out.data(), from.data(), from.size());
    return Status::ok();
  }
  if (tensor.type != TensorType::I64)
    return invalidArgument(fmt::format("{}: tensor {} has type {}; expected I32 or I64", name,
                                       swamla::quoted(tensor.name), tensorTypeName(tensor.type)));
  bool fits = true;
  convertAll<int64_t>(from, out, [&](int64_t v) {
    fits &= v >= std::numeric_limits<int32_t>::min() && v <= std::numeric_limits<int32_t>::max();
    return static_cast<int32_t>(v);
  });
  if (!fits)
    return invalidArgument(fmt::format("{}: tensor {} holds values that do not fit 32 bits", name,
                                       swamla::quoted(tensor.name)));
  return Status::ok();
}

} // namespace swamla
