//===- ParamTable.cpp - parameters by name --------------------------------===//

#include "runtime/train/ParamTable.h"

#include "runtime/base/Format.h"

#include <algorithm>
#include <set>

namespace swamla {

/// Transfers are cut into pieces of this many elements.
static constexpr uint64_t kPieceElements = uint64_t{1} << 20;

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
      table.states.push_back({i, buffer->name()->str()});
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

/// Calls `use(first, n)` for consecutive pieces of [0, elements).
template <typename Use> static Status forEachPiece(uint64_t elements, Use use) {
  for (uint64_t first = 0; first < elements; first += kPieceElements)
    SWAMLA_RETURN_IF_ERROR(use(first, std::min(kPieceElements, elements - first)));
  return Status::ok();
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
    for (const ParamEntry &entry : table.entries()) {
      std::string name = group.prefix + entry.name;
      expected.insert(name);
      const TensorInfo *info = file.find(name);
      if (!info)
        complaints.add(fmt::format("{} is missing", swamla::quoted(name)));
      else if (!sameShape(info->shape, entry.shape))
        complaints.add(fmt::format("{} has shape {}, expected {}", swamla::quoted(name),
                                   shapeToString(info->shape), shapeToString(entry.shape)));
      else if (info->type == TensorType::I32 || info->type == TensorType::I64)
        complaints.add(fmt::format("{} has type {}, expected F32, F64 or BF16",
                                   swamla::quoted(name), tensorTypeName(info->type)));
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
    for (const ParamEntry &entry : table.entries()) {
      values.resize(entry.elements);
      SWAMLA_RETURN_IF_ERROR(file.read(*file.find(group.prefix + entry.name), values));
      SWAMLA_RETURN_IF_ERROR(device.upload(group.buffer.index, entry.offset * sizeof(float),
                                           std::as_bytes(std::span(values))));
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
    for (const ParamEntry &entry : table.entries())
      infos.push_back({group.prefix + entry.name, TensorType::F32, entry.shape, 0, entry.elements});
  SWAMLA_TRY(SafetensorsWriter writer, SafetensorsWriter::create(path, infos, metadata));
  std::vector<float> values;
  for (const TensorGroup &group : groups)
    for (const ParamEntry &entry : table.entries())
      SWAMLA_RETURN_IF_ERROR(
          forEachPiece(entry.elements, [&](uint64_t first, uint64_t n) -> Status {
            values.resize(n);
            SWAMLA_RETURN_IF_ERROR(device.download(group.buffer.index,
                                                   (entry.offset + first) * sizeof(float),
                                                   std::as_writable_bytes(std::span(values))));
            return writer.append(std::as_bytes(std::span(values)));
          }));
  return writer.finish();
}

} // namespace swamla
