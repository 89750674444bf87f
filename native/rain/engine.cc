#include "rain/engine.h"

#include <algorithm>

#include "rain/block_cache.h"
#include "rain/drop_counter.h"
#include "rain/fetches.h"
#include "rain/incoming_requests.h"
#include "rain/notifications.h"
#include "rain/outbox.h"
#include "rain/outgoing_requests.h"
#include "rain/pacer.h"
#include "rain/strangers.h"
#include "rain/subscriptions.h"
#include "rain/token.h"
#include "rain/token_cache.h"

namespace murky::rain {

namespace {

// About 80 answers a second to all together.
constexpr uint64_t kVersionAnswerBitsPerSecond = 16'000;

}  // namespace

struct Engine::State {
  State(const EngineLimits& limits, std::unique_ptr<Seal> given_seal, Random& random, DatagramSink& sink,
        DatagramSink& fetch_sink, EngineHost& host)
      : host(host),
        seal(std::move(given_seal)),
        outbox(*seal, random, sink, counters),
        fetch_outbox(*seal, random, fetch_sink, counters),
        issuer(random),
        strangers(limits.max_strangers_per_second, random),
        cache(limits.block_cache_bytes, counters, notifications),
        subscriptions(limits, cache, outbox, counters,
                      limits.group.port != 0 ? static_cast<uint32_t>(random.Next()) : 0),
        incoming(limits, outbox, counters, notifications),
        outgoing(limits, tokens, outbox, counters, notifications),
        // A token is bound to the address that asked for it.
        fetches(limits, &fetch_sink == &sink ? tokens : fetch_tokens, fetch_outbox, counters, notifications,
                random) {}

  OpenResult Open(const Address& from, const uint8_t* bytes, size_t length, Micros now, Opened* opened);
  void Dispatch(const Address& from, const Opened& opened, size_t length, Micros now);
  void OnSubscribe(const Address& from, const Opened& opened, size_t length, Micros now);
  void OnRequest(const Address& from, const Opened& opened, size_t length, Micros now);
  void OnToken(const Address& from, const Opened& opened, Micros now);
  void OnUnknownVersion(const Address& from, const uint8_t* bytes, size_t length, Micros now);
  bool Proven(const Address& from, const Token& token, TokenMessage answer, size_t length, Micros now);

  EngineHost& host;
  EngineCounters counters;
  Notifications notifications;
  std::unique_ptr<Seal> seal;
  Outbox outbox;
  Outbox fetch_outbox;
  // Server.
  TokenIssuer issuer;
  Strangers strangers;
  Pacer version_answers{kVersionAnswerBitsPerSecond};
  BlockCache cache;
  Subscriptions subscriptions;
  IncomingRequests incoming;
  // Client.
  TokenCache tokens;
  TokenCache fetch_tokens;
  OutgoingRequests outgoing;
  Fetches fetches;
};

void Engine::State::Dispatch(const Address& from, const Opened& opened, size_t length, Micros now) {
  MessageType type;
  // What could be one that came before must be such that it does no harm.
  if (!ParseType(opened.inner, opened.inner_bytes, &type) ||
      (opened.shared && type != MessageType::kShared)) {
    counters.dropped_malformed++;
    return;
  }
  switch (type) {
    case MessageType::kSymbol: {
      SymbolHeader header;
      const uint8_t* symbol;
      size_t symbol_bytes;
      if (!ParseSymbol(opened.inner, opened.inner_bytes, &header, &symbol, &symbol_bytes)) break;
      if (!fetches.WithNamed(header.fetch, [&](Fetch& fetch) {
            fetch.OnSymbol(from, opened.boot, header, symbol, symbol_bytes, now);
          })) {
        counters.dropped_unknown++;
      }
      return;
    }
    case MessageType::kShared: {
      SharedHeader header;
      const uint8_t* symbol;
      size_t symbol_bytes;
      if (!ParseShared(opened.inner, opened.inner_bytes, &header, &symbol, &symbol_bytes)) break;
      if (!fetches.WithStream(header.stream, [&](Fetch& fetch) {
            fetch.OnShared(from, header, symbol, symbol_bytes, now);
          })) {
        counters.dropped_unknown++;
      }
      return;
    }
    case MessageType::kMark: {
      Mark mark;
      if (!ParseMark(opened.inner, opened.inner_bytes, &mark)) break;
      if (!fetches.WithNamed(mark.fetch, [&](Fetch& fetch) { fetch.OnMark(from, opened.boot, mark, now); })) {
        counters.dropped_unknown++;
      }
      return;
    }
    case MessageType::kJoin: {
      Join join;
      if (!ParseJoin(opened.inner, opened.inner_bytes, &join)) break;
      subscriptions.OnJoin(from, opened.boot, join.fetch);
      return;
    }
    case MessageType::kListen: {
      Listen listen;
      if (!ParseListen(opened.inner, opened.inner_bytes, &listen)) break;
      subscriptions.OnListen(from, opened.boot, listen, now);
      return;
    }
    case MessageType::kSubscribe:
      OnSubscribe(from, opened, length, now);
      return;
    case MessageType::kToken:
      OnToken(from, opened, now);
      return;
    case MessageType::kRefuse: {
      Refuse refuse;
      if (!ParseRefuse(opened.inner, opened.inner_bytes, &refuse)) break;
      if (!fetches.WithNamed(refuse.fetch, [&](Fetch& fetch) { fetch.OnRefuse(from, refuse, now); })) {
        counters.dropped_unknown++;
      }
      return;
    }
    case MessageType::kUnsubscribe: {
      Unsubscribe unsubscribe;
      if (!ParseUnsubscribe(opened.inner, opened.inner_bytes, &unsubscribe)) break;
      subscriptions.OnUnsubscribe(from, opened.boot, unsubscribe.fetch, now);
      return;
    }
    case MessageType::kRequest:
      OnRequest(from, opened, length, now);
      return;
    case MessageType::kResponse: {
      Response response;
      if (!ParseResponse(opened.inner, opened.inner_bytes, &response)) break;
      outgoing.OnResponse(from, response, now);
      return;
    }
  }
  counters.dropped_malformed++;
}

// Says which versions are spoken, as RFC 9000, section 6, does: without state, at a bounded rate, never
// longer than what came. An answer is not answered, or two nodes could keep each other busy.
void Engine::State::OnUnknownVersion(const Address& from, const uint8_t* bytes, size_t length, Micros now) {
  if (bytes[0] == 0 || length < kVersionAnswerBytes || !version_answers.Ready(now)) return;
  version_answers.Spend((kUdpHeaderBytes + kVersionAnswerBytes) * 8, now);
  uint8_t answer[kVersionAnswerBytes];
  outbox.SendClear(from, answer, WriteVersionAnswer(bytes, answer));
  counters.version_answers++;
}

// True if the sender has shown that it receives at its address. If not, or if its token grows old, it is sent
// a TOKEN, which is never longer than what came (RFC 9000, section 8.1), and no state is kept.
bool Engine::State::Proven(const Address& from, const Token& token, TokenMessage answer, size_t length,
                           Micros now) {
  const TokenState state = issuer.Check(token, from, now);
  if (state == TokenState::kValid) return true;
  if (state == TokenState::kInvalid && token != Token{}) counters.tokens_refused++;
  answer.token = issuer.Issue(from, now);
  const size_t bytes = WriteToken(answer, outbox.inner());
  if (bytes + seal->overhead_bytes() <= length) {
    counters.tokens_issued++;
    outbox.Send(from, bytes);
  }
  return state == TokenState::kValidRenew;
}

void Engine::State::OnSubscribe(const Address& from, const Opened& opened, size_t length, Micros now) {
  Subscribe message;
  if (!ParseSubscribe(opened.inner, opened.inner_bytes, &message)) {
    counters.dropped_malformed++;
    return;
  }
  TokenMessage answer;
  answer.answered = MessageType::kSubscribe;
  answer.fetch = message.fetch;
  if (!Proven(from, message.token, answer, length, now)) return;
  subscriptions.OnSubscribe(from, opened.boot, message, now);
}

void Engine::State::OnRequest(const Address& from, const Opened& opened, size_t length, Micros now) {
  Request request;
  if (!ParseRequest(opened.inner, opened.inner_bytes, &request)) {
    counters.dropped_malformed++;
    return;
  }
  TokenMessage answer;
  answer.answered = MessageType::kRequest;
  answer.request = request.id;
  if (!Proven(from, request.token, answer, length, now)) return;
  incoming.OnRequest(from, opened.boot, request, now);
}

void Engine::State::OnToken(const Address& from, const Opened& opened, Micros now) {
  TokenMessage message;
  if (!ParseToken(opened.inner, opened.inner_bytes, &message)) {
    counters.dropped_malformed++;
    return;
  }
  if (message.answered == MessageType::kRequest) {
    if (outgoing.Expects(message.request, from)) {
      outgoing.OnToken(message.request, message.token, now);
      return;
    }
  } else {
    bool expected = false;
    fetches.WithNamed(message.fetch,
                      [&](Fetch& fetch) { expected = fetch.OnToken(from, message.token, now); });
    if (expected) return;
  }
  counters.dropped_unknown++;
}

Engine::Engine(const EngineLimits& limits, std::unique_ptr<Seal> seal, Random& random, DatagramSink& sink,
               EngineHost& host, Micros now)
    : Engine(limits, std::move(seal), random, sink, sink, host, now) {}

Engine::Engine(const EngineLimits& limits, std::unique_ptr<Seal> seal, Random& random, DatagramSink& sink,
               DatagramSink& fetch_sink, EngineHost& host, Micros)
    : state_(std::make_unique<State>(limits, std::move(seal), random, sink, fetch_sink, host)) {}

Engine::~Engine() = default;

void Engine::set_handles(uint32_t remainder, uint32_t engines) {
  state_->fetches.set_handles(remainder, engines);
  state_->incoming.set_handles(remainder, engines);
}

void Engine::set_loopback_only(bool loopback_only) {
  state_->outbox.set_loopback_only(loopback_only);
  state_->fetch_outbox.set_loopback_only(loopback_only);
}

void Engine::set_drop_fraction(double fraction) {
  state_->outbox.set_drop_fraction(fraction);
  state_->fetch_outbox.set_drop_fraction(fraction);
}

bool Engine::ReplaceKeys(const std::vector<ClusterKey>& keys, std::string* error) {
  return state_->seal->ReplaceKeys(keys, error);
}

// Opens what came and counts it. kNoKey: it was dropped for another reason than the seal's.
OpenResult Engine::State::Open(const Address& from, const uint8_t* bytes, size_t length, Micros now,
                               Opened* opened) {
  counters.datagrams_in++;
  counters.bytes_in += length;
  if (outbox.loopback_only() && !from.is_loopback()) {
    counters.dropped_not_loopback++;
    return OpenResult::kNoKey;
  }
  // Who speaks as a known sender from another address is a stranger until it proves to be that sender, moved.
  const bool elsewhere = seal->Elsewhere(bytes, length, from);
  OpenResult result = elsewhere ? OpenResult::kNoKey : seal->OpenAtHand(bytes, length, opened);
  if (result == OpenResult::kNoKey) {
    if (!strangers.MayTry(from, now)) {
      counters.dropped_strangers++;
      return result;
    }
    result = seal->Open(bytes, length, now, opened);
    if (result == OpenResult::kOk) strangers.WasGenuine(from);
  }
  if (result == OpenResult::kOk) seal->HeardAt(opened->boot, from);
  if (uint64_t* dropped = DropCounter(counters, result)) (*dropped)++;
  return result;
}

bool Engine::OnDatagram(const Address& from, const uint8_t* bytes, size_t length, Micros now) {
  Opened opened;
  const OpenResult result = state_->Open(from, bytes, length, now, &opened);
  if (result == OpenResult::kUnknownVersion) state_->OnUnknownVersion(from, bytes, length, now);
  if (result != OpenResult::kOk) return false;
  state_->Dispatch(from, opened, length, now);
  state_->notifications.Deliver(state_->host);
  return true;
}

bool Engine::OnGroupDatagram(const Address& from, const uint8_t* bytes, size_t length, Micros now) {
  Opened opened;
  if (state_->Open(from, bytes, length, now, &opened) != OpenResult::kOk) return false;
  SharedHeader header;
  const uint8_t* symbol;
  size_t symbol_bytes;
  if (!ParseShared(opened.inner, opened.inner_bytes, &header, &symbol, &symbol_bytes)) {
    state_->counters.dropped_malformed++;
    return false;
  }
  if (!state_->fetches.WithStream(header.stream, [&](Fetch& fetch) {
        fetch.OnGroupSymbol(from, header, symbol, symbol_bytes, now);
      })) {
    state_->counters.dropped_unknown++;
  }
  state_->notifications.Deliver(state_->host);
  return true;
}

const Seal& Engine::seal() const { return *state_->seal; }

bool Engine::listening(Micros now) const { return state_->fetches.listening(now); }

Micros Engine::OnTime(Micros now) {
  const Micros next = std::min({state_->subscriptions.OnTime(now), state_->fetches.OnTime(now),
                                state_->outgoing.OnTime(now), state_->incoming.OnTime(now)});
  state_->notifications.Deliver(state_->host);
  return next;
}

void Engine::ProvideBlock(uint64_t resource, const Version& version, uint32_t block,
                          std::shared_ptr<const gf2::Buffer> bytes, Micros now) {
  const BlockId id{resource, version, block};
  const size_t length = bytes->size();
  state_->cache.Provide(id, std::move(bytes));
  state_->subscriptions.OnProvided(id, length, now);
  state_->notifications.Deliver(state_->host);
}

void Engine::ProvideBlock(uint64_t resource, const Version& version, uint32_t block, const uint8_t* bytes,
                          size_t length, Micros now) {
  auto copy = std::make_shared<gf2::Buffer>(length);
  std::copy_n(bytes, length, copy->data());
  ProvideBlock(resource, version, block, std::move(copy), now);
}

void Engine::RefuseBlock(uint64_t resource, const Version& version, uint32_t block, RefuseReason reason,
                         Micros now) {
  const BlockId id{resource, version, block};
  state_->cache.Refuse(id);
  state_->subscriptions.OnRefused(id, reason, now);
  state_->notifications.Deliver(state_->host);
}

void Engine::ForgetResource(uint64_t resource, Micros now) {
  state_->cache.Forget(resource);
  state_->subscriptions.Forget(resource, now);
}

uint32_t Engine::OpenFetch(const FetchSpec& spec, Micros now) { return state_->fetches.Open(spec, now); }

bool Engine::Want(uint32_t fetch, uint32_t block, size_t block_bytes, Micros now) {
  bool wanted = false;
  state_->fetches.With(fetch, [&](Fetch& found) { wanted = found.Want(block, block_bytes, now); });
  return wanted;
}

bool Engine::AddServer(uint32_t fetch, const FetchServer& server, Micros now) {
  bool added = false;
  state_->fetches.With(fetch, [&](Fetch& found) { added = found.AddServer(server, now); });
  return added;
}

bool Engine::RemoveServer(uint32_t fetch, uint32_t server, Micros now) {
  bool removed = false;
  state_->fetches.With(fetch, [&](Fetch& found) { removed = found.RemoveServer(server, now); });
  return removed;
}

bool Engine::Report(uint32_t fetch, FetchReport* out) const {
  const Fetch* found = state_->fetches.Find(fetch);
  if (found) found->Report(out);
  return found != nullptr;
}

std::vector<uint32_t> Engine::WrongSymbols(uint32_t fetch, uint32_t block, const uint8_t* bytes,
                                           size_t length) const {
  const Fetch* found = state_->fetches.Find(fetch);
  return found ? found->WrongSymbols(block, bytes, length) : std::vector<uint32_t>{};
}

void Engine::CloseFetch(uint32_t fetch, Micros now) { state_->fetches.Close(fetch, now); }

bool Engine::SendRequest(uint64_t id, const Address& to, const uint8_t* payload, size_t bytes, Micros timeout,
                         Micros now) {
  return state_->outgoing.Send(id, to, payload, bytes, timeout, now);
}
void Engine::CancelRequest(uint64_t id) { state_->outgoing.Cancel(id); }

bool Engine::Respond(uint64_t handle, const uint8_t* payload, size_t bytes, Micros now) {
  return state_->incoming.Respond(handle, payload, bytes, now);
}

const EngineCounters& Engine::counters() const { return state_->counters; }

}  // namespace murky::rain
