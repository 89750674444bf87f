// The symbols that a decoder has taken, by ESI. Source symbols lie where they lie in the block: what is
// missing is filled in between, and the block is handed over as it stands.
//
// Thread-safety: one thread at a time.
#ifndef MURKY_LT_SYMBOL_STORE_H_
#define MURKY_LT_SYMBOL_STORE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "gf2/buffer.h"
#include "gf2/rows.h"

namespace murky::lt {

class SymbolStore {
 public:
  // Source symbols go to `into`, which has room for k of them, or to memory of the store's own if it is null.
  SymbolStore(uint32_t k, size_t symbol_bytes, uint8_t* into);

  // The symbol, or null if it was not taken.
  const uint8_t* Find(uint32_t esi) const;
  // Copies a symbol that is not there yet; the copy stays where it is. Throws std::bad_alloc.
  const uint8_t* Insert(uint32_t esi, const uint8_t* symbol);
  // Takes back the last Insert, which was of `esi`.
  void Undo(uint32_t esi);

  // All source symbols one behind the other; the place of one that is missing is the caller's to fill.
  gf2::Buffer& block() { return block_; }

  uint32_t k() const { return static_cast<uint32_t>(has_source_.size()); }
  size_t symbol_bytes() const { return symbol_bytes_; }
  uint32_t received() const { return source_count_ + repair_count(); }
  uint32_t missing() const { return k() - source_count_; }
  bool has_source(uint32_t i) const { return has_source_[i] != 0; }
  const uint8_t* source(uint32_t i) const { return block_.data() + i * symbol_bytes_; }
  uint32_t repair_count() const { return static_cast<uint32_t>(repair_esis_.size()); }
  uint32_t repair_esi(uint32_t n) const { return repair_esis_[n]; }  // in order of arrival
  const uint8_t* repair(uint32_t n) const { return chunks_[n / chunk_rows_][n % chunk_rows_]; }
  size_t memory_bytes() const;

 private:
  // Repair symbols come in pieces of about so many bytes: most blocks take a few of them only.
  static constexpr size_t kChunkBytes = 64u << 10;

  uint32_t* Slot(uint32_t esi);
  void GrowIndex();

  size_t symbol_bytes_;
  uint32_t chunk_rows_;
  gf2::Buffer block_;
  std::vector<uint8_t> has_source_;
  uint32_t source_count_ = 0;
  std::vector<uint32_t> repair_esis_;
  std::vector<gf2::Rows> chunks_;
  std::vector<uint32_t> index_;  // open addressing: number of the repair symbol plus 1, 0 for none
};

}  // namespace murky::lt

#endif  // MURKY_LT_SYMBOL_STORE_H_
