// A short keyed digest of a symbol, to tell later whether it was the true one: NH of UMAC (RFC 4418, section
// 5.2.2), whose key is secret. Two symbols that were chosen without the key have the same digest with a
// probability of 2^-32 at most.
//
// Thread-safety: constant once made.
#ifndef MURKY_RAIN_SYMBOL_DIGEST_H_
#define MURKY_RAIN_SYMBOL_DIGEST_H_

#include <array>
#include <cstdint>

#include "lt/codec.h"
#include "rain/seeded_random.h"

namespace murky::rain {

class SymbolDigest {
 public:
  explicit SymbolDigest(uint64_t secret) {
    SeededRandom random(secret);
    for (size_t i = 0; i < key_.size(); i += 2) {
      const uint64_t word = random.Next();
      key_[i] = static_cast<uint32_t>(word);
      key_[i + 1] = static_cast<uint32_t>(word >> 32);
    }
  }

  // `bytes` is a multiple of 64, at most lt::kMaxSymbolBytes.
  uint64_t operator()(const uint8_t* symbol, size_t bytes) const;
  // The same without instructions that not every processor has: what the other is compared with.
  uint64_t Portable(const uint8_t* symbol, size_t bytes) const;

 private:
  std::array<uint32_t, lt::kMaxSymbolBytes / sizeof(uint32_t)> key_;
};

}  // namespace murky::rain

#endif  // MURKY_RAIN_SYMBOL_DIGEST_H_
