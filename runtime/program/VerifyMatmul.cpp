//===- VerifyMatmul.cpp - a matmul against its operands -------------------===//
#include "runtime/program/VerifyStep.h"

#include <algorithm>

namespace swamla {

namespace {
using schema::DType;

/// The BLAS counts in 32 bits in some builds; no real matrix comes near.
constexpr uint64_t kMaxDim = INT32_MAX;
/// Matrix units take f8 in chunks of so many elements, from addresses that are multiples of so many
/// bytes.
constexpr uint64_t kF8Chunk = 16;

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
bool shareElement(const StoredMatrix &x, const StoredMatrix &y) {
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

class MatmulVerifier {
public:
  MatmulVerifier(const schema::Step &step, const schema::Matmul &matmul, const std::string &where)
      : step(step), matmul(matmul), where(where) {}

  Status run();

private:
  Status verifyTypes() const;
  Status verifyFlags() const;
  Status verifyMatrix(const StoredMatrix &matrix) const;
  Status verifyF8Sizes() const;
  Status verifyF8Matrix(const StoredMatrix &matrix) const;
  Status verifyScales() const;

  const schema::Step &step;
  const schema::Matmul &matmul;
  const std::string &where;
};
} // namespace

Status MatmulVerifier::verifyTypes() const {
  DType a = matmul.a_type(), b = matmul.b_type(), c = matmul.c_type();
  bool isPlain = a == b && (a == DType::F32 || a == DType::BF16);
  bool isPair = isF8(a) && isF8(b) && !(a == DType::F8E5M2 && b == DType::F8E5M2);
  bool isResult = c == DType::F32 || (c == DType::BF16 && a != DType::F32);
  if ((isPlain || isPair) && isResult)
    return Status::ok();
  return dataCorrupt(fmt::format(
      "{}: operands of type {} and {}, a result of type {}; expected both F32 or both BF16, or "
      "F8E4M3 with F8E4M3 or F8E5M2, and a result of F32, or BF16 from narrower operands than F32",
      where, nameOf(a), nameOf(b), nameOf(c)));
}

Status MatmulVerifier::verifyFlags() const {
  DType a = matmul.a_type(), c = matmul.c_type();
  if (matmul.accumulate() && c != DType::F32)
    return dataCorrupt(fmt::format("{}: accumulates in {}; sums must be F32", where, nameOf(c)));
  if (matmul.tf32() && a != DType::F32)
    return dataCorrupt(
        fmt::format("{}: tf32 is for operands of type F32, not {}", where, nameOf(a)));
  if (matmul.fast_accum() && !isF8(a))
    return dataCorrupt(
        fmt::format("{}: fast_accum is for operands in f8, not {}", where, nameOf(a)));
  return Status::ok();
}

Status MatmulVerifier::verifyMatrix(const StoredMatrix &matrix) const {
  SWAMLA_RETURN_IF_ERROR(verifyView(step, *matrix.view, dtypeBytes(matrix.type), [&] {
    return fmt::format("{}: matrix {}", where, matrix.name);
  }));
  if (matrix.ld < matrix.cols || matrix.ld > kMaxDim)
    return dataCorrupt(fmt::format("{}: matrix {} has rows of {} elements, but ld{} is {}", where,
                                   matrix.name, matrix.cols, matrix.name, matrix.ld));
  if (matrix.elements() > matrix.view->bytes() / dtypeBytes(matrix.type))
    return dataCorrupt(fmt::format(
        "{}: matrix {}, {} x {} with ld{} {}, needs {} bytes, but its view has {} bytes", where,
        matrix.name, matrix.rows, matrix.cols, matrix.name, matrix.ld, matrix.bytes(),
        matrix.view->bytes()));
  return isF8(matmul.a_type()) ? verifyF8Matrix(matrix) : Status::ok();
}

//===----------------------------------------------------------------------===//
// f8
//===----------------------------------------------------------------------===//

Status MatmulVerifier::verifyF8Sizes() const {
  if (matmul.transpose_a() || !matmul.transpose_b())
    return dataCorrupt(
        fmt::format("{}: operands in f8, expected transpose_b without transpose_a", where));
  uint64_t m = matmul.m(), n = matmul.n(), k = matmul.k();
  if (m % kF8Chunk != 0 || n % kF8Chunk != 0 || k % kF8Chunk != 0)
    return dataCorrupt(fmt::format("{}: m {}, n {} and k {} must be multiples of {} with operands "
                                   "in f8",
                                   where, m, n, k, kF8Chunk));
  return Status::ok();
}

Status MatmulVerifier::verifyF8Matrix(const StoredMatrix &matrix) const {
  uint64_t pitch = matrix.ld * dtypeBytes(matrix.type);
  if (matrix.view->offset() % kF8Chunk != 0 || pitch % kF8Chunk != 0)
    return dataCorrupt(fmt::format("{}: matrix {} is at byte {}, its rows {} bytes apart; both "
                                   "must be multiples of {} with operands in f8",
                                   where, matrix.name, matrix.view->offset(), pitch, kF8Chunk));
  return Status::ok();
}

Status MatmulVerifier::verifyScales() const {
  const schema::View *a = matmul.a_scale(), *b = matmul.b_scale();
  bool wanted = isF8(matmul.a_type());
  if ((a != nullptr) != wanted || (b != nullptr) != wanted)
    return dataCorrupt(fmt::format("{}: {} a_scale and {} b_scale; expected both with operands in "
                                   "f8, and none with others",
                                   where, a ? "an" : "no", b ? "a" : "no"));
  if (!wanted)
    return Status::ok();
  constexpr uint64_t kBytes = sizeof(float);
  bool isSingle = a->bytes() == kBytes && b->bytes() == kBytes;
  if (!isSingle && (a->bytes() != kBytes * matmul.m() || b->bytes() != kBytes * matmul.n()))
    return dataCorrupt(fmt::format(
        "{}: a_scale has {} bytes and b_scale {}; expected {} both, or {} and {}", where,
        a->bytes(), b->bytes(), kBytes, kBytes * matmul.m(), kBytes * matmul.n()));
  for (auto [view, name] : {std::pair(a, "a_scale"), {b, "b_scale"}}) {
    auto place = [&] { return fmt::format("{}: {}", where, name); };
    SWAMLA_RETURN_IF_ERROR(verifyView(step, *view, kBytes, place));
    if (view->offset() % kF8Chunk != 0)
      return dataCorrupt(fmt::format("{} is at byte {}, expected a multiple of {}", place(),
                                     view->offset(), kF8Chunk));
    if (overlap(*view, *matmul.c()))
      return dataCorrupt(fmt::format("{} overlaps the result c", place()));
  }
  return Status::ok();
}

Status MatmulVerifier::run() {
  SWAMLA_RETURN_IF_ERROR(verifyTypes());
  SWAMLA_RETURN_IF_ERROR(verifyFlags());
  uint64_t m = matmul.m(), n = matmul.n(), k = matmul.k();
  if (std::min({m, n, k}) == 0 || std::max({m, n, k}) > kMaxDim)
    return dataCorrupt(
        fmt::format("{}: m {}, n {} and k {} must be 1 to {}", where, m, n, k, kMaxDim));
  if (isF8(matmul.a_type()))
    SWAMLA_RETURN_IF_ERROR(verifyF8Sizes());
  bool ta = matmul.transpose_a(), tb = matmul.transpose_b();
  StoredMatrix a{"a", matmul.a(), matmul.a_type(), ta ? k : m, ta ? m : k, matmul.lda()};
  StoredMatrix b{"b", matmul.b(), matmul.b_type(), tb ? n : k, tb ? k : n, matmul.ldb()};
  StoredMatrix c{"c", matmul.c(), matmul.c_type(), m, n, matmul.ldc()};
  for (const StoredMatrix *matrix : {&a, &b, &c})
    SWAMLA_RETURN_IF_ERROR(verifyMatrix(*matrix));
  SWAMLA_RETURN_IF_ERROR(verifyScales());
  for (const StoredMatrix *matrix : {&a, &b})
    if (shareElement(*matrix, c))
      return dataCorrupt(fmt::format("{}: the result c overlaps matrix {}: c is at byte {} of "
                                     "buffer '{}', {} at byte {}",
                                     where, matrix->name, c.view->offset(),
                                     step.buffers()->Get(c.view->buffer())->name()->string_view(),
                                     matrix->name, matrix->view->offset()));
  return verifyWritable(step, *matmul.c(), where);
}

Status verifyMatmul(const schema::Step &step, const schema::Matmul &matmul,
                    const std::string &where) {
  return MatmulVerifier(step, matmul, where).run();
}

} // namespace swamla
