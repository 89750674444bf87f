#include "gf2/kernels.h"

#include <cstring>
#include <random>
#include <vector>

#include "testing/check.h"

namespace murky::gf2 {
namespace {

std::vector<const Kernels*> AllKernels() {
  std::vector<const Kernels*> all;
  for (const char* name : {"scalar", "sse2", "avx2", "avx512", "neon"}) {
    if (const Kernels* kernels = FindKernels(name)) all.push_back(kernels);
  }
  return all;
}

std::vector<uint8_t> RandomBytes(size_t count, uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<uint8_t> bytes(count);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
  return bytes;
}

TEST(kernels_are_found_by_name) {
  CHECK(AllKernels().size() >= 2);
  CHECK(FindKernels("abacus") == nullptr);
  for (const Kernels* kernels : AllKernels()) CHECK(FindKernels(kernels->name) == kernels);
}

TEST(kernels_gather_adds_all_sources) {
  for (const Kernels* kernels : AllKernels()) {
    for (size_t bytes : {8u, 56u, 64u, 72u, 168u, 256u, 320u, 1344u}) {
      for (size_t count : {0u, 1u, 2u, 3u, 7u, 8u, 33u}) {
        // Odd addresses, and guard bytes around the target.
        const std::vector<uint8_t> from = RandomBytes(count * bytes + 3, static_cast<uint32_t>(count));
        std::vector<const uint8_t*> sources;
        std::vector<uint8_t> expected(bytes + 2, 0);
        for (size_t s = 0; s < count; s++) {
          sources.push_back(from.data() + 3 + s * bytes);
          for (size_t b = 0; b < bytes; b++) expected[b + 1] ^= sources[s][b];
        }
        std::vector<uint8_t> out(bytes + 2, 0xaa);
        expected.front() = expected.back() = 0xaa;
        kernels->gather(out.data() + 1, sources.data(), count, bytes);
        CHECK(out == expected);
      }
    }
  }
}

TEST(kernels_gather_may_write_where_it_reads) {
  for (const Kernels* kernels : AllKernels()) {
    std::vector<uint8_t> a = RandomBytes(360, 1);
    const std::vector<uint8_t> b = RandomBytes(360, 2);
    std::vector<uint8_t> expected = a;
    for (size_t i = 0; i < a.size(); i++) expected[i] ^= b[i];
    const uint8_t* const sources[2] = {a.data(), b.data()};
    kernels->gather(a.data(), sources, 2, a.size());
    CHECK(a == expected);
  }
}

TEST(kernels_scatter_adds_to_all_targets) {
  for (const Kernels* kernels : AllKernels()) {
    for (size_t bytes : {8u, 64u, 168u, 1344u}) {
      const std::vector<uint8_t> source = RandomBytes(bytes, 5);
      std::vector<uint8_t> targets = RandomBytes(3 * bytes, 6);
      std::vector<uint8_t> expected = targets;
      for (size_t i = 0; i < expected.size(); i++) expected[i] ^= source[i % bytes];
      uint8_t* const rows[3] = {targets.data(), targets.data() + bytes, targets.data() + 2 * bytes};
      kernels->scatter(rows, source.data(), 3, bytes);
      CHECK(targets == expected);
    }
  }
}

TEST(kernels_run_makes_each_sum_of_the_list) {
  for (const Kernels* kernels : AllKernels()) {
    for (size_t bytes : {64u, 192u, 256u, 448u}) {
      const std::vector<uint8_t> data = RandomBytes(4 * bytes, 7);
      std::vector<uint8_t> expected = data;
      for (size_t b = 0; b < bytes; b++) {
        expected[b] = expected[bytes + b] ^ expected[2 * bytes + b] ^ expected[3 * bytes + b];
        expected[bytes + b] ^= expected[b];
        expected[2 * bytes + b] = 0;
      }
      const std::vector<uint32_t> terms = {1, 2, 3, 1, 0};
      const std::vector<RowSum> sums = {{0, 0, 3}, {1, 3, 2}, {2, 4, 0}};
      for (bool fetch_ahead : {false, true}) {
        std::vector<uint8_t> copy = data;
        uint8_t* rows[4];
        for (size_t r = 0; r < 4; r++) rows[r] = copy.data() + r * bytes;
        kernels->run(sums.data(), sums.size(), terms.data(), rows, bytes, fetch_ahead);
        CHECK(copy == expected);
      }
    }
  }
}

}  // namespace
}  // namespace murky::gf2
