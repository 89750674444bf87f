// What stands between a heap of symbols and a decoded block: every column, and every missing source symbol,
// as a known part plus a sum of a few unknowns. Both ways to decode end here; the symbols that come after
// that settle the unknowns one by one (lt/online_solver.h).
#ifndef MURKY_LT_PARTIAL_SOLUTION_H_
#define MURKY_LT_PARTIAL_SOLUTION_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "gf2/rows.h"
#include "lt/plan.h"
#include "lt/symbol_store.h"

namespace murky::lt {

struct PartialSolution {
  std::shared_ptr<const Plan> plan;
  uint32_t unknowns = 0;
  size_t words = 0;  // of a mask: one bit for each unknown

  uint32_t inactive_columns = 0;  // for benchmarks
  uint64_t row_additions = 0;

  gf2::Rows columns;                   // known part of each column
  std::vector<uint64_t> column_masks;  // plan->structure.columns() masks

  // A replay: unknown replay_unknown[i] is the source symbol of row i, kNoColumn if that was there. Otherwise
  // empty, and source symbols follow from the columns by their source rows.
  std::vector<uint32_t> replay_unknown;

  const uint64_t* column_mask(uint32_t column) const { return &column_masks[column * words]; }
  size_t memory_bytes() const;
};

// With few symbols missing: the encoder's pass with zeros for what is missing, whose symbols are the
// unknowns.
PartialSolution Replay(const SymbolStore& store, std::shared_ptr<const Plan> plan);

// With many missing: peeling, inactivation and dense elimination; as many unknowns stay as symbols are short.
// Returns false if the symbols in the store contradict each other.
bool Inactivate(const SymbolStore& store, std::shared_ptr<const Plan> plan, PartialSolution* solution);

}  // namespace murky::lt

#endif  // MURKY_LT_PARTIAL_SOLUTION_H_
