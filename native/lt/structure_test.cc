#include "lt/structure.h"

#include <algorithm>
#include <set>
#include <utility>

#include "testing/check.h"

// The numbers are from test/vectors/codec.json, which the TypeScript reference made.
namespace murky::lt {
namespace {

TEST(structure_hash_is_pinned) {
  CHECK_EQ(Mix32(0), 0u);
  CHECK_EQ(Mix32(1), 1753845952u);
  CHECK_EQ(Mix32(0xffffffffu), 1734902346u);
}

TEST(structure_degree_distribution_is_pinned) {
  CHECK_EQ(RepairDegree(21474835), 1u);
  CHECK_EQ(RepairDegree(21474836), 2u);
  CHECK_EQ(RepairDegree(2168958483), 2u);
  CHECK_EQ(RepairDegree(2168958484), 3u);
  CHECK_EQ(RepairDegree(4168339811), 29u);
  CHECK_EQ(RepairDegree(4168339812), 30u);
}

TEST(structure_draws_are_pinned) {
  const Structure structure(781);
  CHECK_EQ(structure.sparse(), 53u);
  uint32_t checks[2];
  CHECK_EQ(structure.Back(2), 0u);
  CHECK_EQ(kDensePlaces[structure.DenseCheck(2)], 48);
  structure.SparseChecks(2, checks);
  CHECK_EQ(checks[0], 38u);
  CHECK_EQ(checks[1], 39u);
  CHECK_EQ(structure.Back(127), 38u);
  CHECK_EQ(kDensePlaces[structure.DenseCheck(127)], 0);
  structure.SparseChecks(127, checks);
  CHECK_EQ(checks[0], 28u);
  CHECK_EQ(checks[1], 47u);
  CHECK_EQ(structure.Back(128), 22u);
  CHECK_EQ(kDensePlaces[structure.DenseCheck(128)], 12);
  structure.SparseChecks(128, checks);
  CHECK_EQ(checks[0], 47u);
  CHECK_EQ(checks[1], 13u);
  CHECK_EQ(structure.Back(383), 154u);
  CHECK_EQ(kDensePlaces[structure.DenseCheck(383)], 16);
  structure.SparseChecks(383, checks);
  CHECK_EQ(checks[0], 16u);
  CHECK_EQ(checks[1], 28u);
  CHECK_EQ(structure.Back(780), 674u);
  CHECK_EQ(kDensePlaces[structure.DenseCheck(780)], 0);
  structure.SparseChecks(780, checks);
  CHECK_EQ(checks[0], 33u);
  CHECK_EQ(checks[1], 3u);
  RepairRow row;
  structure.Repair(65536, &row);
  CHECK_EQ(row.sum, 18u);
  CHECK_EQ(row.count, 2u);
  CHECK_EQ(row.columns[0], 216u);
  CHECK_EQ(row.columns[1], 221u);
}

TEST(structure_is_triangular_for_every_k) {
  for (uint32_t k = kMaxSmallK + 1; k <= 8192; k += k < 300 ? 1 : k / 9) {
    const Structure structure(k);
    CHECK_EQ(structure.Back(0), kNoColumn);
    CHECK_EQ(structure.Back(1), kNoColumn);
    for (uint32_t i = 0; i < k; i++) {
      if (i >= 2) CHECK(structure.Back(i) < i - 1);
      uint32_t checks[2];
      structure.SparseChecks(i, checks);
      CHECK(checks[0] < structure.sparse());
      CHECK(checks[1] < structure.sparse());
      CHECK(checks[0] != checks[1]);
    }
    std::set<std::pair<uint32_t, uint32_t>> pairs;
    for (uint32_t i = 0; i < k; i++) {
      uint32_t checks[2];
      structure.SparseChecks(i, checks);
      CHECK(pairs.emplace(std::min(checks[0], checks[1]), std::max(checks[0], checks[1])).second);
    }
    for (uint32_t esi = k; esi < k + 50; esi++) {
      RepairRow row;
      structure.Repair(esi, &row);
      CHECK(row.sum < kDenseSums);
      CHECK_EQ(std::set<uint32_t>(row.columns, row.columns + row.count).size(), row.count);
      for (uint32_t c = 0; c < row.count; c++) CHECK(row.columns[c] < structure.light());
    }
  }
}

TEST(structure_every_set_of_dense_checks_shows_in_sixteen_dense_sums) {
  for (uint32_t set = 1; set < (1u << kDenseChecks); set++) {
    uint32_t seen = 0;
    for (uint32_t sum = 0; sum < kDenseSums && seen < 16; sum++) {
      seen += static_cast<uint32_t>(__builtin_parity(DenseChecksOf(sum) & set));
    }
    CHECK(seen >= 16);
  }
}

}  // namespace
}  // namespace murky::lt
