// Decoder for K > kMaxSmallK.
#include <cstring>
#include <vector>

#include "gf2/kernels.h"
#include "gf2/rows.h"
#include "lt/precode.h"
#include "lt/solver.h"
#include "lt/structure.h"

namespace murky::lt {
namespace {

class LargeSolver final : public Solver {
 public:
  explicit LargeSolver(const SymbolStore& store) : store_(store), structure_(store.k()) {}

  AddResult Add(uint32_t esi, const uint8_t* symbol) override {
    if (store_.missing() == 0) return AddResult::kDecoded;
    if (active_) return AddRow(esi, symbol) ? Verdict() : AddResult::kConflict;
    if (store_.received() < store_.k()) return AddResult::kNeedMore;
    Replay();
    bool consistent = true;
    for (uint32_t n = 0; n < store_.repair_count(); n++) {
      consistent = AddRow(store_.repair_esi(n), store_.repair(n)) && consistent;
    }
    return consistent ? Verdict() : AddResult::kConflict;
  }

  const uint8_t* Solved(uint32_t i) const override { return payloads_[unknown_of_[i]]; }

  size_t memory_bytes() const override {
    return columns_.memory_bytes() + payloads_.memory_bytes() +
           (masks_.capacity() + pivots_.capacity()) * sizeof(uint64_t);
  }

 private:
  AddResult Verdict() const { return rank_ == unknowns_ ? AddResult::kDecoded : AddResult::kNeedMore; }

  uint64_t* Mask(std::vector<uint64_t>* masks, size_t row) const { return masks->data() + row * words_; }

  // Every column as the sum of a known part (columns_) and of unknown source symbols (masks_).
  void Replay() {
    active_ = true;
    const uint32_t k = store_.k();
    std::vector<const uint8_t*> sources(k);
    unknown_of_.assign(k, 0);
    for (uint32_t i = 0; i < k; i++) {
      if (store_.has_source(i)) {
        sources[i] = store_.source(i);
      } else {
        unknown_of_[i] = unknowns_++;
      }
    }
    words_ = (unknowns_ + 63) / 64;
    columns_ = gf2::Rows(structure_.columns(), store_.symbol_bytes());
    Precode(structure_, sources.data(), store_.symbol_bytes(), &columns_);
    std::vector<uint64_t> unit_masks(k * words_);
    std::vector<const uint8_t*> units(k);
    gf2::Rows mask_rows(structure_.columns(), words_ * 8);
    for (uint32_t i = 0; i < k; i++) {
      if (store_.has_source(i)) continue;
      unit_masks[i * words_ + unknown_of_[i] / 64] = uint64_t{1} << (unknown_of_[i] % 64);
      units[i] = reinterpret_cast<const uint8_t*>(&unit_masks[i * words_]);
    }
    Precode(structure_, units.data(), words_ * 8, &mask_rows);
    masks_.resize(structure_.columns() * words_);
    for (uint32_t c = 0; c < structure_.columns(); c++) {
      std::memcpy(Mask(&masks_, c), mask_rows[c], words_ * 8);
    }
    pivots_.assign(unknowns_ * words_, 0);
    has_pivot_.assign(unknowns_, 0);
    payloads_ = gf2::Rows(unknowns_ + 1, store_.symbol_bytes());
    row_.assign(words_, 0);
  }

  // Keeps the rows in reduced echelon form: the row of pivot p is the only one with bit p. Returns false if
  // the symbol contradicts the others.
  bool AddRow(uint32_t esi, const uint8_t* symbol) {
    std::vector<const uint8_t*> terms = {symbol};
    std::fill(row_.begin(), row_.end(), 0);
    if (esi < store_.k()) {
      row_[unknown_of_[esi] / 64] = uint64_t{1} << (unknown_of_[esi] % 64);
    } else {
      RepairRow repair;
      structure_.Repair(esi, &repair);
      for (uint32_t i = 0; i < repair.count; i++) {
        const uint64_t* mask = Mask(&masks_, repair.columns[i]);
        for (size_t w = 0; w < words_; w++) row_[w] ^= mask[w];
        terms.push_back(columns_[repair.columns[i]]);
      }
    }
    const std::vector<uint64_t> before = row_;
    for (uint32_t p = 0; p < unknowns_; p++) {
      if (!has_pivot_[p] || !((before[p / 64] >> (p % 64)) & 1)) continue;
      const uint64_t* pivot = Mask(&pivots_, p);
      for (size_t w = 0; w < words_; w++) row_[w] ^= pivot[w];
      terms.push_back(payloads_[p]);
    }
    const size_t bytes = store_.symbol_bytes();
    uint8_t* const scratch = payloads_[unknowns_];
    gf2::ActiveKernels().gather(scratch, terms.data(), terms.size(), bytes);
    uint32_t pivot = 0;
    while (pivot < unknowns_ && !((row_[pivot / 64] >> (pivot % 64)) & 1)) pivot++;
    if (pivot == unknowns_) {
      uint8_t any = 0;
      for (size_t b = 0; b < bytes; b++) any |= scratch[b];
      return any == 0;
    }
    std::vector<uint8_t*> others;
    for (uint32_t p = 0; p < unknowns_; p++) {
      uint64_t* mask = Mask(&pivots_, p);
      if (!has_pivot_[p] || !((mask[pivot / 64] >> (pivot % 64)) & 1)) continue;
      for (size_t w = 0; w < words_; w++) mask[w] ^= row_[w];
      others.push_back(payloads_[p]);
    }
    gf2::ActiveKernels().scatter(others.data(), scratch, others.size(), bytes);
    std::memcpy(Mask(&pivots_, pivot), row_.data(), words_ * 8);
    std::memcpy(payloads_[pivot], scratch, bytes);
    has_pivot_[pivot] = 1;
    rank_++;
    return true;
  }

  const SymbolStore& store_;
  Structure structure_;
  bool active_ = false;
  uint32_t unknowns_ = 0;
  uint32_t rank_ = 0;
  size_t words_ = 0;
  std::vector<uint32_t> unknown_of_;
  gf2::Rows columns_;
  std::vector<uint64_t> masks_;
  std::vector<uint64_t> pivots_;
  std::vector<uint8_t> has_pivot_;
  gf2::Rows payloads_;
  std::vector<uint64_t> row_;
};

}  // namespace

std::unique_ptr<Solver> MakeLargeSolver(const SymbolStore& store) {
  return std::make_unique<LargeSolver>(store);
}

}  // namespace murky::lt
