#include "gf2/kernels_isa.h"

#if defined(__aarch64__)

#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

namespace {
using Vector = uint64x2_t;
constexpr size_t kStripVectors = 4;
inline Vector Xor3(Vector a, Vector b, Vector c) { return a ^ b ^ c; }
}  // namespace

#include "gf2/kernels-inl.h"

namespace murky::gf2 {
const Kernels kNeonKernels = {"neon", Gather, Scatter, Precode, AddPrefixSums, Run};
}

#endif  // __aarch64__
