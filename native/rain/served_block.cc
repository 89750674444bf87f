#include "rain/served_block.h"

#include <cstring>

namespace murky::rain {

bool ServedBlock::Symbol(uint32_t esi, uint8_t* out) {
  const uint32_t k = encoder_.k();
  if (esi < k || esi >= 2 * k) {
    encoder_.Symbol(esi, out);
    return esi >= k;
  }
  const size_t bytes = encoder_.symbol_bytes();
  const uint32_t index = (esi - k) / kRunSymbols;
  const uint32_t place = (esi - k) % kRunSymbols;
  if (index >= runs_.size()) {
    kept_bytes_ += (index + 1 - runs_.size()) * sizeof(Run);
    runs_.resize(index + 1);
  }
  Run& run = runs_[index];
  if (!run.symbols) {
    run.symbols.reset(new uint8_t[kRunSymbols * bytes]);
    kept_bytes_ += kRunSymbols * bytes;
  }
  uint8_t* kept = run.symbols.get() + place * bytes;
  const bool making = (run.made >> place & 1) == 0;
  if (making) {
    encoder_.Symbol(esi, kept);
    run.made |= 1u << place;
  }
  std::memcpy(out, kept, bytes);
  return making;
}

}  // namespace murky::rain
