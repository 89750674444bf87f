#include <algorithm>
#include <cstring>

#include "lt/partial_solution.h"
#include "lt/precode.h"

namespace murky::lt {

size_t PartialSolution::memory_bytes() const {
  return columns.memory_bytes() + replay_unknown.capacity() * sizeof(uint32_t) +
         column_masks.capacity() * sizeof(uint64_t);
}

PartialSolution Replay(const SymbolStore& store, std::shared_ptr<const Plan> plan) {
  PartialSolution solution;
  const uint32_t k = store.k();
  const uint32_t columns = plan->structure.columns();
  solution.unknowns = store.missing();
  solution.words = (solution.unknowns + 63) / 64;
  const size_t words = solution.words;
  solution.columns = gf2::Rows(columns, store.symbol_bytes());
  solution.column_masks.assign(columns * words, 0);
  solution.replay_unknown.assign(k, kNoColumn);

  gf2::Rows zeros(1, store.symbol_bytes());
  std::memset(zeros[0], 0, store.symbol_bytes());
  std::vector<const uint8_t*> sources(k);
  uint32_t unknown = 0;
  for (uint32_t i = 0; i < k; i++) {
    const uint32_t esi = plan->sources[i];
    sources[i] = store.has_source(esi) ? store.source(esi) : zeros[0];
    if (store.has_source(esi)) continue;
    solution.column_masks[i * words + unknown / 64] = uint64_t{1} << (unknown % 64);
    solution.replay_unknown[i] = unknown++;
  }
  Precode(*plan, sources.data(), store.symbol_bytes(), &solution.columns);
  PrecodeMasks(*plan, words, solution.column_masks.data());
  solution.row_additions = PrecodeAdditions(*plan);
  solution.plan = std::move(plan);
  return solution;
}

}  // namespace murky::lt
