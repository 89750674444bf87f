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

bool OnlineSolver::Add(uint32_t esi, const uint8_t* symbol) {
  SettlePending();
  const size_t words = solution_.words;
  const uint32_t scratch = solution_.unknowns;
  uint64_t* const mask = row_mask(scratch);
  std::vector<const uint8_t*> terms;
  terms.reserve(solution_.unknowns + kMaxDegree + 3);
  terms.push_back(symbol);
  if (esi < solution_.missing_number.size()) {
    const uint32_t n = solution_.missing_number[esi];
    std::memcpy(mask, solution_.source_mask(n), words * sizeof *mask);
    if (!solution_.sources.empty()) terms.push_back(solution_.sources[n]);
  } else {
    RepairRow repair;
    solution_.plan->structure.Repair(esi, &repair);
    const uint32_t sum = solution_.plan->structure.light() + repair.sum;
    std::memcpy(mask, solution_.column_mask(sum), words * sizeof *mask);
    terms.push_back(solution_.columns[sum]);
    for (uint32_t i = 0; i < repair.count; i++) {
      AddMask(mask, solution_.column_mask(repair.columns[i]), words);
      terms.push_back(solution_.columns[repair.columns[i]]);
    }
  }
  // In reduced form no row brings in another row's bit: which rows to add is known before adding them.
  std::vector<uint64_t> settled(words);
  for (size_t w = 0; w < words; w++) settled[w] = mask[w] & has_row_[w];
  ForEachBit(settled.data(), words, [&](uint32_t p) {
    AddMask(mask, row_mask(p), words);
    terms.push_back(rows_[p]);
  });
  gf2::ActiveKernels().gather(rows_[scratch], terms.data(), terms.size(), symbol_bytes_);
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
  std::vector<uint8_t*> others;
  ForEachBit(has_row_.data(), solution_.words, [&](uint32_t p) {
    if (p == pending_ || !Bit(row_mask(p), pending_)) return;
    AddMask(row_mask(p), row_mask(pending_), solution_.words);
    others.push_back(rows_[p]);
  });
  gf2::ActiveKernels().scatter(others.data(), rows_[pending_], others.size(), symbol_bytes_);
  pending_ = kNoColumn;
}

void OnlineSolver::BuildTables() {
  if (solution_.sources.empty() || solution_.unknowns == 0) return;
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

void OnlineSolver::CopySource(uint32_t i, uint8_t* out, size_t bytes) const {
  const uint32_t n = solution_.missing_number[i];
  std::vector<const uint8_t*> terms;
  if (solution_.sources.empty()) {
    // A replay: unknown n is the source symbol.
    terms.push_back(rows_[n]);
    if (pending_ != kNoColumn && n != pending_ && Bit(&row_masks_[n * solution_.words], pending_)) {
      terms.push_back(rows_[pending_]);
    }
  } else {
    terms.push_back(solution_.sources[n]);
    const uint64_t* mask = solution_.source_mask(n);
    for (uint32_t first = 0; first < solution_.unknowns; first += kTableBits) {
      uint32_t set = 0;
      for (uint32_t b = 0; b < kTableBits && first + b < solution_.unknowns; b++) {
        set |= static_cast<uint32_t>(Bit(mask, first + b)) << b;
      }
      if (set) terms.push_back(tables_[(first / kTableBits << kTableBits) + set]);
    }
  }
  const size_t whole = bytes / 8 * 8;
  gf2::ActiveKernels().gather(out, terms.data(), terms.size(), whole);
  for (size_t b = whole; b < bytes; b++) {
    uint8_t sum = 0;
    for (const uint8_t* term : terms) sum ^= term[b];
    out[b] = sum;
  }
}

size_t OnlineSolver::memory_bytes() const {
  return solution_.memory_bytes() + rows_.memory_bytes() + tables_.memory_bytes() +
         (row_masks_.capacity() + has_row_.capacity()) * sizeof(uint64_t);
}

}  // namespace murky::lt
