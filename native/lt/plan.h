// The structure of one K drawn out into tables, so that a pass over a block draws nothing.
//
// Thread-safety: a Plan is immutable; PlanFor may be called from any thread.
#ifndef MURKY_LT_PLAN_H_
#define MURKY_LT_PLAN_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "gf2/kernels.h"
#include "lt/structure.h"

namespace murky::lt {

constexpr size_t kCachedPlans = 16;  // at most about 200 KiB each, at K = 8192

struct Plan {
  explicit Plan(uint32_t k);

  gf2::PrecodeTables Tables() const;

  const Structure structure;
  std::vector<uint32_t> sources;  // the source symbol of each source row,
  std::vector<uint32_t> rows;     // and the row of each source symbol
  std::vector<uint32_t> back;     // of each source row; itself means none
  std::vector<uint32_t> checks;   // two columns for each C
  // The C of sparse check s: check_columns from check_starts[s] to check_starts[s + 1].
  std::vector<uint32_t> check_starts;
  std::vector<uint32_t> check_columns;
  std::vector<uint32_t> dense;  // the column of the dense check that takes the prefix sum of each C and D
};

// The plan for `k`, from a cache of the kCachedPlans that were asked for last.
std::shared_ptr<const Plan> PlanFor(uint32_t k);

}  // namespace murky::lt

#endif  // MURKY_LT_PLAN_H_
