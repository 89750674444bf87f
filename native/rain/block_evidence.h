// Who sent which symbol of a block, with a digest of it: once the true block is known, from wherever, this
// tells who sent wrong ones. 16 bytes a symbol.
//
// Thread-safety: none.
#ifndef MURKY_RAIN_BLOCK_EVIDENCE_H_
#define MURKY_RAIN_BLOCK_EVIDENCE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "rain/symbol_digest.h"

namespace murky::rain {

class BlockEvidence {
 public:
  void Add(const SymbolDigest& digest, uint32_t esi, uint32_t server, const uint8_t* symbol, size_t bytes) {
    seen_.push_back({esi, server, digest(symbol, bytes)});
  }
  // How many symbols of each server are not those of this block; `servers` are counted.
  std::vector<uint32_t> WrongSymbols(const SymbolDigest& digest, const uint8_t* block, size_t block_bytes,
                                     size_t symbol_bytes, size_t servers) const;

 private:
  struct Seen {
    uint32_t esi;
    uint32_t server;
    uint64_t digest;
  };
  std::vector<Seen> seen_;
};

}  // namespace murky::rain

#endif  // MURKY_RAIN_BLOCK_EVIDENCE_H_
