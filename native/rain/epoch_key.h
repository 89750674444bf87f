// What a sender encrypts with: a key and nonce mask derived from a cluster key, the sender's boot and the
// epoch of its counter (docs/wire.md, Seal).
//
// Thread-safety: none; one belongs to one seal.
#ifndef MURKY_RAIN_EPOCH_KEY_H_
#define MURKY_RAIN_EPOCH_KEY_H_

#include <memory>
#include <string>
#include <vector>

#include "rain/crypto.h"

namespace murky::rain {

using ClusterKey = std::vector<uint8_t>;

// A receiver tries each of them on a datagram of an unknown sender, so there are few.
constexpr size_t kMaxClusterKeys = 4;
// Datagrams under one key: half of what RFC 9001, section 6.6, allows AES-128-GCM (2^23). The next key is
// derived from the boot and the counter's upper bits, so nothing is negotiated.
constexpr int kKeyEpochBits = 22;

// Extracts the secret of each cluster key, in their order. False and *error (one sentence) unless there are 1
// to kMaxClusterKeys of them, all different, with 16 to 64 bytes each, and OpenSSL is in the process.
bool ExtractSecrets(const std::vector<ClusterKey>& keys, std::vector<Sha256Bytes>* secrets,
                    std::string* error);

// One sender's boot and epoch, in one direction.
struct EpochKey {
  uint64_t epoch = 0;
  size_t secret = 0;  // the index of the cluster key that it was derived from
  std::unique_ptr<AesGcm> gcm;
  GcmNonce mask{};

  // RFC 8446, section 5.3: the counter, padded to the left, XORed onto a derived mask.
  GcmNonce Nonce(uint64_t counter) const;
};

// False where OpenSSL fails. The caller sets `secret` of *out.
bool DeriveKey(const Sha256Bytes& secret, uint64_t boot, uint64_t epoch, AesGcm::Direction direction,
               EpochKey* out);

}  // namespace murky::rain

#endif  // MURKY_RAIN_EPOCH_KEY_H_
