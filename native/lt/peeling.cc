#include "lt/peeling.h"

#include <algorithm>

namespace murky::lt {
namespace {

class Peeler {
 public:
  Peeler(const SparseRows& matrix, uint32_t column_count)
      : matrix_(matrix), columns_(column_count), states_(matrix.rows.size()), by_pairs_(kMostPairs + 1) {
    size_t entries = 0;
    for (const SparseRows::Row& row : matrix.rows) {
      entries += row.end - row.first;
      for (uint32_t at = row.first; at < row.end; at++) columns_[matrix.words[at]].rows_end++;
    }
    rows_of_.resize(entries);
    uint32_t sum = 0;
    for (Column& column : columns_) {
      const uint32_t count = column.rows_end;
      column.rows_start = column.rows_end = sum;
      sum += count;
    }
    for (uint32_t row = 0; row < states_.size(); row++) {
      const SparseRows::Row& range = matrix.rows[row];
      states_[row].degree = range.end - range.first;
      for (uint32_t at = range.first; at < range.end; at++) {
        const uint32_t column = matrix.words[at];
        states_[row].last ^= column;
        rows_of_[columns_[column].rows_end++] = row;
      }
    }
    for (uint32_t row = 0; row < states_.size(); row++) Classify(row);
  }

  PeelingOrder Run() {
    PeelingOrder order;
    std::vector<uint8_t> used(states_.size());
    uint32_t left = static_cast<uint32_t>(columns_.size());
    order.steps.reserve(left);
    while (left > 0) {
      uint32_t column;
      if (!ready_.empty()) {
        const uint32_t row = ready_.back();
        ready_.pop_back();
        if (states_[row].degree != 1) continue;  // its column was given by another row
        column = states_[row].last;
        used[row] = 1;
        order.steps.push_back({row, column});
      } else {
        column = Heaviest();
        order.inactive.push_back(column);
      }
      left--;
      Remove(column);
    }
    for (uint32_t row = 0; row < states_.size(); row++) {
      if (!used[row]) order.unused.push_back(row);
    }
    return order;
  }

 private:
  static constexpr uint32_t kMostPairs = 255;  // more count as so many

  struct Column {
    uint32_t rows_start = 0;  // its rows in rows_of_
    uint32_t rows_end = 0;
    uint32_t pairs = 0;  // rows of degree two with this column
    bool active = true;
  };
  struct RowState {
    uint32_t degree = 0;  // active columns
    uint32_t last = 0;    // XOR of their numbers: the number when one is left
  };

  void Classify(uint32_t row) {
    if (states_[row].degree == 1) ready_.push_back(row);
    if (states_[row].degree != 2) return;
    const SparseRows::Row& range = matrix_.rows[row];
    uint32_t at = range.first;
    while (!columns_[matrix_.words[at]].active) at++;
    const uint32_t one = matrix_.words[at];
    const uint32_t other = states_[row].last ^ one;
    columns_[one].pairs++;
    columns_[other].pairs++;
    List(one);
    List(other);
  }

  void List(uint32_t column) {
    by_pairs_[std::min(columns_[column].pairs, kMostPairs)].push_back(column);
    most_pairs_ = std::max(most_pairs_, std::min(columns_[column].pairs, kMostPairs));
  }

  void Remove(uint32_t column) {
    columns_[column].active = false;
    for (uint32_t at = columns_[column].rows_start; at < columns_[column].rows_end; at++) {
      const uint32_t row = rows_of_[at];
      RowState& state = states_[row];
      state.last ^= column;
      if (state.degree-- == 2) {
        columns_[state.last].pairs--;
        List(state.last);
      }
      if (state.degree <= 2) Classify(row);
    }
  }

  // The active column in the most rows of two: setting it aside frees as many columns at once. If there are
  // no such rows, the one in the most rows at all. Lists may hold a column whose count has changed since.
  uint32_t Heaviest() {
    for (; most_pairs_ > 0; most_pairs_--) {
      std::vector<uint32_t>& list = by_pairs_[most_pairs_];
      while (!list.empty()) {
        const uint32_t column = list.back();
        list.pop_back();
        if (columns_[column].active && std::min(columns_[column].pairs, kMostPairs) == most_pairs_)
          return column;
      }
    }
    uint32_t best = UINT32_MAX;
    uint32_t most = 0;
    for (uint32_t c = 0; c < columns_.size(); c++) {
      const uint32_t weight = columns_[c].rows_end - columns_[c].rows_start + 1;
      if (!columns_[c].active || weight <= most) continue;
      best = c;
      most = weight;
    }
    return best;
  }

  const SparseRows& matrix_;
  std::vector<Column> columns_;
  std::vector<RowState> states_;
  std::vector<uint32_t> rows_of_;
  std::vector<uint32_t> ready_;                  // rows of degree one
  std::vector<std::vector<uint32_t>> by_pairs_;  // columns, by what `pairs` was when it changed
  uint32_t most_pairs_ = 0;
};

}  // namespace

PeelingOrder Peel(const SparseRows& matrix, uint32_t column_count) {
  return Peeler(matrix, column_count).Run();
}

}  // namespace murky::lt
