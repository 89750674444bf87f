#include "rain/simulation.h"

#include <algorithm>
#include <string>
#include <unordered_set>

#include "rain/sim_network.h"

namespace murky::rain {

namespace {

constexpr size_t kBlockBytes = 1u << 20;
constexpr uint64_t kFirstResource = 42;
constexpr Micros kLookupTimeout = 10'000'000;
constexpr size_t kLeastBlocks = 12;  // that the client looks ahead
const uint8_t kLookup[16] = {};      // nobody reads it

// The object, without the memory for it: every block is a window on the same noise, each a word further.
class Content {
 public:
  explicit Content(const SimulationScenario& scenario) : bytes_(scenario.object_bytes) {
    SeededRandom random(scenario.seed);
    noise_.resize(kBlockBytes / sizeof(uint64_t) + blocks());
    for (uint64_t& word : noise_) word = random.Next();
  }
  uint32_t blocks() const { return static_cast<uint32_t>((bytes_ + kBlockBytes - 1) / kBlockBytes); }
  size_t size(uint32_t block) const { return std::min(kBlockBytes, bytes_ - block * kBlockBytes); }
  const uint8_t* data(uint32_t block) const {
    return reinterpret_cast<const uint8_t*>(noise_.data() + block);
  }

 private:
  const size_t bytes_;
  std::vector<uint64_t> noise_;
};

class Node : public SimNode, public EngineHost {
 public:
  // `again`: in the place of one that was killed.
  Node(SimNetwork& network, const Address& address, const SimulationScenario& scenario, uint64_t seed,
       bool again = false)
      : address(address), random_(seed) {
    EngineLimits limits;
    limits.max_blocks_wanted = scenario.window_blocks;
    DatagramSink& sink = again ? network.Revive(address, this) : network.Attach(address, this);
    std::string error;
    engine = std::make_unique<Engine>(limits, Seal::Make({}, random_, &error), random_, sink, *this,
                                      network.now());
  }
  void OnDatagram(const Address& from, const uint8_t* bytes, size_t length, Micros now) override {
    now_ = now;
    engine->OnDatagram(from, bytes, length, now);
  }
  Micros OnTime(Micros now) override {
    now_ = now;
    return engine->OnTime(now);
  }
  void OnBlockNeeded(uint64_t, const Version&, uint32_t) override {}
  void OnBlockDecoded(uint32_t, uint32_t, gf2::Buffer, std::vector<uint32_t>) override {}
  void OnServerState(uint32_t, uint32_t, ServerState, RefuseReason) override {}
  void OnRequest(uint64_t handle, const Address&, const uint8_t* payload, size_t bytes) override {
    engine->Respond(handle, payload, bytes, now_);
  }
  void OnResponse(uint64_t, const uint8_t*, size_t) override {}
  void OnRequestTimeout(uint64_t) override {}

  const Address address;
  std::unique_ptr<Engine> engine;

 protected:
  Micros now_ = 0;

 private:
  SeededRandom random_;
};

class Server : public Node {
 public:
  Server(SimNetwork& network, const Address& address, const SimulationScenario& scenario,
         const Content& content, bool empty, uint64_t seed, bool again = false)
      : Node(network, address, scenario, seed, again), content_(content), empty_(empty) {}
  void Stall(Micros until) { stalled_until_ = until; }
  void OnDatagram(const Address& from, const uint8_t* bytes, size_t length, Micros now) override {
    if (now >= stalled_until_) Node::OnDatagram(from, bytes, length, now);
  }
  Micros OnTime(Micros now) override { return now < stalled_until_ ? stalled_until_ : Node::OnTime(now); }
  void OnBlockNeeded(uint64_t resource, const Version& version, uint32_t block) override {
    if (empty_) {
      engine->RefuseBlock(resource, version, block, RefuseReason::kNotHere, now_);
      return;
    }
    engine->ProvideBlock(resource, version, block, content_.data(block), content_.size(block), now_);
  }

 private:
  const Content& content_;
  const bool empty_;
  Micros stalled_until_ = 0;
};

class Client : public Node {
 public:
  Client(SimNetwork& network, const Address& address, const SimulationScenario& scenario,
         const Content& content, uint64_t resource, uint64_t seed)
      : Node(network, address, scenario, seed), scenario_(scenario), content_(content), resource_(resource) {}
  void LookUp(const std::vector<FetchServer>& servers, Micros now) {
    for (const FetchServer& server : servers) {
      engine->SendRequest(++lookups_, server.address, kLookup, sizeof kLookup, kLookupTimeout, now);
    }
  }
  void OnResponse(uint64_t, const uint8_t*, size_t) override { lookups_--; }
  void OnRequestTimeout(uint64_t) override { lookups_--; }
  bool looked_up() const { return lookups_ == 0; }

  void Begin(const std::vector<FetchServer>& servers, Micros now) {
    FetchSpec spec;
    spec.resource = resource_;
    spec.symbol_bytes = scenario_.symbol_bytes;
    spec.blocks = content_.blocks();
    spec.servers = servers;
    fetch = engine->OpenFetch(spec, now);
    now_ = now;
    WantMore();
  }
  void Add(const FetchServer& server, Micros now) { engine->AddServer(fetch, server, now); }
  void OnBlockDecoded(uint32_t, uint32_t block, gf2::Buffer bytes, std::vector<uint32_t>) override {
    if (ready_.empty()) first_block = now_;
    ready_.insert(block);
    NoteHeld();
    while (ready_.count(taken_)) taken_++;
    intact = intact && bytes.size() == content_.size(block) &&
             std::equal(bytes.data(), bytes.data() + bytes.size(), content_.data(block));
    WantMore();
  }
  bool done() const { return taken_ == content_.blocks(); }
  uint64_t useful_bytes() const {
    FetchReport report;
    engine->Report(fetch, &report);
    uint64_t symbols = 0;
    for (const ServerReport& server : report.servers) symbols += server.useful;
    return symbols * scenario_.symbol_bytes;
  }

  uint32_t fetch = 0;
  bool intact = true;
  Micros first_block = 0;
  uint64_t most_bytes_held = 0;

 private:
  // As src/rain/look-ahead.ts does it.
  void WantMore() {
    FetchReport report;
    engine->Report(fetch, &report);
    const size_t needed = (report.look_ahead_bytes + kBlockBytes - 1) / kBlockBytes;
    const size_t held = report.decoder_bytes / kBlockBytes + ready_.size() - taken_;
    const size_t most_held = scenario_.window_blocks * 4 / 3;
    const size_t fit = wanted_ - taken_ + most_held - std::min(held, most_held);
    const size_t window = std::min({std::max(needed, kLeastBlocks), scenario_.window_blocks, fit});
    while (wanted_ < content_.blocks() && wanted_ < taken_ + window) {
      if (!engine->Want(fetch, wanted_, content_.size(wanted_), now_)) return;
      wanted_++;
    }
  }
  void NoteHeld() {
    FetchReport report;
    engine->Report(fetch, &report);
    most_bytes_held =
        std::max(most_bytes_held, report.decoder_bytes + (ready_.size() - taken_) * kBlockBytes);
  }

  const SimulationScenario& scenario_;
  const Content& content_;
  const uint64_t resource_;
  size_t lookups_ = 0;  // not answered yet
  uint32_t wanted_ = 0;
  uint32_t taken_ = 0;                  // by a reader who reads them in order
  std::unordered_set<uint32_t> ready_;  // decoded, with those that were taken
};

// Looks at the symbols on their way to the client.
class SymbolObserver {
 public:
  explicit SymbolObserver(const Address& client) : client_(client) {}

  void See(const SimNetwork::Passage& passage) {
    SymbolHeader header;
    const uint8_t* symbol;
    size_t bytes;
    if (passage.to != client_ ||
        !ParseSymbol(passage.bytes + kOuterBytes, passage.length - kOuterBytes, &header, &symbol, &bytes)) {
      return;
    }
    queued_.push_back(passage.queued);
    if (!seen_.insert(uint64_t{header.block} << 32 | header.esi).second) sent_twice_++;
  }

  void Report(SimulationResult* result) {
    result->sent_twice = sent_twice_;
    if (queued_.empty()) return;
    std::sort(queued_.begin(), queued_.end());
    result->queue_median = queued_[queued_.size() / 2];
    result->queue_p95 = queued_[queued_.size() * 95 / 100];
  }

 private:
  const Address client_;
  std::vector<Micros> queued_;
  std::unordered_set<uint64_t> seen_;
  uint64_t sent_twice_ = 0;
};

// The rival flows of each server's link, and what the fetch and they get of it.
class Rivalry {
 public:
  Rivalry(SimNetwork& network, const Address& client, const std::vector<Address>& servers,
          const SimulationScenario& scenario)
      : network_(network), client_(client), servers_(servers), before_(servers.size()) {
    const Micros now = network.now();
    flows_.resize(servers.size());
    for (size_t i = 0; i < servers.size(); i++) {
      for (const RivalKind kind : scenario.servers[i].rivals) {
        flows_[i].push_back(std::make_unique<RivalFlow>(network, kind, servers[i], client));
        RivalFlow* flow = flows_[i].back().get();
        network.At(now + scenario.rivals_from, [flow] { flow->Start(); });
        if (scenario.rivals_until != kNever) {
          network.At(now + scenario.rivals_until, [flow] { flow->Stop(); });
        }
      }
    }
    if (scenario.shares_from > 0) network.At(now + scenario.shares_from, [this] { before_ = Totals(); });
  }
  std::vector<SimulatedShare> Shares() const {
    std::vector<SimulatedShare> shares = Totals();
    for (size_t i = 0; i < shares.size(); i++) {
      shares[i].fetch -= before_[i].fetch;
      shares[i].rivals -= before_[i].rivals;
    }
    return shares;
  }

 private:
  std::vector<SimulatedShare> Totals() const {
    std::vector<SimulatedShare> totals(servers_.size());
    for (size_t i = 0; i < servers_.size(); i++) {
      const LinkCounters& counters = network_.counters(servers_[i], client_);
      totals[i].fetch =
          counters.delivered_bytes + counters.delivered * (SimNetwork::kPacketHeaderBytes + kTagBytes);
      for (const auto& flow : flows_[i]) totals[i].rivals += flow->delivered_bytes();
    }
    return totals;
  }

  SimNetwork& network_;
  const Address client_;
  const std::vector<Address> servers_;
  std::vector<std::vector<std::unique_ptr<RivalFlow>>> flows_;
  std::vector<SimulatedShare> before_;
};

Address AddressOf(size_t index) {
  Address address;
  Address::Parse("10.0." + std::to_string(index / 256) + "." + std::to_string(index % 256), 1980, &address);
  return address;
}

LinkShape WayTo(const SimulatedServer& server) {
  LinkShape link;
  link.delay = server.delay;
  link.loss_burst = server.loss_burst;
  link.jitter = server.jitter;
  link.duplicate = server.duplicate;
  link.loss = 1 - (1 - server.loss) * (1 - server.request_loss);
  return link;
}

LinkShape WayFrom(const SimulatedServer& server) {
  LinkShape link = WayTo(server);
  link.loss = server.loss;
  link.bits_per_second = server.bits_per_second;
  link.queue = server.queue;
  return link;
}

// A client, and the servers that it reads from.
struct Reader {
  std::unique_ptr<Client> client;
  std::vector<FetchServer> servers;
};

}  // namespace

SimulationResult Simulate(const SimulationScenario& scenario) {
  SimNetwork network(scenario.seed);
  // The tag that a sealed datagram would carry.
  network.set_extra_bytes(kTagBytes);
  const Content content(scenario);
  std::vector<Reader> readers(std::max<size_t>(scenario.readers.size(), 1));
  const auto open = [&](size_t index, const Address& address) {
    readers[index].client = std::make_unique<Client>(network, address, scenario, content,
                                                     kFirstResource + index, network.random().Next());
  };
  open(0, AddressOf(1));
  std::vector<std::unique_ptr<Server>> servers;
  std::vector<Address> addresses;
  for (const SimulatedServer& shape : scenario.servers) {
    addresses.push_back(AddressOf(2 + servers.size()));
    servers.push_back(std::make_unique<Server>(network, addresses.back(), scenario, content, shape.empty,
                                               network.random().Next()));
  }
  for (size_t i = 1; i < readers.size(); i++) open(i, AddressOf(1 + servers.size() + i));
  for (size_t i = 0; i < readers.size(); i++) {
    const auto reads = [&](size_t j) {
      return scenario.readers.empty() ||
             std::count(scenario.readers[i].begin(), scenario.readers[i].end(), j) > 0;
    };
    for (size_t j = 0; j < servers.size(); j++) {
      if (reads(j))
        readers[i].servers.emplace_back(addresses[j], scenario.servers[j].known_rate_bits_per_second);
      network.Connect(readers[i].client->address, addresses[j], WayTo(scenario.servers[j]));
      network.Connect(addresses[j], readers[i].client->address, WayFrom(scenario.servers[j]));
    }
  }
  if (readers.size() > 1) {
    for (const Address& address : addresses) network.ShareQueue(address);
  }
  const auto all = [&readers](bool (Client::*holds)() const) {
    return [&readers, holds] {
      return std::all_of(readers.begin(), readers.end(),
                         [holds](const Reader& reader) { return ((*reader.client).*holds)(); });
    };
  };
  if (scenario.look_up_first) {
    for (Reader& reader : readers) {
      reader.client->LookUp(reader.servers, network.now());
      network.Wake(reader.client->address);
    }
    network.Run(kLookupTimeout, all(&Client::looked_up));
  }
  const Micros begun = network.now();
  for (size_t i = 0; i < addresses.size(); i++) {
    const SimulatedServer& shape = scenario.servers[i];
    const Address& address = addresses[i];
    std::unique_ptr<Server>& server = servers[i];
    if (shape.kill_at != kNever) {
      network.At(begun + shape.kill_at, [&network, address] { network.Kill(address); });
      if (shape.back_after != kNever) {
        network.At(begun + shape.kill_at + shape.back_after, [&, address] {
          server = std::make_unique<Server>(network, address, scenario, content, shape.empty,
                                            network.random().Next(), true);
        });
      }
    }
    if (shape.stall_at != kNever) {
      network.At(begun + shape.stall_at, [&] { server->Stall(network.now() + shape.stall_for); });
    }
    if (shape.join_at == 0) continue;
    for (Reader& reader : readers) {
      const auto known = std::find_if(reader.servers.begin(), reader.servers.end(),
                                      [&](const FetchServer& server) { return server.address == address; });
      if (known == reader.servers.end()) continue;
      network.At(begun + shape.join_at, [&network, client = reader.client.get(), joining = *known] {
        client->Add(joining, network.now());
        network.Wake(client->address);
      });
      reader.servers.erase(known);
    }
  }
  Client& client = *readers[0].client;
  SymbolObserver observer(client.address);
  network.set_observer([&observer](const SimNetwork::Passage& passage) { observer.See(passage); });

  Rivalry rivalry(network, client.address, addresses, scenario);
  for (Reader& reader : readers) {
    reader.client->Begin(reader.servers, network.now());
    network.Wake(reader.client->address);
  }
  SimulationResult result;
  const auto done = all(&Client::done);
  result.done = done() || !network.Run(begun + scenario.limit, done);
  result.virtual_micros = network.now() - begun;
  result.first_block_micros = std::max<Micros>(client.first_block - begun, 0);
  result.intact = result.done;
  for (const Reader& reader : readers) {
    result.intact = result.intact && reader.client->intact;
    result.useful_bytes.push_back(reader.client->useful_bytes());
  }
  result.most_bytes_held = client.most_bytes_held;
  client.engine->Report(client.fetch, &result.report);
  observer.Report(&result);
  result.shares = rivalry.Shares();
  result.client = client.engine->counters();
  for (const auto& server : servers) result.servers.push_back(server->engine->counters());
  return result;
}

}  // namespace murky::rain
