#include <cstddef>
#include <cstdint>

#include "gf2/kernels_isa.h"

namespace {
using Vector = uint64_t;
constexpr size_t kStripVectors = 8;
inline Vector Xor3(Vector a, Vector b, Vector c) { return a ^ b ^ c; }
}  // namespace

#include "gf2/kernels-inl.h"

namespace murky::gf2 {
const Kernels kScalarKernels = {"scalar", Gather, Scatter, Precode, AddPrefixSums, Run};
}
