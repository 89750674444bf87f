#include "gf2/crc32.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include <array>

namespace murky::gf2 {
namespace {

constexpr uint32_t kPolynomial = 0xedb88320;  // bits reflected: the highest power is the lowest bit

constexpr uint32_t TimesX(uint32_t remainder) {
  return (remainder >> 1) ^ ((remainder & 1) != 0 ? kPolynomial : 0);
}

constexpr std::array<uint32_t, 256> MakeTable() {
  std::array<uint32_t, 256> table{};
  for (uint32_t byte = 0; byte < 256; byte++) {
    uint32_t remainder = byte;
    for (int bit = 0; bit < 8; bit++) remainder = TimesX(remainder);
    table[byte] = remainder;
  }
  return table;
}

// x^power modulo the polynomial, shifted by the one bit that a product of reflected factors lacks.
constexpr int64_t PowerOfX(int power) {
  uint32_t remainder = 0x80000000;
  for (int i = 0; i < power; i++) remainder = TimesX(remainder);
  return static_cast<int64_t>(remainder) << 1;
}

constexpr std::array<uint32_t, 256> kTable = MakeTable();
constexpr int kLaneBytes = 16;
constexpr int kLanes = 4;
constexpr int kStepBytes = kLanes * kLaneBytes;

#define MURKY_TARGET __attribute__((target("pclmul,sse4.1")))

MURKY_TARGET inline __m128i Load(const uint8_t* data) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(data));
}

// The multipliers that carry a lane over so many bytes: for its lower half, which stands for the higher
// powers, and for its upper half.
MURKY_TARGET inline __m128i Over(int bytes) {
  return _mm_set_epi64x(PowerOfX(8 * bytes - 32), PowerOfX(8 * bytes + 32));
}

MURKY_TARGET inline __m128i Fold(__m128i lane, __m128i over, __m128i next) {
  const __m128i low = _mm_clmulepi64_si128(lane, over, 0x00);
  const __m128i high = _mm_clmulepi64_si128(lane, over, 0x11);
  return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

uint32_t Continue(uint32_t remainder, const uint8_t* data, size_t bytes) {
  for (size_t i = 0; i < bytes; i++) remainder = (remainder >> 8) ^ kTable[(remainder ^ data[i]) & 0xff];
  return remainder;
}

// Folds the bytes into sixteen with the same remainder, as in Gopal et al., "Fast CRC Computation for Generic
// Polynomials Using PCLMULQDQ Instruction" (Intel, 2009); the table does these and what is left over.
MURKY_TARGET uint32_t Multiplied(const uint8_t* data, size_t bytes) {
  uint32_t remainder = 0xffffffff;
  if (bytes >= kStepBytes) {
    const __m128i over_step = Over(kStepBytes);
    const __m128i over_lane = Over(kLaneBytes);
    __m128i a = _mm_xor_si128(Load(data), _mm_cvtsi32_si128(static_cast<int>(remainder)));
    __m128i b = Load(data + kLaneBytes);
    __m128i c = Load(data + 2 * kLaneBytes);
    __m128i d = Load(data + 3 * kLaneBytes);
    data += kStepBytes;
    bytes -= kStepBytes;
    for (; bytes >= kStepBytes; data += kStepBytes, bytes -= kStepBytes) {
      a = Fold(a, over_step, Load(data));
      b = Fold(b, over_step, Load(data + kLaneBytes));
      c = Fold(c, over_step, Load(data + 2 * kLaneBytes));
      d = Fold(d, over_step, Load(data + 3 * kLaneBytes));
    }
    a = Fold(Fold(Fold(a, over_lane, b), over_lane, c), over_lane, d);
    uint8_t folded[kLaneBytes];
    _mm_storeu_si128(reinterpret_cast<__m128i*>(folded), a);
    remainder = Continue(0, folded, kLaneBytes);
  }
  return ~Continue(remainder, data, bytes);
}

#undef MURKY_TARGET

}  // namespace

Crc32Function FastCrc32() {
  const bool runs = __builtin_cpu_supports("pclmul") != 0 && __builtin_cpu_supports("sse4.1") != 0;
  return runs ? Multiplied : nullptr;
}

}  // namespace murky::gf2

#else

namespace murky::gf2 {
Crc32Function FastCrc32() { return nullptr; }
}  // namespace murky::gf2

#endif  // __x86_64__
