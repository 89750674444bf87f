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
  const std::vector<uint8_t> dense = structure.DenseChecks();
  CHECK_EQ(structure.sparse(), 53u);
  uint32_t checks[2];
  CHECK_EQ(structure.Back(2), 0u);
  CHECK_EQ(kDensePlaces[dense[2]], 18);
  structure.SparseChecks(2, checks);
  CHECK_EQ(checks[0], 38u);
  CHECK_EQ(checks[1], 47u);
  CHECK_EQ(structure.Back(127), 38u);
  CHECK_EQ(kDensePlaces[dense[127]], 4);
  structure.SparseChecks(127, checks);
  CHECK_EQ(checks[0], 28u);
  CHECK_EQ(checks[1], 51u);
  CHECK_EQ(structure.Back(128), 22u);
  CHECK_EQ(kDensePlaces[dense[128]], 16);
  structure.SparseChecks(128, checks);
  CHECK_EQ(checks[0], 47u);
  CHECK_EQ(checks[1], 17u);
  CHECK_EQ(structure.Back(383), 154u);
  CHECK_EQ(kDensePlaces[dense[383]], 6);
  structure.SparseChecks(383, checks);
  CHECK_EQ(checks[0], 16u);
  CHECK_EQ(checks[1], 38u);
  CHECK_EQ(structure.Back(780), 674u);
  CHECK_EQ(kDensePlaces[dense[780]], 12);
  structure.SparseChecks(780, checks);
  CHECK_EQ(checks[0], 33u);
  CHECK_EQ(checks[1], 50u);
  RepairRow row;
  structure.Repair(65536, &row);
  CHECK_EQ(row.sum, 18u);
  CHECK_EQ(row.count, 2u);
  CHECK_EQ(row.columns[0], 216u);
  CHECK_EQ(row.columns[1], 221u);
}

TEST(structure_names_each_source_symbol_once) {
  for (uint32_t k = kMaxSmallK + 1; k <= 8192; k += k < 300 ? 1 : k / 9) {
    const Structure structure(k);
    std::set<uint32_t> sources;
    for (uint32_t i = 0; i < k; i++) sources.insert(structure.RowSource(i));
    CHECK_EQ(sources.size(), k);
    CHECK_EQ(*sources.rbegin(), k - 1);
  }
  CHECK_EQ(Structure(781).RowSource(1), 482u);
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

// What the dense checks see of each C alone, and of the D that change with it.
std::vector<uint32_t> SeenOfColumns(const Structure& structure) {
  const uint32_t k = structure.k();
  const std::vector<uint8_t> dense = structure.DenseChecks();
  // Of a single column: all prefix sums from it on.
  std::vector<uint32_t> seen(structure.light() + 1);
  for (uint32_t i = structure.light(); i-- > 0;) seen[i] = seen[i + 1] ^ 1u << dense[i];
  // A check s is part of D[s] and of all D behind it.
  for (uint32_t i = structure.light(); i-- > k;) seen[i] ^= seen[i + 1];
  for (uint32_t i = k; i-- > 0;) {
    uint32_t checks[2];
    structure.SparseChecks(i, checks);
    seen[i] ^= seen[k + checks[0]] ^ seen[k + checks[1]];
  }
  seen.resize(k);
  return seen;
}

// What they see of each lost source symbol alone: what they see of several is the sum of that.
std::vector<uint32_t> SeenOfSources(const Structure& structure) {
  std::vector<uint32_t> seen = SeenOfColumns(structure);
  // Source symbol i is part of C[i], and with it of those that C[i] is part of.
  for (uint32_t i = structure.k(); i-- > 1;) {
    seen[i - 1] ^= seen[i];
    if (structure.Back(i) != kNoColumn) seen[structure.Back(i)] ^= seen[i];
  }
  return seen;
}

// How many columns change with the source symbols a and b, or with a alone if they are the same; a <= b.
uint32_t ColumnsThatChange(const Structure& structure, uint32_t a, uint32_t b) {
  std::vector<bool> changed(structure.light());
  uint32_t count = 0;
  for (uint32_t i = a; i < structure.k(); i++) {
    const uint32_t back = structure.Back(i);
    bool change = i == a || i == b;
    if (i > 0) change ^= changed[i - 1];
    if (back != kNoColumn) change ^= changed[back];
    changed[i] = change;
    if (!change) continue;
    count++;
    uint32_t checks[2];
    structure.SparseChecks(i, checks);
    for (const uint32_t check : checks) changed[structure.k() + check].flip();
  }
  for (uint32_t i = structure.k(); i < structure.light(); i++) {
    if (i > structure.k()) changed[i] = changed[i] ^ changed[i - 1];
    count += changed[i];
  }
  return count;
}

// Few repair symbols see a change in few columns. Only the last columns are in so few rows that the loss of
// one or two source symbols changes no more.
TEST(structure_dense_checks_see_every_loss_of_two_that_changes_few_columns) {
  constexpr uint32_t kLast = 200;
  for (uint32_t k = kMaxSmallK + 1; k <= 8192; k++) {
    const Structure structure(k);
    const std::vector<uint32_t> seen = SeenOfSources(structure);
    std::vector<std::pair<uint32_t, uint32_t>> last;  // what is seen, of which source symbol
    for (uint32_t i = k > kLast ? k - kLast : 0; i < k; i++) last.push_back({seen[i], i});
    std::sort(last.begin(), last.end());
    for (size_t n = 0; n < last.size(); n++) {
      const uint32_t a = last[n].second;
      if (last[n].first == 0) CHECK(ColumnsThatChange(structure, a, a) * 100 > structure.light());
      for (size_t m = n + 1; m < last.size() && last[m].first == last[n].first; m++) {
        CHECK(ColumnsThatChange(structure, a, last[m].second) * 100 > structure.light());
      }
    }
  }
}

// A column and the D between its two checks change together if only the source symbols of its three rows are
// lost.
TEST(structure_dense_checks_see_every_column_that_changes_few_others) {
  constexpr uint32_t kFew = 10;
  for (uint32_t k = kMaxSmallK + 1; k <= 8192; k++) {
    const Structure structure(k);
    const std::vector<uint32_t> seen = SeenOfColumns(structure);
    for (uint32_t i = 0; i < k; i++) {
      if (seen[i] != 0) continue;
      uint32_t checks[2];
      structure.SparseChecks(i, checks);
      CHECK(1 + std::max(checks[0], checks[1]) - std::min(checks[0], checks[1]) >= kFew);
    }
  }
}

TEST(structure_prefix_sums_near_each_other_are_in_different_dense_checks) {
  for (uint32_t k : {33u, 781u, 8192u}) {
    const std::vector<uint8_t> dense = Structure(k).DenseChecks();
    CHECK_EQ(std::set<uint8_t>(dense.begin(), dense.end()).size(), size_t{kDenseChecks});
    for (size_t i = 0; i + 11 <= dense.size(); i++) {
      CHECK_EQ(std::set<uint8_t>(&dense[i], &dense[i] + 11).size(), size_t{11});
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
