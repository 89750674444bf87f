#include "rain/seal.h"

#include <algorithm>
#include <cstring>
#include <list>
#include <unordered_map>

#include "rain/big_endian.h"
#include "rain/replay_window.h"

namespace murky::rain {

namespace {

constexpr uint64_t kMaxCounter = (uint64_t{1} << 48) - 1;

OpenResult CheckOuter(const uint8_t* datagram, size_t length, bool sealed, Outer* outer) {
  if (!ParseOuter(datagram, length, outer)) return OpenResult::kTooShort;
  if (outer->version != kWireVersion) return OpenResult::kUnknownVersion;
  const bool known =
      sealed ? outer->seal == SealScheme::kAes128Gcm || outer->seal == SealScheme::kAes128GcmShared
             : outer->seal == SealScheme::kNone;
  if (!known) return OpenResult::kWrongScheme;
  return length > kMaxDatagramBytes ? OpenResult::kForged : OpenResult::kOk;  // nobody writes such a one
}

class Unsealed : public Seal {
 public:
  explicit Unsealed(Random& random) : boot_(random.Next()), shared_boot_(random.Next()) {}

  bool ReplaceKeys(const std::vector<ClusterKey>&, std::string* error) override {
    *error = "A node that speaks in clear takes up a cluster key only at its start.";
    return false;
  }

  bool sealed() const override { return false; }
  uint64_t boot() const override { return boot_; }
  size_t overhead_bytes() const override { return kOuterBytes; }

  size_t Write(const InnerPieces& inner, uint8_t* out) override {
    return WriteAs(boot_, &counter_, inner, out);
  }
  size_t WriteShared(const InnerPieces& inner, uint8_t* out) override {
    return WriteAs(shared_boot_, &shared_counter_, inner, out);
  }
  bool Current(const uint8_t*) const override { return true; }
  void HeardAt(uint64_t, const Address&) override {}
  bool Elsewhere(const uint8_t*, size_t, const Address&) const override { return false; }
  std::vector<KnownSender> KnownSenders() const override { return {}; }

  OpenResult Open(const uint8_t* datagram, size_t length, Micros, Opened* out) override {
    return OpenAtHand(datagram, length, out);
  }
  OpenResult OpenAtHand(const uint8_t* datagram, size_t length, Opened* out) override {
    Outer outer;
    const OpenResult result = CheckOuter(datagram, length, false, &outer);
    if (result != OpenResult::kOk) return result;
    if (outer.boot == boot_ || outer.boot == shared_boot_) return OpenResult::kReplayed;
    std::memcpy(scratch_, datagram + kOuterBytes, length - kOuterBytes);
    *out = {outer.boot, false, scratch_, length - kOuterBytes};
    return OpenResult::kOk;
  }

 private:
  static size_t WriteAs(uint64_t boot, uint64_t* counter, const InnerPieces& inner, uint8_t* out) {
    Place(inner.head, inner.head_bytes, out + kOuterBytes);
    Place(inner.body, inner.body_bytes, out + kOuterBytes + inner.head_bytes);
    WriteOuter({kWireVersion, SealScheme::kNone, (*counter)++ & kMaxCounter, boot}, out);
    return kOuterBytes + inner.bytes();
  }
  static void Place(const uint8_t* piece, size_t bytes, uint8_t* at) {
    if (bytes > 0 && piece != at) std::memcpy(at, piece, bytes);
  }

  const uint64_t boot_;
  const uint64_t shared_boot_;
  uint64_t counter_ = 0;
  uint64_t shared_counter_ = 0;
  uint8_t scratch_[kMaxDatagramBytes];
};

class Sealed : public Seal {
 public:
  Sealed(std::vector<Sha256Bytes> secrets, Random& random)
      : secrets_(std::move(secrets)), random_(random), own_{random.Next()}, shared_{random.Next()} {}

  bool ReplaceKeys(const std::vector<ClusterKey>& keys, std::string* error) override;

  bool sealed() const override { return true; }
  uint64_t boot() const override { return own_.boot; }
  size_t overhead_bytes() const override { return kOuterBytes + kTagBytes; }
  size_t Write(const InnerPieces& inner, uint8_t* out) override {
    return WriteAs(own_, SealScheme::kAes128Gcm, inner, out);
  }
  size_t WriteShared(const InnerPieces& inner, uint8_t* out) override {
    return WriteAs(shared_, SealScheme::kAes128GcmShared, inner, out);
  }
  bool Current(const uint8_t* shared_datagram) const override;
  void HeardAt(uint64_t boot, const Address& from) override;
  bool Elsewhere(const uint8_t* datagram, size_t length, const Address& from) const override;
  std::vector<KnownSender> KnownSenders() const override;
  OpenResult OpenAtHand(const uint8_t* datagram, size_t length, Opened* out) override;
  OpenResult Open(const uint8_t* datagram, size_t length, Micros now, Opened* out) override;

 private:
  // A boot id that this node seals under, and how far it has come.
  struct Own {
    uint64_t boot;
    uint64_t counter = 0;
    EpochKey key{};
  };
  struct Sender {
    uint64_t boot = 0;
    Address address;
    ReplayWindow<kReplayWindowCounters> window;
    EpochKey keys[2];  // of even and odd epochs: late datagrams of the last epoch still open
  };
  using Senders = std::list<Sender>;

  // What can be said of a datagram, and done with it, with the keys that are there.
  struct Look {
    OpenResult result = OpenResult::kNoKey;
    Outer outer;
    Sender* sender = nullptr;
    const EpochKey* tried = nullptr;  // and it did not open with this one
  };
  Look OpenKnown(const uint8_t* datagram, size_t length, Opened* out);
  size_t WriteAs(Own& own, SealScheme scheme, const InnerPieces& inner, uint8_t* out);
  // What Open finds out without a key.
  OpenResult Check(const uint8_t* datagram, size_t length, Outer* outer) const;
  // Not seen before; of what is shared, not of an epoch that nobody sends any more.
  static bool Fresh(const Sender& sender, const Outer& outer) {
    if (outer.seal == SealScheme::kAes128Gcm) return sender.window.Fresh(outer.counter);
    return std::max(sender.keys[0].epoch, sender.keys[1].epoch) <= (outer.counter >> kKeyEpochBits) + 1;
  }
  // Opens with a key that is derived anew from one of the secrets but `tried`.
  bool OpenWithAny(const Outer& outer, const EpochKey* tried, const uint8_t* datagram, size_t inner_bytes,
                   EpochKey* found);
  bool OpenWith(const EpochKey& key, const Outer& outer, const uint8_t* datagram, size_t inner_bytes);
  // Takes over `key`, whose first datagram was genuine.
  void Remember(Sender* sender, const Outer& outer, EpochKey key);

  std::vector<Sha256Bytes> secrets_;  // the first one seals
  Random& random_;
  Own own_;
  Own shared_;
  Senders senders_;  // the most recently heard first
  std::unordered_map<uint64_t, Senders::iterator> by_boot_;
  uint8_t scratch_[kMaxDatagramBytes];
};

size_t Sealed::WriteAs(Own& own, SealScheme scheme, const InnerPieces& inner, uint8_t* out) {
  if (own.counter > kMaxCounter) own = Own{random_.Next()};  // a nonce never repeats: go on as a new boot
  const uint64_t epoch = own.counter >> kKeyEpochBits;
  if (!own.key.gcm || own.key.epoch != epoch) {
    if (!DeriveKey(secrets_.front(), own.boot, epoch, AesGcm::Direction::kSeal, &own.key)) return 0;
  }
  const uint64_t counter = own.counter++;
  WriteOuter({kWireVersion, scheme, counter, own.boot}, out);
  AesGcm& gcm = *own.key.gcm;
  uint8_t* at = out + kOuterBytes;
  const bool sealed = gcm.Begin(own.key.Nonce(counter), out, kOuterBytes) &&
                      gcm.SealPiece(inner.head, inner.head_bytes, at) &&
                      gcm.SealPiece(inner.body, inner.body_bytes, at + inner.head_bytes) &&
                      gcm.End(at + inner.bytes());
  return sealed ? kOuterBytes + inner.bytes() + kTagBytes : 0;
}

bool Sealed::Current(const uint8_t* shared_datagram) const {
  Outer outer;
  ParseOuter(shared_datagram, kOuterBytes, &outer);
  const uint64_t epoch = shared_.counter >> kKeyEpochBits;
  return outer.boot == shared_.boot && (outer.counter >> kKeyEpochBits) + 1 >= epoch;
}

void Sealed::HeardAt(uint64_t boot, const Address& from) {
  // What was opened just now put its sender to the front.
  if (!senders_.empty() && senders_.front().boot == boot) senders_.front().address = from;
}

bool Sealed::Elsewhere(const uint8_t* datagram, size_t length, const Address& from) const {
  Outer outer;
  if (Check(datagram, length, &outer) != OpenResult::kOk) return false;
  const auto known = by_boot_.find(outer.boot);
  return known != by_boot_.end() && known->second->address != from;
}

std::vector<KnownSender> Sealed::KnownSenders() const {
  std::vector<KnownSender> known;
  known.reserve(senders_.size());
  for (const Sender& sender : senders_) known.push_back({sender.boot, sender.address});
  return known;
}

OpenResult Sealed::Check(const uint8_t* datagram, size_t length, Outer* outer) const {
  const OpenResult result = CheckOuter(datagram, length, true, outer);
  if (result != OpenResult::kOk) return result;
  return outer->boot == own_.boot || outer->boot == shared_.boot ? OpenResult::kReplayed : OpenResult::kOk;
}

Sealed::Look Sealed::OpenKnown(const uint8_t* datagram, size_t length, Opened* out) {
  Look look;
  look.result = Check(datagram, length, &look.outer);
  if (look.result != OpenResult::kOk) return look;
  if (length < overhead_bytes()) {
    look.result = OpenResult::kTooShort;
    return look;
  }
  look.result = OpenResult::kNoKey;
  const auto known = by_boot_.find(look.outer.boot);
  if (known == by_boot_.end()) return look;
  look.sender = &*known->second;
  if (!Fresh(*look.sender, look.outer)) {
    look.result = OpenResult::kReplayed;
    return look;
  }
  const uint64_t epoch = look.outer.counter >> kKeyEpochBits;
  const EpochKey& key = look.sender->keys[epoch % 2];
  if (!key.gcm || key.epoch != epoch) return look;
  const size_t inner_bytes = length - overhead_bytes();
  if (OpenWith(key, look.outer, datagram, inner_bytes)) {
    Remember(look.sender, look.outer, {});
    *out = {look.outer.boot, look.outer.seal == SealScheme::kAes128GcmShared, scratch_, inner_bytes};
    look.result = OpenResult::kOk;
    return look;
  }
  look.tried = &key;
  if (secrets_.size() == 1) look.result = OpenResult::kForged;  // there is no other to derive from
  return look;
}

OpenResult Sealed::OpenAtHand(const uint8_t* datagram, size_t length, Opened* out) {
  return OpenKnown(datagram, length, out).result;
}

OpenResult Sealed::Open(const uint8_t* datagram, size_t length, Micros, Opened* out) {
  const Look look = OpenKnown(datagram, length, out);
  if (look.result != OpenResult::kNoKey) return look.result;
  const size_t inner_bytes = length - overhead_bytes();
  EpochKey derived;
  if (!OpenWithAny(look.outer, look.tried, datagram, inner_bytes, &derived)) return OpenResult::kForged;
  Remember(look.sender, look.outer, std::move(derived));
  *out = {look.outer.boot, look.outer.seal == SealScheme::kAes128GcmShared, scratch_, inner_bytes};
  return OpenResult::kOk;
}

bool Sealed::OpenWithAny(const Outer& outer, const EpochKey* tried, const uint8_t* datagram,
                         size_t inner_bytes, EpochKey* found) {
  for (size_t i = 0; i < secrets_.size(); i++) {
    if (tried && tried->secret == i) continue;
    if (!DeriveKey(secrets_[i], outer.boot, outer.counter >> kKeyEpochBits, AesGcm::Direction::kOpen, found))
      return false;
    found->secret = i;
    if (OpenWith(*found, outer, datagram, inner_bytes)) return true;
  }
  return false;
}

bool Sealed::OpenWith(const EpochKey& key, const Outer& outer, const uint8_t* datagram, size_t inner_bytes) {
  return key.gcm->Open(key.Nonce(outer.counter), datagram, kOuterBytes, datagram + kOuterBytes, inner_bytes,
                       scratch_);
}

bool Sealed::ReplaceKeys(const std::vector<ClusterKey>& keys, std::string* error) {
  if (!ExtractSecrets(keys, &secrets_, error)) return false;
  own_.key.gcm.reset();
  shared_ = Own{random_.Next()};  // so that nothing sealed with the old key is current any more
  for (Sender& sender : senders_) {
    for (EpochKey& key : sender.keys) key.gcm.reset();
  }
  return true;
}

void Sealed::Remember(Sender* sender, const Outer& outer, EpochKey key) {
  if (!sender) {
    if (senders_.size() == kMaxKnownSenders) {
      by_boot_.erase(senders_.back().boot);
      senders_.pop_back();
    }
    senders_.emplace_front();
    sender = &senders_.front();
    sender->boot = outer.boot;
    by_boot_[outer.boot] = senders_.begin();
  } else if (sender != &senders_.front()) {
    senders_.splice(senders_.begin(), senders_, by_boot_[outer.boot]);
  }
  if (key.gcm) sender->keys[key.epoch % 2] = std::move(key);
  if (outer.seal == SealScheme::kAes128Gcm) sender->window.Take(outer.counter);
}

}  // namespace

std::unique_ptr<Seal> Seal::Make(const std::vector<ClusterKey>& keys, Random& random, std::string* error) {
  if (keys.empty()) return std::make_unique<Unsealed>(random);
  std::vector<Sha256Bytes> secrets;
  if (!ExtractSecrets(keys, &secrets, error)) return nullptr;
  return std::make_unique<Sealed>(std::move(secrets), random);
}

}  // namespace murky::rain
