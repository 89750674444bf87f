#include "rain/served_block.h"

#include <algorithm>
#include <cstring>

namespace murky::rain {

ServedBlock::ServedBlock(std::shared_ptr<const gf2::Buffer> block, size_t symbol_bytes)
    : symbol_bytes_(symbol_bytes),
      k_(lt::SourceSymbols(block->size(), symbol_bytes)),
      block_(std::move(block)) {}

const lt::Encoder& ServedBlock::Encoder() {
  if (!encoder_) {
    encoder_ = std::make_unique<lt::Encoder>(block_->data(), block_->size(), symbol_bytes_);
    block_.reset();
  }
  return *encoder_;
}

const uint8_t* ServedBlock::Source(uint32_t esi, uint8_t* scratch) const {
  if (!block_) {
    encoder_->Symbol(esi, scratch);
    return scratch;
  }
  const size_t from = esi * symbol_bytes_;
  const size_t there = std::min(symbol_bytes_, block_->size() - from);
  if (there == symbol_bytes_) return block_->data() + from;
  std::memcpy(scratch, block_->data() + from, there);
  std::memset(scratch + there, 0, symbol_bytes_ - there);
  return scratch;
}

ServedBlock::Symbol ServedBlock::SymbolAt(uint32_t esi, uint8_t* scratch) {
  if (esi < k_) return {Source(esi, scratch), false};
  if (esi >= 2 * k_) {
    Encoder().Symbol(esi, scratch);
    return {scratch, true};
  }
  const KeptSymbols::Place kept = repair_.At(esi - k_, symbol_bytes_);
  if (!kept.made) {
    Encoder().Symbol(esi, kept.bytes);
    repair_.SetMade(esi - k_);
  }
  return {kept.bytes, !kept.made};
}

ServedBlock::Shared ServedBlock::SharedSymbol(const SharedHeader& header, uint8_t* scratch, Outbox& outbox) {
  const bool kept = header.esi < 2 * k_;
  uint8_t* datagram = outbox.room();
  Shared shared;
  shared.length = outbox.DatagramBytes(kSymbolHeaderBytes + symbol_bytes_);
  if (kept) {
    const KeptSymbols::Place place = shared_.At(header.esi, shared.length);
    datagram = place.bytes;
    shared.datagram = datagram;
    if (place.made && outbox.Current(datagram)) return shared;
  }
  const bool in_clear = header.esi < k_ || (kept && repair_.Made(header.esi - k_));
  const uint8_t* symbol = scratch;
  if (in_clear) {
    symbol = SymbolAt(header.esi, scratch).bytes;
  } else {
    Encoder().Symbol(header.esi, scratch);  // kept sealed, not in clear as well
    shared.encoded = true;
  }
  uint8_t head[kSymbolHeaderBytes];
  WriteSharedHeader(header, head);
  if (!outbox.SealShared({head, kSymbolHeaderBytes, symbol, symbol_bytes_}, datagram)) {
    std::memset(datagram, 0, kOuterBytes);  // so that what is kept there is not current
    return Shared{};
  }
  shared.datagram = datagram;
  shared.sealed = true;
  if (kept) shared_.SetMade(header.esi);
  return shared;
}

size_t ServedBlock::memory_bytes() const {
  const size_t block = block_ ? block_->memory_bytes() : encoder_->memory_bytes();
  return sizeof(ServedBlock) + block + repair_.memory_bytes() + shared_.memory_bytes();
}

}  // namespace murky::rain
