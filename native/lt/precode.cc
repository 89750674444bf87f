#include "lt/precode.h"

#include <cstring>

#include "gf2/kernels.h"

namespace murky::lt {

void Precode(const Structure& structure, const uint8_t* const* sources, size_t symbol_bytes,
             gf2::Rows* columns) {
  const gf2::Kernels& kernels = gf2::ActiveKernels();
  gf2::Rows& c = *columns;
  const uint32_t k = structure.k();
  const uint32_t light = structure.light();
  for (uint32_t row = k; row < structure.columns(); row++) std::memset(c[row], 0, symbol_bytes);
  for (uint32_t i = 0; i < k; i++) {
    const uint8_t* terms[3];
    size_t count = 0;
    if (sources[i]) terms[count++] = sources[i];
    if (i > 0) terms[count++] = c[i - 1];
    if (i > 1) terms[count++] = c[structure.Back(i)];
    kernels.gather(c[i], terms, count, symbol_bytes);
    uint32_t checks[2];
    structure.SparseChecks(i, checks);
    uint8_t* const sums[2] = {c[k + checks[0]], c[k + checks[1]]};
    kernels.scatter(sums, c[i], 2, symbol_bytes);
  }
  gf2::Rows prefix(1, symbol_bytes);
  std::memset(prefix[0], 0, symbol_bytes);
  for (uint32_t i = 0; i < light; i++) {
    if (i > k) {
      uint8_t* const sum[1] = {c[i]};
      kernels.scatter(sum, c[i - 1], 1, symbol_bytes);
    }
    uint8_t* const sum[1] = {prefix[0]};
    kernels.scatter(sum, c[i], 1, symbol_bytes);
    uint8_t* const dense[1] = {c[light + structure.DenseRow(i)]};
    kernels.scatter(dense, prefix[0], 1, symbol_bytes);
  }
}

}  // namespace murky::lt
