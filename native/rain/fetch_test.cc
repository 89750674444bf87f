// The client side of the engine, against servers made by hand.
#include <map>

#include "rain/engine_harness.h"

namespace murky::rain {
namespace {

// A client that wants one block of K = 100, and what it sent to a server last.
struct Client : EngineHarness {
  explicit Client(std::vector<Address> servers) {
    FetchSpec spec;
    spec.resource = 99;
    spec.symbol_bytes = 64;
    spec.servers.assign(servers.begin(), servers.end());
    fetch = engine->OpenFetch(spec, now);
    CHECK(fetch != 0);
    CHECK(engine->Want(fetch, 0, 6400, now));
    Pass(1'000);
  }

  // The last SUBSCRIBE to this server; clears what was sent.
  bool Last(const Address& server, Subscribe* out) {
    bool found = false;
    for (const Sent& one : Take(MessageType::kSubscribe)) {
      if (one.to == server) found = ParseSubscribe(one.inner(), one.inner_bytes(), out);
    }
    return found;
  }

  // Greets the server and sees what it is asked for then.
  Subscribe Greet(const Address& server, uint8_t token = 5) {
    Subscribe asked;
    CHECK(Last(server, &asked));
    CHECK(asked.ranges.empty());
    TokenMessage answer;
    answer.fetch = asked.fetch;
    answer.token.fill(token);
    Receive(server, answer);
    Pass(1'000);
    CHECK(Last(server, &asked));
    CHECK(asked.token == answer.token);
    CHECK(!asked.ranges.empty());
    return asked;
  }

  void SendSymbol(const Address& server, const Subscribe& asked, uint32_t sequence, uint32_t esi,
                  size_t symbol_bytes = 64, uint32_t block = 0) {
    std::vector<uint8_t> inner(kSymbolHeaderBytes + symbol_bytes);
    SymbolHeader header;
    header.fetch = asked.fetch;
    header.block = block;
    header.sequence = sequence;
    header.time = static_cast<uint32_t>(now) & 0xffffff;
    header.esi = esi;
    WriteSymbolHeader(header, inner.data());
    EngineHarness::Receive(server, inner.data(), inner.size());
  }

  FetchReport Report() const {
    FetchReport report;
    CHECK(engine->Report(fetch, &report));
    return report;
  }

  uint32_t fetch = 0;
};

Refuse Refusal(const Subscribe& asked, RefuseReason reason) {
  Refuse refuse;
  refuse.reason = reason;
  refuse.fetch = asked.fetch;
  return refuse;
}

TEST(AServerIsGreetedBeforeItIsAskedForAnything) {
  Client client({At(2)});
  const Subscribe asked = client.Greet(At(2));
  CHECK_EQ(asked.resource, 99u);
  CHECK_EQ(asked.symbol_units, 1);
  uint32_t count = 0;
  for (const Range& range : asked.ranges) count += range.count;
  CHECK(count >= 100 && count <= 120);
}

TEST(WhatOneSubscribeCannotAskForOnANarrowPathTheNextOnesDo) {
  Client client({At(2)});
  for (uint32_t block = 1; block < 200; block++)
    CHECK(client.engine->Want(client.fetch, block, 64, client.now));
  Subscribe asked = client.Greet(At(2));
  size_t most_ranges = 0;
  uint32_t sequence = 0;
  while (client.decoded.size() < 200 && sequence < 1'000) {
    most_ranges = std::max(most_ranges, asked.ranges.size());
    for (const Range& range : asked.ranges) {
      for (uint32_t i = 0; i < range.count; i++)
        client.SendSymbol(At(2), asked, sequence++, range.from + i, 64, range.block);
    }
    client.Pass(20'000);
    for (const Sent& one : client.sent) CHECK(one.inner_bytes() + kOuterBytes + kTagBytes <= 1232);
    if (!client.Last(At(2), &asked)) break;
  }
  CHECK_EQ(client.decoded.size(), 200u);
  CHECK_EQ(most_ranges, 81u);
}

TEST(ServersAreAskedForDisjointSymbols) {
  Client client({At(2), At(3)});
  const Subscribe to_two = [&] {
    Subscribe asked;
    TokenMessage answer;
    const std::vector<Sent> greetings = client.Take(MessageType::kSubscribe);
    CHECK(ParseSubscribe(greetings[0].inner(), greetings[0].inner_bytes(), &asked));
    answer.fetch = asked.fetch;
    answer.token.fill(5);
    client.Receive(At(2), answer);
    client.Pass(100);
    client.Receive(At(3), answer);
    client.Pass(100);
    return asked;
  }();
  CHECK_EQ(to_two.fetch, to_two.fetch);
  uint32_t next = 0;
  for (const Sent& one : client.Take(MessageType::kSubscribe)) {
    Subscribe asked;
    CHECK(ParseSubscribe(one.inner(), one.inner_bytes(), &asked));
    for (const Range& range : asked.ranges) {
      CHECK(range.from >= next);
      next = range.from + range.count;
    }
  }
  CHECK(next >= 100);
}

TEST(AServerThatIsNamedSeveralTimesIsAskedOnceAndMovesNoOther) {
  Client client({At(2), At(2), At(2), At(3), At(3), At(4)});
  std::map<uint32_t, int> greeted;
  for (const Sent& one : client.Take(MessageType::kSubscribe)) greeted[one.to.ip[15]]++;
  CHECK_EQ(greeted.size(), 3u);
  for (const auto& [host, times] : greeted) CHECK_EQ(times, 1);
  const FetchReport report = client.Report();
  CHECK_EQ(report.servers.size(), 6u);
  CHECK(report.servers[0].address == At(2));
  CHECK(report.servers[3].address == At(3));
  CHECK(report.servers[5].address == At(4));
}

TEST(AServerThatWasBusyIsAskedForWhatIsWantedInItsPause) {
  Client client({At(2)});
  Subscribe asked = client.Greet(At(2));
  client.Receive(At(2), Refusal(asked, RefuseReason::kBusy));
  // What was under way completes the block, and there is nothing to ask for any more.
  for (uint32_t esi = 0; esi < 100; esi++) client.SendSymbol(At(2), asked, esi, esi);
  CHECK_EQ(client.decoded.size(), 1u);
  client.Pass(50'000);
  client.Take(MessageType::kSubscribe);
  CHECK(client.engine->Want(client.fetch, 1, 6400, client.now));
  client.Pass(100'000);
  CHECK_EQ(client.Take(MessageType::kSubscribe).size(), 0u);
  client.Pass(200'000);
  CHECK(client.Last(At(2), &asked));
  CHECK(!asked.ranges.empty());
  CHECK_EQ(asked.ranges[0].block, 1u);
}

// A second fetch from servers whose tokens the first one got.
std::vector<Sent> OfASecondFetch(Client& client, std::vector<Address> servers, Micros within) {
  client.Take(MessageType::kSubscribe);
  FetchSpec spec;
  spec.resource = 100;
  spec.symbol_bytes = 64;
  spec.servers.assign(servers.begin(), servers.end());
  CHECK(client.engine->Want(client.engine->OpenFetch(spec, client.now), 0, 6400, client.now));
  client.Pass(within);
  std::vector<Sent> sent;
  for (Sent& one : client.Take(MessageType::kSubscribe)) {
    Subscribe asked;
    CHECK(ParseSubscribe(one.inner(), one.inner_bytes(), &asked));
    if (asked.resource == 100) sent.push_back(std::move(one));
  }
  return sent;
}

TEST(WithATokenAtHandTheLossOfTheFirstRequestCostsNoRoundTrip) {
  Client client({At(2)});
  client.Greet(At(2));
  int asking = 0;
  for (const Sent& one : OfASecondFetch(client, {At(2)}, 12'000)) {
    Subscribe asked;
    CHECK(ParseSubscribe(one.inner(), one.inner_bytes(), &asked));
    CHECK(!asked.ranges.empty());
    asking++;
  }
  CHECK_EQ(asking, 8);  // every millisecond at first, as losses come in runs
}

TEST(AFirstBlockIsSharedOutEvenlyAmongServersOfWhichNothingIsKnown) {
  Client client({At(2), At(3), At(4), At(5)});
  Subscribe greeting;
  CHECK(client.Last(At(2), &greeting));
  for (int host = 2; host <= 5; host++) {
    TokenMessage answer;
    answer.fetch = greeting.fetch;
    answer.token.fill(5);
    client.Receive(At(host), answer);
  }
  std::map<std::string, uint32_t> counts;
  for (const Sent& one : OfASecondFetch(client, {At(2), At(3), At(4), At(5)}, 1'000)) {
    Subscribe asked;
    CHECK(ParseSubscribe(one.inner(), one.inner_bytes(), &asked));
    uint32_t count = 0;
    for (const Range& range : asked.ranges) count += range.count;
    counts[one.to.host()] = count;
  }
  CHECK_EQ(counts.size(), 4u);
  for (const auto& [host, count] : counts) CHECK(count >= 20 && count <= 40);
}

TEST(ABusyServerIsAskedAgainLater) {
  Client client({At(2)});
  const Subscribe asked = client.Greet(At(2));
  client.Receive(At(2), Refusal(asked, RefuseReason::kBusy));
  Subscribe again;
  client.Pass(200'000);
  CHECK(!client.Last(At(2), &again));
  client.Pass(100'000);
  CHECK(client.Last(At(2), &again));
  CHECK(!again.ranges.empty());
  CHECK(again.ranges.front().number > asked.ranges.back().number);
}

TEST(ARefusedServerIsLeftOutAndTheHostIsTold) {
  Client client({At(2)});
  const Subscribe asked = client.Greet(At(2));
  client.Receive(At(2), Refusal(asked, RefuseReason::kNotHere));
  CHECK_EQ(client.states.size(), 1u);
  CHECK(client.states[0] == ServerState::kRefused);
  client.sent.clear();
  client.wake_ups = 0;
  client.Pass(30'000'000);
  CHECK(client.sent.empty());
  CHECK(client.wake_ups <= 1);
  // The fetch is open all the same: a server that turns up is asked.
  CHECK(client.engine->AddServer(client.fetch, At(3), client.now));
  client.Pass(1'000);
  client.Greet(At(3));
}

TEST(ASilentServerIsReportedProbedAndWelcomeBack) {
  Client client({At(2)});
  const Subscribe asked = client.Greet(At(2));
  client.SendSymbol(At(2), asked, 0, 0);
  CHECK(client.states.back() == ServerState::kAlive);
  client.Pass(3'000'000);
  CHECK(client.states.back() == ServerState::kSilent);
  client.sent.clear();
  client.Pass(2'000'000);
  Subscribe probe;
  const std::vector<Sent> probes = client.Take(MessageType::kSubscribe);
  CHECK(probes.size() >= 7 && probes.size() <= 9);
  CHECK(ParseSubscribe(probes.back().inner(), probes.back().inner_bytes(), &probe));
  CHECK_EQ(probe.ranges.size(), 1u);
  CHECK_EQ(probe.ranges[0].count, 2u);
  client.SendSymbol(At(2), asked, 0, probe.ranges[0].from);
  CHECK(client.states.back() == ServerState::kAlive);
}

TEST(AGreetingIsRepeatedSoonAndThenLessAndLessOften) {
  Client client({At(2)});
  client.Pass(9'000);
  CHECK_EQ(client.Take(MessageType::kSubscribe).size(), 3u);
  client.Pass(310'000);
  CHECK_EQ(client.Take(MessageType::kSubscribe).size(), 4u);  // after 12, 24, 48 and 96 ms more
  client.Pass(10'000'000);
  CHECK(client.Take(MessageType::kSubscribe).size() <= 41);
}

TEST(UntilTheFirstSymbolComesARequestIsRepeatedBetweenTicks) {
  Client client({At(2)});
  Subscribe asked;
  CHECK(client.Last(At(2), &asked));
  client.Pass(100'000);  // so long is a round trip, and a tick 10 ms
  client.Take(MessageType::kSubscribe);
  TokenMessage answer;
  answer.fetch = asked.fetch;
  answer.token.fill(5);
  client.Receive(At(2), answer);
  client.Pass(100'000);
  CHECK(client.Take(MessageType::kSubscribe).size() >= 20);
}

TEST(AServerThatHasJustFallenSilentIsProbedOften) {
  Client client({At(2), At(3)});
  Subscribe greeting;
  CHECK(client.Last(At(2), &greeting));
  TokenMessage answer;
  answer.fetch = greeting.fetch;
  answer.token.fill(5);
  for (int host = 2; host <= 3; host++) client.Receive(At(host), answer);
  client.Pass(1'000);
  Subscribe asked;
  CHECK(client.Last(At(2), &asked));
  client.SendSymbol(At(2), asked, 0, asked.ranges[0].from);
  client.Pass(200'000);
  client.sent.clear();
  client.Pass(300'000);
  size_t probes = 0;
  for (const Sent& one : client.Take(MessageType::kSubscribe)) {
    Subscribe probe;
    CHECK(ParseSubscribe(one.inner(), one.inner_bytes(), &probe));
    if (probe.ranges.size() == 1 && probe.ranges[0].count == 2) probes++;
  }
  CHECK(probes >= 12 && probes <= 16);
}

TEST(ADuplicatedSymbolCountsOnce) {
  Client client({At(2)});
  const Subscribe asked = client.Greet(At(2));
  for (int i = 0; i < 3; i++) client.SendSymbol(At(2), asked, 0, 0);
  client.SendSymbol(At(2), asked, 2, 2);
  client.SendSymbol(At(2), asked, 1, 1);  // late, not lost
  const ServerReport report = client.Report().servers[0];
  CHECK_EQ(report.symbols, 3u);
  CHECK_EQ(report.useful, 3u);
  CHECK_EQ(report.lost, 0u);
}

TEST(ASymbolOfAnotherLengthIsDropped) {
  Client client({At(2)});
  const Subscribe asked = client.Greet(At(2));
  client.SendSymbol(At(2), asked, 0, asked.ranges[0].from, 128);
  CHECK_EQ(client.engine->counters().dropped_malformed, 1u);
  FetchReport report = client.Report();
  CHECK_EQ(report.servers[0].symbols, 0u);
  client.SendSymbol(At(2), asked, 0, asked.ranges[0].from);
  report = client.Report();
  CHECK_EQ(report.servers[0].symbols, 1u);
}

TEST(AServerThatTakesNoTokenDrawsNoStorm) {
  Client client({At(2)});
  const Subscribe asked = client.Greet(At(2));
  size_t sent = 0;
  for (int i = 0; i < 1000; i++) {
    TokenMessage answer;
    answer.fetch = asked.fetch;
    answer.token.fill(static_cast<uint8_t>(i + 1));
    client.Receive(At(2), answer);
    client.Pass(1'000);
    sent += client.Take(MessageType::kSubscribe).size();
  }
  CHECK(sent <= 255);  // with the ticks, every 4 ms, and hardly more
}

TEST(WhatIsOfNoFetchOrNoServerIsDropped) {
  Client client({At(2)});
  const Subscribe asked = client.Greet(At(2));
  client.SendSymbol(At(9), asked, 0, 0);
  Subscribe other = asked;
  other.fetch++;
  client.SendSymbol(At(2), other, 0, 0);
  CHECK_EQ(client.engine->counters().dropped_unknown, 2u);
  CHECK_EQ(client.engine->counters().symbols_received, 0u);
}

TEST(FetchesAndBlocksAreBounded) {
  EngineLimits limits;
  limits.max_fetches = 2;
  limits.max_blocks_wanted = 3;
  EngineHarness client(limits);
  FetchSpec spec;
  spec.symbol_bytes = 100;
  CHECK_EQ(client.engine->OpenFetch(spec, client.now), 0u);
  spec.symbol_bytes = 64;
  const uint32_t first = client.engine->OpenFetch(spec, client.now);
  CHECK(first != 0);
  CHECK(client.engine->OpenFetch(spec, client.now) != 0);
  CHECK_EQ(client.engine->OpenFetch(spec, client.now), 0u);
  CHECK(!client.engine->Want(first, 0, 64 * 9000, client.now));
  for (uint32_t block = 0; block < 3; block++) CHECK(client.engine->Want(first, block, 6400, client.now));
  CHECK(!client.engine->Want(first, 1, 6400, client.now));
  CHECK(!client.engine->Want(first, 3, 6400, client.now));
  client.engine->CloseFetch(first, client.now);
  CHECK(!client.engine->Want(first, 4, 6400, client.now));
  CHECK(client.engine->OpenFetch(spec, client.now) != 0);
}

TEST(ClosingUnsubscribesEverywhere) {
  Client client({At(2), At(3)});
  client.sent.clear();
  client.engine->CloseFetch(client.fetch, client.now);
  CHECK_EQ(client.Take(MessageType::kUnsubscribe).size(), 2u);
  client.wake_ups = 0;
  client.Pass(10'000'000);
  CHECK_EQ(client.wake_ups, 0);
}

}  // namespace
}  // namespace murky::rain
