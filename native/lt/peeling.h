// Peeling with inactivation over a sparse GF(2) matrix (Odlyzko 1984; Shokrollahi, Lassen, Karp, "Systems and
// processes for decoding chain reaction codes through inactivation", 2005; RFC 5053, section 5.5.2): an order
// in which each row gives one column from columns that are known before, once some columns are set aside.
#ifndef MURKY_LT_PEELING_H_
#define MURKY_LT_PEELING_H_

#include <cstdint>
#include <vector>

namespace murky::lt {

// Rows of column numbers, one behind the other.
struct SparseRows {
  std::vector<uint32_t> starts = {0};  // of each row in `columns`, and the end
  std::vector<uint32_t> columns;

  uint32_t count() const { return static_cast<uint32_t>(starts.size()) - 1; }
  void EndRow() { starts.push_back(static_cast<uint32_t>(columns.size())); }
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

PeelingOrder Peel(const SparseRows& rows, uint32_t column_count);

}  // namespace murky::lt

#endif  // MURKY_LT_PEELING_H_
