// Randomness of the operating system, fit for secrets.
//
// Thread-safety: none; one per thread.
#ifndef MURKY_RAIN_SYSTEM_RANDOM_H_
#define MURKY_RAIN_SYSTEM_RANDOM_H_

#include <array>

#include "rain/seam.h"

namespace murky::rain {

class SystemRandom : public Random {
 public:
  // Aborts where the system gives no randomness: every key and token would be worthless.
  uint64_t Next() override;

 private:
  std::array<uint64_t, 32> pool_{};  // 256 bytes: as much as getentropy(3) gives at once
  size_t used_ = 32;
};

}  // namespace murky::rain

#endif  // MURKY_RAIN_SYSTEM_RANDOM_H_
