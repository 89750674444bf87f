// A block as it is served: its encoder, and the repair symbols that some reader was sent, kept so that the
// next reader's cost no additions. All readers of a block ask for repair symbols from K upwards, so the first
// K of them are what they have in common; what is further up is made anew each time.
//
// Thread-safety: none.
#ifndef MURKY_RAIN_SERVED_BLOCK_H_
#define MURKY_RAIN_SERVED_BLOCK_H_

#include <memory>
#include <vector>

#include "lt/codec.h"

namespace murky::rain {

class ServedBlock {
 public:
  // As lt::Encoder's: copies the block, whose shape must be ValidBlock.
  ServedBlock(const uint8_t* block, size_t block_bytes, size_t symbol_bytes)
      : encoder_(block, block_bytes, symbol_bytes) {}

  // Writes symbol `esi` (<= lt::kMaxEsi) to `out`. True if it is a repair symbol that had to be made.
  bool Symbol(uint32_t esi, uint8_t* out);
  // Grows with the repair symbols kept, to at most K of them.
  size_t memory_bytes() const { return sizeof(ServedBlock) + encoder_.memory_bytes() + kept_bytes_; }

 private:
  // A run of repair symbols, made one by one.
  struct Run {
    uint32_t made = 0;  // a bit each
    std::unique_ptr<uint8_t[]> symbols;
  };
  static constexpr uint32_t kRunSymbols = 32;

  lt::Encoder encoder_;
  std::vector<Run> runs_;  // as far up as anybody has asked
  size_t kept_bytes_ = 0;
};

}  // namespace murky::rain

#endif  // MURKY_RAIN_SERVED_BLOCK_H_
