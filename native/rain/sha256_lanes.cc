#include "rain/sha256_lanes.h"

#include "rain/big_endian.h"
#include "rain/sha256_constants.h"
#include "rain/sha256_ending.h"

#if defined(__x86_64__)

#include <immintrin.h>

// Only what is between these two may use AVX-512, and runs only where the CPU has it; no inline function of a
// header is used there, which could be compiled for AVX-512 and then shared (gf2/kernels_avx512.cc).
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f,avx512bw"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw")
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // in its own headers (GCC bug 105593)
#endif

namespace {

using Words = __m512i;  // one of each message

constexpr size_t kLanes = 16;
constexpr size_t kBlockBytes = 64;
constexpr size_t kStateWords = 8;

// Section 5.3.3.
constexpr uint32_t kInitial[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                  0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

// Parity, choice and majority of three (section 4.1.2), as ternary logic takes them.
constexpr int kParity = 0x96;
constexpr int kChoice = 0xca;
constexpr int kMajority = 0xe8;

inline Words All(uint32_t word) { return _mm512_set1_epi32(static_cast<int>(word)); }
inline Words Add(Words a, Words b) { return _mm512_add_epi32(a, b); }
inline Words Parity(Words a, Words b, Words c) { return _mm512_ternarylogic_epi32(a, b, c, kParity); }
template <int kBits>
inline Words Rotate(Words a) {
  return _mm512_ror_epi32(a, kBits);
}

// Word i of a block of each message: bytes put into the processor's order, then transposed.
inline void Load(const uint8_t* const* messages, size_t offset, Words* words) {
  const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  Words a[kLanes];
  Words b[kLanes];
  for (size_t i = 0; i < kLanes; i++) {
    a[i] = _mm512_shuffle_epi8(_mm512_loadu_si512(messages[i] + offset), _mm512_broadcast_i32x4(swap));
  }
  for (size_t i = 0; i < kLanes; i += 2) {
    b[i] = _mm512_unpacklo_epi32(a[i], a[i + 1]);
    b[i + 1] = _mm512_unpackhi_epi32(a[i], a[i + 1]);
  }
  for (size_t i = 0; i < kLanes; i += 4) {
    a[i] = _mm512_unpacklo_epi64(b[i], b[i + 2]);
    a[i + 1] = _mm512_unpackhi_epi64(b[i], b[i + 2]);
    a[i + 2] = _mm512_unpacklo_epi64(b[i + 1], b[i + 3]);
    a[i + 3] = _mm512_unpackhi_epi64(b[i + 1], b[i + 3]);
  }
  // Quarter q of a[4 g + i] has word 4 q + i of the messages 4 g to 4 g + 3.
  for (size_t i = 0; i < 4; i++) {
    const Words even_front = _mm512_shuffle_i32x4(a[i], a[i + 4], 0x88);
    const Words odd_front = _mm512_shuffle_i32x4(a[i], a[i + 4], 0xdd);
    const Words even_back = _mm512_shuffle_i32x4(a[i + 8], a[i + 12], 0x88);
    const Words odd_back = _mm512_shuffle_i32x4(a[i + 8], a[i + 12], 0xdd);
    words[i] = _mm512_shuffle_i32x4(even_front, even_back, 0x88);
    words[i + 4] = _mm512_shuffle_i32x4(odd_front, odd_back, 0x88);
    words[i + 8] = _mm512_shuffle_i32x4(even_front, even_back, 0xdd);
    words[i + 12] = _mm512_shuffle_i32x4(odd_front, odd_back, 0xdd);
  }
}

// Section 6.2.2, for `blocks` blocks of each message.
void Compress(const uint8_t* const* messages, size_t blocks, Words* state) {
  for (size_t block = 0; block < blocks; block++) {
    Words w[16];
    Load(messages, block * kBlockBytes, w);
    Words a = state[0], b = state[1], c = state[2], d = state[3];
    Words e = state[4], f = state[5], g = state[6], h = state[7];
#if defined(__clang__)
#pragma clang loop unroll(full)
#else
#pragma GCC unroll 64
#endif
    for (size_t t = 0; t < 64; t++) {
      if (t >= 16) {
        const Words x = w[(t + 1) % 16];
        const Words y = w[(t + 14) % 16];
        const Words small0 = Parity(Rotate<7>(x), Rotate<18>(x), _mm512_srli_epi32(x, 3));
        const Words small1 = Parity(Rotate<17>(y), Rotate<19>(y), _mm512_srli_epi32(y, 10));
        w[t % 16] = Add(Add(w[t % 16], small0), Add(w[(t + 9) % 16], small1));
      }
      const Words big0 = Parity(Rotate<2>(a), Rotate<13>(a), Rotate<22>(a));
      const Words big1 = Parity(Rotate<6>(e), Rotate<11>(e), Rotate<25>(e));
      const Words choice = _mm512_ternarylogic_epi32(e, f, g, kChoice);
      const Words majority = _mm512_ternarylogic_epi32(a, b, c, kMajority);
      const Words t1 = Add(Add(Add(h, All(murky::rain::kSha256Constants[t])), Add(w[t % 16], choice)), big1);
      h = g;
      g = f;
      f = e;
      e = Add(d, t1);
      d = c;
      c = b;
      b = a;
      a = Add(t1, Add(big0, majority));
    }
    const Words after[kStateWords] = {a, b, c, d, e, f, g, h};
    for (size_t i = 0; i < kStateWords; i++) state[i] = Add(state[i], after[i]);
  }
}

// Of `blocks` blocks of each message and the blocks that end it: word i of the hash of message m to
// out[i][m].
void HashLanes(const uint8_t* const* messages, size_t blocks, const uint8_t* const* ends, size_t end_blocks,
               uint32_t (*out)[kLanes]) {
  Words state[kStateWords];
  for (size_t i = 0; i < kStateWords; i++) state[i] = All(kInitial[i]);
  Compress(messages, blocks, state);
  Compress(ends, end_blocks, state);
  for (size_t i = 0; i < kStateWords; i++) _mm512_storeu_si512(out[i], state[i]);
}

}  // namespace

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC diagnostic pop
#pragma GCC pop_options
#endif

namespace murky::rain {

static_assert(kLanes == kSha256Lanes);

bool HasSha256Lanes() {
  static const bool has = __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0;
  return has;
}

void Sha256InLanes(const uint8_t* const* messages, size_t count, size_t bytes, Sha256Bytes* out) {
  Sha256Ending endings[kLanes];
  const uint8_t* lanes[kLanes];
  const uint8_t* ends[kLanes];
  for (size_t lane = 0; lane < kLanes; lane++) {
    lanes[lane] = messages[lane < count ? lane : 0];  // one that is left over does what the first one does
    endings[lane] = EndingOf(lanes[lane], bytes);
    ends[lane] = endings[lane].bytes;
  }
  uint32_t words[kStateWords][kLanes];
  HashLanes(lanes, bytes / kBlockBytes, ends, endings[0].blocks, words);
  for (size_t lane = 0; lane < count; lane++) {
    for (size_t i = 0; i < kStateWords; i++) PutBig<4>(out[lane].data() + 4 * i, words[i][lane]);
  }
}

}  // namespace murky::rain

#else

namespace murky::rain {

bool HasSha256Lanes() { return false; }
void Sha256InLanes(const uint8_t* const*, size_t, size_t, Sha256Bytes*) {}

}  // namespace murky::rain

#endif
