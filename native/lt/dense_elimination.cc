#include "lt/dense_elimination.h"

#include <cstring>

namespace murky::lt {

DenseElimination::DenseElimination(uint32_t columns, uint32_t row_limit)
    : mask_words_((columns + 63) / 64),
      stride_(mask_words_ + (row_limit + 63) / 64),
      cells_((row_limit + size_t{1}) * stride_),
      row_of_(columns, kNone),
      settled_(mask_words_) {}

void DenseElimination::Add(const uint64_t* mask) {
  const uint32_t index = static_cast<uint32_t>(pivots_.size());
  uint64_t* const row = &cells_[index * stride_];
  std::memcpy(row, mask, mask_words_ * sizeof *row);
  std::memset(row + mask_words_, 0, maker_words() * sizeof *row);
  row[mask_words_ + added_ / 64] = uint64_t{1} << (added_ % 64);
  added_++;
  const auto add = [this](uint64_t* to, const uint64_t* from) {
    for (size_t w = 0; w < stride_; w++) to[w] ^= from[w];
  };
  // Settled columns are in no row but their own: adding one row brings in no other of them.
  for (size_t w = 0; w < mask_words_; w++) {
    for (uint64_t left = mask[w] & settled_[w]; left; left &= left - 1) {
      add(row, &cells_[row_of_[w * 64 + static_cast<size_t>(__builtin_ctzll(left))] * stride_]);
    }
  }
  size_t w = 0;
  while (w < mask_words_ && row[w] == 0) w++;
  if (w == mask_words_) {
    empty_sums_.emplace_back(row + mask_words_, row + stride_);
    return;
  }
  const uint64_t bit = row[w] & -row[w];
  for (uint32_t other = 0; other < index; other++) {
    if (cells_[other * stride_ + w] & bit) add(&cells_[other * stride_], row);
  }
  const uint32_t column = static_cast<uint32_t>(w * 64) + static_cast<uint32_t>(__builtin_ctzll(bit));
  row_of_[column] = index;
  pivots_.push_back(column);
  settled_[w] |= bit;
}

}  // namespace murky::lt
