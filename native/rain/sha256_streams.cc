#include "rain/sha256_streams.h"

#include "rain/big_endian.h"
#include "rain/sha256_constants.h"
#include "rain/sha256_ending.h"

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

namespace {

constexpr size_t kBlockBytes = 64;

// The state as the instructions want it (Intel, "SHA Extensions", 2013): words F E B A and H G D C, the
// lowest lane first.
struct State {
  __m128i abef;
  __m128i cdgh;
};

// Section 5.3.3.
const uint32_t kInitialAbef[4] = {0x9b05688c, 0x510e527f, 0xbb67ae85, 0x6a09e667};
const uint32_t kInitialCdgh[4] = {0x5be0cd19, 0x1f83d9ab, 0xa54ff53a, 0x3c6ef372};

#define MURKY_TARGET __attribute__((target("sha,sse4.1")))

// Section 6.2.2, for `blocks` blocks of each message: four rounds of each in turn.
template <size_t kCount>
MURKY_TARGET void Compress(const uint8_t* const* messages, size_t blocks, State* states) {
  const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  State now[kCount];
  for (size_t m = 0; m < kCount; m++) now[m] = states[m];
  for (size_t block = 0; block < blocks; block++) {
    __m128i words[kCount][4];
    for (size_t m = 0; m < kCount; m++) states[m] = now[m];
#if defined(__clang__)
#pragma clang loop unroll(full)
#else
#pragma GCC unroll 16
#endif
    for (size_t quad = 0; quad < 16; quad++) {
      const __m128i constants =
          _mm_load_si128(reinterpret_cast<const __m128i*>(murky::rain::kSha256Constants + 4 * quad));
#if defined(__clang__)
#pragma clang loop unroll(full)
#else
#pragma GCC unroll 4
#endif
      for (size_t m = 0; m < kCount; m++) {
        __m128i* w = words[m];
        if (quad < 4) {
          const uint8_t* place = messages[m] + block * kBlockBytes + quad * sizeof(__m128i);
          w[quad] = _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(place)), swap);
        } else {
          const __m128i last = w[(quad + 3) % 4];
          const __m128i front = _mm_sha256msg1_epu32(w[quad % 4], w[(quad + 1) % 4]);
          const __m128i seventh = _mm_alignr_epi8(last, w[(quad + 2) % 4], 4);
          w[quad % 4] = _mm_sha256msg2_epu32(_mm_add_epi32(front, seventh), last);
        }
        const __m128i sums = _mm_add_epi32(w[quad % 4], constants);
        now[m].cdgh = _mm_sha256rnds2_epu32(now[m].cdgh, now[m].abef, sums);
        now[m].abef = _mm_sha256rnds2_epu32(now[m].abef, now[m].cdgh, _mm_shuffle_epi32(sums, 0x0e));
      }
    }
    for (size_t m = 0; m < kCount; m++) {
      now[m].abef = _mm_add_epi32(now[m].abef, states[m].abef);
      now[m].cdgh = _mm_add_epi32(now[m].cdgh, states[m].cdgh);
    }
  }
  for (size_t m = 0; m < kCount; m++) states[m] = now[m];
}

#undef MURKY_TARGET

template <size_t kCount>
void HashStreams(const uint8_t* const* messages, size_t bytes, murky::rain::Sha256Bytes* out) {
  using murky::rain::PutBig;
  using murky::rain::Sha256Ending;
  State states[kCount];
  Sha256Ending endings[kCount];
  const uint8_t* ends[kCount];
  for (size_t m = 0; m < kCount; m++) {
    states[m] = {_mm_loadu_si128(reinterpret_cast<const __m128i*>(kInitialAbef)),
                 _mm_loadu_si128(reinterpret_cast<const __m128i*>(kInitialCdgh))};
    endings[m] = murky::rain::EndingOf(messages[m], bytes);
    ends[m] = endings[m].bytes;
  }
  Compress<kCount>(messages, bytes / kBlockBytes, states);
  Compress<kCount>(ends, endings[0].blocks, states);
  for (size_t m = 0; m < kCount; m++) {
    uint32_t abef[4];
    uint32_t cdgh[4];
    _mm_storeu_si128(reinterpret_cast<__m128i*>(abef), states[m].abef);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(cdgh), states[m].cdgh);
    const uint32_t words[8] = {abef[3], abef[2], cdgh[3], cdgh[2], abef[1], abef[0], cdgh[1], cdgh[0]};
    for (size_t i = 0; i < 8; i++) PutBig<4>(out[m].data() + 4 * i, words[i]);
  }
}

bool FindSha() {
  unsigned a = 0, b = 0, c = 0, d = 0;  // not among what __builtin_cpu_supports knows
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return false;
  constexpr unsigned kShaBit = 1u << 29;  // of EBX, leaf 7
  return (b & kShaBit) != 0 && __builtin_cpu_supports("sse4.1") != 0;
}

}  // namespace

namespace murky::rain {

bool HasSha256Streams() {
  static const bool has = FindSha();
  return has;
}

void Sha256InStreams(const uint8_t* const* messages, size_t count, size_t bytes, Sha256Bytes* out) {
  switch (count) {
    case 1:
      return HashStreams<1>(messages, bytes, out);
    case 2:
      return HashStreams<2>(messages, bytes, out);
    case 3:
      return HashStreams<3>(messages, bytes, out);
    default:
      return HashStreams<4>(messages, bytes, out);
  }
}

}  // namespace murky::rain

#else

namespace murky::rain {

bool HasSha256Streams() { return false; }
void Sha256InStreams(const uint8_t* const*, size_t, size_t, Sha256Bytes*) {}

}  // namespace murky::rain

#endif
