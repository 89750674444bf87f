// What junk may cost: derivations of keys for unknown senders are bounded for each peer and for all.
#include "rain/strangers.h"

#include "rain/engine_harness.h"

namespace murky::rain {
namespace {

std::unique_ptr<Seal> SealWithKeys(const std::vector<ClusterKey>& keys, Random& random) {
  std::string error;
  return Seal::Make(keys, random, &error);
}

const ClusterKey kKey(32, 5);
const ClusterKey kNextKey(32, 6);

// A sealed engine, and members that seal with its key.
struct SealedServer : DatagramSink {
  explicit SealedServer(const std::vector<ClusterKey>& keys = {kKey})
      : engine({}, SealWithKeys(keys, random), random, *this, host, now) {}
  void Send(const Address&, const uint8_t*, size_t) override { answers++; }
  void Receive(const Address& from, std::vector<uint8_t> datagram) {
    engine.OnDatagram(from, datagram.data(), datagram.size(), now);
  }
  SeededRandom random{1};
  Micros now = 1'000'000;
  EngineHarness host;
  int answers = 0;
  Engine engine;
};

std::vector<uint8_t> Junk(SeededRandom& random) {
  std::vector<uint8_t> junk(1392);
  for (uint8_t& byte : junk) byte = static_cast<uint8_t>(random.Next());
  WriteOuter({kWireVersion, SealScheme::kAes128Gcm, random.Next() >> 16, random.Next()}, junk.data());
  return junk;
}

struct Member {
  explicit Member(uint64_t seed) : random(seed), seal(SealWithKeys({kKey}, random)) {}
  std::vector<uint8_t> Asks() {
    uint8_t inner[kMaxInnerBytes];
    const size_t bytes = WriteSubscribe(EngineHarness().Wanting({}), inner);
    std::vector<uint8_t> datagram(bytes + seal->overhead_bytes());
    CHECK_EQ(seal->Write(inner, bytes, datagram.data()), datagram.size());
    return datagram;
  }
  SeededRandom random;
  std::unique_ptr<Seal> seal;
};

TEST(JunkIsTriedWithinABudgetAndShutsOutNobodyElse) {
  SealedServer server;
  SeededRandom random(2);
  Member known(3), fresh(4);
  server.Receive(At(9), known.Asks());
  CHECK_EQ(server.answers, 1);
  for (int i = 0; i < 200'000; i++) {  // one second from one peer
    server.now += 5;
    server.Receive(At(66, static_cast<uint16_t>(i)), Junk(random));
  }
  const EngineCounters counters = server.engine.counters();
  CHECK(counters.dropped_forged <= 150);  // 100 a second, and the burst
  CHECK_EQ(counters.dropped_forged + counters.dropped_strangers, 200'000u);
  server.Receive(At(8), fresh.Asks());
  server.Receive(At(9), known.Asks());
  CHECK_EQ(server.answers, 3);
}

TEST(JunkFromEverywhereIsTriedWithinTheBudgetOfAllAndKnownSendersAreHeard) {
  SealedServer server;
  SeededRandom random(2);
  Member known(3);
  server.Receive(At(9), known.Asks());
  for (int i = 0; i < 200'000; i++) {
    server.now += 5;
    Address from = At(1);
    const uint64_t bits = random.Next();
    for (size_t j = 0; j < 4; j++) from.ip[12 + j] = static_cast<uint8_t>(bits >> 8 * j);
    server.Receive(from, Junk(random));
    if (i % 20'000 == 0) server.Receive(At(9), known.Asks());
  }
  CHECK(server.engine.counters().dropped_forged <= 11'000);  // 10,000 a second, and the burst
  CHECK_EQ(server.answers, 11);
}

TEST(AJunkSenderWithAKnownBootGetsNoDerivationsForNothing) {
  SealedServer server;
  SeededRandom random(2);
  Member known(3);
  server.Receive(At(9), known.Asks());
  for (int i = 0; i < 100'000; i++) {  // other epochs of a boot that was overheard
    server.now += 5;
    std::vector<uint8_t> junk = Junk(random);
    WriteOuter({kWireVersion, SealScheme::kAes128Gcm, random.Next() >> 16, known.seal->boot()}, junk.data());
    server.Receive(At(66), junk);
  }
  CHECK(server.engine.counters().dropped_forged <= 150);
  server.Receive(At(9), known.Asks());
  CHECK_EQ(server.answers, 2);
}

// Headers that were overheard, sent from elsewhere: the tag of each would have to be looked at.
TEST(WhoSpeaksAsAKnownSenderFromElsewhereIsAStranger) {
  SealedServer server;
  SeededRandom random(2);
  Member known(3);
  server.Receive(At(9), known.Asks());
  for (int i = 0; i < 100'000; i++) {
    server.now += 5;
    std::vector<uint8_t> junk = Junk(random);
    WriteOuter({kWireVersion, SealScheme::kAes128Gcm, static_cast<uint64_t>(1 + i), known.seal->boot()},
               junk.data());
    server.Receive(At(66), junk);
  }
  CHECK(server.engine.counters().dropped_forged <= 150);
  server.Receive(At(9), known.Asks());
  CHECK_EQ(server.answers, 2);
  // It moves, as behind a NAT that chose another port, and is heard there, and no budget is spent for it.
  for (int i = 0; i < 100; i++) server.Receive(At(10 + i % 2), known.Asks());
  CHECK_EQ(server.answers, 102);
}

// While a cluster changes its key each datagram might be sealed with the other one.
TEST(ForgeriesOfAKnownSenderAreTriedWithOtherKeysWithinTheBudget) {
  SealedServer server({kKey, kNextKey});
  SeededRandom random(2);
  Member known(3);
  server.Receive(At(9), known.Asks());
  for (int i = 0; i < 100'000; i++) {
    server.now += 5;
    std::vector<uint8_t> junk = Junk(random);
    const auto counter = static_cast<uint64_t>(1 + i);
    WriteOuter({kWireVersion, SealScheme::kAes128Gcm, counter, known.seal->boot()}, junk.data());
    server.Receive(At(66), junk);
  }
  CHECK(server.engine.counters().dropped_forged <= 150);
  std::string error;
  CHECK(known.seal->ReplaceKeys({kNextKey}, &error));
  server.Receive(At(9), known.Asks());
  CHECK_EQ(server.answers, 2);
}

TEST(AFleetThatStartsAtOnceIsHeard) {
  SealedServer server;
  for (int i = 0; i < 500; i++)
    server.Receive(At(1 + i % 200, static_cast<uint16_t>(i)), Member(10 + i).Asks());
  CHECK_EQ(server.answers, 500);
}

}  // namespace
}  // namespace murky::rain
