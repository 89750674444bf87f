// Integers in network byte order, at any alignment.
#ifndef MURKY_RAIN_BIG_ENDIAN_H_
#define MURKY_RAIN_BIG_ENDIAN_H_

#include <cstddef>
#include <cstdint>

namespace murky::rain {

// Writes the low `Bytes` bytes of `value` and returns the place behind them.
template <size_t Bytes>
inline uint8_t* PutBig(uint8_t* out, uint64_t value) {
  static_assert(Bytes >= 1 && Bytes <= 8);
  for (size_t i = 0; i < Bytes; i++) out[i] = static_cast<uint8_t>(value >> (8 * (Bytes - 1 - i)));
  return out + Bytes;
}

template <size_t Bytes>
inline uint64_t GetBig(const uint8_t* in) {
  static_assert(Bytes >= 1 && Bytes <= 8);
  uint64_t value = 0;
  for (size_t i = 0; i < Bytes; i++) value = value << 8 | in[i];
  return value;
}

}  // namespace murky::rain

#endif  // MURKY_RAIN_BIG_ENDIAN_H_
