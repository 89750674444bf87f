// Seals and opens datagrams. With a cluster key: AES-128-GCM (NIST SP 800-38D) under a key derived per sender
// and boot with HKDF-SHA256 (RFC 5869), so that counters can start at zero at every boot. Without a key:
// header only.
//
// Thread-safety: none; one per engine.
#ifndef MURKY_RAIN_SEAL_H_
#define MURKY_RAIN_SEAL_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "rain/epoch_key.h"
#include "rain/seam.h"
#include "rain/wire.h"

namespace murky::rain {

// A server counts its datagrams to all clients with one counter, so one client sees reordering and gaps
// stretched by all the others: the window is wide, 9 ms at a million datagrams a second.
constexpr size_t kReplayWindowCounters = 8192;
// Senders remembered; the one unheard for longest goes. About 2 KiB each.
constexpr size_t kMaxKnownSenders = 1024;

enum class OpenResult {
  kOk,
  kTooShort,
  kUnknownVersion,
  kWrongScheme,  // sealed where unsealed is spoken, or the other way round
  kForged,       // the tag is wrong: another key, or changed on the way
  kReplayed,     // a counter seen before, older than the replay window, or our own datagram come back
  kNoKey,        // OpenAtHand only: no key at hand opens it, one that would have to be derived might
};

struct Opened {
  uint64_t boot = 0;
  bool shared = false;             // sealed once for many: it may have come before
  const uint8_t* inner = nullptr;  // into the seal's scratch; valid until the next Open
  size_t inner_bytes = 0;
};

// An inner message in one piece or two: a header, and what follows it and lies elsewhere.
struct InnerPieces {
  const uint8_t* head = nullptr;
  size_t head_bytes = 0;
  const uint8_t* body = nullptr;
  size_t body_bytes = 0;

  size_t bytes() const { return head_bytes + body_bytes; }
};

struct KnownSender {
  uint64_t boot = 0;
  Address address;  // where it was heard last
};

class Seal {
 public:
  // The first of several cluster keys seals, all of them open; no key makes an unsealed one. Returns null and
  // sets *error as ExtractSecrets does. `random` must outlive the seal.
  //
  // Unsealed datagrams are not checked for replay: where nobody proves who counted, a forger could push the
  // window past the true sender.
  static std::unique_ptr<Seal> Make(const std::vector<ClusterKey>& keys, Random& random, std::string* error);
  virtual ~Seal() = default;

  // Seals with other keys from now on, under the same boot and with the counter where it was, so that no
  // subscription notices and no nonce comes twice even if an old key returns. What senders used stays used:
  // the replay windows are kept. False and *error set, and nothing is changed, where Make would refuse, or
  // where this is an unsealed one or there are no keys.
  virtual bool ReplaceKeys(const std::vector<ClusterKey>& keys, std::string* error) = 0;

  virtual bool sealed() const = 0;
  virtual uint64_t boot() const = 0;
  // Bytes that a datagram has beyond its inner message: 16, or 32 when sealed.
  virtual size_t overhead_bytes() const = 0;
  // Writes outer header, sealed inner message and tag to `out` (inner.bytes() + overhead_bytes() of room) in
  // one pass. Returns the length, 0 if OpenSSL fails. A piece may lie where it will be sealed (the first one
  // from out + kOuterBytes on), and must not overlap `out` otherwise.
  virtual size_t Write(const InnerPieces& inner, uint8_t* out) = 0;
  size_t Write(const uint8_t* inner, size_t inner_bytes, uint8_t* out) {
    return Write(InnerPieces{inner, inner_bytes}, out);
  }
  // As Write, but for many receivers, of which each may get the datagram at another time, early or late among
  // others. It goes out under a boot id of its own, whose counters no receiver checks for replay: only what
  // does no harm when it comes twice may be sent so. What WriteShared wrote may be sent for as long as
  // Current says: receivers hold keys of the last two epochs.
  virtual size_t WriteShared(const InnerPieces& inner, uint8_t* out) = 0;
  size_t WriteShared(const uint8_t* inner, size_t inner_bytes, uint8_t* out) {
    return WriteShared(InnerPieces{inner, inner_bytes}, out);
  }
  virtual bool Current(const uint8_t* shared_datagram) const = 0;
  // A boot was heard from an address: of its senders, where nobody but they themselves can say it.
  virtual void HeardAt(uint64_t boot, const Address& from) = 0;
  // True for a datagram that claims a boot which was heard from another address last: as a rule it is forged.
  virtual bool Elsewhere(const uint8_t* datagram, size_t length, const Address& from) const = 0;
  // Those that are remembered, the most recently heard first; none where nothing is sealed.
  virtual std::vector<KnownSender> KnownSenders() const = 0;
  // As Open, but derives no key, which would cost far more than to open the datagram.
  virtual OpenResult OpenAtHand(const uint8_t* datagram, size_t length, Opened* out) = 0;
  // Opens one datagram. State for a sender (bounded) is kept only once one of its datagrams was genuine.
  virtual OpenResult Open(const uint8_t* datagram, size_t length, Micros now, Opened* out) = 0;
};

}  // namespace murky::rain

#endif  // MURKY_RAIN_SEAL_H_
