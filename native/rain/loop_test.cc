#include "rain/loop.h"

#include <atomic>
#include <chrono>
#include <thread>

#include "testing/check.h"
#include "testing/loop_node.h"

namespace murky::rain {

using testing::BlockBytes;
using testing::CheckFetch;
using testing::Loopback;
using testing::Node;
using Bytes = std::vector<uint8_t>;

TEST(loop_fetches_from_two_servers_sealed_and_not_on_every_kind_of_socket) {
  for (const bool sealed : {false, true}) {
    for (const SocketKind kind : {SocketKind::kPortable, SocketKind::kBatched, SocketKind::kSegmented}) {
      LoopOptions options;
      options.socket = kind;
      if (sealed) options.cluster_keys = {Bytes(32, 5)};
      options.limits.max_rate_per_peer_bits_per_second = 30'000'000;  // so slow that one is not done alone
      Node servers[2] = {Node(options), Node(options)};
      Node client(options);
      CheckFetch(client, {servers[0].loop->local(), servers[1].loop->local()}, 6);
      for (const Node& server : servers) CHECK(server.loop->Counters().engine.symbols_sent > 0);
    }
  }
}

TEST(loop_answers_requests_from_many_threads) {
  Node server;
  Node client;
  std::atomic<int> sent{0};
  std::vector<std::thread> threads;
  for (uint64_t thread = 0; thread < 4; thread++) {
    threads.emplace_back([&, thread] {
      for (uint64_t i = 0; i < 50; i++) {
        const uint64_t id = thread * 1000 + i;
        client.loop->Call([&](Engine& engine, Micros now) {
          const uint8_t payload[2] = {static_cast<uint8_t>(thread), static_cast<uint8_t>(i)};
          if (engine.SendRequest(id, server.loop->local(), payload, 2, 60'000'000, now)) sent++;
        });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK_EQ(sent, 200);
  CHECK(client.Await([](auto&, auto& answers) { return answers.size() == 200; }));
  CHECK(client.Await([](auto&, auto& answers) {
    for (const auto& [id, answer] : answers) {
      if (answer != Bytes{static_cast<uint8_t>(id / 1000), static_cast<uint8_t>(id % 1000)}) return false;
    }
    return true;
  }));
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
  options.cluster_keys = {Bytes(7)};
  CHECK(!Loop::Start(options, holder, &failure));
  CHECK_EQ(failure.code, "MURKY_BAD_CLUSTER_KEY");
}

}  // namespace murky::rain
