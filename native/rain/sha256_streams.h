// SHA-256 (FIPS 180-4) of a few messages of one length by turns, with the processor's SHA instructions. Each
// of these waits for the one before of the same message; those of another message fill the pause. Two take
// some 0.7 of the time that OpenSSL takes for one after the other, three and four 0.6 to 0.7. Where more
// wait, see rain/sha256_lanes.h.
//
// Thread-safety: may be called from any thread.
#ifndef MURKY_RAIN_SHA256_STREAMS_H_
#define MURKY_RAIN_SHA256_STREAMS_H_

#include <cstddef>
#include <cstdint>

#include "rain/crypto.h"

namespace murky::rain {

constexpr size_t kSha256Streams = 4;

// Whether this processor can: x86-64 with the SHA extensions.
bool HasSha256Streams();

// Hashes 1 to kSha256Streams messages of `bytes` bytes each. Only where HasSha256Streams.
void Sha256InStreams(const uint8_t* const* messages, size_t count, size_t bytes, Sha256Bytes* out);

}  // namespace murky::rain

#endif  // MURKY_RAIN_SHA256_STREAMS_H_
