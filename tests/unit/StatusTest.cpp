//===- StatusTest.cpp - errors as values ----------------------------------===//
#include "runtime/base/Status.h"

#include <gtest/gtest.h>

namespace swamla {
namespace {

Result<int> half(int n) {
  if (n % 2 != 0)
    return invalidArgument(fmt::format("{} is odd", n));
  return n / 2;
}

Result<int> quarter(int n) {
  SWAMLA_TRY(int h, half(n));
  SWAMLA_TRY(int q, half(h));
  return q;
}

Status checkQuarter(int n) {
  SWAMLA_RETURN_IF_ERROR(half(n).isOk() ? Status::ok() : notFound("no half"));
  SWAMLA_TRY([[maybe_unused]] int q, quarter(n));
  return Status::ok();
}

TEST(Status, OkHasNoMessage) {
  Status status = Status::ok();
  EXPECT_TRUE(status.isOk());
  EXPECT_EQ(status.code(), StatusCode::Ok);
  EXPECT_EQ(status.message(), "");
}

TEST(Status, ErrorKeepsCodeMessageAndPlace) {
  Status status = dataCorrupt("bad bytes");
  unsigned line = __LINE__ - 1;
  EXPECT_FALSE(status.isOk());
  EXPECT_EQ(status.code(), StatusCode::DataCorrupt);
  EXPECT_EQ(status.message(), "bad bytes");
  EXPECT_EQ(status.where().line(), line);
  EXPECT_TRUE(std::string(status.where().file_name()).ends_with("StatusTest.cpp"));
}

TEST(Status, ContextComesBeforeTheMessage) {
  Status status = notFound("no such file").withContext("shard 3");
  EXPECT_EQ(status.message(), "shard 3: no such file");
  EXPECT_EQ(status.code(), StatusCode::NotFound);
  EXPECT_TRUE(Status::ok().withContext("shard 3").isOk());
}

TEST(Status, TryBindsValuesAndReturnsErrors) {
  auto four = quarter(16);
  ASSERT_TRUE(four.isOk());
  EXPECT_EQ(*four, 4);
  EXPECT_EQ(quarter(7).status().message(), "7 is odd");
  EXPECT_EQ(quarter(6).status().message(), "3 is odd");
}

TEST(Status, ReturnIfErrorStopsAtTheFirst) {
  EXPECT_TRUE(checkQuarter(8).isOk());
  EXPECT_EQ(checkQuarter(7).code(), StatusCode::NotFound);
  EXPECT_EQ(checkQuarter(6).code(), StatusCode::InvalidArgument);
}

TEST(Status, ResultMovesItsValue) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(5);
  ASSERT_TRUE(result.isOk());
  std::unique_ptr<int> value = *std::move(result);
  EXPECT_EQ(*value, 5);
}

} // namespace
} // namespace swamla
