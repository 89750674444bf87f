// Carries what a packet loop tells from its thread to JavaScript: gathered over a pass, handed over as one
// array, at most one hand-over on its way.
//
// Thread-safety: the notifications come on the loop's thread; the rest is for the JavaScript thread.
#ifndef MURKY_ADDON_LOOP_EVENTS_H_
#define MURKY_ADDON_LOOP_EVENTS_H_

#include <napi.h>

#include <atomic>
#include <functional>
#include <mutex>
#include <vector>

#include "rain/loop.h"

namespace murky::addon {

// Events that the outside world causes are dropped beyond this many not yet handed over, while JavaScript is
// busy: requests and wishes for blocks are repeated by whoever sent them. What a fetch or a request of our
// own brings is bounded by the engine's limits.
constexpr size_t kMaxQueuedEvents = 16384;

struct LoopEvent {
  enum class Type { kBlockNeeded, kBlockDecoded, kServerState, kRequest, kResponse, kTimeout };
  Type type;
  uint64_t id = 0;     // resource, handle or request
  uint32_t fetch = 0;  // of kBlockDecoded, kServerState
  uint32_t index = 0;  // block or server
  rain::Version version{};
  rain::Address from{};
  rain::ServerState state{};
  rain::RefuseReason reason{};
  std::vector<uint8_t> bytes{};  // of kRequest, kResponse
  gf2::Buffer decoded{};         // of kBlockDecoded
  std::vector<uint32_t> from_servers{};
};

class LoopEvents : public rain::LoopHost {
 public:
  using Deliver = std::function<void(Napi::Env env, std::vector<LoopEvent> events)>;

  // `deliver` is called on the JavaScript thread until Close. An open LoopEvents does not keep the process
  // alive. It deletes itself some time after Close.
  static LoopEvents* Open(Napi::Env env, Deliver deliver);
  // Nothing is delivered after this, and the loop must not notify any more.
  void Close();

  void OnBlockNeeded(uint64_t resource, const rain::Version& version, uint32_t block) override;
  void OnBlockDecoded(uint32_t fetch, uint32_t block, gf2::Buffer bytes,
                      std::vector<uint32_t> from_servers) override;
  void OnServerState(uint32_t fetch, uint32_t server, rain::ServerState state,
                     rain::RefuseReason reason) override;
  void OnRequest(uint64_t handle, const rain::Address& from, const uint8_t* payload, size_t bytes) override;
  void OnResponse(uint64_t request, const uint8_t* payload, size_t bytes) override;
  void OnRequestTimeout(uint64_t request) override;
  void OnPassEnd() override;

 private:
  static void Call(Napi::Env env, Napi::Function, LoopEvents* events, void*);
  using Function = Napi::TypedThreadSafeFunction<LoopEvents, void, Call>;

  explicit LoopEvents(Deliver deliver) : deliver_(std::move(deliver)) {}

  bool Full() const;

  const Deliver deliver_;
  bool closed_ = false;
  Function function_;
  std::vector<LoopEvent> gathered_;  // on the loop's thread

  std::mutex mutex_;
  std::vector<LoopEvent> queued_;
  std::atomic<size_t> backlog_{0};  // queued_.size()
  bool called_ = false;             // a hand-over is on its way
};

// One event as src/native/addon.ts declares it. Takes the event's bytes.
Napi::Object EventValue(Napi::Env env, LoopEvent& event);

}  // namespace murky::addon

#endif  // MURKY_ADDON_LOOP_EVENTS_H_
