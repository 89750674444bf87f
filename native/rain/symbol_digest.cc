#include "rain/symbol_digest.h"

#include <cstring>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace murky::rain {

uint64_t SymbolDigest::Portable(const uint8_t* symbol, size_t bytes) const {
  uint64_t sum = 0;
  for (size_t at = 0; at < bytes; at += 2 * sizeof(uint32_t)) {
    uint32_t pair[2];
    std::memcpy(pair, symbol + at, sizeof pair);
    const uint32_t* key = key_.data() + at / sizeof(uint32_t);
    sum += static_cast<uint64_t>(pair[0] + key[0]) * static_cast<uint64_t>(pair[1] + key[1]);
  }
  return sum;
}

#if defined(__x86_64__)

namespace {

// Each 64 bits of a vector are a pair.
__attribute__((target("avx2"))) uint64_t SumOfAvx2(const uint8_t* symbol, const uint32_t* keys,
                                                   size_t bytes) {
  const auto* words = reinterpret_cast<const __m256i*>(symbol);
  const auto* key = reinterpret_cast<const __m256i*>(keys);
  __m256i even = _mm256_setzero_si256();
  __m256i odd = _mm256_setzero_si256();
  for (size_t i = 0; i < bytes / sizeof(__m256i); i += 2) {
    const __m256i a = _mm256_add_epi32(_mm256_loadu_si256(words + i), _mm256_loadu_si256(key + i));
    const __m256i b = _mm256_add_epi32(_mm256_loadu_si256(words + i + 1), _mm256_loadu_si256(key + i + 1));
    even = _mm256_add_epi64(even, _mm256_mul_epu32(a, _mm256_srli_epi64(a, 32)));
    odd = _mm256_add_epi64(odd, _mm256_mul_epu32(b, _mm256_srli_epi64(b, 32)));
  }
  uint64_t sums[4];
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(sums), _mm256_add_epi64(even, odd));
  return sums[0] + sums[1] + sums[2] + sums[3];
}

}  // namespace

uint64_t SymbolDigest::operator()(const uint8_t* symbol, size_t bytes) const {
  static const bool wide = __builtin_cpu_supports("avx2") != 0;
  return wide ? SumOfAvx2(symbol, key_.data(), bytes) : Portable(symbol, bytes);
}

#else

uint64_t SymbolDigest::operator()(const uint8_t* symbol, size_t bytes) const {
  return Portable(symbol, bytes);
}

#endif

}  // namespace murky::rain
