// The blocks that end a message for SHA-256 (FIPS 180-4, section 5.1.1): what is left behind its whole
// blocks, a bit, zeros, and its length.
#ifndef MURKY_RAIN_SHA256_ENDING_H_
#define MURKY_RAIN_SHA256_ENDING_H_

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "rain/big_endian.h"

namespace murky::rain {

constexpr size_t kSha256BlockBytes = 64;

struct Sha256Ending {
  uint8_t bytes[2 * kSha256BlockBytes];
  size_t blocks;  // 1 or 2
};

inline Sha256Ending EndingOf(const uint8_t* message, size_t bytes) {
  Sha256Ending ending{};
  const size_t left = bytes % kSha256BlockBytes;
  if (left > 0) std::memcpy(ending.bytes, message + bytes - left, left);
  ending.bytes[left] = 0x80;
  ending.blocks = left + 1 + sizeof(uint64_t) <= kSha256BlockBytes ? 1 : 2;
  PutBig<8>(ending.bytes + ending.blocks * kSha256BlockBytes - 8, static_cast<uint64_t>(bytes) * 8);
  return ending;
}

}  // namespace murky::rain

#endif  // MURKY_RAIN_SHA256_ENDING_H_
