#include "lt/online_solver.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "gf2/kernels.h"

namespace murky::lt {
namespace {

bool Bit(const uint64_t* mask, uint32_t bit) { return (mask[bit / 64] >> (bit % 64)) & 1; }

// Calls visit(bit) for each bit of the mask, lowest first.
template <typename Visit>
void ForEachBit(const uint64_t* mask, size_t words, Visit visit) {
  for (size_t w = 0; w < words; w++) {
    for (uint64_t left = mask[w]; left; left &= left - 1) {
      visit(static_cast<uint32_t>(w * 64) + static_cast<uint32_t>(__builtin_ctzll(left)));
    }
  }
}

void AddMask(uint64_t* to, const uint64_t* from, size_t words) {
  for (size_t w = 0; w < words; w++) to[w] ^= from[w];
}

bool AllZero(const uint8_t* bytes, size_t count) {
  return bytes[0] == 0 && std::memcmp(bytes, bytes + 1, count - 1) == 0;
}

}  // namespace

OnlineSolver::OnlineSolver(PartialSolution solution, size_t symbol_bytes)
    : solution_(std::move(solution)),
      symbol_bytes_(symbol_bytes),
      row_masks_((solution_.unknowns + 1) * solution_.words),
      has_row_(solution_.words),
      rows_(solution_.unknowns + 1, symbol_bytes) {
  if (done()) BuildTables();
}

void OnlineSolver::AddColumn(uint32_t column, uint64_t* mask) {
  AddMask(mask, solution_.column_mask(column), solution_.words);
  terms_.push_back(solution_.columns[column]);
}

bool OnlineSolver::Add(uint32_t esi, const uint8_t* symbol) {
  SettlePending();
  const size_t words = solution_.words;
  const uint32_t scratch = solution_.unknowns;
  const Plan& plan = *solution_.plan;
  uint64_t* const mask = row_mask(scratch);
  std::fill(mask, mask + words, 0);
  terms_.assign(1, symbol);
  if (esi >= plan.structure.k()) {
    RepairRow repair;
    plan.structure.Repair(esi, &repair);
    AddColumn(plan.structure.light() + repair.sum, mask);
    for (uint32_t i = 0; i < repair.count; i++) AddColumn(repair.columns[i], mask);
  } else if (const uint32_t row = plan.rows[esi]; !solution_.replay_unknown.empty()) {
    const uint32_t unknown = solution_.replay_unknown[row];
    mask[unknown / 64] = uint64_t{1} << (unknown % 64);
  } else {
    AddColumn(row, mask);
    if (row > 0) AddColumn(row - 1, mask);
    if (plan.back[row] != row) AddColumn(plan.back[row], mask);
  }
  // In reduced form no row brings in another row's bit: which rows to add is known before adding them.
  for (size_t w = 0; w < words; w++) {
    for (uint64_t left = mask[w] & has_row_[w]; left; left &= left - 1) {
      const uint32_t p = static_cast<uint32_t>(w * 64) + static_cast<uint32_t>(__builtin_ctzll(left));
      AddMask(mask, row_mask(p), words);
      terms_.push_back(rows_[p]);
    }
  }
  gf2::ActiveKernels().gather(rows_[scratch], terms_.data(), terms_.size(), symbol_bytes_);
  size_t w = 0;
  while (w < words && mask[w] == 0) w++;
  if (w == words) return AllZero(rows_[scratch], symbol_bytes_);
  const uint32_t pivot = static_cast<uint32_t>(w * 64) + static_cast<uint32_t>(__builtin_ctzll(mask[w]));
  std::memcpy(row_mask(pivot), mask, words * sizeof *mask);
  std::memcpy(rows_[pivot], rows_[scratch], symbol_bytes_);
  has_row_[pivot / 64] |= uint64_t{1} << (pivot % 64);
  pending_ = pivot;
  rank_++;
  if (done()) BuildTables();
  return true;
}

void OnlineSolver::SettlePending() {
  if (pending_ == kNoColumn) return;
  others_.clear();
  ForEachBit(has_row_.data(), solution_.words, [&](uint32_t p) {
    if (p == pending_ || !Bit(row_mask(p), pending_)) return;
    AddMask(row_mask(p), row_mask(pending_), solution_.words);
    others_.push_back(rows_[p]);
  });
  gf2::ActiveKernels().scatter(others_.data(), rows_[pending_], others_.size(), symbol_bytes_);
  pending_ = kNoColumn;
}

void OnlineSolver::BuildTables() {
  if (!solution_.replay_unknown.empty() || solution_.unknowns == 0) return;
  SettlePending();
  const uint32_t groups = (solution_.unknowns + kTableBits - 1) / kTableBits;
  tables_ = gf2::Rows(groups << kTableBits, symbol_bytes_);
  for (uint32_t group = 0; group < groups; group++) {
    const uint32_t first = group * kTableBits;
    const uint32_t bits = std::min(kTableBits, solution_.unknowns - first);
    const uint32_t base = group << kTableBits;
    std::memset(tables_[base], 0, symbol_bytes_);
    for (uint32_t set = 1; set < (1u << bits); set++) {
      const uint32_t lowest = static_cast<uint32_t>(__builtin_ctz(set));
      const uint8_t* terms[2] = {tables_[base + (set & (set - 1))], rows_[first + lowest]};
      gf2::ActiveKernels().gather(tables_[base + set], terms, 2, symbol_bytes_);
    }
  }
}

void OnlineSolver::CopySource(uint32_t esi, uint8_t* out) const {
  const uint32_t i = solution_.plan->rows[esi];
  terms_.clear();
  if (!solution_.replay_unknown.empty()) {
    const uint32_t n = solution_.replay_unknown[i];
    terms_.push_back(rows_[n]);
    if (pending_ != kNoColumn && n != pending_ && Bit(&row_masks_[n * solution_.words], pending_)) {
      terms_.push_back(rows_[pending_]);
    }
  } else {
    const uint32_t back = solution_.plan->back[i];
    terms_.push_back(solution_.columns[i]);
    if (i > 0) terms_.push_back(solution_.columns[i - 1]);
    if (back != i) terms_.push_back(solution_.columns[back]);
    for (uint32_t first = 0; first < solution_.unknowns; first += kTableBits) {
      uint32_t set = MaskBits(i, first);
      if (i > 0) set ^= MaskBits(i - 1, first);
      if (back != i) set ^= MaskBits(back, first);
      if (set) terms_.push_back(tables_[(first / kTableBits << kTableBits) + set]);
    }
  }
  gf2::ActiveKernels().gather(out, terms_.data(), terms_.size(), symbol_bytes_);
}

// kTableBits bits of a column's mask from bit `first` on.
uint32_t OnlineSolver::MaskBits(uint32_t column, uint32_t first) const {
  const uint64_t* mask = solution_.column_mask(column);
  uint64_t bits = mask[first / 64] >> (first % 64);
  if (first % 64 + kTableBits > 64 && first / 64 + 1 < solution_.words) {
    bits |= mask[first / 64 + 1] << (64 - first % 64);
  }
  return static_cast<uint32_t>(bits) & ((1u << kTableBits) - 1);
}

size_t OnlineSolver::memory_bytes() const {
  return solution_.memory_bytes() + rows_.memory_bytes() + tables_.memory_bytes() +
         (row_masks_.capacity() + has_row_.capacity()) * sizeof(uint64_t);
}

}  // namespace murky::lt
