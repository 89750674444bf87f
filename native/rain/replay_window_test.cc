#include "rain/replay_window.h"

#include <random>
#include <set>

#include "testing/check.h"

namespace murky::rain {

TEST(replay_window_takes_each_counter_once) {
  ReplayWindow<128> window;
  for (uint64_t counter : {5, 4, 100, 6, 99, 0}) {
    CHECK(window.Fresh(counter));
    window.Take(counter);
    CHECK(!window.Fresh(counter));
  }
}

TEST(replay_window_refuses_what_it_has_left_behind) {
  ReplayWindow<128> window;
  window.Take(1000);
  CHECK(window.Fresh(1000 - 64));  // at least kWidth - 64 below the highest are remembered
  CHECK(!window.Fresh(1000 - 128));
  CHECK(!window.Fresh(0));
}

TEST(replay_window_forgets_nothing_over_a_jump) {
  ReplayWindow<128> window;
  for (uint64_t counter = 0; counter < 128; counter++) window.Take(counter);
  window.Take(uint64_t{1} << 47);
  CHECK(!window.Fresh(127));
  CHECK(window.Fresh((uint64_t{1} << 47) - 1));
  CHECK(window.Fresh((uint64_t{1} << 47) + 127));
}

// Whatever the order, no counter is taken twice, and one within reach of the highest is taken if it is new.
TEST(replay_window_agrees_with_a_set) {
  std::mt19937_64 random(6479);
  for (int round = 0; round < 50; round++) {
    ReplayWindow<256> window;
    std::set<uint64_t> seen;
    uint64_t highest = 0;
    for (int i = 0; i < 2000; i++) {
      const uint64_t ahead = random() % 40 == 0 ? random() % 400 : random() % 3;
      const uint64_t back = random() % 2 ? random() % 300 : 0;
      const uint64_t counter = highest + ahead > back ? highest + ahead - back : 0;
      const bool fresh = window.Fresh(counter);
      if (seen.count(counter)) CHECK(!fresh);
      if (!seen.count(counter) && counter + 256 - 64 >= highest) CHECK(fresh);
      if (!fresh) continue;
      window.Take(counter);
      seen.insert(counter);
      highest = counter > highest ? counter : highest;
    }
  }
}

}  // namespace murky::rain
