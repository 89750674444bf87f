// Replayable randomness for simulations and tests (xoshiro256**, Blackman and Vigna 2018). Not for secrets.
//
// Thread-safety: none.
#ifndef MURKY_RAIN_SEEDED_RANDOM_H_
#define MURKY_RAIN_SEEDED_RANDOM_H_

#include "rain/seam.h"

namespace murky::rain {

class SeededRandom : public Random {
 public:
  explicit SeededRandom(uint64_t seed) {
    for (uint64_t& word : state_) {  // SplitMix64 spreads the seed
      seed += 0x9e3779b97f4a7c15u;
      uint64_t z = seed;
      z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
      z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
      word = z ^ (z >> 31);
    }
  }

  uint64_t Next() override {
    const uint64_t result = Rotate(state_[1] * 5, 7) * 9;
    const uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = Rotate(state_[3], 45);
    return result;
  }

  double Uniform() { return static_cast<double>(Next() >> 11) * 0x1p-53; }  // from 0 up to 1

 private:
  static uint64_t Rotate(uint64_t word, int bits) { return (word << bits) | (word >> (64 - bits)); }

  uint64_t state_[4];
};

}  // namespace murky::rain

#endif  // MURKY_RAIN_SEEDED_RANDOM_H_
