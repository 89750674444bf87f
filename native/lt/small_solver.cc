// Decoder for K <= kMaxSmallK: choose as many independent repair rows as source symbols are missing, invert
// their matrix over GF(2^8), and combine.
#include <cstring>
#include <utility>
#include <vector>

#include "gf2/rows.h"
#include "lt/small_code.h"
#include "lt/solver.h"
#include "lt/structure.h"

namespace murky::lt {
namespace {

class SmallSolver final : public Solver {
 public:
  explicit SmallSolver(const SymbolStore& store) : store_(store), place_(store.k()) {}

  AddResult Add(uint32_t, const uint8_t*) override {
    if (store_.received() < store_.k()) return AddResult::kNeedMore;
    std::vector<uint32_t> missing;
    for (uint32_t i = 0; i < store_.k(); i++) {
      if (!store_.has_source(i)) missing.push_back(i);
    }
    if (!Choose(missing)) return AddResult::kNeedMore;
    Combine(missing);
    return AddResult::kDecoded;
  }

  void CopySolved(uint32_t i, uint8_t* out) const override {
    std::memcpy(out, solved_[place_[i]], store_.symbol_bytes());
  }

  size_t memory_bytes() const override { return solved_.memory_bytes(); }

 private:
  // Gauss-Jordan over [matrix | identity]; row order is order of arrival. Fills chosen_ and inverse_.
  bool Choose(const std::vector<uint32_t>& missing) {
    const size_t m = missing.size();
    struct Row {
      uint8_t left[kMaxSmallK];
      uint8_t right[kMaxSmallK];
      size_t pivot;
    };
    std::vector<Row> rows;
    chosen_.clear();
    const auto add_multiple = [m](Row* to, const Row& from, uint8_t factor) {
      for (size_t c = 0; c < m; c++) {
        to->left[c] ^= FieldMultiply(factor, from.left[c]);
        to->right[c] ^= FieldMultiply(factor, from.right[c]);
      }
    };
    for (uint32_t n = 0; n < store_.repair_count() && rows.size() < m; n++) {
      Row row = {};
      for (size_t c = 0; c < m; c++) {
        row.left[c] = SmallCoefficient(store_.k(), store_.repair_esi(n), missing[c]);
      }
      row.right[rows.size()] = 1;
      for (const Row& done : rows) add_multiple(&row, done, row.left[done.pivot]);
      row.pivot = 0;
      while (row.pivot < m && row.left[row.pivot] == 0) row.pivot++;
      if (row.pivot == m) continue;
      const uint8_t inverse = FieldInverse(row.left[row.pivot]);
      for (size_t c = 0; c < m; c++) {
        row.left[c] = FieldMultiply(inverse, row.left[c]);
        row.right[c] = FieldMultiply(inverse, row.right[c]);
      }
      for (Row& done : rows) add_multiple(&done, row, done.left[row.pivot]);
      rows.push_back(row);
      chosen_.push_back(n);
    }
    if (rows.size() < m) return false;
    inverse_.assign(m * m, 0);
    for (const Row& row : rows) {
      for (size_t c = 0; c < m; c++) inverse_[row.pivot * m + c] = row.right[c];
    }
    return true;
  }

  // missing = inverse * (repair - what the received sources put in).
  void Combine(const std::vector<uint32_t>& missing) {
    const size_t m = missing.size();
    const size_t bytes = store_.symbol_bytes();
    const size_t stride = SliceStride(bytes);
    const uint32_t k = store_.k();
    gf2::Rows known(k - m + 1, kSlices * stride);
    std::vector<uint32_t> ids;
    for (uint32_t i = 0; i < k; i++) {
      if (!store_.has_source(i)) continue;
      SpreadSlices(store_.source(i), bytes, known[ids.size()]);
      ids.push_back(i);
    }
    uint8_t* const received = known[k - m];
    gf2::Rows syndromes(m, kSlices * stride);
    uint8_t factors[kMaxSmallK + 1];
    const uint8_t* inputs[kMaxSmallK + 1];
    for (size_t c = 0; c < m; c++) {
      const uint32_t esi = store_.repair_esi(chosen_[c]);
      for (size_t i = 0; i < ids.size(); i++) {
        factors[i] = SmallCoefficient(k, esi, ids[i]);
        inputs[i] = known[i];
      }
      SpreadSlices(store_.repair(chosen_[c]), bytes, received);
      factors[ids.size()] = 1;
      inputs[ids.size()] = received;
      CombineSlices(factors, inputs, ids.size() + 1, stride, stride, syndromes[c]);
    }
    solved_ = gf2::Rows(m, bytes);
    for (size_t c = 0; c < m; c++) inputs[c] = syndromes[c];
    for (size_t c = 0; c < m; c++) {
      CombineSlices(&inverse_[c * m], inputs, m, stride, stride, received);
      JoinSlices(received, bytes, solved_[c]);
      place_[missing[c]] = static_cast<uint32_t>(c);
    }
  }

  const SymbolStore& store_;
  std::vector<uint32_t> chosen_;  // repair symbols, by order of arrival
  std::vector<uint8_t> inverse_;
  gf2::Rows solved_;
  std::vector<uint32_t> place_;
};

}  // namespace

std::unique_ptr<Solver> MakeSmallSolver(const SymbolStore& store) {
  return std::make_unique<SmallSolver>(store);
}

}  // namespace murky::lt
