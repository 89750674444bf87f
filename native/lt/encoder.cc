#include <cstring>
#include <memory>
#include <vector>

#include "gf2/kernels.h"
#include "gf2/rows.h"
#include "lt/codec.h"
#include "lt/plan.h"
#include "lt/precode.h"
#include "lt/small_code.h"
#include "lt/structure.h"

namespace murky::lt {

struct Encoder::State {
  State(const uint8_t* block, size_t block_bytes, size_t bytes)
      : symbol_bytes(bytes), k(SourceSymbols(block_bytes, bytes)) {
    // Source symbols where they lie in the block, but for the last, which is padded with zeros.
    gf2::Rows last(1, symbol_bytes);
    const size_t last_at = (k - 1) * symbol_bytes;
    std::memset(last[0], 0, symbol_bytes);
    std::memcpy(last[0], block + last_at, block_bytes - last_at);
    std::vector<const uint8_t*> sources(k, last[0]);
    for (uint32_t i = 0; i + 1 < k; i++) sources[i] = block + i * symbol_bytes;
    if (small()) {
      columns = gf2::Rows(k, kSlices * SliceStride(symbol_bytes));
      for (uint32_t i = 0; i < k; i++) SpreadSlices(sources[i], symbol_bytes, columns[i]);
    } else {
      plan = PlanFor(k);
      std::vector<const uint8_t*> rows(k);
      for (uint32_t i = 0; i < k; i++) rows[i] = sources[plan->sources[i]];
      columns = gf2::Rows(plan->structure.columns(), symbol_bytes);
      Precode(*plan, rows.data(), symbol_bytes, &columns);
    }
  }

  bool small() const { return k <= kMaxSmallK; }

  // The block itself is not kept: a source symbol is the sum of up to three columns.
  void LargeSource(uint32_t esi, uint8_t* out) const {
    const uint32_t i = plan->rows[esi];
    const uint8_t* terms[3] = {columns[i]};
    size_t count = 1;
    if (i > 0) terms[count++] = columns[i - 1];
    if (plan->back[i] != i) terms[count++] = columns[plan->back[i]];
    gf2::ActiveKernels().gather(out, terms, count, symbol_bytes);
  }

  void SmallRepair(uint32_t esi, uint8_t* out) const {
    uint8_t factors[kMaxSmallK];
    const uint8_t* inputs[kMaxSmallK];
    for (uint32_t i = 0; i < k; i++) {
      factors[i] = SmallCoefficient(k, esi, i);
      inputs[i] = columns[i];
    }
    alignas(gf2::kCacheLineBytes) uint8_t slices[kMaxSymbolBytes + kSlices * gf2::kCacheLineBytes];
    const size_t stride = SliceStride(symbol_bytes);
    CombineSlices(factors, inputs, k, stride, stride, slices);
    JoinSlices(slices, symbol_bytes, out);
  }

  void LargeRepair(uint32_t esi, uint8_t* out) const {
    RepairRow row;
    plan->structure.Repair(esi, &row);
    const uint8_t* terms[kMaxDegree + 1];
    for (uint32_t i = 0; i < row.count; i++) terms[i] = columns[row.columns[i]];
    terms[row.count] = columns[plan->structure.light() + row.sum];
    gf2::ActiveKernels().gather(out, terms, row.count + 1, symbol_bytes);
  }

  const size_t symbol_bytes;
  const uint32_t k;
  std::shared_ptr<const Plan> plan;  // null for the small code
  gf2::Rows columns;                 // small code: the sources as slices
};

Encoder::Encoder(const uint8_t* block, size_t block_bytes, size_t symbol_bytes)
    : state_(std::make_unique<State>(block, block_bytes, symbol_bytes)) {}
Encoder::~Encoder() = default;

uint32_t Encoder::k() const { return state_->k; }
size_t Encoder::symbol_bytes() const { return state_->symbol_bytes; }

size_t Encoder::memory_bytes() const {
  return sizeof(Encoder) + sizeof(State) + state_->columns.memory_bytes();
}

void Encoder::Symbol(uint32_t esi, uint8_t* out) const { Symbols(esi, 1, out); }

void Encoder::Symbols(uint32_t from, uint32_t count, uint8_t* out) const {
  const State& state = *state_;
  for (uint32_t esi = from; esi - from < count; esi++, out += state.symbol_bytes) {
    if (esi < state.k) {
      state.small() ? JoinSlices(state.columns[esi], state.symbol_bytes, out) : state.LargeSource(esi, out);
    } else {
      state.small() ? state.SmallRepair(esi, out) : state.LargeRepair(esi, out);
    }
  }
}

}  // namespace murky::lt
