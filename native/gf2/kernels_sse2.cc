#include "gf2/kernels_isa.h"

#if defined(__x86_64__)

#include <emmintrin.h>

#include <cstddef>
#include <cstdint>

namespace {
using Vector = __m128i;
constexpr size_t kStripVectors = 4;
inline Vector Xor3(Vector a, Vector b, Vector c) { return a ^ b ^ c; }
}  // namespace

#include "gf2/kernels-inl.h"

namespace murky::gf2 {
const Kernels kSse2Kernels = {"sse2", Gather, Scatter, Precode, AddPrefixSums, Run};
}

#endif  // __x86_64__
