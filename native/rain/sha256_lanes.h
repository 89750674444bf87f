// SHA-256 (FIPS 180-4) of several messages of one length side by side, one in each lane of wide vectors. The
// hash of one message is a chain of steps that wait for each other, with the processor's SHA instructions,
// too: sixteen at once take less than half the time that OpenSSL takes for one after the other.
//
// Thread-safety: may be called from any thread.
#ifndef MURKY_RAIN_SHA256_LANES_H_
#define MURKY_RAIN_SHA256_LANES_H_

#include <cstddef>
#include <cstdint>

#include "rain/crypto.h"

namespace murky::rain {

constexpr size_t kSha256Lanes = 16;

// Whether this processor can: AVX-512.
bool HasSha256Lanes();

// Hashes 1 to kSha256Lanes messages of `bytes` bytes each, in the same time however many they are. Only where
// HasSha256Lanes.
void Sha256InLanes(const uint8_t* const* messages, size_t count, size_t bytes, Sha256Bytes* out);

}  // namespace murky::rain

#endif  // MURKY_RAIN_SHA256_LANES_H_
