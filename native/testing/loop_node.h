// A node for tests of the packet loop: has every block of every resource, answers requests with themselves,
// and remembers what it got. What it answers is posted by a thread of its own, as JavaScript would.
#ifndef MURKY_TESTING_LOOP_NODE_H_
#define MURKY_TESTING_LOOP_NODE_H_

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "rain/loop.h"
#include "testing/check.h"

namespace murky::testing {

using rain::Address;
using rain::Command;
using rain::Engine;
using rain::Micros;

using Bytes = std::vector<uint8_t>;

inline Address Loopback(uint16_t port = 0) {
  Address address;
  CHECK(Address::Parse("127.0.0.1", port, &address));
  return address;
}

constexpr uint64_t kResource = 7;
constexpr size_t kBlockBytes = 200'000;

inline Bytes BlockBytes(uint32_t block) {
  Bytes bytes(kBlockBytes);
  for (size_t i = 0; i < bytes.size(); i++) bytes[i] = static_cast<uint8_t>(i * 31 + (i >> 8) + block);
  return bytes;
}

class Node : public rain::LoopHost {
 public:
  explicit Node(rain::LoopOptions options = {}) {
    if (options.bind.port == 0 && options.bind.is_unspecified()) options.bind = Loopback();
    rain::Failure failure;
    loop = rain::Loop::Start(options, *this, &failure);
    CHECK_EQ(failure.sentence, "");
    posting_ = std::thread(&Node::PostWhatIsAsked, this);
  }
  ~Node() override {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      closing_ = true;
      changed_.notify_all();
    }
    if (posting_.joinable()) posting_.join();
    if (loop) loop->Stop();
  }

  void OnBlockNeeded(uint64_t resource, const rain::Version& version, uint32_t block) override {
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
  void OnBlockDecoded(uint32_t, uint32_t block, gf2::Buffer bytes, std::vector<uint32_t>) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    blocks_[block] = Bytes(bytes.data(), bytes.data() + bytes.size());
  }
  void OnServerState(uint32_t, uint32_t, rain::ServerState, rain::RefuseReason) override {}
  void OnResponse(uint64_t request, const uint8_t* payload, size_t bytes) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    answers_[request] = Bytes(payload, payload + bytes);
  }
  void OnRequestTimeout(uint64_t request) override {
    const std::lock_guard<std::mutex> lock(mutex_);
    answers_[request] = {};
  }
  void OnPassEnd() override {
    const std::lock_guard<std::mutex> lock(mutex_);
    for (Command& command : later_) posted_.push_back(std::move(command));
    later_.clear();
    passes_++;
    changed_.notify_all();
  }

  // True once `done` holds of blocks and answers; false if that takes a minute.
  template <typename Done>
  bool Await(Done done) {
    std::unique_lock<std::mutex> lock(mutex_);
    return changed_.wait_for(lock, std::chrono::minutes(1), [&] { return done(blocks_, answers_); });
  }
  uint64_t passes() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return passes_;
  }
  std::map<uint32_t, Bytes> blocks() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return blocks_;
  }

  std::unique_ptr<rain::Loop> loop;

 private:
  // What the host answers is posted by another thread, as by JavaScript.
  void PostWhatIsAsked() {
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      changed_.wait(lock, [&] { return closing_ || !posted_.empty(); });
      if (closing_) return;
      std::vector<Command> commands;
      commands.swap(posted_);
      lock.unlock();
      for (Command& command : commands) loop->Post(std::move(command));
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<uint32_t, Bytes> blocks_;
  std::map<uint64_t, Bytes> answers_;
  std::vector<Command> later_;   // on the loop's thread
  std::vector<Command> posted_;  // to be posted by posting_
  uint64_t passes_ = 0;
  bool closing_ = false;
  std::thread posting_;
};

inline void CheckFetch(Node& client, const std::vector<Address>& servers, uint32_t blocks) {
  uint32_t fetch = 0;
  CHECK(client.loop->Call([&](Engine& engine, Micros now) {
    rain::FetchSpec spec;
    spec.resource = kResource;
    spec.servers.assign(servers.begin(), servers.end());
    fetch = engine.OpenFetch(spec, now);
    for (uint32_t block = 0; block < blocks; block++) engine.Want(fetch, block, kBlockBytes, now);
  }));
  CHECK(fetch != 0);
  CHECK(client.Await([&](auto& got, auto&) { return got.size() == blocks; }));
  for (const auto& [block, bytes] : client.blocks()) CHECK(bytes == BlockBytes(block));
}

}  // namespace murky::testing

#endif  // MURKY_TESTING_LOOP_NODE_H_
