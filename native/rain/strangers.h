// How much work strangers may cause. A datagram that opens with no key at hand (its sender is unknown here,
// or has counted on to a new epoch) costs a key derivation for each cluster key; junk costs as much. So there
// is a budget of them for each peer and one for all, and what is over is dropped for the price of a table
// look-up. Who is known is not touched by it.
//
// Thread-safety: none.
#ifndef MURKY_RAIN_STRANGERS_H_
#define MURKY_RAIN_STRANGERS_H_

#include <vector>

#include "rain/seam.h"

namespace murky::rain {

class Strangers {
 public:
  // `per_second` in all; one peer has a hundredth of it.
  Strangers(uint64_t per_second, Random& random);

  // True if one more datagram of this sender may be tried; then it is counted.
  bool MayTry(const Address& from, Micros now);
  // The datagram that was tried last was genuine: nothing is held against its sender.
  void WasGenuine(const Address& from);

 private:
  struct Budget {
    double spent = 0;  // of the burst
    Micros at = 0;
  };

  static bool Spend(Budget& budget, double per_second, double burst, Micros now);
  Budget& BudgetOf(const Address& from);

  const double per_second_;
  const uint64_t secret_;
  Budget all_;
  std::vector<Budget> peers_;  // by hash: a fixed table, in which some share a place
};

}  // namespace murky::rain

#endif  // MURKY_RAIN_STRANGERS_H_
