// A block as it is served: its bytes, or its encoder once a repair symbol is wanted, and what one reader was
// sent and another will want too. All readers of a block ask for source symbols from 0 and for repair symbols
// from K upwards, so the first 2 K symbols are what they have in common: the repair symbols among them are
// kept, and for a crowd of readers all of them are, sealed. What is further up is made anew each time.
//
// Source symbols are sealed from where they lie. With the encoder the bytes go, as it gives source symbols,
// too, and both would be twice the memory.
//
// Thread-safety: none.
#ifndef MURKY_RAIN_SERVED_BLOCK_H_
#define MURKY_RAIN_SERVED_BLOCK_H_

#include <memory>

#include "gf2/buffer.h"
#include "lt/codec.h"
#include "rain/kept_symbols.h"
#include "rain/outbox.h"

namespace murky::rain {

class ServedBlock {
 public:
  // The bytes do not change any more; their shape must be ValidBlock.
  ServedBlock(std::shared_ptr<const gf2::Buffer> block, size_t symbol_bytes);

  struct Symbol {
    const uint8_t* bytes = nullptr;  // valid until the next call, and as long as `scratch` is
    bool encoded = false;            // a repair symbol that had to be made
  };
  // Symbol `esi` (<= lt::kMaxEsi), where it lies or, if need be, put into `scratch`, which has room for it.
  Symbol SymbolAt(uint32_t esi, uint8_t* scratch);

  uint32_t source_symbols() const { return k_; }
  bool encoded() const { return encoder_ != nullptr; }

  struct Shared {
    const uint8_t* datagram = nullptr;  // valid until the next call, or the next use of the outbox
    size_t length = 0;                  // 0: it could not be sealed
    bool sealed = false;                // now, and not for an earlier reader
    bool encoded = false;               // a repair symbol that had to be made
  };
  // The symbol of the header as a datagram that is the same for all readers.
  Shared SharedSymbol(const SharedHeader& header, uint8_t* scratch, Outbox& outbox);

  // Of the bytes, though others may share them, or of the encoder; and of what is kept, which grows to at
  // most K repair symbols and 2 K datagrams.
  size_t memory_bytes() const;

 private:
  const uint8_t* Source(uint32_t esi, uint8_t* scratch) const;
  const lt::Encoder& Encoder();

  const size_t symbol_bytes_;
  const uint32_t k_;
  std::shared_ptr<const gf2::Buffer> block_;  // null once there is an encoder
  std::unique_ptr<lt::Encoder> encoder_;
  KeptSymbols repair_;  // by ESI - K
  KeptSymbols shared_;  // by ESI
};

}  // namespace murky::rain

#endif  // MURKY_RAIN_SERVED_BLOCK_H_
