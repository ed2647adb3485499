//===- Status.h - errors as values ----------------------------------------===//
//
// A Status is success, or a code with a message and the place in the source
// that made it. Result<T> is a T or a failed Status. Messages say what, where,
// expected and found, and what to do next; they are for the person at the
// terminal, so they name files and options, not functions.
//
//   Result<int> parse(...);
//   Status use() {
//     SWAMLA_TRY(int n, parse(...));        // returns the error, or binds n
//     SWAMLA_RETURN_IF_ERROR(check(n));
//     return Status::ok();
//   }
//
//===----------------------------------------------------------------------===//
#pragma once

#include <fmt/format.h>

#include <cassert>
#include <memory>
#include <optional>
#include <source_location>
#include <string>
#include <utility>

namespace swamla {

enum class StatusCode {
  Ok,
  InvalidArgument,    ///< an option or input value is wrong
  NotFound,           ///< a file or name does not exist
  DataCorrupt,        ///< bytes are not what their format says
  FailedPrecondition, ///< inputs are fine but do not fit together or this machine
  ResourceExhausted,  ///< memory or disk
  Unavailable,        ///< may work if tried again
  RankLost,           ///< another rank of the run has ended or cannot be reached
  Internal,           ///< a bug in swamla
};

class [[nodiscard]] Status {
public:
  Status() = default;
  static Status ok() { return {}; }
  static Status error(StatusCode code, std::string message,
                      std::source_location where = std::source_location::current()) {
    Status s;
    s.state = std::make_unique<State>(State{code, std::move(message), where});
    return s;
  }

  bool isOk() const { return !state; }
  StatusCode code() const { return state ? state->code : StatusCode::Ok; }
  const std::string &message() const {
    static const std::string none;
    return state ? state->message : none;
  }
  /// The place in swamla's source that made the error, for --verbose and bug reports.
  std::source_location where() const { return state ? state->where : std::source_location(); }
  /// The same error with `context: ` before its message.
  Status withContext(const std::string &context) && {
    if (state)
      state->message = context + ": " + state->message;
    return std::move(*this);
  }

private:
  struct State {
    StatusCode code;
    std::string message;
    std::source_location where;
  };
  std::unique_ptr<State> state;
};

inline Status invalidArgument(std::string message,
                              std::source_location where = std::source_location::current()) {
  return Status::error(StatusCode::InvalidArgument, std::move(message), where);
}
inline Status notFound(std::string message,
                       std::source_location where = std::source_location::current()) {
  return Status::error(StatusCode::NotFound, std::move(message), where);
}
inline Status dataCorrupt(std::string message,
                          std::source_location where = std::source_location::current()) {
  return Status::error(StatusCode::DataCorrupt, std::move(message), where);
}
inline Status failedPrecondition(std::string message,
                                 std::source_location where = std::source_location::current()) {
  return Status::error(StatusCode::FailedPrecondition, std::move(message), where);
}
inline Status resourceExhausted(std::string message,
                                std::source_location where = std::source_location::current()) {
  return Status::error(StatusCode::ResourceExhausted, std::move(message), where);
}
inline Status internalError(std::string message,
                            std::source_location where = std::source_location::current()) {
  return Status::error(StatusCode::Internal, std::move(message), where);
}

template <typename T> class [[nodiscard]] Result {
public:
  Result(T value) : stored(std::move(value)) {}
  Result(Status error) : failure(std::move(error)) {
    assert(!failure.isOk() && "a Result from a Status must be an error");
  }

  bool isOk() const { return stored.has_value(); }
  Status takeStatus() && { return std::move(failure); }
  const Status &status() const { return failure; }
  T &operator*() & { return *stored; }
  const T &operator*() const & { return *stored; }
  T &&operator*() && { return *std::move(stored); }
  T *operator->() { return &*stored; }
  const T *operator->() const { return &*stored; }

private:
  std::optional<T> stored;
  Status failure;
};

} // namespace swamla

#define SWAMLA_CONCAT_(a, b) a##b
#define SWAMLA_CONCAT(a, b) SWAMLA_CONCAT_(a, b)
#define SWAMLA_TRY_(decl, expr, tmp)                                                               \
  auto tmp = (expr);                                                                               \
  if (!tmp.isOk())                                                                                 \
    return std::move(tmp).takeStatus();                                                            \
  decl = *std::move(tmp)
/// Binds the value of a Result, or returns its error from the enclosing function.
#define SWAMLA_TRY(decl, ...) SWAMLA_TRY_(decl, (__VA_ARGS__), SWAMLA_CONCAT(swamlaTry, __LINE__))
/// Returns a failed Status from the enclosing function.
#define SWAMLA_RETURN_IF_ERROR(...)                                                                \
  if (::swamla::Status swamlaStatus = (__VA_ARGS__); !swamlaStatus.isOk())                         \
  return swamlaStatus
