#include "lt/peeling.h"

#include <algorithm>

namespace murky::lt {
namespace {

class Peeler {
 public:
  Peeler(const SparseRows& rows, uint32_t column_count)
      : rows_(rows),
        degree_(rows.count()),
        last_(rows.count()),
        active_(column_count, 1),
        pairs_(column_count),
        starts_(column_count + 1) {
    for (uint32_t column : rows.columns) starts_[column + 1]++;
    for (uint32_t c = 0; c < column_count; c++) starts_[c + 1] += starts_[c];
    rows_of_.resize(rows.columns.size());
    std::vector<uint32_t> fill(starts_.begin(), starts_.end() - 1);
    for (uint32_t row = 0; row < rows.count(); row++) {
      degree_[row] = rows.starts[row + 1] - rows.starts[row];
      for (uint32_t at = rows.starts[row]; at < rows.starts[row + 1]; at++) {
        last_[row] ^= rows.columns[at];
        rows_of_[fill[rows.columns[at]]++] = row;
      }
      Classify(row);
    }
  }

  PeelingOrder Run() {
    PeelingOrder order;
    std::vector<uint8_t> used(rows_.count());
    uint32_t left = static_cast<uint32_t>(active_.size());
    order.steps.reserve(left);
    while (left > 0) {
      uint32_t column;
      if (!ready_.empty()) {
        const uint32_t row = ready_.back();
        ready_.pop_back();
        if (degree_[row] != 1) continue;  // its column was given by another row
        column = last_[row];
        used[row] = 1;
        order.steps.push_back({row, column});
      } else {
        column = Heaviest();
        order.inactive.push_back(column);
      }
      left--;
      Remove(column);
    }
    for (uint32_t row = 0; row < rows_.count(); row++) {
      if (!used[row]) order.unused.push_back(row);
    }
    return order;
  }

 private:
  void Classify(uint32_t row) {
    if (degree_[row] == 1) ready_.push_back(row);
    if (degree_[row] != 2) return;
    for (uint32_t at = rows_.starts[row]; at < rows_.starts[row + 1]; at++) {
      if (active_[rows_.columns[at]]) pairs_[rows_.columns[at]]++;
    }
  }

  void Remove(uint32_t column) {
    active_[column] = 0;
    for (uint32_t at = starts_[column]; at < starts_[column + 1]; at++) {
      const uint32_t row = rows_of_[at];
      last_[row] ^= column;
      if (degree_[row]-- == 2) pairs_[last_[row]]--;
      Classify(row);
    }
  }

  // The active column in the most rows of two: setting it aside frees as many columns at once. If there are
  // no such rows, the one in the most rows at all.
  uint32_t Heaviest() const {
    uint32_t best = UINT32_MAX;
    for (uint32_t c = 0; c < active_.size(); c++) {
      if (!active_[c]) continue;
      if (best == UINT32_MAX || pairs_[c] > pairs_[best] ||
          (pairs_[c] == pairs_[best] && starts_[c + 1] - starts_[c] > starts_[best + 1] - starts_[best])) {
        best = c;
      }
    }
    return best;
  }

  const SparseRows& rows_;
  std::vector<uint32_t> degree_;  // active columns of each row
  std::vector<uint32_t> last_;    // XOR of the numbers of its active columns: the number when one is left
  std::vector<uint8_t> active_;
  std::vector<uint32_t> pairs_;  // rows of degree two with this column
  std::vector<uint32_t> starts_;
  std::vector<uint32_t> rows_of_;  // the rows of each column, from starts_
  std::vector<uint32_t> ready_;    // rows of degree one
};

}  // namespace

PeelingOrder Peel(const SparseRows& rows, uint32_t column_count) { return Peeler(rows, column_count).Run(); }

}  // namespace murky::lt
