//===- StepRefusal.h - programs that must not load ------------------------===//
#pragma once

#include "tests/unit/StepSample.h"

#include <functional>
#include <gtest/gtest.h>

namespace swamla::test {

/// One thing that is wrong in a program that is valid without it, and a part of the message that
/// must follow.
struct StepChange {
  const char *name;
  std::function<void(schema::StepT &)> change;
  const char *message;
};

inline std::unique_ptr<schema::View> view(unsigned buffer, uint64_t offset, uint64_t bytes) {
  return std::make_unique<schema::View>(buffer, offset, bytes);
}

/// Makes the change and fails the running test unless loading names the file and says so.
inline void expectRefused(schema::StepT step, const StepChange &change) {
  change.change(step);
  auto file = loadStep(step);
  ASSERT_FALSE(file.isOk());
  EXPECT_EQ(file.status().code(), StatusCode::DataCorrupt);
  std::string error = file.status().message();
  EXPECT_NE(error.find(change.message), std::string::npos) << error;
  EXPECT_TRUE(error.starts_with("step.bin: ")) << error;
}

} // namespace swamla::test
