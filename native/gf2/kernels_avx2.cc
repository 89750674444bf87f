#include "gf2/kernels_isa.h"

#if defined(__x86_64__)

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

// Only this file may use AVX2, and runs only where the CPU has it: hence a pragma instead of a build flag.
// All headers come before it, so that no inline function of theirs is compiled for AVX2 and then shared.
#if defined(__clang__)
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC push_options
#pragma GCC target("avx2")
#endif

namespace {
using Vector = __m256i;
constexpr size_t kStripVectors = 4;
inline Vector Xor3(Vector a, Vector b, Vector c) { return a ^ b ^ c; }
}  // namespace

#include "gf2/kernels-inl.h"

#if defined(__clang__)
#pragma clang attribute pop
#else
#pragma GCC pop_options
#endif

namespace murky::gf2 {
const Kernels kAvx2Kernels = {"avx2", Gather, Scatter, Precode, AddPrefixSums, Run};
}

#endif  // __x86_64__
