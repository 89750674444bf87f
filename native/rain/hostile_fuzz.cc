// libFuzzer target, aware of the protocol: a server and a client in the simulated network. On the way between
// them somebody without the key drops, repeats, changes, cuts and lengthens datagrams; beside them stand two
// members with the key that speak to both, well-formed or not, and are servers of one of the fetches. All
// hear one multicast group, and read the same, so that symbols are shared; where that fetch wants much, it
// tells what to pour to the group, too. What is fetched from the honest server alone must come out right all
// the same.
// Reaches: Fetch::OnShared, Fetch::OnGroupSymbol, Fetch::OnMark, Fetch::OnRefuse, Subscriptions::OnJoin,
// Subscriptions::OnListen, Subscriptions::SendShared, Subscriptions::SendMark, GroupPour::TakeTurn,
// Fetch::TellPourer, GroupFeed::Judge, IncomingRequests::OnRequest.
#include <map>
#include <string>
#include <utility>

#include "rain/engine.h"
#include "rain/group.h"
#include "rain/shared_streams.h"
#include "rain/sim_network.h"
#include "testing/fuzz_input.h"

namespace murky::rain {
namespace {

using testing::FuzzInput;
using Bytes = std::vector<uint8_t>;

// Small and slow, so that a run takes some thousand datagrams and an input is tried in milliseconds.
constexpr size_t kBlockBytes = 2'688;
constexpr uint32_t kBlocks = 2;
// Behind those, where much is wanted: as much as it takes to listen to the group.
constexpr size_t kFurtherBlockBytes = 65'536;
constexpr uint32_t kFurtherBlocks = kLeastGroupBytes / kFurtherBlockBytes;
constexpr uint64_t kResource = 7;
constexpr size_t kSymbolBytes =
    64;  // K = 42: more than the 32 that go to one reader alone before some are shared
constexpr uint64_t kLinkBitsPerSecond = 3'000'000;
constexpr Micros kMeddlingEnds = 1'000'000;
constexpr Micros kLimit = 60'000'000;
constexpr uint16_t kFirstReader = 1'000;
constexpr int kServer = 1, kClient = 2, kFirstMember = 3, kSecondMember = 4;

size_t BytesOf(uint32_t block) { return block < kBlocks ? kBlockBytes : kFurtherBlockBytes; }

Bytes BlockOf(uint32_t block) {
  Bytes bytes(BytesOf(block));
  for (size_t i = 0; i < bytes.size(); i++) bytes[i] = static_cast<uint8_t>(i * 37 + (i >> 8) + block);
  return bytes;
}

Address HostAt(int host) {
  Address address;
  Address::Parse("10.0.0." + std::to_string(host), 1980, &address);
  return address;
}

Address Group() {
  Address address;
  Address::Parse("239.1.2.3", 1981, &address);
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
  limits.group = Group();
  limits.group_rate_bits_per_second = kLinkBitsPerSecond / 2;
  return limits;
}

class Peer : public SimNode, public EngineHost {
 public:
  // It has the blocks below `blocks`.
  Peer(SimNetwork& network, int host, FuzzInput& input, uint32_t blocks)
      : network_(network),
        blocks_(blocks),
        random_(static_cast<uint64_t>(host)),
        meddler_(network, input, network.Attach(HostAt(host), this)),
        engine(std::make_unique<Engine>(LinkLimits(), SealWithKey(random_), random_, meddler_, *this,
                                        network.now())) {}
  void OnDatagram(const Address& from, const uint8_t* bytes, size_t length, Micros now) override {
    const Bytes exact(bytes, bytes + length);
    engine->OnDatagram(from, exact.data(), exact.size(), now);
  }
  void OnGroupDatagram(const Address& from, const uint8_t* bytes, size_t length, Micros now) override {
    const Bytes exact(bytes, bytes + length);
    engine->OnGroupDatagram(from, exact.data(), exact.size(), now);
  }
  Micros OnTime(Micros now) override { return engine->OnTime(now); }
  void OnBlockNeeded(uint64_t resource, const Version& version, uint32_t block) override {
    if (resource != kResource || block >= blocks_) {
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

  // For the blocks below `blocks`.
  uint32_t Open(const std::vector<int>& hosts, uint32_t blocks) {
    FetchSpec spec;
    spec.resource = kResource;
    spec.symbol_bytes = kSymbolBytes;
    for (const int host : hosts) spec.servers.push_back({HostAt(host)});
    const uint32_t fetch = engine->OpenFetch(spec, network_.now());
    for (uint32_t block = 0; block < blocks; block++)
      engine->Want(fetch, block, BytesOf(block), network_.now());
    return fetch;
  }

 private:
  SimNetwork& network_;
  const uint32_t blocks_;
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
  // `readers`: so many fetches it begins with, as soon as it has a token, and of them it says that they lack
  // the blocks below `blocks`.
  Member(SimNetwork& network, int host, FuzzInput& input, int readers, uint32_t blocks)
      : input_(input),
        blocks_(blocks),
        readers_(readers),
        random_(static_cast<uint64_t>(host)),
        seal_(SealWithKey(random_)),
        sink_(network.Attach(HostAt(host), this)) {}
  void OnDatagram(const Address& from, const uint8_t* bytes, size_t length, Micros now) override {
    Opened opened;
    if (seal_->Open(bytes, length, now, &opened) != OpenResult::kOk) return;
    Subscribe subscribe;
    TokenMessage token;
    if (ParseSubscribe(opened.inner, opened.inner_bytes, &subscribe)) asked_ = subscribe;
    if (ParseToken(opened.inner, opened.inner_bytes, &token)) {
      token_ = token.token;
      ReadAsACrowd(from, kFirstReader, 0, std::exchange(readers_, 0));
    }
    for (int answers = input_.empty() ? 0 : 1 + input_.Byte() % 4; answers > 0; answers--) Say(from);
  }
  Micros OnTime(Micros now) override {
    if (now < next_) return next_;
    next_ = now + 50'000;
    if (readers_ > 0) ReadAsACrowd(HostAt(kServer), kFirstReader, 0, 1);  // is answered with a token
    if (!input_.empty()) Say(HostAt(kServer + input_.Byte() % 2));
    return input_.empty() && readers_ == 0 ? kNever : next_;
  }

 private:
  void Say(const Address& to) {
    uint8_t* out = datagram_ + kOuterBytes;
    const uint8_t action = input_.Byte();
    const uint32_t block = input_.Byte() % (kBlocks + 1);
    const uint16_t fetch = action % 8 == 0 ? input_.Byte() : asked_.fetch;
    if (action < 60) return SaySymbols(to, fetch, block, 1 + action % 32);
    if (action < 80) return SayShared(action % 4 == 0 ? Group() : to, block, 1 + action % 32);
    if (action < 90) return ReadAsACrowd(to, fetch, block, action % 5);
    if (action < 95) {
      return Send(
          to, WriteMark({fetch, static_cast<uint32_t>(input_.Take(3)), static_cast<uint32_t>(input_.Take(3))},
                        out));
    }
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
    const Bytes made_up = input_.Bytes(1 + input_.Byte() % 64);
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
  void SayShared(const Address& to, uint32_t block, int count) {
    const uint64_t stream = StreamId(kResource, Version{}) + input_.Byte() % 2;
    uint32_t esi = static_cast<uint32_t>(input_.Take(1 + input_.Byte() % 3)) & 0xffffff;
    for (; count > 0; count--, esi = (esi + 1) & 0xffffff) {
      WriteSharedHeader({stream, esi, block}, datagram_ + kOuterBytes);
      std::fill_n(datagram_ + kOuterBytes + kSymbolHeaderBytes, kSymbolBytes, input_.Byte());
      uint8_t sealed[kMaxDatagramBytes];
      sink_.Send(to, sealed,
                 seal_->WriteShared(datagram_ + kOuterBytes, kSymbolHeaderBytes + kSymbolBytes, sealed));
    }
  }
  // Some fetches of what the client reads, that take shared symbols and hear the group: with them the server
  // shares, and pours.
  void ReadAsACrowd(const Address& to, uint16_t fetch, uint32_t block, int fetches) {
    uint8_t* out = datagram_ + kOuterBytes;
    for (int i = 0; i < fetches; i++, fetch++) {
      Subscribe message;
      message.fetch = fetch;
      message.token = token_;
      message.resource = kResource;
      message.symbol_units = kSymbolBytes / 64;
      message.rate_kbit = 1000 - input_.Byte();
      message.heartbeat = ++heartbeat_;
      message.ranges = {{heartbeat_, block, 0, 60}};
      Send(to, WriteSubscribe(message, out));
      Send(to, WriteJoin({fetch}, out));
      Send(to, WriteListen({fetch, 0, blocks_ - 1}, out));
    }
  }
  void Send(const Address& to, size_t inner_bytes) {
    uint8_t sealed[kMaxDatagramBytes];
    sink_.Send(to, sealed, seal_->Write(datagram_ + kOuterBytes, inner_bytes, sealed));
  }

  FuzzInput& input_;
  const uint32_t blocks_;
  int readers_;
  SeededRandom random_;
  std::unique_ptr<Seal> seal_;
  DatagramSink& sink_;
  Subscribe asked_;
  Token token_{};
  uint32_t sequence_ = 0;
  uint32_t heartbeat_ = 0;
  Micros next_ = 0;
  uint8_t datagram_[kMaxDatagramBytes];
};

}  // namespace
}  // namespace murky::rain

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace murky::rain;
  FuzzInput input(data, size);
  SimNetwork network(1);
  const uint8_t beginning = input.Byte();
  const bool much = beginning % 4 == 2;
  const uint32_t blocks = much ? kBlocks + kFurtherBlocks : kBlocks;
  Peer server(network, kServer, input, blocks), client(network, kClient, input, blocks);
  Member first(network, kFirstMember, input, beginning / 4 % 8, blocks);
  Member second(network, kSecondMember, input, beginning / 32, blocks);
  LinkShape link;
  link.delay = 5'000;
  link.bits_per_second = kLinkBitsPerSecond;
  const int hosts[] = {kServer, kClient, kFirstMember, kSecondMember};
  for (const int from : hosts) {
    for (const int to : hosts) {
      if (from != to) network.Connect(HostAt(from), HostAt(to), link);
    }
  }
  network.Join(Group(), HostAt(kClient));
  // Of fetches of one version the first takes what is shared.
  const bool doubtful_shares = beginning % 2 == 0;
  const std::vector<int> all = {kServer, kFirstMember, kSecondMember};
  uint32_t doubtful = doubtful_shares ? client.Open(all, blocks) : 0;
  client.trusted = client.Open({kServer}, kBlocks);
  if (!doubtful_shares) doubtful = client.Open(all, blocks);
  for (const int host : hosts) network.Wake(HostAt(host));
  network.Run(kLimit, [&] {
    const bool enough = client.decoded[doubtful] == blocks || network.now() > kMeddlingEnds;
    return client.decoded[client.trusted] == kBlocks && enough;
  });
  MUST(client.decoded[client.trusted] == kBlocks);
  return 0;
}
