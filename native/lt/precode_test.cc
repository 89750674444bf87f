#include <cstring>
#include <random>
#include <vector>

#include "gf2/kernels.h"
#include "lt/plan.h"
#include "lt/precode.h"
#include "testing/check.h"

namespace murky::lt {
namespace {

std::vector<uint8_t> SomeBytes(size_t count) {
  std::mt19937 random(8);
  std::vector<uint8_t> bytes(count);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
  return bytes;
}

TEST(kernels_precode_follows_its_tables) {
  const Plan plan(200);
  const gf2::PrecodeTables tables = plan.Tables();
  const uint32_t rows = plan.structure.columns();
  for (size_t bytes : {64u, 192u, 320u, 1344u}) {
    const std::vector<uint8_t> block = SomeBytes(200 * bytes);
    std::vector<const uint8_t*> sources;
    for (uint32_t i = 0; i < 200; i++) sources.push_back(block.data() + i * bytes);
    // One byte after the other, as the header says it.
    std::vector<uint8_t> expected(rows * bytes, 0);
    for (size_t b = 0; b < bytes; b++) {
      uint8_t prefix = 0;
      const auto at = [&](uint32_t row) -> uint8_t& { return expected[row * bytes + b]; };
      for (uint32_t i = 0; i < tables.sources; i++) {
        at(i) = sources[i][b];
        if (i > 0) at(i) ^= at(i - 1);
        if (tables.back[i] != i) at(i) ^= at(tables.back[i]);
        at(tables.checks[2 * i]) ^= at(i);
        at(tables.checks[2 * i + 1]) ^= at(i);
      }
      for (uint32_t i = tables.sources + 1; i < tables.light; i++) at(i) ^= at(i - 1);
      for (uint32_t i = 0; i < tables.light; i++) at(tables.dense[i]) ^= prefix ^= at(i);
    }
    for (const char* name : {"scalar", "sse2", "avx2", "avx512", "neon"}) {
      const gf2::Kernels* kernels = gf2::FindKernels(name);
      if (!kernels) continue;
      std::vector<uint8_t> columns(rows * bytes, 0);
      kernels->precode(tables, sources.data(), columns.data(), bytes, bytes);
      CHECK(columns == expected);
      std::memset(columns.data() + tables.light * bytes, 0, kDenseSums * bytes);
      kernels->add_prefix_sums(tables, columns.data(), bytes, 0, 64);
      kernels->add_prefix_sums(tables, columns.data(), bytes, 64, bytes - 64);
      CHECK(columns == expected);
    }
  }
}

}  // namespace
}  // namespace murky::lt
