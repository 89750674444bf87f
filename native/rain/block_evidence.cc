#include "rain/block_evidence.h"

namespace murky::rain {

std::vector<uint32_t> BlockEvidence::WrongSymbols(const SymbolDigest& digest, const uint8_t* block,
                                                  size_t block_bytes, size_t symbol_bytes,
                                                  size_t servers) const {
  std::vector<uint32_t> wrong(servers);
  const lt::Encoder encoder(block, block_bytes, symbol_bytes);
  std::vector<uint8_t> symbol(symbol_bytes);
  for (const Seen& seen : seen_) {
    encoder.Symbol(seen.esi, symbol.data());
    if (digest(symbol.data(), symbol_bytes) != seen.digest) wrong[seen.server]++;
  }
  return wrong;
}

}  // namespace murky::rain
