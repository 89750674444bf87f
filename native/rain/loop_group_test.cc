#include "rain/loop_group.h"

#include <poll.h>

#include <algorithm>
#include <chrono>
#include <set>

#include "rain/shared_port.h"
#include "testing/loop_node.h"

namespace murky::rain {
namespace {

using testing::BlockBytes;
using testing::Bytes;
using testing::kBlockBytes;
using testing::kResource;
using testing::Loopback;
using testing::Node;

constexpr size_t kThreads = 2;

LoopOptions Threaded(size_t threads = kThreads) {
  LoopOptions options;
  options.bind = Loopback();
  options.threads = threads;
  options.cluster_keys = {ClusterKey(32, 9)};
  return options;
}

LoopOptions Single() { return Threaded(1); }

// A node on several threads, whose parts serve what testing::Node serves.
class GroupNode {
 public:
  explicit GroupNode(const LoopOptions& options) {
    std::vector<LoopHost*> hosts;
    for (size_t i = 0; i < options.threads; i++) {
      parts_.push_back(std::make_unique<Part>(*this));
      hosts.push_back(parts_.back().get());
    }
    Failure failure;
    auto started = LoopGroup::Start(options, hosts, &failure);
    CHECK_EQ(failure.sentence, "");
    const std::lock_guard<std::mutex> lock(mutex_);
    group = std::move(started);
    posting_ = std::thread(&GroupNode::PostWhatIsAsked, this);
  }
  ~GroupNode() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      closing_ = true;
      changed_.notify_all();
    }
    posting_.join();
    group->Stop();
  }

  template <typename Done>
  bool Await(Done done) {
    std::unique_lock<std::mutex> lock(mutex_);
    return changed_.wait_for(lock, std::chrono::minutes(1), [&] { return done(); });
  }

  std::unique_ptr<LoopGroup> group;
  std::set<std::pair<uint32_t, uint32_t>> decoded;  // fetch and block
  std::set<uint64_t> answered;
  std::set<std::string> askers;
  bool wrong = false;

 private:
  // The host of one loop.
  class Part : public LoopHost {
   public:
    explicit Part(GroupNode& node) : node_(node) {}
    void OnBlockNeeded(uint64_t resource, const Version& version, uint32_t block) override {
      node_.Later([=](LoopGroup& group) {
        const auto bytes = std::make_shared<Bytes>(BlockBytes(block));
        group.PostToAll(
            [=](Engine& engine, Micros now) {
              engine.ProvideBlock(resource, version, block, bytes->data(), bytes->size(), now);
            },
            bytes->size());
      });
    }
    void OnRequest(uint64_t handle, const Address& from, const uint8_t* payload, size_t bytes) override {
      {
        const std::lock_guard<std::mutex> lock(node_.mutex_);
        node_.askers.insert(from.text());
      }
      const Bytes answer(payload, payload + bytes);
      node_.Later([=](LoopGroup& group) {
        group.OfHandle(handle).Post(
            [=](Engine& engine, Micros now) { engine.Respond(handle, answer.data(), answer.size(), now); });
      });
    }
    void OnBlockDecoded(uint32_t fetch, uint32_t block, gf2::Buffer bytes, std::vector<uint32_t>) override {
      const std::lock_guard<std::mutex> lock(node_.mutex_);
      node_.decoded.emplace(fetch, block);
      if (Bytes(bytes.data(), bytes.data() + bytes.size()) != BlockBytes(block)) node_.wrong = true;
      node_.changed_.notify_all();
    }
    void OnServerState(uint32_t, uint32_t, ServerState, RefuseReason) override {}
    void OnResponse(uint64_t request, const uint8_t*, size_t) override {
      const std::lock_guard<std::mutex> lock(node_.mutex_);
      node_.answered.insert(request);
      node_.changed_.notify_all();
    }
    void OnRequestTimeout(uint64_t) override {}
    void OnPassEnd() override {}

   private:
    GroupNode& node_;
  };
  using Task = std::function<void(LoopGroup&)>;

  void Later(Task task) {
    const std::lock_guard<std::mutex> lock(mutex_);
    tasks_.push_back(std::move(task));
    changed_.notify_all();
  }
  void PostWhatIsAsked() {
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      changed_.wait(lock, [&] { return closing_ || !tasks_.empty(); });
      if (closing_) return;
      std::vector<Task> tasks;
      tasks.swap(tasks_);
      lock.unlock();
      for (const Task& task : tasks) task(*group);
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::unique_ptr<Part>> parts_;
  std::vector<Task> tasks_;
  bool closing_ = false;
  std::thread posting_;
};

// Clients of which each loop of a group serves at least one.
std::vector<std::unique_ptr<Node>> ClientsOfAll(size_t loops, const LoopOptions& options) {
  std::vector<std::unique_ptr<Node>> clients;
  for (size_t wanted = 0; wanted < loops;) {
    clients.push_back(std::make_unique<Node>(options));
    const auto serves = [&](const auto& client) { return PlaceOf(client->loop->local(), loops) == wanted; };
    while (wanted < loops && std::any_of(clients.begin(), clients.end(), serves)) wanted++;
  }
  return clients;
}

uint32_t Fetched(Node& client, const Address& server, uint32_t blocks) {
  uint32_t fetch = 0;
  client.loop->Call([&](Engine& engine, Micros now) {
    FetchSpec spec;
    spec.resource = kResource;
    spec.servers = {server};
    fetch = engine.OpenFetch(spec, now);
    for (uint32_t block = 0; block < blocks; block++) engine.Want(fetch, block, kBlockBytes, now);
  });
  return fetch;
}

}  // namespace

TEST(loop_group_shares_out_limits_so_that_together_they_hold) {
  EngineLimits limits;
  limits.max_subscriptions = 7;
  limits.max_subscriptions_per_peer = 2;
  const EngineLimits share = ShareOf(limits, 3);
  CHECK_EQ(share.max_subscriptions, 2u);
  CHECK_EQ(share.max_subscriptions_per_peer, 1u);
  CHECK_EQ(share.max_rate_bits_per_second, limits.max_rate_bits_per_second / 3);
  CHECK_EQ(share.block_cache_bytes, limits.block_cache_bytes / 3);
  CHECK_EQ(share.max_fetches, limits.max_fetches / 3);
  CHECK_EQ(share.max_inbound_requests, limits.max_inbound_requests / 3);
  CHECK_EQ(share.max_inbound_requests_per_peer, limits.max_inbound_requests_per_peer);
  CHECK_EQ(ShareOf(limits, 16).max_inbound_requests_per_peer, limits.max_inbound_requests / 32);
  CHECK_EQ(share.max_blocks_wanted, limits.max_blocks_wanted);
}

#if defined(__linux__)

TEST(shared_port_brings_each_sender_to_the_socket_of_its_place) {
  for (const char* bound : {"127.0.0.1", "::1", "::"}) {
    Address bind;
    CHECK(Address::Parse(bound, 0, &bind));
    Failure failure;
    const auto sockets = UdpSocket::OpenShared(bind, 3, SocketKind::kSegmented, &failure);
    CHECK_EQ(failure.sentence, "");
    CHECK_EQ(sockets.size(), 3u);
    std::set<size_t> places;
    for (const char* from : {"127.0.0.1", "127.0.0.9", "::1"}) {
      const bool reaches = std::string(bound) == "::" || (bind.is_v4() == (std::string(from) != "::1"));
      for (int i = 0; reaches && i < 8; i++) {
        Address sender_bind, to;
        CHECK(Address::Parse(from, 0, &sender_bind));
        CHECK(Address::Parse(sender_bind.is_v4() ? "127.0.0.1" : "::1", sockets[0]->local().port, &to));
        const auto sender = UdpSocket::Open(sender_bind, SocketKind::kPortable, &failure);
        const uint8_t byte = 1;
        sender->Send(to, &byte, 1);
        sender->Flush();
        const size_t place = PlaceOf(sender->local(), sockets.size());
        places.insert(place);
        pollfd waiting = {sockets[place]->fd(), POLLIN, 0};
        CHECK_EQ(poll(&waiting, 1, 1000), 1);
        Address arrived;
        sockets[place]->Receive([&](const Address& who, const uint8_t*, size_t) { arrived = who; });
        CHECK_EQ(arrived.text(), sender->local().text());
      }
    }
    CHECK(places.size() > 1);
  }
}

TEST(shared_port_is_shared_with_nobody_else) {
  Failure failure;
  const auto sockets = UdpSocket::OpenShared(Loopback(), 2, SocketKind::kSegmented, &failure);
  CHECK_EQ(sockets.size(), 2u);
  CHECK(UdpSocket::OpenShared(sockets[0]->local(), 2, SocketKind::kSegmented, &failure).empty());
  CHECK_EQ(failure.code, "EADDRINUSE");
}

TEST(loop_group_serves_clients_on_all_its_threads) {
  GroupNode server(Threaded());
  const auto clients = ClientsOfAll(kThreads, Single());
  for (const auto& client : clients) Fetched(*client, server.group->local(), 5);
  for (const auto& client : clients) {
    CHECK(client->Await([](auto& got, auto&) { return got.size() == 5; }));
    for (const auto& [block, bytes] : client->blocks()) CHECK(bytes == BlockBytes(block));
  }
  for (size_t i = 0; i < kThreads; i++) {
    const EngineCounters counters = server.group->at(i).Counters().engine;
    CHECK(counters.symbols_sent > 0);
    CHECK_EQ(counters.dropped_unknown + counters.dropped_forged, 0u);
  }
  uint64_t sent = 0;
  for (size_t i = 0; i < kThreads; i++) sent += server.group->at(i).Counters().engine.symbols_sent;
  CHECK_EQ(server.group->Counters().engine.symbols_sent, sent);
}

// What the servers send to the shared port's other loops would be lost to the fetch.
TEST(loop_group_fetches_from_servers_of_all_places_on_each_thread) {
  GroupNode client(Threaded());
  GroupNode other(Threaded());
  const auto servers = ClientsOfAll(kThreads, Single());
  FetchSpec spec;
  spec.resource = kResource;
  spec.servers.emplace_back(other.group->local());
  for (const auto& server : servers) spec.servers.emplace_back(server->loop->local());
  std::set<size_t> loops;
  for (int i = 0; i < 4; i++) {
    const uint32_t fetch = client.group->OpenFetch(spec);
    CHECK(fetch != 0);
    loops.insert(fetch % kThreads);
    for (uint32_t block = 0; block < 4; block++) {
      bool wanted = false;
      client.group->OfHandle(fetch).Call(
          [&](Engine& engine, Micros now) { wanted = engine.Want(fetch, block, kBlockBytes, now); });
      CHECK(wanted);
    }
  }
  CHECK_EQ(loops.size(), kThreads);
  CHECK(client.Await([&] { return client.decoded.size() == 16; }));
  CHECK(!client.wrong);
  CHECK_EQ(client.group->Counters().engine.dropped_unknown, 0u);
}

TEST(loop_group_asks_and_answers_from_the_shared_port) {
  GroupNode asking(Threaded());
  GroupNode answering(Threaded());
  const auto singles = ClientsOfAll(kThreads, Single());
  std::vector<Address> peers = {answering.group->local()};
  for (const auto& single : singles) peers.push_back(single->loop->local());
  const Bytes payload = {1, 2, 3};
  uint64_t id = 0;
  for (int round = 0; round < 5; round++) {
    for (const Address& peer : peers) {
      id++;
      asking.group->OfPeer(peer).Call([&](Engine& engine, Micros now) {
        CHECK(engine.SendRequest(id, peer, payload.data(), payload.size(), 30'000'000, now));
      });
    }
  }
  CHECK(asking.Await([&] { return asking.answered.size() == id; }));
  // A node is known by one address.
  CHECK(answering.Await(
      [&] { return answering.askers == std::set<std::string>{asking.group->local().text()}; }));
}

TEST(loop_group_sends_no_more_than_the_limit_of_all) {
  LoopOptions options = Threaded();
  constexpr uint64_t kLimit = 8'000'000;
  options.limits.max_rate_bits_per_second = kLimit;
  GroupNode server(options);
  const auto clients = ClientsOfAll(kThreads, Single());
  const auto start = std::chrono::steady_clock::now();
  for (const auto& client : clients) Fetched(*client, server.group->local(), 3);
  for (const auto& client : clients) CHECK(client->Await([](auto& got, auto&) { return got.size() == 3; }));
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const double bits = static_cast<double>(server.group->Counters().engine.bytes_out) * 8;
  // Beside the pace: the first bursts, and time that a late wake-up makes up for.
  CHECK(bits < kLimit * (seconds + 0.02) + static_cast<double>(clients.size()) * 64 * 1400 * 8);
}

TEST(loop_group_stops_in_the_middle_of_everything) {
  for (int i = 0; i < 5; i++) {
    GroupNode server(Threaded(4));
    const auto clients = ClientsOfAll(2, Single());
    for (const auto& client : clients) Fetched(*client, server.group->local(), 30);
    // From the first that it hears on, each time a block further.
    const auto heard = [&] { return server.group->Counters().engine.datagrams_in; };
    const auto end = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (heard() == 0 && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::microseconds(100));
    }
    CHECK(clients[0]->Await([&](auto& got, auto&) { return got.size() >= static_cast<size_t>(i); }));
    server.group->Stop();
    server.group->Stop();
    CHECK(heard() > 0);
  }
}

#endif

}  // namespace murky::rain
