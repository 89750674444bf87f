// The server side of the engine, against a client made by hand.

#include "rain/subscriptions.h"
#include "rain/engine_harness.h"
#include "rain/token.h"

namespace murky::rain {
namespace {

std::vector<uint32_t> Esis(const std::vector<Sent>& symbols) {
  std::vector<uint32_t> esis;
  for (const Sent& one : symbols) {
    SymbolHeader header;
    const uint8_t* symbol;
    size_t bytes;
    CHECK(ParseSymbol(one.inner(), one.inner_bytes(), &header, &symbol, &bytes));
    esis.push_back(header.esi);
  }
  return esis;
}

RefuseReason Refusal(EngineHarness& server) {
  const std::vector<Sent> refusals = server.Take(MessageType::kRefuse);
  CHECK_EQ(refusals.size(), 1u);
  Refuse refuse;
  CHECK(ParseRefuse(refusals[0].inner(), refusals[0].inner_bytes(), &refuse));
  CHECK_EQ(refuse.fetch, 7);
  return refuse.reason;
}

TEST(AForgedAddressGetsNoMoreBytesThanItSent) {
  EngineHarness server;
  size_t received = 0;
  for (int i = 0; i < 100; i++) received += server.Receive(At(9), server.Wanting({{1, 0, 0, 1000}}));
  Request request;
  for (int i = 0; i < 100; i++) received += server.Receive(At(9), request);
  server.Pass(10'000'000);
  size_t sent = 0;
  for (const Sent& one : server.sent) {
    CHECK(one.type() == MessageType::kToken);
    sent += one.datagram.size();
  }
  CHECK(sent > 0);
  CHECK(sent <= received);
  CHECK_EQ(server.engine->counters().subscriptions_started, 0u);
  CHECK(server.needed.empty());
  CHECK(server.requests.empty());
}

TEST(ATokenOfAnotherAddressIsRefused) {
  EngineHarness server;
  const Token token = server.TokenFor(At(2));
  server.Receive(At(3), server.Wanting({{1, 0, 0, 10}}, 1, token));
  server.Pass(1'000'000);
  CHECK(server.Take(MessageType::kSymbol).empty());
  CHECK_EQ(server.engine->counters().tokens_refused, 1u);
}

TEST(ARangeIsSentOnceInOrderThenTheServerIsIdle) {
  EngineHarness server;
  const Token token = server.TokenFor(At(2));
  const Subscribe wanted = server.Wanting({{1, 0, 0, 60}, {2, 1, 500, 40}}, 1, token);
  server.Receive(At(2), wanted);
  server.Pass(1'000'000);
  std::vector<uint32_t> expected;
  for (uint32_t esi = 0; esi < 60; esi++) expected.push_back(esi);
  for (uint32_t esi = 500; esi < 540; esi++) expected.push_back(esi);
  CHECK(Esis(server.Take(MessageType::kSymbol)) == expected);
  // The same state again, as a heartbeat, asks for nothing new.
  Subscribe again = wanted;
  again.heartbeat = 2;
  server.Receive(At(2), again);
  server.Pass(1'000'000);
  CHECK(server.Take(MessageType::kSymbol).empty());
  CHECK_EQ(server.needed.size(), 2u);
}

TEST(TheServerKeepsToTheAskedRate) {
  EngineHarness server;
  const Token token = server.TokenFor(At(2));
  Subscribe wanted = server.Wanting({{1, 0, 0, 5000}}, 1, token);
  wanted.rate_kbit = 832;  // 1000 symbols a second: 64 bytes and 40 of headers, in bits
  server.Receive(At(2), wanted);
  server.Pass(1'000'000);
  const size_t first = server.Take(MessageType::kSymbol).size();
  CHECK(first >= 1000 && first <= 1000 + kFirstBurstDatagrams + 2);
  server.Pass(1'000'000);
  const size_t second = server.Take(MessageType::kSymbol).size();
  CHECK(second >= 998 && second <= 1002);
}

TEST(LimitsHoldAgainstWhatIsAsked) {
  for (const bool per_peer : {false, true}) {
    EngineLimits limits;
    (per_peer ? limits.max_rate_per_peer_bits_per_second : limits.max_rate_bits_per_second) = 832'000;
    EngineHarness server(limits);
    const Token tokens[] = {server.TokenFor(At(2)), server.TokenFor(At(3))};
    for (int i = 0; i < 2; i++) {
      server.Receive(At(2 + i), server.Wanting({{1, 0, 0, 100'000}}, 1, tokens[i]));
    }
    server.Pass(2'000'000);
    size_t counts[2] = {};
    for (const Sent& one : server.Take(MessageType::kSymbol)) counts[one.to == At(2) ? 0 : 1]++;
    const size_t share = per_peer ? 2000 : 1000;
    for (const size_t count : counts) CHECK(count >= share * 9 / 10 && count <= share * 11 / 10);
  }
}

TEST(SilenceEndsASubscription) {
  EngineHarness server;
  const Token token = server.TokenFor(At(2));
  Subscribe wanted = server.Wanting({{1, 0, 0, 1'000'000}}, 1, token);
  wanted.rate_kbit = 832;
  server.Receive(At(2), wanted);
  server.Pass(4'900'000);
  CHECK_EQ(server.engine->counters().subscriptions_active, 1u);
  server.Take(MessageType::kSymbol);
  server.Pass(200'000);
  CHECK_EQ(server.engine->counters().subscriptions_expired, 1u);
  server.Take(MessageType::kSymbol);
  server.wake_ups = 0;
  server.Pass(10'000'000);
  CHECK(server.Take(MessageType::kSymbol).empty());
  CHECK_EQ(server.wake_ups, 0);
}

TEST(UnsubscribeEndsASubscription) {
  EngineHarness server;
  const Token token = server.TokenFor(At(2));
  server.Receive(At(2), server.Wanting({{1, 0, 0, 100'000}}, 1, token));
  server.Pass(10'000);
  Unsubscribe end;
  end.fetch = 7;
  server.Receive(At(2), end);
  server.Take(MessageType::kSymbol);
  server.Pass(1'000'000);
  CHECK(server.Take(MessageType::kSymbol).empty());
  CHECK_EQ(server.engine->counters().subscriptions_active, 0u);
}

TEST(WhatIsNoLongerListedIsCancelled) {
  EngineHarness server;
  server.provide = false;
  const Token token = server.TokenFor(At(2));
  server.Receive(At(2), server.Wanting({{1, 0, 0, 10}, {2, 0, 50, 10}, {3, 0, 90, 10}}, 1, token));
  server.Receive(At(2), server.Wanting({{1, 0, 0, 10}, {3, 0, 90, 10}}, 2, token));
  // Late: it must not bring number 2 back.
  server.Receive(At(2), server.Wanting({{1, 0, 0, 10}, {2, 0, 50, 10}, {3, 0, 90, 10}}, 1, token));
  const std::vector<uint8_t> block(6400);
  server.engine->ProvideBlock(99, {}, 0, block.data(), block.size(), server.now);
  server.Pass(1'000'000);
  const std::vector<uint32_t> esis = Esis(server.Take(MessageType::kSymbol));
  CHECK_EQ(esis.size(), 20u);
  CHECK_EQ(esis[0], 0u);
  CHECK_EQ(esis[10], 90u);
}

TEST(TheHostIsAskedOnceAndAgainAfterFiveSeconds) {
  EngineHarness server;
  server.provide = false;
  const Token token = server.TokenFor(At(2));
  for (uint32_t heartbeat = 1; heartbeat <= 4; heartbeat++) {
    server.Receive(At(2), server.Wanting({{1, 0, 0, 10}}, heartbeat, token));
    server.Pass(1'000'000);
  }
  CHECK_EQ(server.needed.size(), 1u);
  server.Pass(900'000);
  server.Receive(At(2), server.Wanting({{1, 0, 0, 10}}, 5, token));
  server.Pass(200'000);
  server.Receive(At(2), server.Wanting({{1, 0, 0, 10}}, 6, token));
  CHECK_EQ(server.needed.size(), 2u);
}

TEST(ARefusalIsRepeatedUntilTheClientHasHeardIt) {
  EngineHarness server;
  server.provide = false;
  const Token token = server.TokenFor(At(2));
  server.Receive(At(2), server.Wanting({{1, 3, 0, 10}}, 1, token));
  server.engine->RefuseBlock(99, {}, 3, RefuseReason::kNotHere, server.now);
  CHECK(Refusal(server) == RefuseReason::kNotHere);
  server.Receive(At(2), server.Wanting({{1, 3, 0, 10}}, 2, token));
  CHECK(Refusal(server) == RefuseReason::kNotHere);
  server.Receive(At(2), server.Wanting({}, 3, token));
  CHECK(server.Take(MessageType::kRefuse).empty());
  server.Receive(At(2), server.Wanting({{2, 3, 0, 10}}, 4, token));
  CHECK_EQ(server.needed.size(), 2u);
}

TEST(ABlockThatCannotBeCodedIsRefused) {
  EngineHarness server;
  server.block_bytes = 64 * 9000;  // K = 9000 is over the codec's limit
  const Token token = server.TokenFor(At(2));
  server.Receive(At(2), server.Wanting({{1, 0, 0, 10}}, 1, token));
  CHECK(Refusal(server) == RefuseReason::kBadShape);
}

TEST(AForgottenResourceIsRefusedAndAskedAnew) {
  EngineHarness server;
  const Token token = server.TokenFor(At(2));
  server.Receive(At(2), server.Wanting({{1, 0, 0, 100'000}}, 1, token));
  server.Pass(10'000);
  server.Take(MessageType::kSymbol);
  server.engine->ForgetResource(99, server.now);
  CHECK(Refusal(server) == RefuseReason::kNotHere);
  server.Pass(1'000'000);
  CHECK(server.Take(MessageType::kSymbol).empty());
  server.Receive(At(2), server.Wanting({{2, 0, 0, 10}}, 2, token));
  CHECK_EQ(server.needed.size(), 2u);
}

TEST(SubscriptionsAreBoundedPerPeerAndInAll) {
  EngineLimits limits;
  limits.max_subscriptions = 5;
  limits.max_subscriptions_per_peer = 3;
  EngineHarness server(limits);
  for (uint16_t port = 1; port <= 4; port++) {
    const Token token = server.TokenFor(At(2, port));
    server.Receive(At(2, port), server.Wanting({{1, 0, 0, 10}}, 1, token));
    if (port == 4) CHECK(Refusal(server) == RefuseReason::kBusy);
  }
  for (int host = 3; host <= 5; host++) {
    const Token token = server.TokenFor(At(host));
    server.sent.clear();
    server.Receive(At(host), server.Wanting({{1, 0, 0, 10}}, 1, token));
    if (host == 5) CHECK(Refusal(server) == RefuseReason::kBusy);
  }
  CHECK_EQ(server.engine->counters().subscriptions_active, 5u);
  CHECK_EQ(server.engine->counters().dropped_limit, 2u);
}

TEST(TheBlockCacheKeepsToItsBudget) {
  EngineLimits limits;
  limits.block_cache_bytes = 100'000;
  EngineHarness server(limits);
  const Token token = server.TokenFor(At(2));
  std::vector<Range> ranges;
  for (uint32_t block = 0; block < 50; block++) ranges.push_back({block + 1, block, 0, 10});
  server.Receive(At(2), server.Wanting(ranges, 1, token));
  server.Pass(1'000'000);
  CHECK_EQ(server.Take(MessageType::kSymbol).size(), 500u);
  // The first one has been dropped and must be asked again, the last one not.
  const size_t asked = server.needed.size();
  server.Receive(At(2), server.Wanting({{51, 49, 20, 10}}, 2, token));
  server.Pass(100'000);
  CHECK_EQ(server.needed.size(), asked);
  server.Receive(At(2), server.Wanting({{52, 0, 20, 10}}, 3, token));
  server.Pass(100'000);
  CHECK_EQ(server.needed.size(), asked + 1);
}

TEST(AnOldTokenIsServedAndRenewed) {
  EngineHarness server;
  const Token token = server.TokenFor(At(2));
  server.Pass(kTokenRenewal + 1'000'000);
  server.Receive(At(2), server.Wanting({{1, 0, 0, 10}}, 1, token));
  server.Pass(100'000);
  size_t symbols = 0, tokens = 0;
  for (const Sent& one : server.sent) {
    symbols += one.type() == MessageType::kSymbol;
    tokens += one.type() == MessageType::kToken;
  }
  CHECK_EQ(symbols, 10u);
  CHECK_EQ(tokens, 1u);
}

TEST(WhatIsNotWellFormedIsCountedAndDropped) {
  EngineHarness server;
  const Token token = server.TokenFor(At(2));
  Subscribe absurd = server.Wanting({{1, 0, 0, 10}}, 1, token);
  absurd.symbol_units = 140;  // 8960 bytes
  server.Receive(At(2), absurd);
  server.Receive(At(2), server.Wanting({{1, 0, 0, 0}}, 1, token));
  server.Receive(At(2), server.Wanting({{1, 0, 0xffffff, 2}}, 1, token));
  const uint8_t unknown[] = {99, 0, 0, 0};
  server.Receive(At(2), unknown, sizeof unknown);
  server.Receive(At(2), unknown, 0);
  CHECK_EQ(server.engine->counters().dropped_malformed, 5u);
  CHECK_EQ(server.engine->counters().subscriptions_started, 0u);
  server.Receive(At(2), server.Wanting({{1, 0, 0xffffff, 1}}, 1, token));
  server.Pass(10'000);
  CHECK_EQ(server.Take(MessageType::kSymbol).size(), 1u);
}

}  // namespace
}  // namespace murky::rain
