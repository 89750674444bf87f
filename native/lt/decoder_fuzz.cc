// libFuzzer target: a decoder under a hostile sender. The input chooses the shape, then each byte an action:
// a good symbol, a changed one, a repeat, an ESI out of range. As long as all taken symbols were good, the
// block must be exact; nothing may ever crash. It ends where a fetch gives a decoder up (fetch_symbols.cc),
// or a little later: a decoder that was contradicted may solve the whole block anew for each symbol that
// follows, so a short input could take minutes.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "lt/codec.h"

using murky::lt::AddResult;
using murky::lt::Decoder;
using murky::lt::Encoder;

namespace {

constexpr uint32_t kMostConflicts = 8;
constexpr uint32_t kSymbolsBeyondAnyNeed = 256;  // and twice K, as for a fetch

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 6) return 0;
  const size_t symbol_bytes = 64 * (1 + data[0] % 3);
  const uint32_t k = 1 + (data[1] | (data[2] & 1) << 8) % 400;
  const size_t block_bytes = k * symbol_bytes - data[3] % symbol_bytes;
  uint32_t esi = (data[4] | data[5] << 8) % (2 * k);
  std::vector<uint8_t> block(block_bytes);
  for (size_t i = 0; i < block_bytes; i++) block[i] = static_cast<uint8_t>(i * 31 + data[i % size]);
  const Encoder encoder(block.data(), block_bytes, symbol_bytes);
  Decoder decoder(block_bytes, symbol_bytes);
  std::vector<uint8_t> symbol(symbol_bytes);
  std::vector<uint8_t> out(block_bytes);
  bool all_good = true;
  uint32_t conflicts = 0;
  for (size_t at = 6; at < size; at++) {
    const uint8_t action = data[at];
    // A run of good symbols, so that short inputs reach a decode.
    const uint32_t run = action < 128 ? 1 + action % 64 : 1;
    for (uint32_t n = 0; n < run; n++) {
      bool good = true;
      if (action >= 250) {
        if (decoder.Add(murky::lt::kMaxEsi + 1 + action, symbol.data()) != AddResult::kOutOfRange) abort();
        continue;
      }
      if (action < 200) esi++;                                   // the next one
      if (action >= 200 && action < 220) esi += action * 7919u;  // somewhere else
      esi &= murky::lt::kMaxEsi;
      encoder.Symbol(esi, symbol.data());
      if (action >= 128 && action < 150) {
        symbol[action % symbol_bytes] ^= static_cast<uint8_t>(action);
        good = false;
      }
      const uint32_t before = decoder.received();
      const AddResult result = decoder.Add(esi, symbol.data());
      if (result == AddResult::kConflict && all_good && good) abort();
      if (decoder.received() != before && !good) all_good = false;
      if (result == AddResult::kConflict && ++conflicts == kMostConflicts) return 0;
      if (decoder.received() >= 2 * k + kSymbolsBeyondAnyNeed) return 0;
    }
    if (!decoder.Take(out.data())) continue;
    const murky::gf2::Buffer released = decoder.Release();
    if (released.size() != block_bytes || std::memcmp(out.data(), released.data(), block_bytes) != 0) abort();
    if (!decoder.Release().empty() || decoder.Take(out.data())) abort();
    if (decoder.Add(esi, symbol.data()) != AddResult::kDecoded) abort();
    if (all_good && std::memcmp(out.data(), block.data(), block_bytes) != 0) abort();
    break;
  }
  return 0;
}
