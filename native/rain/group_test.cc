// One multicast group on the simulated network: what leaves the server once, and who gets the rest how.
#include "rain/engine_harness.h"
#include "rain/shared_streams.h"
#include "rain/subscriptions.h"
#include "testing/check.h"
#include "testing/sim_crowd.h"

namespace murky::rain {
namespace {

using testing::Crowd;
using testing::kCrowdBlockBytes;

EngineLimits WithGroup(uint64_t bits_per_second = 50'000'000) {
  EngineLimits limits;
  CHECK(Address::Parse("239.1.2.3", 1981, &limits.group));
  limits.group_rate_bits_per_second = bits_per_second;
  return limits;
}

// What left the server, in copies of the object.
double Copies(const Crowd& crowd, uint32_t blocks) {
  return static_cast<double>(crowd.server.engine->counters().bytes_out) / (blocks * double{kCrowdBlockBytes});
}

TEST(AGroupOfReadersCostsTheServerLittleMoreThanOneCopy) {
  constexpr uint32_t kBlocks = 96;  // 24 MiB
  for (const double loss : {0.0, 0.05}) {
    Crowd alone;
    for (int i = 0; i < 8; i++) alone.Add(100e6, loss);
    alone.Run(kBlocks);
    CHECK(Copies(alone, kBlocks) > 8);
    Crowd crowd(WithGroup());
    for (int i = 0; i < 8; i++) crowd.Add(100e6, loss);
    crowd.Run(kBlocks);
    const EngineCounters& server = crowd.server.engine->counters();
    CHECK(Copies(crowd, kBlocks) < 2);
    CHECK_EQ(server.blocks_asked, kBlocks);
  }
}

// Each is served by itself until it listens: of a short object that is most of what leaves the server.
TEST(SixtyFourReadersOfAGroupCostTheServerAFewCopies) {
  constexpr uint32_t kBlocks = 64;  // 16 MiB
  Crowd crowd(WithGroup());
  for (int i = 0; i < 64; i++) crowd.Add(100e6, 0.05);
  crowd.Run(kBlocks);
  const EngineCounters& server = crowd.server.engine->counters();
  CHECK(Copies(crowd, kBlocks) < 6);
  CHECK_EQ(server.blocks_asked, kBlocks);
  CHECK_EQ(server.blocks_encoded, kBlocks);
  CHECK(server.symbols_sealed < server.symbols_sent / 2);
}

// They begin at different times: each takes what is poured from where it is, and the rest by unicast.
TEST(LateReadersJoinTheGroupAndGetTheWholeToo) {
  constexpr uint32_t kBlocks = 64;
  Crowd crowd(WithGroup(20'000'000));
  for (int i = 0; i < 6; i++) crowd.Add(100e6, 0.01);
  crowd.Run(kBlocks, 150'000);
  CHECK(Copies(crowd, kBlocks) < 4);
  for (const auto& reader : crowd.readers) CHECK(reader->engine->counters().group_symbols_received > 0);
}

// 50 Mbit/s do not go through 10: it leaves the group, is served by unicast, and slows nobody.
TEST(AReaderBehindANarrowLinkLeavesTheGroup) {
  constexpr uint32_t kBlocks = 64;
  Crowd crowd(WithGroup());
  for (int i = 0; i < 4; i++) crowd.Add(100e6, 0);
  const auto* narrow = crowd.Add(10e6, 0);
  crowd.Run(kBlocks);
  const double seconds = static_cast<double>(narrow->done_at) / 1e6;
  const double alone = kBlocks * kCrowdBlockBytes * 8 / 10e6;
  CHECK(seconds < 1.25 * alone);
  for (int i = 0; i < 4; i++) CHECK(crowd.readers[i]->done_at < narrow->done_at / 2);
  CHECK(narrow->engine->counters().group_symbols_received < narrow->engine->counters().symbols_received / 4);
}

TEST(TheGroupKeepsToItsRateAndToTheLimitOfAll) {
  for (const bool total : {false, true}) {
    EngineLimits limits = WithGroup(total ? 50'000'000 : 8'000'000);
    if (total) limits.max_rate_bits_per_second = 20'000'000;
    EngineHarness server(limits);
    server.block_bytes = 192'000;
    std::vector<Token> tokens;
    for (int i = 0; i < 3; i++) tokens.push_back(server.TokenFor(At(2 + i)));
    for (int i = 0; i < 3; i++) {
      server.Receive(At(2 + i), server.Wanting({{1, 0, 0, 1}}, 1, tokens[i]));
      server.Receive(At(2 + i), Listen{7, 0, 1'000'000});
    }
    server.sent.clear();
    for (int i = 0; i < 900; i++) server.Pass(1'000);  // blocks are provided in between
    double bits = 0;
    for (const Sent& one : server.sent) {
      if (one.to == limits.group) bits += static_cast<double>(one.datagram.size() + 8) * 8;
    }
    const double rate = bits / 0.9;
    const double most = total ? 20e6 : 8e6;
    CHECK(rate < 1.05 * most);
    CHECK(rate > 0.8 * most);
    server.sent.clear();
    server.Pass(1'000'000);  // nobody says any more that it listens
    server.sent.clear();
    server.Pass(1'000'000);
    CHECK(server.sent.empty());
  }
}

// Those of one subnet are one peer where IPv6 is spoken, but not one listener.
TEST(ItIsPouredForTwoMachinesOfOneSubnet) {
  EngineHarness server(WithGroup());
  for (const char* host : {"fd00::2", "fd00::3"}) {
    Address address;
    CHECK(Address::Parse(host, 1980, &address));
    server.Receive(address, server.Wanting({{1, 0, 0, 1}}, 1, server.TokenFor(address)));
    server.Receive(address, Listen{7, 0, 100});
  }
  server.Pass(100'000);
  CHECK(server.engine->counters().group_symbols_sent > 0);
}

TEST(NothingIsPouredForOneOrForWhoProvedNothing) {
  EngineHarness server(WithGroup());
  const Token token = server.TokenFor(At(2));
  server.Receive(At(2), server.Wanting({{1, 0, 0, 1}}, 1, token));
  server.Receive(At(2), Listen{7, 0, 100});
  for (int i = 0; i < 3; i++) server.Receive(At(3 + i), Listen{7, 0, 100});
  Subscribe second = server.Wanting({{1, 0, 0, 1}}, 1, token);  // another fetch of the same one
  second.fetch = 8;
  server.Receive(At(2), second);
  server.Receive(At(2), Listen{8, 0, 100});
  server.Pass(1'000'000);
  for (const Sent& one : server.sent) CHECK(one.to == At(2));
  CHECK_EQ(server.engine->counters().group_symbols_sent, 0u);
}

TEST(OnlySymbolsOfAnOpenFetchAreTakenFromTheGroup) {
  EngineHarness client(WithGroup());
  FetchSpec spec;
  spec.resource = 99;
  spec.symbol_bytes = 64;
  spec.servers = {At(1)};
  const uint32_t fetch = client.engine->OpenFetch(spec, client.now);
  CHECK(client.engine->Want(fetch, 0, 6400, client.now));
  CHECK(!client.engine->listening(client.now));  // for so little
  std::string error;
  SeededRandom random(7);
  const auto seal = Seal::Make({}, random, &error);
  uint8_t inner[kMaxInnerBytes] = {};
  const auto send = [&](const Address& from, size_t inner_bytes) {
    std::vector<uint8_t> datagram(inner_bytes + seal->overhead_bytes());
    seal->WriteShared(inner, inner_bytes, datagram.data());
    return client.engine->OnGroupDatagram(from, datagram.data(), datagram.size(), client.now);
  };
  const EngineCounters& counters = client.engine->counters();
  CHECK(!send(At(1), WriteSubscribe(client.Wanting({{1, 0, 0, 1}}), inner)));
  CHECK_EQ(counters.dropped_malformed, 1u);
  CHECK_EQ(counters.subscriptions_started, 0u);
  CHECK(client.Take(MessageType::kToken).empty());
  const auto symbol = [&](uint64_t stream, uint32_t esi) {
    WriteSharedHeader({stream, esi, 0}, inner);
    return kSymbolHeaderBytes + 64;
  };
  const uint64_t stream = StreamId(99, Version{});
  std::fill(std::begin(inner), std::end(inner), uint8_t{0});
  CHECK(send(At(1), symbol(stream + 1, kFirstGroupEsi)));
  CHECK(send(At(9), symbol(stream, kFirstGroupEsi)));  // nobody that was asked
  CHECK_EQ(counters.dropped_unknown, 2u);
  CHECK_EQ(counters.group_symbols_received, 0u);
  for (uint32_t i = 0; i < 130; i++) CHECK(send(At(1), symbol(stream, kFirstGroupEsi + i)));
  CHECK_EQ(client.decoded.size(), 1u);
  client.engine->CloseFetch(fetch, client.now);
  send(At(1), symbol(stream, kFirstGroupEsi));
  CHECK_EQ(counters.dropped_unknown, 3u);
}

}  // namespace
}  // namespace murky::rain
