//===- ParamTable.cpp - parameters by name --------------------------------===//

#include "runtime/train/ParamTable.h"

#include "runtime/base/Format.h"

#include <algorithm>
#include <set>

namespace swamla {

/// Transfers are cut into pieces of this many bytes.
static constexpr uint64_t kPieceBytes = uint64_t{4} << 20;

/// What a state's elements are in a file.
static TensorType tensorTypeOf(schema::DType type) {
  switch (type) {
  case schema::DType::BF16:
    return TensorType::BF16;
  case schema::DType::F8E4M3:
    return TensorType::F8E4M3;
  case schema::DType::I8:
    return TensorType::I8;
  default: // a verified file has no other
    return TensorType::F32;
  }
}

static FlatBuffer stateBuffer(unsigned index, const schema::Buffer &buffer) {
  FlatBuffer state{index, buffer.name()->str(), tensorTypeOf(buffer.dtype())};
  if (buffer.shape())
    state.shape.assign(buffer.shape()->begin(), buffer.shape()->end());
  return state;
}

Result<ParamTable> ParamTable::create(const StepFile &file) {
  ParamTable table;
  const schema::Step &step = file.step();
  bool found = false;
  for (unsigned i = 0; i < step.buffers()->size(); ++i) {
    const schema::Buffer *buffer = step.buffers()->Get(i);
    if (buffer->kind() == schema::BufferKind::Params) {
      table.masters = {i, buffer->name()->str()};
      found = true;
    } else if (buffer->kind() == schema::BufferKind::State) {
      table.states.push_back(stateBuffer(i, *buffer));
    }
  }
  if (!found)
    return failedPrecondition(fmt::format("{}: the program has no parameters", file.name()));
  for (const schema::Param *param : *step.params()) {
    ParamEntry entry;
    entry.name = param->name()->str();
    entry.shape.assign(param->shape()->begin(), param->shape()->end());
    entry.offset = param->offset();
    entry.elements = 1;
    for (uint64_t size : entry.shape)
      entry.elements *= size;
    entry.initNormal = param->init_normal();
    entry.initValue = param->init_value();
    table.params.push_back(std::move(entry));
  }
  return table;
}

uint64_t ParamTable::elements() const {
  uint64_t sum = 0;
  for (const ParamEntry &entry : params)
    sum += entry.elements;
  return sum;
}

/// Calls `use(first, n)` for consecutive pieces of [0, bytes).
template <typename Use> static Status forEachPiece(uint64_t bytes, Use use) {
  for (uint64_t first = 0; first < bytes; first += kPieceBytes)
    SWAMLA_RETURN_IF_ERROR(use(first, std::min(kPieceBytes, bytes - first)));
  return Status::ok();
}

/// One tensor of a file, and where it lies in its group's buffer, in bytes.
struct Slice {
  TensorInfo info;
  uint64_t offset = 0;
};

static std::vector<Slice> slicesOf(const TensorGroup &group, const ParamTable &table) {
  const FlatBuffer &buffer = group.buffer;
  std::vector<Slice> slices;
  if (!buffer.shape.empty()) {
    uint64_t elements = 1;
    for (uint64_t size : buffer.shape)
      elements *= size;
    slices.push_back({{buffer.name, buffer.type, buffer.shape, 0, elements}, 0});
    return slices;
  }
  for (const ParamEntry &entry : table.entries())
    slices.push_back({{group.prefix + entry.name, buffer.type, entry.shape, 0, entry.elements},
                      entry.offset * tensorTypeBytes(buffer.type)});
  return slices;
}

/// Whether a tensor of a file can be read as one of type `wanted`.
static bool isReadableAs(TensorType wanted, TensorType found) {
  if (wanted != TensorType::F32)
    return found == wanted;
  return found == TensorType::F32 || found == TensorType::F64 || found == TensorType::BF16;
}

Status refreshWorkingCopies(Device &device) {
  std::optional<unsigned> cast = device.file().findProgram("cast");
  return cast ? device.run(*cast) : Status::ok();
}

namespace {

/// Collects what is wrong with a file, and shows the first few of each kind.
class Complaints {
public:
  void add(std::string what) {
    if (++count <= kShown)
      shown.push_back(std::move(what));
  }
  bool none() const { return count == 0; }
  std::string text() const {
    return fmt::format("{}{}", fmt::join(shown, "; "),
                       count > kShown ? fmt::format("; and {} more", count - kShown) : "");
  }

private:
  static constexpr size_t kShown = 8;
  std::vector<std::string> shown;
  size_t count = 0;
};

} // namespace

Status checkTensors(const SafetensorsFile &file, const ParamTable &table,
                    const std::vector<TensorGroup> &groups) {
  Complaints complaints;
  std::set<std::string> expected;
  for (const TensorGroup &group : groups)
    for (const Slice &slice : slicesOf(group, table)) {
      const TensorInfo &want = slice.info;
      expected.insert(want.name);
      const TensorInfo *info = file.find(want.name);
      if (!info)
        complaints.add(fmt::format("{} is missing", swamla::quoted(want.name)));
      else if (!sameShape(info->shape, want.shape))
        complaints.add(fmt::format("{} has shape {}, expected {}", swamla::quoted(want.name),
                                   shapeToString(info->shape), shapeToString(want.shape)));
      else if (!isReadableAs(want.type, info->type))
        complaints.add(fmt::format(
            "{} has type {}, expected {}", swamla::quoted(want.name), tensorTypeName(info->type),
            want.type == TensorType::F32 ? "F32, F64 or BF16" : tensorTypeName(want.type)));
    }
  for (const TensorInfo &info : file.tensors())
    if (!expected.contains(info.name))
      complaints.add(fmt::format("{} is not a tensor of this model", swamla::quoted(info.name)));
  if (complaints.none())
    return Status::ok();
  return invalidArgument(
      fmt::format("{} does not fit the model: {}", file.path(), complaints.text()));
}

Status loadTensors(Device &device, const SafetensorsFile &file, const ParamTable &table,
                   const std::vector<TensorGroup> &groups) {
  std::vector<float> values;
  for (const TensorGroup &group : groups)
    for (const Slice &slice : slicesOf(group, table)) {
      const TensorInfo &tensor = *file.find(slice.info.name);
      std::span<const std::byte> bytes = file.data(tensor);
      if (slice.info.type == TensorType::F32) {
        values.resize(slice.info.elements);
        SWAMLA_RETURN_IF_ERROR(file.read(tensor, values));
        bytes = std::as_bytes(std::span(values));
      }
      SWAMLA_RETURN_IF_ERROR(device.upload(group.buffer.index, slice.offset, bytes));
    }
  return refreshWorkingCopies(device);
}

Status loadWeights(Device &device, const ParamTable &table, const std::string &path) {
  SWAMLA_TRY(SafetensorsFile file, SafetensorsFile::open(path));
  std::vector<TensorGroup> params = {{table.paramsBuffer(), ""}};
  SWAMLA_RETURN_IF_ERROR(checkTensors(file, table, params));
  return loadTensors(device, file, table, params);
}

Result<FileDigest> saveTensors(Device &device, const std::string &path, const ParamTable &table,
                               const std::vector<TensorGroup> &groups,
                               const std::map<std::string, std::string> &metadata) {
  std::vector<TensorInfo> infos;
  for (const TensorGroup &group : groups)
    for (const Slice &slice : slicesOf(group, table))
      infos.push_back(slice.info);
  SWAMLA_TRY(SafetensorsWriter writer, SafetensorsWriter::create(path, infos, metadata));
  std::vector<std::byte> bytes;
  for (const TensorGroup &group : groups)
    for (const Slice &slice : slicesOf(group, table))
      SWAMLA_RETURN_IF_ERROR(
          forEachPiece(slice.info.bytes(), [&](uint64_t first, uint64_t n) -> Status {
            bytes.resize(n);
            SWAMLA_RETURN_IF_ERROR(
                device.download(group.buffer.index, slice.offset + first, bytes));
            return writer.append(bytes);
          }));
  return writer.finish();
}

} // namespace swamla
