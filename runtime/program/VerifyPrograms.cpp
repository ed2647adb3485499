//===- VerifyPrograms.cpp - every op against the tables -------------------===//
#include "runtime/base/Format.h"
#include "runtime/program/VerifyStep.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace swamla {

namespace {
using schema::BufferKind;

using schema::DType;

/// The BLAS counts in 32 bits in some builds; no real matrix comes near.
constexpr uint64_t kMaxDim = INT32_MAX;
/// What views of launches are multiples of: the smallest element.
constexpr uint64_t kElementBytes = 2;

/// A matmul operand as it is stored, in elements.
struct StoredMatrix {
  const char *name;
  const schema::View *view;
  DType type;
  uint64_t rows, cols, ld;

  uint64_t elements() const { return (rows - 1) * ld + cols; }
  uint64_t bytes() const { return elements() * dtypeBytes(type); }
};

/// Whether two matrices share an element. Exact for operands of one type and leading dimension,
/// which may be column ranges of one wider matrix; else any shared byte counts.
bool overlap(const StoredMatrix &x, const StoredMatrix &y) {
  if (x.view->buffer() != y.view->buffer())
    return false;
  uint64_t xBegin = x.view->offset(), yBegin = y.view->offset();
  if (xBegin + x.bytes() <= yBegin || yBegin + y.bytes() <= xBegin)
    return false;
  if (x.ld != y.ld || x.type != y.type)
    return true;
  xBegin /= dtypeBytes(x.type);
  yBegin /= dtypeBytes(y.type);
  // x occupies the columns [0, x.cols) of rows of ld elements that begin where x does.
  uint64_t shift = (yBegin % x.ld + x.ld - xBegin % x.ld) % x.ld;
  return shift < x.cols || shift + y.cols > x.ld;
}

std::string nameOf(DType type) {
  return type <= DType::MAX ? schema::EnumNameDType(type) : fmt::format("{}", unsigned(type));
}

class ProgramVerifier {
public:
  ProgramVerifier(const schema::Step &step, unsigned program) : step(step), program(program) {}

  Status run() {
    const auto &ops = *step.programs()->Get(program)->ops();
    for (index = 0; index < ops.size(); ++index) {
      op = ops.Get(index);
      SWAMLA_RETURN_IF_ERROR(verifyOp());
    }
    return Status::ok();
  }

private:
  std::string where() const {
    return fmt::format("programs[{}].ops[{}] ({})", program, index,
                       quoted(op->label()->string_view()));
  }

  Status verifyOp() {
    if (const schema::Launch *launch = op->kind_as_Launch())
      return verifyLaunch(*launch);
    if (const schema::Matmul *matmul = op->kind_as_Matmul())
      return verifyMatmul(*matmul);
    if (const schema::Fill *fill = op->kind_as_Fill())
      return verifyFill(*fill);
    return dataCorrupt(fmt::format("{}: an op of kind {} is not known; compile it again with the "
                                   "swamlac of the same release",
                                   where(), unsigned(op->kind_type())));
  }

  Status verifyLaunch(const schema::Launch &launch) {
    if (launch.kernel() >= step.kernels()->size())
      return dataCorrupt(fmt::format("{}: launches kernel {}, but there are {} kernels", where(),
                                     launch.kernel(), step.kernels()->size()));
    const schema::Kernel &kernel = *step.kernels()->Get(launch.kernel());
    if (launch.views()->size() != kernel.num_views())
      return dataCorrupt(fmt::format("{}: {} views, but kernel '{}' takes {}", where(),
                                     launch.views()->size(), kernel.name()->string_view(),
                                     kernel.num_views()));
    if (launch.units() == 0 || launch.units() > kMaxDim)
      return dataCorrupt(
          fmt::format("{}: {} units of work, expected 1 to {}", where(), launch.units(), kMaxDim));
    unsigned number = 0;
    for (const schema::View *view : *launch.views()) {
      SWAMLA_RETURN_IF_ERROR(verifyView(
          step, *view, kElementBytes, [&] { return fmt::format("{}: view {}", where(), number); }));
      ++number;
    }
    return verifyTensorMaps(step, launch, where());
  }

  Status verifyMatrix(const StoredMatrix &matrix) {
    SWAMLA_RETURN_IF_ERROR(verifyView(step, *matrix.view, dtypeBytes(matrix.type), [&] {
      return fmt::format("{}: matrix {}", where(), matrix.name);
    }));
    if (matrix.ld < matrix.cols || matrix.ld > kMaxDim)
      return dataCorrupt(fmt::format("{}: matrix {} has rows of {} elements, but ld{} is {}",
                                     where(), matrix.name, matrix.cols, matrix.name, matrix.ld));
    if (matrix.elements() > matrix.view->bytes() / dtypeBytes(matrix.type))
      return dataCorrupt(fmt::format(
          "{}: matrix {}, {} x {} with ld{} {}, needs {} bytes, but its view has {} bytes", where(),
          matrix.name, matrix.rows, matrix.cols, matrix.name, matrix.ld, matrix.bytes(),
          matrix.view->bytes()));
    return Status::ok();
  }

  Status verifyTypes(const schema::Matmul &matmul) {
    DType ab = matmul.ab_type(), c = matmul.c_type();
    bool operands = ab == DType::F32 || ab == DType::BF16;
    bool result = c == DType::F32 || (c == DType::BF16 && ab == DType::BF16);
    if (!operands || !result)
      return dataCorrupt(
          fmt::format("{}: operands of type {} and a result of type {}; expected F32 "
                      "or BF16, and BF16 only from BF16",
                      where(), nameOf(ab), nameOf(c)));
    if (matmul.accumulate() && c != DType::F32)
      return dataCorrupt(
          fmt::format("{}: accumulates in {}; sums must be F32", where(), nameOf(c)));
    if (matmul.tf32() && ab != DType::F32)
      return dataCorrupt(
          fmt::format("{}: tf32 is for operands of type F32, not {}", where(), nameOf(ab)));
    return Status::ok();
  }

  Status verifyMatmul(const schema::Matmul &matmul) {
    SWAMLA_RETURN_IF_ERROR(verifyTypes(matmul));
    uint64_t m = matmul.m(), n = matmul.n(), k = matmul.k();
    if (std::min({m, n, k}) == 0 || std::max({m, n, k}) > kMaxDim)
      return dataCorrupt(
          fmt::format("{}: m {}, n {} and k {} must be 1 to {}", where(), m, n, k, kMaxDim));
    bool ta = matmul.transpose_a(), tb = matmul.transpose_b();
    DType type = matmul.ab_type();
    StoredMatrix a{"a", matmul.a(), type, ta ? k : m, ta ? m : k, matmul.lda()};
    StoredMatrix b{"b", matmul.b(), type, tb ? n : k, tb ? k : n, matmul.ldb()};
    StoredMatrix c{"c", matmul.c(), matmul.c_type(), m, n, matmul.ldc()};
    for (const StoredMatrix *matrix : {&a, &b, &c})
      SWAMLA_RETURN_IF_ERROR(verifyMatrix(*matrix));
    for (const StoredMatrix *matrix : {&a, &b})
      if (overlap(*matrix, c))
        return dataCorrupt(fmt::format("{}: the result c overlaps matrix {}: c is at byte {} of "
                                       "buffer '{}', {} at byte {}",
                                       where(), matrix->name, c.view->offset(),
                                       step.buffers()->Get(c.view->buffer())->name()->string_view(),
                                       matrix->name, matrix->view->offset()));
    return verifyWritable(*matmul.c());
  }

  Status verifyFill(const schema::Fill &fill) {
    SWAMLA_RETURN_IF_ERROR(verifyView(step, *fill.view(), sizeof(uint32_t),
                                      [&] { return fmt::format("{}: the view", where()); }));
    return verifyWritable(*fill.view());
  }

  /// What a program may write, as far as its table tells: a launch does not say what it writes.
  Status verifyWritable(const schema::View &view) {
    const schema::Buffer &buffer = *step.buffers()->Get(view.buffer());
    if (buffer.kind() == BufferKind::Input || buffer.kind() == BufferKind::Scalars)
      return dataCorrupt(fmt::format("{}: writes to buffer '{}' of kind {}, which is the runtime's",
                                     where(), buffer.name()->string_view(),
                                     schema::EnumNameBufferKind(buffer.kind())));
    return Status::ok();
  }

  const schema::Step &step;
  unsigned program;
  unsigned index = 0;
  const schema::Op *op = nullptr;
};
} // namespace

Status verifyPrograms(const schema::Step &step) {
  const auto &programs = *step.programs();
  for (unsigned i = 0; i < programs.size(); ++i) {
    std::string_view name = programs.Get(i)->name()->string_view();
    if (!isPlainName(name))
      return dataCorrupt(fmt::format(
          "programs[{}]: the name {} is not 1 to 255 printable ASCII characters without spaces", i,
          quoted(name)));
    for (unsigned j = 0; j < i; ++j)
      if (programs.Get(j)->name()->string_view() == name)
        return dataCorrupt(
            fmt::format("programs[{}]: there already is one with the name '{}'", i, name));
    SWAMLA_RETURN_IF_ERROR(ProgramVerifier(step, i).run());
  }
  // `setup` is only there when the model has tables to fill.
  for (std::string_view wanted : {"micro_step", "apply", "eval", "logits"})
    if (std::none_of(programs.begin(), programs.end(), [&](const schema::Program *program) {
          return program->name()->string_view() == wanted;
        }))
      return dataCorrupt(fmt::format("programs: there is no '{}'", wanted));
  bool cast = std::any_of(programs.begin(), programs.end(), [](const schema::Program *program) {
    return program->name()->string_view() == "cast";
  });
  bool working = std::any_of(step.buffers()->begin(), step.buffers()->end(),
                             [](const auto *b) { return b->kind() == BufferKind::Working; });
  if (cast != working)
    return dataCorrupt(fmt::format("programs: there is {} 'cast', but {} buffer of kind Working; "
                                   "expected both or neither",
                                   cast ? "a" : "no", working ? "a" : "no"));
  return Status::ok();
}

} // namespace swamla
