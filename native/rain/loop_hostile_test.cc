// A million mutated datagrams through a real socket; the loop must go on serving. The seed is fixed, so a
// failure can be had again.
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <random>

#include "testing/check.h"
#include "testing/loop_node.h"

namespace murky::rain {

namespace {

using testing::Loopback;
using testing::Node;
using Bytes = std::vector<uint8_t>;
using Keys = std::vector<ClusterKey>;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr uint64_t kDatagrams = 100'000;  // each takes ten times as long there
#else
constexpr uint64_t kDatagrams = 1'000'000;
#endif
constexpr size_t kPause = 100;  // datagrams sent before the loop is waited for: few enough for small buffers

class Attacker {
 public:
  Attacker(Node& target, const Keys& keys, uint64_t seed) : target_(target), random_(seed) {
    std::string error;
    Failure failure;
    seal_ = Seal::Make(keys, system_random_, &error);
    CHECK_EQ(error, "");
    socket_ = UdpSocket::Open(Loopback(), SocketKind::kSegmented, &failure);
    CHECK_EQ(failure.sentence, "");
  }

  // What came to the attacker first of a type.
  Bytes AwaitInner(MessageType wanted) {
    for (int i = 0; i < 100; i++) {
      Bytes found;
      pollfd waiting = {socket_->fd(), POLLIN, 0};
      if (poll(&waiting, 1, 100) <= 0) continue;
      socket_->Receive([&](const Address&, const uint8_t* bytes, size_t length) {
        Opened opened;
        MessageType type;
        if (seal_->Open(bytes, length, 0, &opened) != OpenResult::kOk) return;
        if (!ParseType(opened.inner, opened.inner_bytes, &type) || type != wanted) return;
        found.assign(opened.inner, opened.inner + opened.inner_bytes);
      });
      if (!found.empty()) return found;
    }
    testing::Fail(__FILE__, __LINE__, "nothing came to the attacker");
  }

  void SendInner(const Bytes& inner) {
    Bytes datagram(inner.size() + seal_->overhead_bytes());
    const size_t length = seal_->Write(inner.data(), inner.size(), datagram.data());
    socket_->Send(target_.loop->local(), datagram.data(), length);
  }

  // Half of them spoiled before they are sealed, as by a hostile member; half after, as by a stranger.
  void SendMutated(const std::vector<Bytes>& inners) {
    const Bytes& inner = inners[random_() % inners.size()];
    if (random_() % 2) {
      SendInner(Mutated(inner));
      return;
    }
    Bytes datagram(inner.size() + seal_->overhead_bytes());
    seal_->Write(inner.data(), inner.size(), datagram.data());
    const Bytes spoiled = Mutated(datagram);
    socket_->Send(target_.loop->local(), spoiled.data(), spoiled.size());
  }

  void Flood(const std::vector<Bytes>& inners, uint64_t count) {
    const uint64_t start = Arrived();
    uint64_t arrived = 0;
    while (arrived < count) {
      for (size_t i = 0; i < kPause; i++) SendMutated(inners);
      socket_->Flush();
      socket_->Receive([](const Address&, const uint8_t*, size_t) {});  // what comes back is not looked at
      arrived = Arrived() - start;
    }
  }

  void Flush() { socket_->Flush(); }
  const Address& address() const { return socket_->local(); }

 private:
  Bytes Mutated(const Bytes& bytes) {
    Bytes mutated = bytes;
    switch (random_() % 8) {
      case 0:
        mutated.resize(random_() % (bytes.size() + 1));
        break;
      case 1:
        mutated.resize(bytes.size() + 1 + random_() % 80);
        break;
      default:
        break;
    }
    constexpr uint8_t kTelling[] = {0, 1, 0x7f, 0x80, 0xff};
    for (size_t i = random_() % 4; i > 0 && !mutated.empty(); i--) {
      const size_t at = random_() % std::min<size_t>(mutated.size(), 90);  // where the headers are
      mutated[at] = random_() % 2 ? kTelling[random_() % 5] : static_cast<uint8_t>(random_());
    }
    return mutated;
  }

  uint64_t Arrived() { return target_.loop->Counters().engine.datagrams_in; }

  Node& target_;
  std::mt19937_64 random_;
  SystemRandom system_random_;
  std::unique_ptr<Seal> seal_;
  std::unique_ptr<UdpSocket> socket_;
};

// Well-formed messages of all types that reach as far into the engine as an attacker can.
std::vector<Bytes> Messages(const Token& token, uint16_t fetch) {
  std::vector<Bytes> messages;
  Bytes room(kMaxInnerBytes);
  const auto add = [&](size_t length) { messages.emplace_back(room.begin(), room.begin() + length); };
  Subscribe subscribe;
  subscribe.token = token;
  subscribe.symbol_units = 21;
  subscribe.rate_kbit = 1000;
  for (uint32_t i = 1; i <= 3; i++) {
    subscribe.ranges.push_back({i, i, 0, 20});
    subscribe.fetch = static_cast<uint16_t>(i);
    subscribe.heartbeat = i;
    add(WriteSubscribe(subscribe, room.data()));
  }
  const uint8_t payload[] = {1, 0, 0, 0, 0, 0, 0, 0, 7};
  add(WriteRequest({99, token, payload, sizeof payload}, room.data()));
  add(WriteResponse({1, payload, sizeof payload}, room.data()));
  add(WriteUnsubscribe({1}, room.data()));
  add(WriteRefuse({RefuseReason::kBusy, fetch, 0}, room.data()));
  add(WriteToken({MessageType::kSubscribe, fetch, 0, token}, room.data()));
  for (uint32_t esi : {0u, 5u, 100u}) {
    WriteSymbolHeader({fetch, esi, 0, esi, 0}, room.data());
    add(kSymbolHeaderBytes + 64);
  }
  return messages;
}

void CheckServesAfterFlood(const Keys& keys, uint64_t datagrams, uint64_t seed) {
  LoopOptions options;
  options.cluster_keys = keys;
  options.limits.max_rate_per_peer_bits_per_second = 20'000'000;  // the attacker asks for much
  Node target(options);
  Attacker attacker(target, keys, seed);
  // The attacker is a server of one of the target's fetches, and has a token of its own.
  CHECK(target.loop->Call([&](Engine& engine, Micros now) {
    FetchSpec spec;
    spec.symbol_bytes = 64;
    spec.servers = {attacker.address()};
    CHECK(engine.Want(engine.OpenFetch(spec, now), 0, 64 * 50, now));
  }));
  Subscribe asked;
  const Bytes subscribe = attacker.AwaitInner(MessageType::kSubscribe);
  CHECK(ParseSubscribe(subscribe.data(), subscribe.size(), &asked));
  attacker.SendInner(Messages(Token{}, 1).front());
  attacker.Flush();
  TokenMessage token;
  const Bytes answer = attacker.AwaitInner(MessageType::kToken);
  CHECK(ParseToken(answer.data(), answer.size(), &token));

  attacker.Flood(Messages(token.token, asked.fetch), datagrams);

  const EngineCounters counters = target.loop->Counters().engine;
  CHECK(counters.dropped_malformed > datagrams / 20);
  CHECK(counters.dropped_version > 0 && counters.dropped_scheme > 0 && counters.dropped_too_short > 0);
  CHECK_EQ(counters.dropped_forged > 0, !keys.empty());
  CHECK(counters.symbols_sent > 0);  // some got as far as being served
  Node client(options);
  testing::CheckFetch(client, {target.loop->local()}, 3);
}

}  // namespace

TEST(loop_serves_after_a_flood_of_mutated_datagrams_in_clear) {
  CheckServesAfterFlood({}, kDatagrams / 2, 1980);
}

TEST(loop_serves_after_a_flood_of_mutated_datagrams_sealed) {
  CheckServesAfterFlood({Bytes(32, 3)}, kDatagrams / 2, 2012);
}

// It sleeps 0.2 ms behind each pass that brought nothing else, so twice in that time it waits at most: once
// for that and once for more to come.
TEST(loop_is_not_woken_for_each_datagram_of_junk) {
  LoopOptions options;
  options.cluster_keys = {Bytes(32, 3)};
  Node target(options);
  Failure failure;
  const auto socket = UdpSocket::Open(Loopback(), SocketKind::kSegmented, &failure);
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  const uint64_t waits = target.loop->Counters().waits;
  const Bytes junk(100, 0xee);
  for (int i = 0; i < 5000; i++) {
    socket->Send(target.loop->local(), junk.data(), junk.size());
    socket->Flush();
    for (const auto sent = Clock::now(); Clock::now() - sent < std::chrono::microseconds(20);) {
    }
  }
  const LoopCounters counters = target.loop->Counters();
  const auto spent = std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - start).count();
  CHECK(counters.engine.dropped_version > 0);
  CHECK(static_cast<int64_t>(counters.waits - waits) <= 10 + 2 * spent / 200);
}

}  // namespace murky::rain
