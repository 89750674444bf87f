// XOR of rows of bytes: the only arithmetic on payloads that the codec knows. One implementation for each
// instruction set; which one runs is decided once, by the CPU and the environment variable MURKY_KERNEL.
//
// Thread-safety: all functions are pure; ActiveKernels may be called from any thread.
#ifndef MURKY_GF2_KERNELS_H_
#define MURKY_GF2_KERNELS_H_

#include <cstddef>
#include <cstdint>

namespace murky::gf2 {

struct Kernels {
  const char* name;

  // dst = srcs[0] ^ ... ^ srcs[count-1]; zeros for count = 0. Several reads and one store: each byte of dst
  // is written once. `bytes` is a multiple of 8; nothing needs alignment; a source may be dst itself, but
  // must not overlap it otherwise.
  void (*gather)(uint8_t* dst, const uint8_t* const* srcs, size_t count, size_t bytes);

  // dsts[i] ^= src for each i; no dst overlaps src or another dst.
  void (*scatter)(uint8_t* const* dsts, const uint8_t* src, size_t count, size_t bytes);
};

// The fastest kernels that this CPU runs, unless MURKY_KERNEL names others that it runs too.
const Kernels& ActiveKernels();

// Kernels by name, or null if this build or CPU has none of that name: "scalar", "sse2", "avx2", "avx512",
// "neon".
const Kernels* FindKernels(const char* name);

}  // namespace murky::gf2

#endif  // MURKY_GF2_KERNELS_H_
