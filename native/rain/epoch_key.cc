#include "rain/epoch_key.h"

#include <algorithm>
#include <cstring>

#include "rain/big_endian.h"

namespace murky::rain {

namespace {

constexpr size_t kMinKeyBytes = 16;
constexpr size_t kMaxKeyBytes = 64;
constexpr char kSalt[] = "murky-waters rain 1";
constexpr char kInfo[] = "aes-128-gcm";

}  // namespace

bool ExtractSecrets(const std::vector<ClusterKey>& keys, std::vector<Sha256Bytes>* secrets,
                    std::string* error) {
  if (keys.empty() || keys.size() > kMaxClusterKeys) {
    *error = "A node takes 1 to " + std::to_string(kMaxClusterKeys) + " cluster keys at once, not " +
             std::to_string(keys.size()) + ".";
    return false;
  }
  if (CryptoVersion().empty()) {
    *error = "No OpenSSL was found in this process, so nothing can be sealed with a cluster key.";
    return false;
  }
  std::vector<Sha256Bytes> extracted;
  for (const ClusterKey& key : keys) {
    if (key.size() < kMinKeyBytes || key.size() > kMaxKeyBytes) {
      *error = "A cluster key has 16 to 64 bytes, this one " + std::to_string(key.size()) + ".";
      return false;
    }
    Sha256Bytes secret;
    if (!HkdfExtract(reinterpret_cast<const uint8_t*>(kSalt), sizeof kSalt - 1, key.data(), key.size(),
                     &secret)) {
      *error = "OpenSSL could not derive a secret from the cluster key.";
      return false;
    }
    if (std::find(extracted.begin(), extracted.end(), secret) != extracted.end()) {
      *error = "The same cluster key is given twice.";
      return false;
    }
    extracted.push_back(secret);
  }
  *secrets = std::move(extracted);
  return true;
}

GcmNonce EpochKey::Nonce(uint64_t counter) const {
  GcmNonce nonce = mask;
  uint8_t bytes[8];
  PutBig<8>(bytes, counter);
  for (size_t i = 0; i < 8; i++) nonce[kGcmNonceBytes - 8 + i] ^= bytes[i];
  return nonce;
}

bool DeriveKey(const Sha256Bytes& secret, uint64_t boot, uint64_t epoch, AesGcm::Direction direction,
               EpochKey* out) {
  uint8_t info[sizeof kInfo - 1 + 8 + 4];
  std::memcpy(info, kInfo, sizeof kInfo - 1);
  PutBig<4>(PutBig<8>(info + sizeof kInfo - 1, boot), epoch);
  uint8_t bytes[kAesKeyBytes + kGcmNonceBytes];
  if (!HkdfExpand(secret, info, sizeof info, bytes, sizeof bytes)) return false;
  out->epoch = epoch;
  std::memcpy(out->mask.data(), bytes + kAesKeyBytes, kGcmNonceBytes);
  out->gcm = AesGcm::Make(direction, bytes);
  return out->gcm != nullptr;
}

}  // namespace murky::rain
