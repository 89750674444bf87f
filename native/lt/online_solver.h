// Settles the unknowns of a partial solution, symbol by symbol, so that little is left to do when the last
// one arrives. Thread-safety: one thread at a time.
#ifndef MURKY_LT_ONLINE_SOLVER_H_
#define MURKY_LT_ONLINE_SOLVER_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "gf2/rows.h"
#include "lt/partial_solution.h"

namespace murky::lt {

class OnlineSolver {
 public:
  OnlineSolver(PartialSolution solution, size_t symbol_bytes);

  // Takes a symbol that is not part of the partial solution. False if it contradicts what is known; nothing
  // changes then.
  bool Add(uint32_t esi, const uint8_t* symbol);

  bool done() const { return rank_ == solution_.unknowns; }

  // Once done: writes source symbol i, which was missing in the partial solution.
  void CopySource(uint32_t i, uint8_t* out) const;

  size_t memory_bytes() const;
  const PartialSolution& solution() const { return solution_; }

 private:
  uint64_t* row_mask(uint32_t unknown) { return &row_masks_[unknown * solution_.words]; }
  // Adds column `column` to the row at hand.
  void AddColumn(uint32_t column, uint64_t* mask);
  uint32_t MaskBits(uint32_t column, uint32_t first) const;
  void SettlePending();
  void BuildTables();

  PartialSolution solution_;
  size_t symbol_bytes_;
  uint32_t rank_ = 0;
  // Reduced echelon form: row p has bit p, and no other row has it, but for the pending row's bit.
  std::vector<uint64_t> row_masks_;
  std::vector<uint64_t> has_row_;  // bit p: there is a row p
  gf2::Rows rows_;                 // one more for scratch
  // The newest row is taken out of the others when the next one arrives; never if it was the last: CopySource
  // does it on the way.
  uint32_t pending_ = kNoColumn;
  // Sums of every set of kTableBits neighbouring unknowns, to add to the columns of an Inactivate.
  static constexpr uint32_t kTableBits = 5;
  gf2::Rows tables_;
  mutable std::vector<const uint8_t*> terms_;  // scratch
  std::vector<uint8_t*> others_;
};

}  // namespace murky::lt

#endif  // MURKY_LT_ONLINE_SOLVER_H_
