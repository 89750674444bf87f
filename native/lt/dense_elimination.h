// Gauss-Jordan elimination over GF(2) on packed rows, with a record of which rows made which.
#ifndef MURKY_LT_DENSE_ELIMINATION_H_
#define MURKY_LT_DENSE_ELIMINATION_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace murky::lt {

class DenseElimination {
 public:
  // At most `row_limit` rows over `columns` columns.
  DenseElimination(uint32_t columns, uint32_t row_limit);

  // Takes row number n = 0, 1, 2 ... ; `mask` holds (columns + 63) / 64 words.
  void Add(const uint64_t* mask);

  // Column c has a row of its own: c + the free columns of Mask(c) = the sum of the rows of Makers(c).
  bool settled(uint32_t c) const { return row_of_[c] != kNone; }
  const uint64_t* Mask(uint32_t c) const { return &cells_[row_of_[c] * stride_]; }
  const uint64_t* Makers(uint32_t c) const { return &cells_[row_of_[c] * stride_ + mask_words_]; }

  // Sets of rows, as maker masks, whose sum has no column at all.
  const std::vector<std::vector<uint64_t>>& empty_sums() const { return empty_sums_; }
  size_t maker_words() const { return stride_ - mask_words_; }

 private:
  static constexpr uint32_t kNone = UINT32_MAX;

  size_t mask_words_;
  size_t stride_;
  std::vector<uint64_t> cells_;
  std::vector<uint32_t> row_of_;  // by column
  std::vector<uint32_t> pivots_;  // columns with a row, in order of the rows
  std::vector<uint64_t> settled_;
  std::vector<std::vector<uint64_t>> empty_sums_;
  uint32_t added_ = 0;
};

}  // namespace murky::lt

#endif  // MURKY_LT_DENSE_ELIMINATION_H_
