#include "rain/system_random.h"

#include <unistd.h>
#if defined(__APPLE__)
#include <sys/random.h>
#endif

#include <cstdlib>

namespace murky::rain {

uint64_t SystemRandom::Next() {
  if (used_ == pool_.size()) {
    if (getentropy(pool_.data(), sizeof pool_) != 0) std::abort();
    used_ = 0;
  }
  const uint64_t value = pool_[used_];
  pool_[used_++] = 0;  // what was given out is not kept
  return value;
}

}  // namespace murky::rain
