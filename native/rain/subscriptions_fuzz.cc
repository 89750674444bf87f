// libFuzzer target: a server whose clients have proved their addresses and ask for anything in any order,
// while blocks come, fail and vanish. Its limits hold, and no symbol goes out that was not asked for.
// Reaches: Subscriptions::OnSubscribe, Subscriptions::OnUnsubscribe, Subscriptions::OnJoin,
// Subscriptions::OnListen, Subscriptions::OnRefused, Subscriptions::Forget, Subscriptions::SendSymbol,
// Subscriptions::SendShared, Subscriptions::SendMark, GroupPour::TakeTurn, GroupPour::OnRefused,
// IncomingRequests::OnRequest, IncomingRequests::Respond.
#include <set>
#include <tuple>

#include "rain/engine_harness.h"
#include "rain/group.h"
#include "testing/fuzz_input.h"

namespace murky::rain {
namespace {

constexpr size_t kClients = 3;
constexpr uint16_t kFetches = 8;
// Of each client, beside those: fetches that read the same.
constexpr uint16_t kReaders = 2;

class Server {
 public:
  explicit Server(const uint8_t* data, size_t size) : input_(data, size), server_(Limits()) {
    server_.provide = false;
    for (size_t i = 0; i < kClients; i++) tokens_[i] = server_.TokenFor(At(2 + static_cast<int>(i)));
  }

  void Run() {
    for (int steps = 0; steps < 400 && !input_.empty(); steps++) {
      Step(input_.Byte());
      const EngineCounters& counters = server_.engine->counters();
      MUST(counters.subscriptions_active <= Limits().max_subscriptions);
      MUST(server_.requests.size() <= 1000);
      CheckSent();
    }
  }

 private:
  static EngineLimits Limits() {
    EngineLimits limits;
    limits.max_subscriptions = 8;
    limits.max_subscriptions_per_peer = 4;
    limits.max_inbound_requests = 8;
    limits.max_inbound_requests_per_peer = 4;
    limits.block_cache_bytes = 50'000;
    limits.max_rate_bits_per_second = 50'000'000;
    limits.max_rate_per_peer_bits_per_second = 20'000'000;
    limits.group = At(200);
    limits.group_rate_bits_per_second = 5'000'000;
    return limits;
  }

  void Step(uint8_t action) {
    const size_t client = action % kClients;
    const Address from = At(2 + static_cast<int>(client));
    if (action < 100) {
      Ask(from, client);
    } else if (action < 120) {
      ReadAsACrowd();
    } else if (action < 130) {
      server_.Receive(from, Join{static_cast<uint16_t>(input_.Byte() % (kFetches + kReaders))});
      const uint32_t first = input_.Byte() % 6;
      const uint32_t last = first + static_cast<uint32_t>(input_.Take(1 + action % 4));
      server_.Receive(from, Listen{static_cast<uint16_t>(input_.Byte() % (kFetches + kReaders)), first,
                                   std::max(first, last)});
    } else if (action < 140) {
      server_.Receive(from, Unsubscribe{static_cast<uint16_t>(input_.Byte() % (kFetches + kReaders))});
    } else if (action < 170) {
      server_.Pass(static_cast<Micros>(input_.Take(2)) * 100);  // at most 6.5 s
    } else if (action < 200) {
      Answer();
    } else if (action < 210) {
      server_.engine->ForgetResource(input_.Byte() % 3, server_.now);
    } else if (action < 230) {
      Request request;
      request.id = input_.Byte();
      request.token = tokens_[client];
      const std::vector<uint8_t> payload = input_.Bytes(input_.Byte() % 32);
      request.payload = payload.data();
      request.payload_bytes = payload.size();
      server_.Receive(from, request);
    } else if (action < 240) {
      const std::vector<uint8_t> answer = input_.Bytes(20);
      server_.engine->Respond(input_.Byte(), answer.data(), answer.size(), server_.now);
    } else if (action < 250) {
      const std::vector<uint8_t> inner = input_.Bytes(input_.Byte());
      server_.Receive(from, inner.data(), inner.size());
    } else {
      for (size_t i = 0; i < kClients; i++) {
        CheckSent();
        tokens_[i] = server_.TokenFor(At(2 + static_cast<int>(i)));
      }
    }
  }

  void Ask(const Address& from, size_t client) {
    Subscribe message;
    message.fetch = static_cast<uint16_t>(input_.Byte() % kFetches);
    message.token = tokens_[client];
    message.resource = input_.Byte() % 3;
    message.version[0] = input_.Byte() % 2;
    message.symbol_units = 1 + input_.Byte() % 3;
    message.rate_kbit = static_cast<uint32_t>(input_.Take(3));
    message.heartbeat = input_.Byte();
    uint32_t number = input_.Byte();
    for (size_t i = input_.Byte() % 8; i > 0; i--) {
      const uint32_t block = input_.Byte() % 6;
      const auto first = static_cast<uint32_t>(input_.Take(1 + input_.Byte() % 3)) % 0xffff00;
      const uint32_t count = 1 + input_.Byte();
      message.ranges.push_back({number += 1 + input_.Byte() % 3, block, first, count});
    }
    Subscribes(from, message);
  }

  // All clients read one block, take shared symbols and hear the group: the server shares, and pours.
  void ReadAsACrowd() {
    Subscribe message;
    message.resource = input_.Byte() % 3;
    message.version[0] = input_.Byte() % 2;
    message.symbol_units = 1 + input_.Byte() % 3;
    message.rate_kbit = 10'000;
    message.heartbeat = ++crowds_;
    const uint32_t block = input_.Byte() % 6;
    message.ranges = {{crowds_, block, input_.Byte() * 8u, 33 + input_.Byte() % 64u}};
    for (size_t client = 0; client < kClients; client++) {
      const Address from = At(2 + static_cast<int>(client));
      message.token = tokens_[client];
      for (message.fetch = kFetches; message.fetch < kFetches + kReaders; message.fetch++) {
        Subscribes(from, message);
        server_.Receive(from, Join{message.fetch});
        server_.Receive(from, Listen{message.fetch, block, block + input_.Byte() % 3});
      }
    }
    Answer(message.resource, message.version, block);
  }

  void Subscribes(const Address& from, const Subscribe& message) {
    for (const Range& range : message.ranges) {
      for (uint32_t esi = range.from; esi < range.from + range.count; esi++) {
        asked_of_any_fetch_.insert({from.ip[15], range.block, esi});
        asked_.insert({from.ip[15], message.fetch, range.block, esi});
      }
    }
    server_.Receive(from, message);
  }

  void Answer() {
    const uint64_t resource = input_.Byte() % 3;
    Version version{};
    version[0] = input_.Byte() % 2;
    Answer(resource, version, input_.Byte() % 6);
  }

  void Answer(uint64_t resource, const Version& version, uint32_t block) {
    const uint8_t answer = input_.Byte();
    if (answer >= 192) {
      server_.engine->RefuseBlock(resource, version, block, static_cast<RefuseReason>(1 + answer % 4),
                                  server_.now);
      return;
    }
    const std::vector<uint8_t> bytes(1 + input_.Take(2) % 20'000, static_cast<uint8_t>(block));
    server_.engine->ProvideBlock(resource, version, block, bytes.data(), bytes.size(), server_.now);
  }

  void CheckSent() {
    for (const Sent& one : server_.sent) {
      SymbolHeader header;
      const uint8_t* symbol;
      size_t bytes;
      SharedHeader shared;
      if (ParseShared(one.inner(), one.inner_bytes(), &shared, &symbol, &bytes)) {
        MUST(one.to == At(200) ? shared.esi >= kFirstGroupEsi
                               : asked_of_any_fetch_.count({one.to.ip[15], shared.block, shared.esi}) == 1);
      }
      if (!ParseSymbol(one.inner(), one.inner_bytes(), &header, &symbol, &bytes)) continue;
      MUST(asked_.count({one.to.ip[15], header.fetch, header.block, header.esi}) == 1);
    }
    server_.sent.clear();
  }

  testing::FuzzInput input_;
  EngineHarness server_;
  Token tokens_[kClients];
  uint32_t crowds_ = 0;
  std::set<std::tuple<uint8_t, uint16_t, uint32_t, uint32_t>> asked_;
  std::set<std::tuple<uint8_t, uint32_t, uint32_t>> asked_of_any_fetch_;
};

}  // namespace
}  // namespace murky::rain

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  murky::rain::Server(data, size).Run();
  return 0;
}
