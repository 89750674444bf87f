#include "gf2/kernels_isa.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

// Only this file may use AVX-512, and runs only where the CPU has it: hence a pragma instead of a build flag.
// All headers come before it, so that no inline function of theirs is compiled for AVX-512 and then shared.
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx512f"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx512f")
#endif

namespace {
using Vector = __m512i;
constexpr size_t kStripVectors = 2;
inline Vector Xor3(Vector a, Vector b, Vector c) { return _mm512_ternarylogic_epi64(a, b, c, 0x96); }
}  // namespace

#include "gf2/kernels-inl.h"

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

namespace murky::gf2 {
const Kernels kAvx512Kernels = {"avx512", Gather, Scatter, Precode, AddPrefixSums, Run};
}

#endif  // __x86_64__
