#include "lt/symbol_store.h"

#include <algorithm>
#include <cstring>

#include "lt/structure.h"

namespace murky::lt {

SymbolStore::SymbolStore(uint32_t k, size_t symbol_bytes, uint8_t* into)
    : symbol_bytes_(symbol_bytes),
      chunk_rows_(static_cast<uint32_t>(std::max<size_t>(kChunkBytes / symbol_bytes, 1))),
      block_(into ? gf2::Buffer::Over(into, k * symbol_bytes) : gf2::Buffer(k * symbol_bytes)),
      has_source_(k),
      index_(64) {}

// The slot that holds `esi`, or the free one where it belongs.
uint32_t* SymbolStore::Slot(uint32_t esi) {
  const size_t mask = index_.size() - 1;
  for (size_t at = Mix32(esi) & mask;; at = (at + 1) & mask) {
    if (index_[at] == 0 || repair_esis_[index_[at] - 1] == esi) return &index_[at];
  }
}

const uint8_t* SymbolStore::Find(uint32_t esi) const {
  if (esi < k()) return has_source_[esi] ? source(esi) : nullptr;
  const uint32_t found = *const_cast<SymbolStore*>(this)->Slot(esi);
  return found ? repair(found - 1) : nullptr;
}

const uint8_t* SymbolStore::Insert(uint32_t esi, const uint8_t* symbol) {
  uint8_t* row;
  if (esi < k()) {
    row = block_.data() + esi * symbol_bytes_;
    has_source_[esi] = 1;
    source_count_++;
  } else {
    const uint32_t n = repair_count();
    if (n / chunk_rows_ == chunks_.size()) chunks_.emplace_back(chunk_rows_, symbol_bytes_);
    if ((n + 1) * 2 > index_.size()) GrowIndex();
    *Slot(esi) = n + 1;
    repair_esis_.push_back(esi);
    row = chunks_[n / chunk_rows_][n % chunk_rows_];
  }
  std::memcpy(row, symbol, symbol_bytes_);
  return row;
}

void SymbolStore::Undo(uint32_t esi) {
  if (esi < k()) {
    has_source_[esi] = 0;
    source_count_--;
    return;
  }
  // The newest entry of an open-addressed index can go without moving another one.
  *Slot(esi) = 0;
  repair_esis_.pop_back();
}

void SymbolStore::GrowIndex() {
  index_.assign(index_.size() * 2, 0);
  for (uint32_t n = 0; n < repair_count(); n++) *Slot(repair_esis_[n]) = n + 1;
}

size_t SymbolStore::memory_bytes() const {
  size_t sum = block_.memory_bytes() + has_source_.capacity();
  for (const gf2::Rows& chunk : chunks_) sum += chunk.memory_bytes();
  return sum + (repair_esis_.capacity() + index_.capacity()) * sizeof(uint32_t);
}

}  // namespace murky::lt
