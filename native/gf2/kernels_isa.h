// The kernels of each instruction set, for gf2/kernels.cc to choose from.
#ifndef MURKY_GF2_KERNELS_ISA_H_
#define MURKY_GF2_KERNELS_ISA_H_

#include "gf2/kernels.h"

namespace murky::gf2 {

extern const Kernels kScalarKernels;
#if defined(__x86_64__)
extern const Kernels kSse2Kernels;
extern const Kernels kAvx2Kernels;
extern const Kernels kAvx512Kernels;
#elif defined(__aarch64__)
extern const Kernels kNeonKernels;
#endif

}  // namespace murky::gf2

#endif  // MURKY_GF2_KERNELS_ISA_H_
