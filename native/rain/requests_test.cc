#include "rain/engine_harness.h"

namespace murky::rain {
namespace {

const uint8_t kPing[] = {'p', 'i', 'n', 'g'};

Request Ping(uint64_t id, const Token& token) {
  Request request;
  request.id = id;
  request.token = token;
  request.payload = kPing;
  request.payload_bytes = sizeof kPing;
  return request;
}

TEST(ARepeatedRequestIsHandedUpOnceAndAnsweredAlike) {
  EngineHarness server;
  const Token token = server.TokenFor(At(2));
  for (int i = 0; i < 3; i++) server.Receive(At(2), Ping(5, token));
  CHECK_EQ(server.requests.size(), 1u);
  CHECK(server.Take(MessageType::kResponse).empty());
  CHECK(server.engine->Respond(server.requests[0], kPing, sizeof kPing, server.now));
  CHECK(!server.engine->Respond(server.requests[0], kPing, 1, server.now));
  for (int i = 0; i < 3; i++) {
    server.Pass(200'000);
    for (int flood = 0; flood < 100; flood++) server.Receive(At(2), Ping(5, token));
  }
  const std::vector<Sent> answers = server.Take(MessageType::kResponse);
  CHECK_EQ(answers.size(), 4u);
  for (const Sent& answer : answers) {
    Response response;
    CHECK(ParseResponse(answer.inner(), answer.inner_bytes(), &response));
    CHECK_EQ(response.id, 5u);
    CHECK_EQ(response.payload_bytes, sizeof kPing);
  }
  CHECK_EQ(server.requests.size(), 1u);
}

TEST(APeerLeavesRoomForTheRequestsOfOthers) {
  EngineLimits limits;
  limits.max_inbound_requests = 8;
  limits.max_inbound_requests_per_peer = 3;
  EngineHarness server(limits);
  const Token token = server.TokenFor(At(2));
  for (uint64_t id = 1; id <= 100; id++) server.Receive(At(2), Ping(id, token));
  CHECK_EQ(server.requests.size(), 3u);
  CHECK_EQ(server.engine->counters().dropped_limit, 97u);
  const Token other = server.TokenFor(At(3));
  server.Receive(At(3), Ping(1, other));
  CHECK_EQ(server.requests.size(), 4u);
  // What is answered is no longer in work.
  CHECK(server.engine->Respond(server.requests[0], kPing, sizeof kPing, server.now));
  server.Receive(At(2), Ping(101, token));
  CHECK_EQ(server.requests.size(), 5u);
}

TEST(TheSameIdOfAnotherClientIsAnotherRequest) {
  EngineHarness server;
  for (int host = 2; host <= 4; host++) {
    const Token token = server.TokenFor(At(host));
    server.Receive(At(host), Ping(5, token));
  }
  CHECK_EQ(server.requests.size(), 3u);
}

TEST(OpenInboundRequestsAreBounded) {
  EngineLimits limits;
  limits.max_inbound_requests = 10;
  EngineHarness server(limits);
  const Token token = server.TokenFor(At(2));
  for (uint64_t id = 0; id < 30; id++) server.Receive(At(2), Ping(id, token));
  CHECK_EQ(server.requests.size(), 10u);
  CHECK_EQ(server.engine->counters().dropped_limit, 20u);
  CHECK(server.engine->Respond(server.requests[3], kPing, 1, server.now));
  server.Receive(At(2), Ping(77, token));
  CHECK_EQ(server.requests.size(), 11u);
}

TEST(ARequestFollowsATokenAtOnce) {
  EngineHarness client;
  CHECK(client.engine->SendRequest(1, At(9), kPing, sizeof kPing, 3'000'000, client.now));
  CHECK_EQ(client.Take(MessageType::kRequest).size(), 1u);
  TokenMessage answer;
  answer.answered = MessageType::kRequest;
  answer.request = 1;
  answer.token.fill(7);
  client.Receive(At(8), answer);  // of somebody who was not asked
  CHECK(client.Take(MessageType::kRequest).empty());
  client.Receive(At(9), answer);
  const std::vector<Sent> sent = client.Take(MessageType::kRequest);
  CHECK_EQ(sent.size(), 1u);
  Request request;
  CHECK(ParseRequest(sent[0].inner(), sent[0].inner_bytes(), &request));
  CHECK(request.token == answer.token);
  // A server that answers nothing but TOKEN does not draw an endless exchange.
  for (int i = 0; i < 10; i++) client.Receive(At(9), answer);
  CHECK(client.Take(MessageType::kRequest).empty());

  Response response;
  response.id = 1;
  response.payload = kPing;
  response.payload_bytes = sizeof kPing;
  client.Receive(At(8), response);
  CHECK(client.responses.empty());
  client.Receive(At(9), response);
  client.Receive(At(9), response);
  CHECK_EQ(client.responses.size(), 1u);
  CHECK_EQ(client.responses[0].second, "ping");
  // The token is kept for the next one.
  CHECK(client.engine->SendRequest(2, At(9), kPing, sizeof kPing, 3'000'000, client.now));
  const std::vector<Sent> next = client.Take(MessageType::kRequest);
  CHECK(ParseRequest(next[0].inner(), next[0].inner_bytes(), &request));
  CHECK(request.token == answer.token);
}

TEST(ARequestIsRepeatedLessAndLessOftenAndTimesOut) {
  EngineHarness client;
  CHECK(client.engine->SendRequest(1, At(9), kPing, sizeof kPing, 3'000'000, client.now));
  CHECK(!client.engine->SendRequest(1, At(9), kPing, sizeof kPing, 3'000'000, client.now));
  client.Pass(2'999'999);
  CHECK(client.timeouts.empty());
  client.Pass(1);
  CHECK_EQ(client.timeouts.size(), 1u);
  const size_t repeats = client.Take(MessageType::kRequest).size();
  CHECK(repeats >= 3 && repeats <= 6);
  client.wake_ups = 0;
  client.Pass(60'000'000);
  CHECK_EQ(client.wake_ups, 0);
}

// Nothing is answered that bore no token, so the time of what was lost before is none of the path's: a fetch
// would ask for as much more at its start.
TEST(ARequestThatWasLostTellsOfNoLongRoundTrip) {
  EngineHarness client;
  CHECK(client.engine->SendRequest(1, At(9), kPing, sizeof kPing, 3'000'000, client.now));
  client.Pass(240'000);  // it went out again after 200 ms
  TokenMessage token;
  token.answered = MessageType::kRequest;
  token.request = 1;
  token.token.fill(5);
  client.Receive(At(9), token);
  client.Pass(40'000);
  Response response;
  response.id = 1;
  response.payload = kPing;
  response.payload_bytes = sizeof kPing;
  client.Receive(At(9), response);
  CHECK_EQ(client.responses.size(), 1u);
  FetchSpec spec;
  spec.resource = 99;
  spec.symbol_bytes = 1344;
  spec.servers.emplace_back(At(9));
  const uint32_t fetch = client.engine->OpenFetch(spec, client.now);
  for (uint32_t block = 0; block < 4; block++) CHECK(client.engine->Want(fetch, block, 1u << 20, client.now));
  client.Pass(1'000);
  const std::vector<Sent> sent = client.Take(MessageType::kSubscribe);
  CHECK(!sent.empty());
  Subscribe asked;
  CHECK(ParseSubscribe(sent[0].inner(), sent[0].inner_bytes(), &asked));
  uint32_t count = 0;
  for (const Range& range : asked.ranges) count += range.count;
  CHECK(count >= 352 && count < 600);  // of 40 ms at 100 Mbit/s, and a little more
}

// Where losses come in runs, a run of them takes several repeats: so many go out that an answer comes in
// time.
TEST(ARequestOutlivesARunOfLosses) {
  EngineHarness client;
  CHECK(client.engine->SendRequest(1, At(9), kPing, sizeof kPing, 10'000'000, client.now));
  client.Pass(9'999'999);
  CHECK(client.Take(MessageType::kRequest).size() >= 17);
}

TEST(AnAnswerThatANarrowPathSwallowsIsNotSent) {
  EngineHarness server({}, 1, {ClusterKey(32, 5)});
  EngineHarness client({}, 2, {ClusterKey(32, 5)});
  const std::vector<uint8_t> payload(1173);
  // Each way the longest that there may be.
  CHECK(client.engine->SendRequest(1, At(1), payload.data(), 1172, 1'000'000, client.now));
  const auto pass = [](EngineHarness& from, const Address& at, EngineHarness& to) {
    for (const Sent& one : std::exchange(from.sent, {})) {
      CHECK(one.datagram.size() <= 1232);
      to.engine->OnDatagram(at, one.datagram.data(), one.datagram.size(), to.now);
    }
  };
  pass(client, At(2), server);  // without a token
  pass(server, At(1), client);
  pass(client, At(2), server);
  CHECK_EQ(server.requests.size(), 1u);
  CHECK(!server.engine->Respond(server.requests[0], payload.data(), 1173, server.now));
  CHECK(server.engine->Respond(server.requests[0], payload.data(), 1172, server.now));
  pass(server, At(1), client);
  CHECK_EQ(client.responses.size(), 1u);
  CHECK_EQ(client.responses[0].second.size(), 1172u);
}

TEST(OutgoingRequestsAreBounded) {
  EngineLimits limits;
  limits.max_requests = 2;
  EngineHarness client(limits);
  const std::vector<uint8_t> payload(1173);
  CHECK(!client.engine->SendRequest(1, At(9), payload.data(), payload.size(), 1'000'000, client.now));
  CHECK(client.engine->SendRequest(1, At(9), payload.data(), 1172, 1'000'000, client.now));
  CHECK(client.engine->SendRequest(2, At(9), kPing, 1, 1'000'000, client.now));
  CHECK(!client.engine->SendRequest(3, At(9), kPing, 1, 1'000'000, client.now));
}

TEST(ACancelledRequestIsForgotten) {
  EngineLimits limits;
  limits.max_requests = 1;
  EngineHarness client(limits);
  CHECK(client.engine->SendRequest(1, At(9), kPing, 1, 1'000'000, client.now));
  client.engine->CancelRequest(2);  // never was
  CHECK(!client.engine->SendRequest(2, At(9), kPing, 1, 1'000'000, client.now));
  client.engine->CancelRequest(1);
  client.engine->CancelRequest(1);
  client.Take(MessageType::kRequest);
  CHECK(client.engine->SendRequest(2, At(9), kPing, 1, 500'000, client.now));
  client.Pass(2'000'000);
  CHECK_EQ(client.timeouts.size(), 1u);
  for (const Sent& sent : client.Take(MessageType::kRequest)) {
    Request request;
    CHECK(ParseRequest(sent.inner(), sent.inner_bytes(), &request));
    CHECK_EQ(request.id, 2u);
  }
}

TEST(NothingLeavesTheMachineOnALoopbackOnlyEngine) {
  EngineHarness engine;
  engine.engine->set_loopback_only(true);
  CHECK(engine.engine->SendRequest(1, At(9), kPing, 1, 1'000'000, engine.now));
  engine.Receive(At(9), engine.Wanting({}));
  CHECK(engine.sent.empty());
  CHECK_EQ(engine.engine->counters().dropped_not_loopback, 2u);
}

}  // namespace
}  // namespace murky::rain
