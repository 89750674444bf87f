#include "rain/loop.h"

#include <condition_variable>
#include <cstring>
#include <map>
#include <mutex>

#include "testing/check.h"

namespace murky::rain {

namespace {

using Bytes = std::vector<uint8_t>;

Address Loopback(uint16_t port = 0) {
  Address address;
  CHECK(Address::Parse("127.0.0.1", port, &address));
  return address;
}

constexpr uint64_t kResource = 7;
constexpr size_t kBlockBytes = 200'000;

Bytes BlockBytes(uint32_t block) {
  Bytes bytes(kBlockBytes);
  for (size_t i = 0; i < bytes.size(); i++) bytes[i] = static_cast<uint8_t>(i * 31 + (i >> 8) + block);
  return bytes;
}

// A node with every block of every resource, that answers requests with themselves and remembers what it got.
class Node : public LoopHost {
 public:
  explicit Node(LoopOptions options = {}) {
    if (options.bind.port == 0 && options.bind.is_unspecified()) options.bind = Loopback();
    Failure failure;
    loop = Loop::Start(options, *this, &failure);
    CHECK_EQ(failure.sentence, "");
  }
  ~Node() override { loop->Stop(); }

  void OnBlockNeeded(uint64_t resource, const Version& version, uint32_t block) override {
    later_.push_back([=](Engine& engine, Micros now) {
      const Bytes bytes = BlockBytes(block);
      engine.ProvideBlock(resource, version, block, bytes.data(), bytes.size(), now);
    });
  }
  void OnRequest(uint64_t handle, const Address&, const uint8_t* payload, size_t bytes) override {
    later_.push_back([handle, answer = Bytes(payload, payload + bytes)](Engine& engine, Micros now) {
      engine.Respond(handle, answer.data(), answer.size(), now);
    });
  }
  void OnBlockDecoded(uint32_t, uint32_t block, Bytes bytes, std::vector<uint32_t>) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    blocks_[block] = std::move(bytes);
  }
  void OnServerState(uint32_t, uint32_t, ServerState, RefuseReason) override {}
  void OnResponse(uint64_t request, const uint8_t* payload, size_t bytes) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    answers_[request] = Bytes(payload, payload + bytes);
  }
  void OnRequestTimeout(uint64_t request) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    answers_[request] = {};
  }
  // What the host wants done is posted by another thread, as JavaScript would.
  void OnPassEnd() override {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (Command& command : later_) posted_.push_back(std::move(command));
    later_.clear();
    passes_++;
    changed_.notify_all();
  }

  // Does what the host wants, until `done` of blocks and answers holds or 20 s are over.
  template <typename Done>
  bool Await(Done done) {
    const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    std::unique_lock<std::mutex> lock(mutex_);
    while (!done(blocks_, answers_)) {
      changed_.wait_until(lock, limit, [&] { return !posted_.empty() || done(blocks_, answers_); });
      if (std::chrono::steady_clock::now() >= limit) return false;
      std::vector<Command> commands;
      commands.swap(posted_);
      lock.unlock();
      for (Command& command : commands) loop->Post(std::move(command));
      lock.lock();
    }
    return true;
  }
  // Serves on a thread of its own until the returned one is joined.
  std::thread Serve(std::atomic<bool>& stop) {
    return std::thread([this, &stop] { Await([&stop](auto&, auto&) { return stop.load(); }); });
  }
  uint64_t passes() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return passes_;
  }
  void Notify() {
    const std::lock_guard<std::mutex> lock(mutex_);
    changed_.notify_all();
  }
  std::map<uint32_t, Bytes> blocks() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return blocks_;
  }

  std::unique_ptr<Loop> loop;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<uint32_t, Bytes> blocks_;
  std::map<uint64_t, Bytes> answers_;
  std::vector<Command> later_;   // on the loop's thread
  std::vector<Command> posted_;  // to be posted by another
  uint64_t passes_ = 0;
};

void CheckFetch(Node& client, const std::vector<Address>& servers, uint32_t blocks) {
  uint32_t fetch = 0;
  CHECK(client.loop->Call([&](Engine& engine, Micros now) {
    FetchSpec spec;
    spec.resource = kResource;
    spec.servers = servers;
    fetch = engine.OpenFetch(spec, now);
    for (uint32_t block = 0; block < blocks; block++) engine.Want(fetch, block, kBlockBytes, now);
  }));
  CHECK(fetch != 0);
  CHECK(client.Await([&](auto& got, auto&) { return got.size() == blocks; }));
  for (const auto& [block, bytes] : client.blocks()) CHECK(bytes == BlockBytes(block));
}

}  // namespace

TEST(loop_fetches_from_two_servers_sealed_and_not_batched_and_not) {
  for (const bool sealed : {false, true}) {
    for (const bool portable : {false, true}) {
      LoopOptions options;
      options.portable_socket = portable;
      if (sealed) options.cluster_key = Bytes(32, 5);
      Node servers[2] = {Node(options), Node(options)};
      Node client(options);
      std::atomic<bool> stop{false};
      std::thread serving[2] = {servers[0].Serve(stop), servers[1].Serve(stop)};
      CheckFetch(client, {servers[0].loop->local(), servers[1].loop->local()}, 6);
      stop = true;
      for (int i = 0; i < 2; i++) {
        servers[i].Notify();
        serving[i].join();
        CHECK(servers[i].loop->Counters().engine.symbols_sent > 0);
      }
    }
  }
}

TEST(loop_answers_requests_from_many_threads) {
  Node server;
  Node client;
  std::atomic<bool> stop{false};
  std::thread serving = server.Serve(stop);
  std::vector<std::thread> threads;
  for (uint64_t thread = 0; thread < 4; thread++) {
    threads.emplace_back([&, thread] {
      for (uint64_t i = 0; i < 50; i++) {
        const uint64_t id = thread * 1000 + i;
        client.loop->Call([&](Engine& engine, Micros now) {
          const uint8_t payload[2] = {static_cast<uint8_t>(thread), static_cast<uint8_t>(i)};
          CHECK(engine.SendRequest(id, server.loop->local(), payload, 2, 10'000'000, now));
        });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(client.Await([](auto&, auto& answers) { return answers.size() == 200; }));
  CHECK(client.Await([](auto&, auto& answers) {
    for (const auto& [id, answer] : answers) {
      if (answer != Bytes{static_cast<uint8_t>(id / 1000), static_cast<uint8_t>(id % 1000)}) return false;
    }
    return true;
  }));
  stop = true;
  server.Notify();
  serving.join();
}

TEST(loop_keeps_the_order_of_posts_and_runs_none_after_stop) {
  Node node;
  std::vector<int> order;
  for (int i = 0; i < 3000; i++) {  // more than the queue holds at once
    CHECK(node.loop->Post([&order, i](Engine&, Micros) { order.push_back(i); }));
  }
  CHECK(node.loop->Call([](Engine&, Micros) {}));
  CHECK_EQ(order.size(), 3000u);
  for (int i = 0; i < 3000; i++) CHECK_EQ(order[static_cast<size_t>(i)], i);
  node.loop->Stop();
  node.loop->Stop();
  CHECK(!node.loop->Post([](Engine&, Micros) {}));
  CHECK(!node.loop->Call([](Engine&, Micros) {}));
  CHECK_EQ(node.loop->Counters().engine.datagrams_out, 0u);
}

TEST(loop_waits_for_room_where_commands_carry_much) {
  Node node;
  std::atomic<int> ran{0};
  std::thread poster([&] {
    for (int i = 0; i < 40; i++) node.loop->Post([&](Engine&, Micros) { ran++; }, kMaxQueuedCommandBytes / 3);
  });
  poster.join();
  CHECK(node.loop->Call([](Engine&, Micros) {}));
  CHECK_EQ(ran, 40);
}

TEST(loop_stops_while_others_post_and_call) {
  for (int round = 0; round < 20; round++) {
    Node node;
    std::vector<std::thread> threads;
    for (int i = 0; i < 3; i++) {
      threads.emplace_back([&node, i] {
        while (i % 2 ? node.loop->Post([](Engine&, Micros) {}) : node.loop->Call([](Engine&, Micros) {})) {
        }
      });
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(round % 4));
    node.loop->Stop();
    for (std::thread& thread : threads) thread.join();
  }
}

TEST(loop_sleeps_while_nothing_happens) {
  Node node;
  CHECK(node.loop->Call([](Engine&, Micros) {}));
  const uint64_t passes = node.passes();
  std::this_thread::sleep_for(std::chrono::milliseconds(500));
  CHECK(node.passes() - passes <= 5);  // a loop that spins would make thousands
}

TEST(loop_speaks_with_loopback_only_unless_allowed) {
  Failure failure;
  Node host;
  LoopOptions options;
  for (const char* address : {"0.0.0.0", "::", "192.0.2.1"}) {
    CHECK(Address::Parse(address, 0, &options.bind));
    CHECK(!Loop::Start(options, host, &failure));
    CHECK_EQ(failure.code, "MURKY_INSECURE_REFUSED");
  }
  CHECK(Address::Parse("0.0.0.0", 0, &options.bind));
  options.loopback_only = false;
  CHECK(Loop::Start(options, host, &failure));
}

TEST(loop_names_what_is_wrong_with_key_and_address) {
  Node holder;
  Failure failure;
  LoopOptions options;
  options.bind = holder.loop->local();
  CHECK(!Loop::Start(options, holder, &failure));
  CHECK_EQ(failure.code, "EADDRINUSE");
  options.bind = Loopback();
  options.cluster_key = Bytes(7);
  CHECK(!Loop::Start(options, holder, &failure));
  CHECK_EQ(failure.code, "MURKY_BAD_CLUSTER_KEY");
}

}  // namespace murky::rain
