// XOR of rows of bytes: the only arithmetic on payloads that the codec knows. One implementation for each
// instruction set; which one runs is decided once, by the CPU and the environment variable MURKY_KERNEL.
//
// Thread-safety: all functions are pure; ActiveKernels may be called from any thread.
#ifndef MURKY_GF2_KERNELS_H_
#define MURKY_GF2_KERNELS_H_

#include <cstddef>
#include <cstdint>

namespace murky::gf2 {

// What `precode` adds to what; rows are numbers of columns. See lt/structure.h for the meaning.
struct PrecodeTables {
  uint32_t sources;        // K
  uint32_t light;          // columns with a prefix sum
  const uint32_t* back;    // K: a lower row, or the row itself for none
  const uint32_t* checks;  // 2 K: rows from K to light - 1; each is also the sum of the row before it
  const uint32_t* dense;   // light: rows from `light` on
};

// Row `target` becomes the sum of the rows terms[first] .. terms[first + count - 1], of which it may be one.
struct RowSum {
  uint32_t target;
  uint32_t first;
  uint32_t count;
};

struct Kernels {
  const char* name;

  // dst = srcs[0] ^ ... ^ srcs[count-1]; zeros for count = 0. Several reads and one store: each byte of dst
  // is written once. `bytes` is a multiple of 8; nothing needs alignment; a source may be dst itself, but
  // must not overlap it otherwise.
  void (*gather)(uint8_t* dst, const uint8_t* const* srcs, size_t count, size_t bytes);

  // dsts[i] ^= src for each i; no dst overlaps src or another dst.
  void (*scatter)(uint8_t* const* dsts, const uint8_t* src, size_t count, size_t bytes);

  // One pass over the rows `columns`, `stride` bytes apart, of which the sparse and dense rows are zeros
  // before:
  //   column[i] = sources[i] ^ column[i-1] ^ column[back[i]], added to its two sparse rows, for i < K;
  //   column[i] ^= column[i-1] for K < i < light;
  //   dense[i] ^= columns 0..i, for i < light.
  // `bytes` is a multiple of 64. It goes down all rows in narrow strips, so that the row before and the
  // prefix sum stay in registers and what is near stays in the first-level cache.
  void (*precode)(const PrecodeTables& tables, const uint8_t* const* sources, uint8_t* columns, size_t stride,
                  size_t bytes);

  // The last third of `precode`, for columns that are there already, over bytes [from, from + bytes) of each
  // row; both are multiples of 64.
  void (*add_prefix_sums)(const PrecodeTables& tables, uint8_t* columns, size_t stride, size_t from,
                          size_t bytes);

  // Row sums of `bytes` bytes, a multiple of 64, one after the other. With `fetch_ahead` the first term of
  // each is fetched into the cache from `bytes` on, where the next call will read.
  void (*run)(const RowSum* sums, size_t count, const uint32_t* terms, uint8_t* const* rows, size_t bytes,
              bool fetch_ahead);
};

// The fastest kernels that this CPU runs, unless MURKY_KERNEL names others that it runs too.
const Kernels& ActiveKernels();

// Kernels by name, or null if this build or CPU has none of that name: "scalar", "sse2", "avx2", "avx512",
// "neon".
const Kernels* FindKernels(const char* name);

}  // namespace murky::gf2

#endif  // MURKY_GF2_KERNELS_H_
