// A block as it is served: its encoder, and what one reader was sent and another will want too. All readers
// of a block ask for source symbols from 0 and for repair symbols from K upwards, so the first 2 K symbols
// are what they have in common: the repair symbols among them are kept, and for a crowd of readers all of
// them are, sealed. What is further up is made anew each time.
//
// Thread-safety: none.
#ifndef MURKY_RAIN_SERVED_BLOCK_H_
#define MURKY_RAIN_SERVED_BLOCK_H_

#include "lt/codec.h"
#include "rain/kept_symbols.h"
#include "rain/outbox.h"

namespace murky::rain {

class ServedBlock {
 public:
  // As lt::Encoder's: copies the block, whose shape must be ValidBlock.
  ServedBlock(const uint8_t* block, size_t block_bytes, size_t symbol_bytes)
      : encoder_(block, block_bytes, symbol_bytes) {}

  // Writes symbol `esi` (<= lt::kMaxEsi) to `out`. True if it is a repair symbol that had to be made.
  bool Symbol(uint32_t esi, uint8_t* out);

  uint32_t source_symbols() const { return encoder_.k(); }

  struct Shared {
    const uint8_t* datagram = nullptr;  // valid until the next call, or the next use of the outbox
    size_t length = 0;                  // 0: it could not be sealed
    bool sealed = false;                // now, and not for an earlier reader
    bool encoded = false;               // a repair symbol that had to be made
  };
  // The symbol of the header as a datagram that is the same for all readers.
  Shared SharedSymbol(const SharedHeader& header, Outbox& outbox);

  // Grows with what is kept: at most K repair symbols and 2 K datagrams.
  size_t memory_bytes() const {
    return sizeof(ServedBlock) + encoder_.memory_bytes() + repair_.memory_bytes() + shared_.memory_bytes();
  }

 private:
  lt::Encoder encoder_;
  KeptSymbols repair_;  // by ESI - K
  KeptSymbols shared_;  // by ESI
};

}  // namespace murky::rain

#endif  // MURKY_RAIN_SERVED_BLOCK_H_
