// libFuzzer target, aware of the protocol: a server and a client in the simulated network. On the way between
// them somebody without the key drops, repeats, changes, cuts and lengthens datagrams; beside them stands a
// member with the key that speaks to both, well-formed or not, and is a server of one of the fetches. What is
// fetched from the honest server alone must come out right all the same.
#include <map>
#include <string>

#include "rain/engine.h"
#include "rain/sim_network.h"
#include "testing/fuzz_input.h"

namespace murky::rain {
namespace {

using testing::FuzzInput;
using Bytes = std::vector<uint8_t>;

constexpr size_t kBlockBytes = 8'000;
constexpr uint32_t kBlocks = 2;
constexpr uint64_t kResource = 7;
constexpr size_t kSymbolBytes = 192;  // K = 42
constexpr uint64_t kLinkBitsPerSecond = 20'000'000;
constexpr Micros kMeddlingEnds = 3'000'000;
constexpr Micros kLimit = 60'000'000;

Bytes BlockOf(uint32_t block) {
  Bytes bytes(kBlockBytes);
  for (size_t i = 0; i < bytes.size(); i++) bytes[i] = static_cast<uint8_t>(i * 37 + (i >> 8) + block);
  return bytes;
}

Address HostAt(int host) {
  Address address;
  Address::Parse("10.0.0." + std::to_string(host), 1980, &address);
  return address;
}

std::unique_ptr<Seal> SealWithKey(Random& random) {
  std::string error;
  auto seal = Seal::Make({ClusterKey(32, 5)}, random, &error);
  MUST(seal != nullptr);
  return seal;
}

// Does to what passes what the input says, as long as it says something and the time has not come to stop.
class Meddler : public DatagramSink {
 public:
  Meddler(SimNetwork& network, FuzzInput& input, DatagramSink& way)
      : network_(network), input_(input), way_(way) {}
  void Send(const Address& to, const uint8_t* bytes, size_t length) override {
    const uint8_t action = network_.now() < kMeddlingEnds ? input_.Byte() : 0;
    if (action < 100) return way_.Send(to, bytes, length);
    Bytes datagram(bytes, bytes + length);
    if (action < 140) return;
    if (action < 180) {
      datagram[input_.Byte() % datagram.size()] ^= static_cast<uint8_t>(1 + action % 128);
    } else if (action < 200) {
      datagram.resize(input_.Take(2) % datagram.size());
    } else if (action < 210) {
      datagram.resize(datagram.size() + action % 8, action);
    } else if (action < 230) {
      kept_ = datagram;  // and may come again later
    } else {
      way_.Send(to, kept_.data(), kept_.size());
    }
    way_.Send(to, datagram.data(), datagram.size());
  }

 private:
  SimNetwork& network_;
  FuzzInput& input_;
  DatagramSink& way_;
  Bytes kept_;
};

// No more than the link takes: what a server would send beyond that is dropped on the way, and only costs
// time.
EngineLimits LinkLimits() {
  EngineLimits limits;
  limits.max_rate_bits_per_second = kLinkBitsPerSecond;
  return limits;
}

class Peer : public SimNode, public EngineHost {
 public:
  Peer(SimNetwork& network, int host, FuzzInput& input)
      : network_(network),
        random_(static_cast<uint64_t>(host)),
        meddler_(network, input, network.Attach(HostAt(host), this)),
        engine(std::make_unique<Engine>(LinkLimits(), SealWithKey(random_), random_, meddler_, *this,
                                        network.now())) {}
  void OnDatagram(const Address& from, const uint8_t* bytes, size_t length, Micros now) override {
    const Bytes exact(bytes, bytes + length);
    engine->OnDatagram(from, exact.data(), exact.size(), now);
  }
  Micros OnTime(Micros now) override { return engine->OnTime(now); }
  void OnBlockNeeded(uint64_t resource, const Version& version, uint32_t block) override {
    if (resource != kResource || block >= kBlocks) {
      engine->RefuseBlock(resource, version, block, RefuseReason::kNotHere, network_.now());
      return;
    }
    const Bytes bytes = BlockOf(block);
    engine->ProvideBlock(resource, version, block, bytes.data(), bytes.size(), network_.now());
  }
  void OnBlockDecoded(uint32_t fetch, uint32_t block, gf2::Buffer bytes, std::vector<uint32_t>) override {
    const Bytes right = BlockOf(block);
    const bool same = bytes.size() == right.size() && std::equal(right.begin(), right.end(), bytes.data());
    if (fetch == trusted) MUST(same);
    decoded[fetch]++;
  }
  void OnServerState(uint32_t, uint32_t, ServerState, RefuseReason) override {}
  void OnRequest(uint64_t handle, const Address&, const uint8_t* payload, size_t bytes) override {
    engine->Respond(handle, payload, bytes, network_.now());
  }
  void OnResponse(uint64_t, const uint8_t*, size_t) override {}
  void OnRequestTimeout(uint64_t) override {}

  uint32_t Open(const std::vector<int>& hosts) {
    FetchSpec spec;
    spec.resource = kResource;
    spec.symbol_bytes = kSymbolBytes;
    for (const int host : hosts) spec.servers.push_back({HostAt(host)});
    const uint32_t fetch = engine->OpenFetch(spec, network_.now());
    for (uint32_t block = 0; block < kBlocks; block++)
      engine->Want(fetch, block, kBlockBytes, network_.now());
    return fetch;
  }

 private:
  SimNetwork& network_;
  SeededRandom random_;
  Meddler meddler_;

 public:
  std::unique_ptr<Engine> engine;
  uint32_t trusted = 0;
  std::map<uint32_t, uint32_t> decoded;
};

// Holds the key, and says whatever the input makes up: about what it was asked, if it was.
class Member : public SimNode {
 public:
  Member(SimNetwork& network, int host, FuzzInput& input)
      : input_(input), random_(9), seal_(SealWithKey(random_)), sink_(network.Attach(HostAt(host), this)) {}
  void OnDatagram(const Address& from, const uint8_t* bytes, size_t length, Micros now) override {
    Opened opened;
    if (seal_->Open(bytes, length, now, &opened) != OpenResult::kOk) return;
    Subscribe subscribe;
    TokenMessage token;
    if (ParseSubscribe(opened.inner, opened.inner_bytes, &subscribe)) asked_ = subscribe;
    if (ParseToken(opened.inner, opened.inner_bytes, &token)) token_ = token.token;
    for (int answers = input_.empty() ? 0 : 1 + input_.Byte() % 4; answers > 0; answers--) Say(from);
  }
  Micros OnTime(Micros now) override {
    if (now < next_) return next_;
    next_ = now + 50'000;
    if (!input_.empty()) Say(HostAt(1 + input_.Byte() % 2));
    return input_.empty() ? kNever : next_;
  }

 private:
  void Say(const Address& to) {
    uint8_t* out = datagram_ + kOuterBytes;
    const uint8_t action = input_.Byte();
    const uint32_t block = input_.Byte() % (kBlocks + 1);
    const uint16_t fetch = action % 8 == 0 ? input_.Byte() : asked_.fetch;
    if (action < 90) return SaySymbols(to, fetch, block, 1 + action % 32);
    if (action < 110) return Send(to, WriteRefuse({RefuseReason(1 + action % 4), fetch, block}, out));
    if (action < 130) {
      TokenMessage message;
      message.fetch = fetch;
      message.token[3] = action;
      return Send(to, WriteToken(message, out));
    }
    if (action < 200) {
      Subscribe message;
      message.fetch = fetch;
      message.token = token_;
      message.resource = kResource + input_.Byte() % 2;
      message.symbol_units = 1 + input_.Byte() % 12;
      message.rate_kbit = static_cast<uint32_t>(input_.Take(3));
      message.heartbeat = static_cast<uint32_t>(input_.Take(2));
      uint32_t number = static_cast<uint32_t>(input_.Take(2));
      for (size_t i = input_.Byte() % kMaxRanges; i > 0; i--) {
        message.ranges.push_back({++number, block, input_.Byte() * 64u, 1 + input_.Byte() * 16u});
      }
      return Send(to, WriteSubscribe(message, out));
    }
    const Bytes made_up = input_.Bytes(1 + input_.Byte());
    std::copy(made_up.begin(), made_up.end(), out);
    if (action < 225) return Send(to, made_up.size());
    Request request;
    request.id = action;
    request.token = token_;
    request.payload = made_up.data();
    request.payload_bytes = made_up.size();
    Send(to, WriteRequest(request, out));
  }
  // Of any ESI, also such as were asked of the other server.
  void SaySymbols(const Address& to, uint16_t fetch, uint32_t block, int count) {
    SymbolHeader header;
    header.fetch = fetch;
    header.block = block;
    header.esi = static_cast<uint32_t>(input_.Take(1 + input_.Byte() % 3)) & 0xffffff;
    for (; count > 0; count--) {
      header.sequence = sequence_++ & 0xffffff;
      WriteSymbolHeader(header, datagram_ + kOuterBytes);
      std::fill_n(datagram_ + kOuterBytes + kSymbolHeaderBytes, kSymbolBytes, input_.Byte());
      Send(to, kSymbolHeaderBytes + kSymbolBytes);
      header.esi = (header.esi + 1) & 0xffffff;
    }
  }
  void Send(const Address& to, size_t inner_bytes) {
    uint8_t sealed[kMaxDatagramBytes];
    sink_.Send(to, sealed, seal_->Write(datagram_ + kOuterBytes, inner_bytes, sealed));
  }

  FuzzInput& input_;
  SeededRandom random_;
  std::unique_ptr<Seal> seal_;
  DatagramSink& sink_;
  Subscribe asked_;
  Token token_{};
  uint32_t sequence_ = 0;
  Micros next_ = 0;
  uint8_t datagram_[kMaxDatagramBytes];
};

}  // namespace
}  // namespace murky::rain

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace murky::rain;
  FuzzInput input(data, size);
  SimNetwork network(1);
  Peer server(network, 1, input), client(network, 2, input);
  Member member(network, 3, input);
  LinkShape link;
  link.delay = 5'000;
  link.bits_per_second = kLinkBitsPerSecond;
  for (const int from : {1, 2, 3}) {
    for (const int to : {1, 2, 3}) {
      if (from != to) network.Connect(HostAt(from), HostAt(to), link);
    }
  }
  client.trusted = client.Open({1});
  const uint32_t doubtful = client.Open({1, 3});
  for (const int host : {1, 2, 3}) network.Wake(HostAt(host));
  network.Run(kLimit, [&] {
    const bool enough = client.decoded[doubtful] == kBlocks || network.now() > kMeddlingEnds;
    return client.decoded[client.trusted] == kBlocks && enough;
  });
  MUST(client.decoded[client.trusted] == kBlocks);
  return 0;
}
