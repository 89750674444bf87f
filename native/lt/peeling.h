// Peeling with inactivation over a sparse GF(2) matrix (Odlyzko 1984; Shokrollahi, Lassen, Karp, "Systems and
// processes for decoding chain reaction codes through inactivation", 2005; RFC 5053, section 5.5.2): an order
// in which each row gives one column from columns that are known before, once some columns are set aside.
#ifndef MURKY_LT_PEELING_H_
#define MURKY_LT_PEELING_H_

#include <cstdint>
#include <vector>

namespace murky::lt {

// Rows as lists of terms for gf2::Kernels::run. What stands before the matrix columns of a row (its payload)
// and behind them (a dense sum) is not peeling's business.
struct SparseRows {
  struct Row {
    uint32_t payload;  // in `words`; `first` if it has none
    uint32_t first;    // of the matrix columns in `words`
    uint32_t end;
  };
  std::vector<uint32_t> words;
  std::vector<Row> rows;
};

struct PeelingOrder {
  struct Step {
    uint32_t row;
    uint32_t column;
  };
  std::vector<Step> steps;         // each row has its column, columns of earlier steps and inactive ones
  std::vector<uint32_t> inactive;  // columns that no step gives
  std::vector<uint32_t> unused;    // rows that no step uses
};

PeelingOrder Peel(const SparseRows& matrix, uint32_t column_count);

}  // namespace murky::lt

#endif  // MURKY_LT_PEELING_H_
