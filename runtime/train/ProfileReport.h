//===- ProfileReport.h - where a program's time goes ----------------------===//
#pragma once

#include "runtime/device/Device.h"

#include <cstdint>
#include <string>
#include <vector>

namespace swamla {

/// What is left of `after` when `before`, an earlier profile of the same device, is taken away.
std::vector<OpProfile> profileDifference(std::vector<OpProfile> after,
                                         const std::vector<OpProfile> &before);

/// Share of the time that was spent in the BLAS; 0 without any time.
double matmulShare(const std::vector<OpProfile> &profile);

/// Tables for people: by kernel (all launches of a kernel in a program are one row), then the ops
/// that take most of the time, then a total line. `steps`: times are per step. `copyBytesPerSecond`
/// (Device::measureCopy) is what the column "copy" compares a kernel's bytes a second with; more
/// than 100% means that its data was in a cache.
std::string formatProfile(const std::vector<OpProfile> &profile, int64_t steps,
                          double copyBytesPerSecond);

} // namespace swamla
