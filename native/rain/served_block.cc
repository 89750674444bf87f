#include "rain/served_block.h"

#include <cstring>

namespace murky::rain {

bool ServedBlock::Symbol(uint32_t esi, uint8_t* out) {
  const uint32_t k = encoder_.k();
  if (esi < k || esi >= 2 * k) {
    encoder_.Symbol(esi, out);
    return esi >= k;
  }
  const KeptSymbols::Place kept = repair_.At(esi - k, encoder_.symbol_bytes());
  if (!kept.made) {
    encoder_.Symbol(esi, kept.bytes);
    repair_.SetMade(esi - k);
  }
  std::memcpy(out, kept.bytes, encoder_.symbol_bytes());
  return !kept.made;
}

ServedBlock::Shared ServedBlock::SharedSymbol(const SharedHeader& header, Outbox& outbox) {
  const uint32_t k = encoder_.k();
  const size_t inner_bytes = kSymbolHeaderBytes + encoder_.symbol_bytes();
  const bool kept = header.esi < 2 * k;
  KeptSymbols::Place place{};
  Shared shared;
  shared.length = outbox.DatagramBytes(inner_bytes);
  if (kept) {
    place = shared_.At(header.esi, shared.length);
    shared.datagram = place.bytes;
    if (place.made && outbox.Current(place.bytes)) return shared;
  }
  WriteSharedHeader(header, outbox.inner());
  uint8_t* symbol = outbox.inner() + kSymbolHeaderBytes;
  if (header.esi >= k && header.esi < 2 * k && repair_.Made(header.esi - k)) {
    Symbol(header.esi, symbol);
  } else {
    encoder_.Symbol(header.esi, symbol);  // kept sealed, not in clear as well
    shared.encoded = header.esi >= k;
  }
  const uint8_t* sealed = outbox.SealShared(inner_bytes);
  if (!sealed) return Shared{};
  shared.sealed = true;
  if (kept) {
    std::memcpy(place.bytes, sealed, shared.length);
    shared_.SetMade(header.esi);
  } else {
    shared.datagram = sealed;
  }
  return shared;
}

}  // namespace murky::rain
