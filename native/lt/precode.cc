#include "lt/precode.h"

#include <cstring>

#include "gf2/kernels.h"

namespace murky::lt {

void DenseSums(const Plan& plan, gf2::Rows* columns, size_t from, size_t bytes) {
  // F[t] gathers all subsets of t, one member after the other.
  const uint32_t base = plan.structure.light();
  for (uint32_t member = 1; member < kDenseSums; member *= 2) {
    for (uint32_t sum = 0; sum < kDenseSums; sum++) {
      if (!(sum & member)) continue;
      uint8_t* const to[1] = {(*columns)[base + sum] + from};
      gf2::ActiveKernels().scatter(to, (*columns)[base + sum - member] + from, 1, bytes);
    }
  }
}

void Precode(const Plan& plan, const uint8_t* const* sources, size_t symbol_bytes, gf2::Rows* columns) {
  const Structure& structure = plan.structure;
  for (uint32_t row = structure.k(); row < structure.columns(); row++) {
    std::memset((*columns)[row], 0, symbol_bytes);
  }
  gf2::ActiveKernels().precode(plan.Tables(), sources, (*columns)[0], columns->stride(), symbol_bytes);
  DenseSums(plan, columns, 0, symbol_bytes);
}

uint64_t PrecodeAdditions(const Plan& plan) {
  const Structure& structure = plan.structure;
  // Per C: the one before, the one behind, two checks. Per C and D: the prefix sum and its dense check. The
  // staircase, and half of the dense sums six times.
  return uint64_t{4} * structure.k() + uint64_t{2} * structure.light() + structure.sparse() +
         6 * kDenseSums / 2;
}

void PrecodeMasks(const Plan& plan, size_t words, uint64_t* masks) {
  const Structure& structure = plan.structure;
  const uint32_t k = structure.k();
  const uint32_t light = structure.light();
  const auto add = [masks, words](uint32_t to, uint32_t from) {
    uint64_t* a = masks + to * words;
    const uint64_t* b = masks + from * words;
    for (size_t w = 0; w < words; w++) a[w] ^= b[w];
  };
  std::memset(masks + k * words, 0, (structure.columns() - k) * words * sizeof *masks);
  for (uint32_t i = 0; i < k; i++) {
    if (i > 0) add(i, i - 1);
    if (plan.back[i] != i) add(i, plan.back[i]);
    add(plan.checks[2 * i], i);
    add(plan.checks[2 * i + 1], i);
  }
  std::vector<uint64_t> prefix(words);
  for (uint32_t i = 0; i < light; i++) {
    if (i > k) add(i, i - 1);
    uint64_t* dense = masks + plan.dense[i] * words;
    for (size_t w = 0; w < words; w++) {
      prefix[w] ^= masks[i * words + w];
      dense[w] ^= prefix[w];
    }
  }
  for (uint32_t member = 1; member < kDenseSums; member *= 2) {
    for (uint32_t sum = 0; sum < kDenseSums; sum++) {
      if (sum & member) add(light + sum, light + sum - member);
    }
  }
}

}  // namespace murky::lt
