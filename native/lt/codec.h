// The face of the codec: what the packet loop and the addon use, and nothing else of lt/.
//
// A source block of `block_bytes` bytes is K = ceil(block_bytes / symbol_bytes) source symbols, the last one
// padded with zeros. ESI < K names a source symbol, ESI >= K a repair symbol (RFC 5052, section 2).
//
// Thread-safety: an Encoder may be read from several threads once made; a Decoder belongs to one thread at a
// time.
#ifndef MURKY_LT_CODEC_H_
#define MURKY_LT_CODEC_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "gf2/buffer.h"

namespace murky::lt {

constexpr uint32_t kMaxSourceSymbols = 8192;
constexpr uint32_t kMaxEsi = (1u << 24) - 1;  // 24 bits on the wire
constexpr size_t kSymbolAlignment = 64;       // symbol_bytes is a multiple of this
constexpr size_t kMaxSymbolBytes = 8896;

// K for a block; 0 if the block is empty. symbol_bytes must be valid (see ValidSymbolBytes).
uint32_t SourceSymbols(size_t block_bytes, size_t symbol_bytes);

// A multiple of 64 from 64 to kMaxSymbolBytes.
bool ValidSymbolBytes(size_t symbol_bytes);

// True if a block of this shape can be coded: valid symbol size and 1 <= K <= kMaxSourceSymbols.
bool ValidBlock(size_t block_bytes, size_t symbol_bytes);

class Encoder {
 public:
  // Codes the block; its bytes may go afterwards. The shape must be ValidBlock. Throws std::bad_alloc only.
  Encoder(const uint8_t* block, size_t block_bytes, size_t symbol_bytes);
  ~Encoder();
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;

  uint32_t k() const;
  size_t symbol_bytes() const;
  // Constant, so that a cache can add and subtract it.
  size_t memory_bytes() const;

  // Writes symbol_bytes() bytes of symbol `esi` (<= kMaxEsi) to `out`, which needs no alignment.
  void Symbol(uint32_t esi, uint8_t* out) const;
  // Writes symbols from .. from+count-1 one after the other; from + count - 1 <= kMaxEsi.
  void Symbols(uint32_t from, uint32_t count, uint8_t* out) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

enum class AddResult {
  kNeedMore,    // taken; not decodable yet
  kDecoded,     // taken; the block can be taken now (also returned for any symbol after that)
  kDuplicate,   // this ESI was here before with the same bytes; nothing changed
  kConflict,    // this ESI was here before with other bytes, or contradicts the others; nothing changed
  kOutOfRange,  // esi > kMaxEsi; nothing changed
};

class Decoder {
 public:
  // The shape must be ValidBlock. With `into` the block is put together there: k() * symbol_bytes() bytes
  // that stay where they are, and that nobody else writes, for as long as the decoder lives.
  Decoder(size_t block_bytes, size_t symbol_bytes, uint8_t* into = nullptr);
  ~Decoder();
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;

  uint32_t k() const;
  size_t symbol_bytes() const;
  size_t block_bytes() const;
  size_t memory_bytes() const;

  // Takes one symbol of symbol_bytes() bytes; it is copied and needs no alignment.
  AddResult Add(uint32_t esi, const uint8_t* symbol);

  bool decoded() const;
  uint32_t received() const;  // distinct symbols taken
  uint32_t missing() const;   // source symbols not received as such
  // For benchmarks: columns that peeling set aside, and additions of whole rows, in the partial solution.
  uint32_t inactive_columns() const;
  uint64_t row_additions() const;

  // Copies the block_bytes() bytes of the block to `out`. False, and nothing written, unless decoded(), and
  // after Release.
  bool Take(uint8_t* out);
  // Hands the block over without copying it: symbols are written where they lie in the block. Empty unless
  // decoded(), and the second time. It owns no memory if the decoder was given some.
  gf2::Buffer Release();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The XOR kernel in use: "scalar", "avx2", ... Chosen once, by CPU and the environment variable MURKY_KERNEL.
const char* KernelName();

}  // namespace murky::lt

#endif  // MURKY_LT_CODEC_H_
