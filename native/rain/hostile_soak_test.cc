// Datagrams that are replayed, reordered, cut, lengthened and changed, against a sealed server in virtual
// time: none is accepted, and the memory stays as it is. `npm run soak:hostile` sends MURKY_SOAK_DATAGRAMS of
// them.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

#include "rain/engine_harness.h"

namespace murky::rain {
namespace {

constexpr uint64_t kShortSoak = 100'000;
constexpr uint64_t kSteps = 10;  // the memory is looked at so many times

size_t ResidentBytes() {
  std::ifstream statm("/proc/self/statm");
  size_t total = 0, resident = 0;
  statm >> total >> resident;
  return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

std::unique_ptr<Seal> SealWithKey(Random& random) {
  std::string error;
  return Seal::Make({ClusterKey(32, 5)}, random, &error);
}

struct Silent : DatagramSink {
  void Send(const Address&, const uint8_t*, size_t) override { sent++; }
  uint64_t sent = 0;
};

class Soak {
 public:
  Soak() : member_(SealWithKey(random_)), server_({}, SealWithKey(random_), random_, answers_, host_, now_) {}

  // One datagram that a member wrote; it is accepted.
  void Genuine() {
    std::vector<uint8_t> datagram = Written();
    const uint64_t refused = Refused();
    Receive(datagram);
    CHECK_EQ(Refused(), refused);
    seen_[seen_count_++ % kSeen] = std::move(datagram);
  }

  // One that a member wrote and that never arrives as it was: what is made of it is new to the server.
  void Lost() { lost_[lost_count_++ % kLost] = Written(); }

  // Half of the old ones were heard, half were not and come for the first time when they are too old. So many
  // more are written that the window is beyond all of them.
  void GrowOld() {
    for (std::vector<uint8_t>& old : old_) {
      old = Written();
      if (&old - old_ < static_cast<ptrdiff_t>(kOld / 2)) Receive(old);
    }
    for (size_t i = 0; i < kReplayWindowCounters; i++) Written();
  }

  // One that no member wrote, or that was heard before, made of one that was written.
  void Hostile() {
    const bool again = random_.Next() % 4 == 0;
    const bool old = random_.Next() % 4 == 0;
    const bool heard = again || random_.Next() % 2 == 0;
    const std::vector<uint8_t>* from = old ? old_ : heard ? seen_ : lost_;
    const uint64_t known = old     ? kOld
                           : heard ? std::min<uint64_t>(seen_count_, kSeen)
                                   : std::min<uint64_t>(lost_count_, kLost);
    std::vector<uint8_t> datagram = from[random_.Next() % known];
    if (!again) Change(&datagram);
    const uint64_t refused = Refused();
    const uint64_t replayed = counters().dropped_replayed;
    Receive(datagram);
    CHECK_EQ(Refused(), refused + 1);
    if (again) CHECK_EQ(counters().dropped_replayed, replayed + 1);
    if (again && old) too_old_++;
  }

  const EngineCounters& counters() const { return server_.counters(); }
  // Datagrams as they were written, from before the window: only their age tells half of them.
  uint64_t too_old() const { return too_old_; }

 private:
  static constexpr size_t kSeen = 64;
  static constexpr size_t kLost = 16;
  static constexpr size_t kOld = 64;

  // Cut, longer, or with other bits.
  void Change(std::vector<uint8_t>* datagram) {
    switch (random_.Next() % 4) {
      case 0:
        return datagram->resize(random_.Next() % datagram->size());
      case 1:
        return datagram->resize(datagram->size() + 1 + random_.Next() % 64,
                                static_cast<uint8_t>(random_.Next()));
      default:
        // In order, so that no flip undoes another.
        uint64_t bit = random_.Next() % (datagram->size() * 8);
        for (uint64_t flips = 1 + random_.Next() % 3; flips > 0 && bit < datagram->size() * 8; flips--) {
          (*datagram)[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
          bit += 1 + random_.Next() % 64;
        }
    }
  }

  // A sealed datagram of any kind and length.
  std::vector<uint8_t> Written() {
    uint8_t inner[kMaxDatagramBytes];
    size_t bytes = 0;
    switch (random_.Next() % 5) {
      case 0:
        bytes = WriteSubscribe(host_.Wanting({{1, 0, 0, 10}}), inner);
        break;
      case 1:
        bytes = WriteUnsubscribe({7}, inner);
        break;
      case 2: {
        Request request;
        request.id = random_.Next();
        request.payload = inner + 1000;
        request.payload_bytes = random_.Next() % 200;
        uint8_t payload[200] = {};
        request.payload = payload;
        bytes = WriteRequest(request, inner);
        break;
      }
      case 3:
        bytes = WriteRefuse({RefuseReason::kBusy, 7, 0}, inner);
        break;
      default:
        WriteSymbolHeader({}, inner);
        bytes = kSymbolHeaderBytes + 64 * (1 + random_.Next() % 21);
    }
    std::vector<uint8_t> datagram(bytes + member_->overhead_bytes());
    CHECK_EQ(member_->Write(inner, bytes, datagram.data()), datagram.size());
    return datagram;
  }

  void Receive(const std::vector<uint8_t>& datagram) {
    server_.OnDatagram(At(2), datagram.data(), datagram.size(), now_);
    now_ += 20;
    if (now_ % 10'000 == 0) server_.OnTime(now_);
  }
  // Datagrams that did not get beyond the seal.
  uint64_t Refused() const {
    const EngineCounters& all = server_.counters();
    return all.dropped_too_short + all.dropped_version + all.dropped_scheme + all.dropped_forged +
           all.dropped_replayed + all.dropped_strangers;
  }

  SeededRandom random_{11};
  Micros now_ = 1'000'000;
  EngineHarness host_;
  Silent answers_;
  std::unique_ptr<Seal> member_;
  Engine server_;
  std::vector<uint8_t> seen_[kSeen];
  uint64_t seen_count_ = 0;
  std::vector<uint8_t> lost_[kLost];
  uint64_t lost_count_ = 0;
  std::vector<uint8_t> old_[kOld];
  uint64_t too_old_ = 0;
};

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kFreedMemoryIsKept = true;  // AddressSanitizer's quarantine
#else
constexpr bool kFreedMemoryIsKept = false;
#endif

TEST(HostileSoakAcceptsNothingAndKeepsItsMemory) {
  const char* wanted = std::getenv("MURKY_SOAK_DATAGRAMS");
  const uint64_t count = wanted ? std::strtoull(wanted, nullptr, 10) : kShortSoak;
  Soak soak;
  soak.GrowOld();
  for (int i = 0; i < 64; i++) soak.Genuine();
  for (int i = 0; i < 16; i++) soak.Lost();
  size_t first = 0, last = 0;
  for (uint64_t step = 0; step < kSteps; step++) {
    for (uint64_t i = 0; i < count / kSteps; i++) {
      soak.Hostile();
      if (i % 1000 == 0) soak.Genuine();  // members are heard all the while
      if (i % 100 == 0) soak.Lost();
    }
    last = ResidentBytes();
    if (step == 0) first = last;
    if (wanted) {
      std::printf("%llu datagrams, resident %.1f MiB\n",
                  static_cast<unsigned long long>((step + 1) * (count / kSteps)),
                  static_cast<double>(last) / (1 << 20));
    }
  }
  CHECK(soak.too_old() > count / 20);
  CHECK(kFreedMemoryIsKept || last <= first + (4u << 20));
  if (!wanted) return;
  const EngineCounters all = soak.counters();
  std::printf(
      "forged %llu, replayed %llu, of them too old %llu, too short %llu, other version %llu, other scheme "
      "%llu, strangers %llu; "
      "accepted 0\n",
      static_cast<unsigned long long>(all.dropped_forged),
      static_cast<unsigned long long>(all.dropped_replayed), static_cast<unsigned long long>(soak.too_old()),
      static_cast<unsigned long long>(all.dropped_too_short),
      static_cast<unsigned long long>(all.dropped_version),
      static_cast<unsigned long long>(all.dropped_scheme),
      static_cast<unsigned long long>(all.dropped_strangers));
}

}  // namespace
}  // namespace murky::rain
