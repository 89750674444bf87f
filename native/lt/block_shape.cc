#include "gf2/kernels.h"
#include "lt/codec.h"

namespace murky::lt {

uint32_t SourceSymbols(size_t block_bytes, size_t symbol_bytes) {
  return static_cast<uint32_t>(block_bytes / symbol_bytes + (block_bytes % symbol_bytes != 0));
}

bool ValidSymbolBytes(size_t symbol_bytes) {
  return symbol_bytes >= kSymbolAlignment && symbol_bytes <= kMaxSymbolBytes &&
         symbol_bytes % kSymbolAlignment == 0;
}

bool ValidBlock(size_t block_bytes, size_t symbol_bytes) {
  return ValidSymbolBytes(symbol_bytes) && block_bytes > 0 && block_bytes <= kMaxSourceSymbols * symbol_bytes;
}

const char* KernelName() { return gf2::ActiveKernels().name; }

}  // namespace murky::lt
