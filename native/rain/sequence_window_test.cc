#include "rain/sequence_window.h"

#include "testing/check.h"

namespace murky::rain {

TEST(sequence_window_counts_runs_of_losses) {
  SequenceWindow window;
  for (const uint32_t sequence : {0xfffffeu, 0xffffffu, 0u, 1u, 7u, 8u, 10u}) window.Add(sequence);
  CHECK_EQ(window.lost(), 6);
  CHECK_EQ(window.runs(), 2);
  window.Add(4);  // late: fewer are lost, in what was one run
  CHECK_EQ(window.lost(), 5);
  CHECK_EQ(window.runs(), 2);
}

// Of symbols without a number only their count is known.
TEST(sequence_window_takes_losses_among_unnumbered_ones_for_single) {
  SequenceWindow window;
  window.Advance(100);
  for (int i = 0; i < 7; i++) window.AddUnnumbered();
  window.Advance(110);
  CHECK_EQ(window.lost(), 3);
  CHECK_EQ(window.runs(), 3);
}

}  // namespace murky::rain
