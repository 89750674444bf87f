#include "lt/structure.h"

#include <algorithm>
#include <numeric>

namespace murky::lt {
namespace {

// Keys keep the draws for different purposes apart.
constexpr uint32_t kBackKey = 0x42000000u;
constexpr uint32_t kBlockKey = 0x57000000u;
constexpr uint32_t kDenseKey = 0x44000000u;
constexpr uint32_t kRepairKey = 0x52000000u;

// Key for draw number `index` of one purpose: K and the index are both mixed in whole.
uint32_t Key(uint32_t purpose, uint32_t k, uint32_t index) { return Mix32(purpose + k) + index; }

bool IsPrime(uint32_t n) {
  for (uint32_t d = 2; d * d <= n; d++) {
    if (n % d == 0) return false;
  }
  return n > 1;
}

// The formula of RFC 5053, section 5.4.2.3, for the number of LDPC symbols; doubled for big blocks, where
// peeling otherwise leaves more columns to the dense elimination.
uint32_t SparseCount(uint32_t k) {
  uint32_t x = 1;
  while (x * (x - 1) < 2 * k) x++;
  uint32_t count = (k + 99) / 100 + x;
  if (k > 1024) count *= 2;
  while (!IsPrime(count)) count++;
  return count;
}

struct DenseSets {
  uint32_t checks[kDenseSums];
  constexpr DenseSets() : checks() {
    for (uint32_t sum = 0; sum < kDenseSums; sum++) {
      for (uint32_t n = 0; n < kDenseChecks; n++) {
        if ((kDensePlaces[n] & ~sum) == 0) checks[sum] |= 1u << n;
      }
    }
  }
};
constexpr DenseSets kDenseSets;

// Draws below below[d] have a degree of at most d: kOne * (.005 + 1 - 1/d).
struct DegreeLimits {
  uint64_t below[kMaxDegree];
  constexpr DegreeLimits() : below() {
    constexpr uint64_t kOne = uint64_t{1} << 32;
    for (uint32_t d = 1; d < kMaxDegree; d++) below[d] = kOne / 200 + kOne - kOne / d;
  }
};
constexpr DegreeLimits kDegreeLimits;

}  // namespace

uint32_t RepairDegree(uint32_t draw) {
  uint32_t d = 1;
  while (d < kMaxDegree && draw >= kDegreeLimits.below[d]) d++;
  return d;
}

uint32_t DenseChecksOf(uint32_t sum) { return kDenseSets.checks[sum]; }

Structure::Structure(uint32_t k) : k_(k), sparse_(SparseCount(k)) {
  // A column and the D between its checks are a word that only the dense checks and the rows of that column
  // rule out: the longer the step, the more repair symbols see it. Each round needs a step of its own.
  const uint32_t longest = sparse_ / 2;
  const uint32_t rounds = (k + sparse_ - 1) / sparse_;
  least_step_ = std::min((sparse_ + 5) / 6, longest + 1 - rounds);
  steps_ = longest + 1 - least_step_;
  stride_ = steps_ * 3 / 8;
  while (std::gcd(stride_, steps_) != 1) stride_++;
  source_stride_ = static_cast<uint32_t>(k * uint64_t{0x9e3779b9} >> 32);
  while (std::gcd(source_stride_, k) != 1) source_stride_++;
}

uint32_t Structure::Back(uint32_t i) const {
  if (i < 2) return kNoColumn;
  const uint32_t block = i / kBackWindow;
  if (block == 0) return Draws(Key(kBackKey, k_, i)).Below(i - 1);
  Draws draws(Key(kBlockKey, k_, block));
  const uint32_t odd = draws.Below(kBackWindow) | 1;
  const uint32_t offset = draws.Below(kBackWindow);
  const uint32_t back = (block - 1) * kBackWindow + (odd * (i % kBackWindow) + offset) % kBackWindow;
  return back == i - 1 ? i - 2 : back;
}

void Structure::SparseChecks(uint32_t i, uint32_t checks[2]) const {
  // Steps differ from each other and add up to less than S, so that no two columns share both checks: else
  // two pairs of neighbours could cancel in all checks, and four lost symbols be hard to find.
  const uint32_t step = least_step_ + (i / sparse_) * stride_ % steps_;
  checks[0] = (i * (sparse_ * 3 / 8)) % sparse_;
  checks[1] = (checks[0] + step) % sparse_;
}

std::vector<uint8_t> Structure::DenseChecks() const {
  // Drawn from those that were used the longest ago. The last columns are in so few rows that losing one or
  // two source symbols can leave a word of a few neighbouring columns, which few repair symbols see; a dense
  // check that took two of its prefix sums would miss it as well. (With free draws K = 945 had such a word
  // for the loss of its last source symbol, and then needed up to 485 more.)
  constexpr uint32_t kRested = kDenseChecks - 10;
  uint8_t by_rest[kDenseChecks];
  std::iota(by_rest, by_rest + kDenseChecks, uint8_t{0});
  std::vector<uint8_t> checks(light());
  for (uint32_t i = 0; i < light(); i++) {
    const uint32_t drawn = Draws(Key(kDenseKey, k_, i)).Below(kRested);
    checks[i] = by_rest[drawn];
    std::rotate(by_rest + drawn, by_rest + drawn + 1, by_rest + kDenseChecks);
  }
  return checks;
}

void Structure::Repair(uint32_t esi, RepairRow* row) const {
  Draws draws(Key(kRepairKey, k_, esi));
  row->sum = draws.Below(kDenseSums);
  const uint32_t degree = RepairDegree(draws.Next());
  uint32_t count = 0;
  while (count < degree) {
    const uint32_t column = draws.Below(light());
    uint32_t seen = 0;
    while (seen < count && row->columns[seen] != column) seen++;
    if (seen == count) row->columns[count++] = column;
  }
  row->count = count;
}

}  // namespace murky::lt
