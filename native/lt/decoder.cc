#include <cstring>
#include <utility>

#include "lt/codec.h"
#include "lt/solver.h"
#include "lt/structure.h"
#include "lt/symbol_store.h"

namespace murky::lt {

struct Decoder::State {
  State(size_t block, size_t symbol, uint8_t* into)
      : block_bytes(block),
        store(SourceSymbols(block, symbol), symbol, into),
        solver(store.k() <= kMaxSmallK ? MakeSmallSolver(store) : MakeLargeSolver(store)) {}

  // The block, once decoded, with what was missing filled in; empty when it was handed over.
  gf2::Buffer& Block() {
    gf2::Buffer& block = store.block();
    if (!filled) {
      for (uint32_t i = 0; i < store.k(); i++) {
        if (!store.has_source(i)) solver->CopySolved(i, block.data() + i * store.symbol_bytes());
      }
      block.Shrink(block_bytes);
      filled = true;
    }
    return block;
  }

  const size_t block_bytes;
  SymbolStore store;
  std::unique_ptr<Solver> solver;
  bool decoded = false;
  bool filled = false;
};

Decoder::Decoder(size_t block_bytes, size_t symbol_bytes, uint8_t* into)
    : state_(std::make_unique<State>(block_bytes, symbol_bytes, into)) {}
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

bool Decoder::Take(uint8_t* out) {
  if (!state_->decoded) return false;
  const gf2::Buffer& block = state_->Block();
  if (block.empty()) return false;
  std::memcpy(out, block.data(), block.size());
  return true;
}

gf2::Buffer Decoder::Release() {
  if (!state_->decoded) return {};
  return std::exchange(state_->Block(), {});
}

}  // namespace murky::lt
