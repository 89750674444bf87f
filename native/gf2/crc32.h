// CRC-32 (ISO 3309, as gzip and zlib have it) of many bytes at once: a remainder of polynomials over GF(2),
// taken by carry-less multiplication.
//
// Thread-safety: all functions are pure and may be called from any thread.
#ifndef MURKY_GF2_CRC32_H_
#define MURKY_GF2_CRC32_H_

#include <cstddef>
#include <cstdint>

namespace murky::gf2 {

using Crc32Function = uint32_t (*)(const uint8_t* data, size_t bytes);

// Null where this CPU or build has no carry-less multiplication: zlib does as well there.
Crc32Function FastCrc32();

}  // namespace murky::gf2

#endif  // MURKY_GF2_CRC32_H_
