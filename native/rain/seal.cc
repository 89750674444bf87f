#include "rain/seal.h"

#include <cstring>
#include <list>
#include <unordered_map>

#include "rain/big_endian.h"
#include "rain/crypto.h"
#include "rain/replay_window.h"

namespace murky::rain {

namespace {

constexpr uint64_t kMaxCounter = (uint64_t{1} << 48) - 1;
constexpr char kSalt[] = "murky-waters rain 1";
constexpr char kInfo[] = "aes-128-gcm";

// The key and nonce mask of one sender's boot and epoch, in one direction.
struct EpochKey {
  uint64_t epoch = 0;
  std::unique_ptr<AesGcm> gcm;
  GcmNonce mask{};

  // RFC 8446, section 5.3: the counter, padded to the left, XORed onto a derived mask.
  GcmNonce Nonce(uint64_t counter) const {
    GcmNonce nonce = mask;
    uint8_t bytes[8];
    PutBig<8>(bytes, counter);
    for (size_t i = 0; i < 8; i++) nonce[kGcmNonceBytes - 8 + i] ^= bytes[i];
    return nonce;
  }
};

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

OpenResult CheckOuter(const uint8_t* datagram, size_t length, SealScheme scheme, uint64_t own_boot,
                      Outer* outer) {
  if (!ParseOuter(datagram, length, outer)) return OpenResult::kTooShort;
  if (outer->version != kWireVersion) return OpenResult::kUnknownVersion;
  if (outer->seal != scheme) return OpenResult::kWrongScheme;
  if (length > kMaxDatagramBytes) return OpenResult::kForged;  // nobody writes such a one
  return outer->boot == own_boot ? OpenResult::kReplayed : OpenResult::kOk;
}

class Unsealed : public Seal {
 public:
  explicit Unsealed(Random& random) : boot_(random.Next()) {}

  bool sealed() const override { return false; }
  uint64_t boot() const override { return boot_; }
  size_t overhead_bytes() const override { return kOuterBytes; }

  size_t Write(const uint8_t* inner, size_t inner_bytes, uint8_t* out) override {
    if (inner_bytes > 0) std::memmove(out + kOuterBytes, inner, inner_bytes);
    WriteOuter({kWireVersion, SealScheme::kNone, counter_++ & kMaxCounter, boot_}, out);
    return kOuterBytes + inner_bytes;
  }

  OpenResult Open(const uint8_t* datagram, size_t length, Micros, Opened* out) override {
    Outer outer;
    const OpenResult result = CheckOuter(datagram, length, SealScheme::kNone, boot_, &outer);
    if (result != OpenResult::kOk) return result;
    std::memcpy(scratch_, datagram + kOuterBytes, length - kOuterBytes);
    *out = {outer.boot, scratch_, length - kOuterBytes};
    return OpenResult::kOk;
  }

 private:
  const uint64_t boot_;
  uint64_t counter_ = 0;
  uint8_t scratch_[kMaxDatagramBytes];
};

class Sealed : public Seal {
 public:
  Sealed(const Sha256Bytes& secret, Random& random)
      : secret_(secret), random_(random), boot_(random.Next()) {}

  bool sealed() const override { return true; }
  uint64_t boot() const override { return boot_; }
  size_t overhead_bytes() const override { return kOuterBytes + kTagBytes; }
  size_t Write(const uint8_t* inner, size_t inner_bytes, uint8_t* out) override;
  OpenResult Open(const uint8_t* datagram, size_t length, Micros now, Opened* out) override;

 private:
  struct Sender {
    uint64_t boot = 0;
    ReplayWindow<kReplayWindowCounters> window;
    EpochKey keys[2];  // of even and odd epochs: late datagrams of the last epoch still open
  };
  using Senders = std::list<Sender>;

  // Takes over `key`, whose first datagram was genuine.
  void Remember(Sender* sender, uint64_t boot, uint64_t counter, EpochKey key);

  const Sha256Bytes secret_;
  Random& random_;
  uint64_t boot_;
  uint64_t counter_ = 0;
  EpochKey own_;
  Senders senders_;  // the most recently heard first
  std::unordered_map<uint64_t, Senders::iterator> by_boot_;
  uint8_t scratch_[kMaxDatagramBytes];
};

size_t Sealed::Write(const uint8_t* inner, size_t inner_bytes, uint8_t* out) {
  if (counter_ > kMaxCounter) {  // a nonce never repeats: go on as a new boot
    boot_ = random_.Next();
    counter_ = 0;
    own_.gcm.reset();
  }
  const uint64_t epoch = counter_ >> kKeyEpochBits;
  if (!own_.gcm || own_.epoch != epoch) {
    if (!DeriveKey(secret_, boot_, epoch, AesGcm::Direction::kSeal, &own_)) return 0;
  }
  const uint64_t counter = counter_++;
  uint8_t* body = out + kOuterBytes;
  if (inner != body && inner_bytes > 0) {  // OpenSSL takes the same place or one that does not overlap
    std::memmove(body, inner, inner_bytes);
  }
  WriteOuter({kWireVersion, SealScheme::kAes128Gcm, counter, boot_}, out);
  if (!own_.gcm->Seal(own_.Nonce(counter), out, kOuterBytes, body, inner_bytes, body)) return 0;
  return kOuterBytes + inner_bytes + kTagBytes;
}

OpenResult Sealed::Open(const uint8_t* datagram, size_t length, Micros, Opened* out) {
  Outer outer;
  const OpenResult checked = CheckOuter(datagram, length, SealScheme::kAes128Gcm, boot_, &outer);
  if (checked != OpenResult::kOk) return checked;
  if (length < overhead_bytes()) return OpenResult::kTooShort;

  const auto known = by_boot_.find(outer.boot);
  Sender* sender = known == by_boot_.end() ? nullptr : &*known->second;
  if (sender && !sender->window.Fresh(outer.counter)) return OpenResult::kReplayed;

  const uint64_t epoch = outer.counter >> kKeyEpochBits;
  EpochKey* key = sender ? &sender->keys[epoch % 2] : nullptr;
  EpochKey derived;
  if (!key || !key->gcm || key->epoch != epoch) {
    if (!DeriveKey(secret_, outer.boot, epoch, AesGcm::Direction::kOpen, &derived))
      return OpenResult::kForged;
    key = &derived;
  }
  const size_t inner_bytes = length - overhead_bytes();
  if (!key->gcm->Open(key->Nonce(outer.counter), datagram, kOuterBytes, datagram + kOuterBytes, inner_bytes,
                      scratch_)) {
    return OpenResult::kForged;
  }
  Remember(sender, outer.boot, outer.counter, std::move(derived));
  *out = {outer.boot, scratch_, inner_bytes};
  return OpenResult::kOk;
}

void Sealed::Remember(Sender* sender, uint64_t boot, uint64_t counter, EpochKey key) {
  if (!sender) {
    if (senders_.size() == kMaxKnownSenders) {
      by_boot_.erase(senders_.back().boot);
      senders_.pop_back();
    }
    senders_.emplace_front();
    sender = &senders_.front();
    sender->boot = boot;
    by_boot_[boot] = senders_.begin();
  } else if (sender != &senders_.front()) {
    senders_.splice(senders_.begin(), senders_, by_boot_[boot]);
  }
  if (key.gcm) sender->keys[key.epoch % 2] = std::move(key);
  sender->window.Take(counter);
}

}  // namespace

std::unique_ptr<Seal> Seal::Make(const std::vector<uint8_t>& cluster_key, Random& random,
                                 std::string* error) {
  if (cluster_key.empty()) return std::make_unique<Unsealed>(random);
  if (cluster_key.size() < 16 || cluster_key.size() > 64) {
    *error = "A cluster key has 16 to 64 bytes, this one " + std::to_string(cluster_key.size()) + ".";
    return nullptr;
  }
  if (CryptoVersion().empty()) {
    *error = "No OpenSSL was found in this process, so nothing can be sealed with a cluster key.";
    return nullptr;
  }
  Sha256Bytes secret;
  if (!HkdfExtract(reinterpret_cast<const uint8_t*>(kSalt), sizeof kSalt - 1, cluster_key.data(),
                   cluster_key.size(), &secret)) {
    *error = "OpenSSL could not derive a secret from the cluster key.";
    return nullptr;
  }
  return std::make_unique<Sealed>(secret, random);
}

}  // namespace murky::rain
