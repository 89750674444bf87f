#include <algorithm>
#include <cstring>
#include <mutex>
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
      : symbol_bytes(bytes), k(SourceSymbols(block_bytes, bytes)), sources(k, bytes) {
    if (sources.stride() == symbol_bytes) {
      std::memcpy(sources[0], block, block_bytes);
    } else {
      for (uint32_t i = 0; i < k; i++) {
        const size_t at = i * symbol_bytes;
        std::memcpy(sources[i], block + at, std::min(symbol_bytes, block_bytes - at));
      }
    }
    const size_t last_bytes = block_bytes - (k - 1) * symbol_bytes;
    std::memset(sources[k - 1] + last_bytes, 0, symbol_bytes - last_bytes);
  }

  bool small() const { return k <= kMaxSmallK; }

  void PrepareRepair() {
    std::call_once(repair_ready, [this] {
      if (small()) {
        columns = gf2::Rows(k, kSlices * SliceStride(symbol_bytes));
        for (uint32_t i = 0; i < k; i++) SpreadSlices(sources[i], symbol_bytes, columns[i]);
        return;
      }
      plan = PlanFor(k);
      columns = gf2::Rows(plan->structure.columns(), symbol_bytes);
      std::vector<const uint8_t*> rows(k);
      for (uint32_t i = 0; i < k; i++) rows[i] = sources[i];
      Precode(*plan, rows.data(), symbol_bytes, &columns);
    });
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
  gf2::Rows sources;
  // Made at the first repair symbol.
  std::once_flag repair_ready;
  std::shared_ptr<const Plan> plan;
  gf2::Rows columns;  // small code: the sources as slices
};

Encoder::Encoder(const uint8_t* block, size_t block_bytes, size_t symbol_bytes)
    : state_(std::make_unique<State>(block, block_bytes, symbol_bytes)) {}
Encoder::~Encoder() = default;

uint32_t Encoder::k() const { return state_->k; }
size_t Encoder::symbol_bytes() const { return state_->symbol_bytes; }

size_t Encoder::memory_bytes() const {
  const size_t repair = state_->small()
                            ? gf2::Rows::MemoryBytes(state_->k, kSlices * SliceStride(state_->symbol_bytes))
                            : gf2::Rows::MemoryBytes(Structure(state_->k).columns(), state_->symbol_bytes);
  return sizeof(Encoder) + sizeof(State) + state_->sources.memory_bytes() + repair;
}

void Encoder::Symbol(uint32_t esi, uint8_t* out) const { Symbols(esi, 1, out); }

void Encoder::Symbols(uint32_t from, uint32_t count, uint8_t* out) const {
  for (uint32_t esi = from; esi - from < count; esi++, out += state_->symbol_bytes) {
    if (esi < state_->k) {
      std::memcpy(out, state_->sources[esi], state_->symbol_bytes);
      continue;
    }
    state_->PrepareRepair();
    if (state_->small()) {
      state_->SmallRepair(esi, out);
    } else {
      state_->LargeRepair(esi, out);
    }
  }
}

}  // namespace murky::lt
