// The kernel's filter on real sockets, and when a loop puts it on.
#include "rain/junk_filter.h"

#include <poll.h>

#include <chrono>

#include "rain/engine_harness.h"
#include "rain/flood_guard.h"
#include "testing/loop_node.h"

namespace murky::rain {
namespace {

using testing::Loopback;
using testing::Node;
using Bytes = std::vector<uint8_t>;

Address Host(const char* host) {
  Address address;
  CHECK(Address::Parse(host, 0, &address));
  return address;
}

// What it sends is not joined: the kernel would count that as one.
std::unique_ptr<UdpSocket> Bound(const Address& bind) {
  Failure failure;
  auto socket = UdpSocket::Open(bind, SocketKind::kBatched, &failure);
  CHECK_EQ(failure.sentence, "");
  return socket;
}

// As long as the shortest that is sealed, unless told otherwise.
Bytes WithHeader(SealScheme scheme, uint64_t boot, size_t bytes = kOuterBytes + kTagBytes) {
  Bytes datagram(std::max(bytes, kOuterBytes));
  WriteOuter({kWireVersion, scheme, 7, boot}, datagram.data());
  datagram.resize(bytes);
  return datagram;
}

// A receiver with a filter, and senders to it.
struct Filtered {
  explicit Filtered(const Address& at = Loopback()) : socket(Bound(at)) {}
  // Whether the kernel lets it through: one behind it, which it always does, tells when all has come.
  bool Passes(UdpSocket& sender, const Bytes& datagram, const JunkFilter& filter) {
    CHECK(AttachJunkFilter(socket->fd(), filter));
    Address to = socket->local();
    if (to.is_unspecified()) to = Host("127.0.0.1"), to.port = socket->local().port;
    sender.Send(to, datagram.data(), datagram.size());
    sender.Flush();
    DetachJunkFilter(socket->fd());
    const Bytes last = {0xff};
    sender.Send(to, last.data(), last.size());
    sender.Flush();
    bool passed = false;
    for (bool ended = false; !ended;) {
      pollfd waiting = {socket->fd(), POLLIN, 0};
      CHECK_EQ(poll(&waiting, 1, 5000), 1);
      socket->Receive([&](const Address&, const uint8_t* bytes, size_t length) {
        (Bytes(bytes, bytes + length) == last ? ended : passed) = true;
      });
    }
    return passed;
  }
  std::unique_ptr<UdpSocket> socket;
};

JunkFilter Sealed(uint32_t shut = 0, std::vector<KnownSender> known = {}) {
  JunkFilter filter;
  filter.sealed = true;
  filter.salt = 0x9e3779b1;
  filter.shut = shut;
  filter.known = std::move(known);
  return filter;
}

}  // namespace

#if defined(__linux__)

TEST(junk_filter_refuses_what_is_not_spoken_here) {
  Filtered receiver;
  const auto sender = Bound(Loopback());
  const auto passes = [&](const JunkFilter& filter, const Bytes& datagram) {
    return receiver.Passes(*sender, datagram, filter);
  };
  JunkFilter clear;
  for (const SealScheme scheme : {SealScheme::kNone, SealScheme::kAes128Gcm, SealScheme::kAes128GcmShared}) {
    CHECK_EQ(passes(clear, WithHeader(scheme, 5)), scheme == SealScheme::kNone);
    CHECK_EQ(passes(Sealed(), WithHeader(scheme, 5)), scheme != SealScheme::kNone);
  }
  CHECK(!passes(Sealed(), WithHeader(static_cast<SealScheme>(3), 5)));
  CHECK(!passes(Sealed(), WithHeader(SealScheme::kAes128Gcm, 5, 31)));
  CHECK(passes(clear, WithHeader(SealScheme::kNone, 5, 16)));
  CHECK(!passes(clear, WithHeader(SealScheme::kNone, 5, 15)));
  CHECK(passes(Sealed(), WithHeader(SealScheme::kAes128Gcm, 5, kMaxDatagramBytes)));
  Bytes next_version = WithHeader(SealScheme::kAes128Gcm, 5, 100);
  next_version[0] = 2;
  CHECK(!passes(Sealed(), next_version));
  CHECK(!passes(Sealed(), {1}));
}

TEST(junk_filter_passes_known_senders_of_a_shut_place_alone) {
  Filtered receiver;
  const auto sender = Bound(Loopback());
  SeededRandom random(5);
  for (const size_t count : {0u, 1u, 8u, 9u, 100u, 512u}) {
    std::vector<KnownSender> known(count);
    for (KnownSender& each : known) each = {random.Next(), sender->local()};
    const JunkFilter filter = Sealed(0xffffffff, known);
    const auto passes = [&](uint64_t boot) {
      return receiver.Passes(*sender, WithHeader(SealScheme::kAes128Gcm, boot), filter);
    };
    for (const KnownSender& each : known) CHECK(passes(each.boot));
    for (int i = 0; i < 20; i++) CHECK(!passes(random.Next()));
    for (const KnownSender& each : known) CHECK(!passes(each.boot + 1));
  }
}

TEST(junk_filter_lists_no_more_than_the_first) {
  Filtered receiver;
  const auto sender = Bound(Loopback());
  std::vector<KnownSender> known(kMaxListedSenders + 1);
  for (size_t i = 0; i < known.size(); i++) known[i] = {i * 1000, sender->local()};
  const JunkFilter filter = Sealed(0xffffffff, known);
  const auto passes = [&](const KnownSender& each) {
    return receiver.Passes(*sender, WithHeader(SealScheme::kAes128Gcm, each.boot), filter);
  };
  CHECK(passes(known[known.size() - 2]));
  CHECK(!passes(known.back()));
}

TEST(junk_filter_takes_who_speaks_as_another_for_a_stranger) {
  for (const char* host : {"127.0.0.7", "::1"}) {
    Filtered receiver(Host(host));
    const auto sender = Bound(Host(host)), other = Bound(Host(host));
    const JunkFilter filter = Sealed(0xffffffff, {{5, sender->local()}});
    const Bytes datagram = WithHeader(SealScheme::kAes128Gcm, 5);
    CHECK(receiver.Passes(*sender, datagram, filter));
    CHECK(!receiver.Passes(*other, datagram, filter));
  }
}

TEST(junk_filter_finds_a_senders_place_as_the_kernel_does) {
  std::vector<std::pair<Address, Address>> pairs;  // who sends, and to whom
  for (int host = 1; host < 40; host++)
    pairs.emplace_back(Host(("127.0.0." + std::to_string(host)).c_str()), Loopback());
  pairs.emplace_back(Host("127.0.0.9"), Host("::"));
  pairs.emplace_back(Host("::1"), Host("::1"));
  for (const auto& [from, at] : pairs) {
    Filtered receiver(at);
    const auto sender = Bound(from);
    const Bytes stranger = WithHeader(SealScheme::kAes128GcmShared, 5);
    const uint32_t place = uint32_t{1} << FilterPlaceOf(sender->local(), Sealed().salt);
    CHECK(!receiver.Passes(*sender, stranger, Sealed(place)));
    CHECK(receiver.Passes(*sender, stranger, Sealed(~place)));
  }
}

TEST(flood_guard_filters_a_flood_for_a_second_and_lets_less_be) {
  const auto socket = Bound(Loopback());
  SeededRandom random(3);
  EngineHarness node({}, 1, {ClusterKey(32, 5)});
  FloodGuard guard(socket->fd(), random);
  Micros now = 1'000'000;
  const auto junk = [&](Micros time, Micros apart) {
    for (const Micros until = now + time; now < until; now += apart) {
      guard.Junk(At(9), now);
      guard.OnTime(*node.engine, now);
    }
  };
  junk(500'000, 100);  // 10,000 a second
  CHECK(!guard.filtering());
  junk(2 * kFloodWatch, 10);
  CHECK(guard.filtering());
  const Micros due = guard.OnTime(*node.engine, now);
  CHECK(due > now && due <= now + kFilterTime);
  CHECK_EQ(guard.OnTime(*node.engine, due), kNever);
  CHECK(!guard.filtering());
}

// Floods until the kernel refuses, in waves that are waited for: then nothing is dropped for want of room. A
// client at the flooder's address that was heard before goes on, and nothing of it is refused; strangers from
// there are heard when it is over.
TEST(loop_has_the_kernel_refuse_a_flood) {
  LoopOptions options;
  options.cluster_keys = {Bytes(32, 3)};
  Node target(options), known(options), late(options);
  testing::CheckFetch(known, {target.loop->local()}, 1);
  const auto flooder = Bound(Loopback());
  SystemRandom random;
  LoopCounters counters = target.loop->Counters();
  const uint64_t before = counters.engine.datagrams_in;
  const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  for (uint64_t sent = 0; counters.kernel_dropped < 1000 && std::chrono::steady_clock::now() < end;) {
    for (int i = 0; i < 100; i++, sent++) {
      const Bytes junk = WithHeader(SealScheme::kAes128Gcm, random.Next(), 200);
      flooder->Send(target.loop->local(), junk.data(), junk.size());
    }
    flooder->Flush();
    do {
      counters = target.loop->Counters();
    } while (counters.engine.datagrams_in - before + counters.kernel_dropped < sent &&
             std::chrono::steady_clock::now() < end);
  }
  CHECK(counters.kernel_dropped >= 1000);
  testing::CheckFetch(known, {target.loop->local()}, 3);
  CHECK_EQ(target.loop->Counters().kernel_dropped, counters.kernel_dropped);
  testing::CheckFetch(late, {target.loop->local()}, 1);
}

#endif

}  // namespace murky::rain
