#include <algorithm>
#include <cstring>

#include "lt/codec.h"
#include "lt/solver.h"
#include "lt/structure.h"
#include "lt/symbol_store.h"

namespace murky::lt {

struct Decoder::State {
  State(size_t block, size_t symbol)
      : block_bytes(block),
        store(SourceSymbols(block, symbol), symbol),
        solver(store.k() <= kMaxSmallK ? MakeSmallSolver(store) : MakeLargeSolver(store)) {}

  const size_t block_bytes;
  SymbolStore store;
  std::unique_ptr<Solver> solver;
  bool decoded = false;
};

Decoder::Decoder(size_t block_bytes, size_t symbol_bytes)
    : state_(std::make_unique<State>(block_bytes, symbol_bytes)) {}
Decoder::~Decoder() = default;

uint32_t Decoder::k() const { return state_->store.k(); }
size_t Decoder::symbol_bytes() const { return state_->store.symbol_bytes(); }
size_t Decoder::block_bytes() const { return state_->block_bytes; }
bool Decoder::decoded() const { return state_->decoded; }
uint32_t Decoder::received() const { return state_->store.received(); }
uint32_t Decoder::missing() const { return state_->store.missing(); }

uint32_t Decoder::inactive_columns() const { return state_->solver->inactive_columns(); }
uint64_t Decoder::row_additions() const { return state_->solver->row_additions(); }

size_t Decoder::memory_bytes() const {
  return sizeof(Decoder) + sizeof(State) + state_->store.memory_bytes() + state_->solver->memory_bytes();
}

AddResult Decoder::Add(uint32_t esi, const uint8_t* symbol) {
  if (esi > kMaxEsi) return AddResult::kOutOfRange;
  if (state_->decoded) return AddResult::kDecoded;
  SymbolStore& store = state_->store;
  if (const uint8_t* before = store.Find(esi)) {
    const bool same = std::memcmp(before, symbol, store.symbol_bytes()) == 0;
    return same ? AddResult::kDuplicate : AddResult::kConflict;
  }
  const AddResult result = state_->solver->Add(esi, store.Insert(esi, symbol));
  if (result == AddResult::kConflict) store.Undo(esi);
  state_->decoded = result == AddResult::kDecoded;
  return result;
}

bool Decoder::Take(uint8_t* out) const {
  if (!state_->decoded) return false;
  const SymbolStore& store = state_->store;
  const size_t bytes = store.symbol_bytes();
  for (uint32_t i = 0; i < store.k();) {
    const size_t at = i * bytes;
    if (!store.has_source(i)) {
      state_->solver->CopySolved(i, out + at, std::min(bytes, state_->block_bytes - at));
      i++;
      continue;
    }
    // Received symbols that lie side by side in both places go in one piece.
    uint32_t end = i + 1;
    while (store.contiguous() && end < store.k() && store.has_source(end)) end++;
    std::memcpy(out + at, store.source(i), std::min((end - i) * bytes, state_->block_bytes - at));
    i = end;
  }
  return true;
}

}  // namespace murky::lt
