#include "addon/loop_events.h"

#include <iterator>

#include "addon/held_block.h"
#include "addon/report_values.h"

namespace murky::addon {

LoopEvents* LoopEvents::Open(Napi::Env env, Deliver deliver) {
  auto* events = new LoopEvents(std::move(deliver));
  events->function_ = Function::New(
      env, "murky rain", 0, 1, events, [](Napi::Env, LoopEvents* finished, LoopEvents*) { delete finished; },
      events);
  events->function_.Unref(env);
  return events;
}

void LoopEvents::Close() {
  closed_ = true;
  function_.Release();
}

void LoopEvents::OnBlockNeeded(uint64_t resource, const rain::Version& version, uint32_t block) {
  if (Full()) return;
  LoopEvent event{LoopEvent::Type::kBlockNeeded};
  event.id = resource;
  event.version = version;
  event.index = block;
  gathered_.push_back(std::move(event));
}

void LoopEvents::OnBlockDecoded(uint32_t fetch, uint32_t block, gf2::Buffer bytes,
                                std::vector<uint32_t> from_servers) {
  LoopEvent event{LoopEvent::Type::kBlockDecoded};
  event.fetch = fetch;
  event.index = block;
  event.decoded = std::move(bytes);
  event.from_servers = std::move(from_servers);
  gathered_.push_back(std::move(event));
}

void LoopEvents::OnServerState(uint32_t fetch, uint32_t server, rain::ServerState state,
                               rain::RefuseReason reason) {
  LoopEvent event{LoopEvent::Type::kServerState};
  event.fetch = fetch;
  event.index = server;
  event.state = state;
  event.reason = reason;
  gathered_.push_back(std::move(event));
}

void LoopEvents::OnRequest(uint64_t handle, const rain::Address& from, const uint8_t* payload, size_t bytes) {
  if (Full()) return;
  LoopEvent event{LoopEvent::Type::kRequest};
  event.id = handle;
  event.from = from;
  event.bytes.assign(payload, payload + bytes);
  gathered_.push_back(std::move(event));
}

void LoopEvents::OnResponse(uint64_t request, const uint8_t* payload, size_t bytes) {
  LoopEvent event{LoopEvent::Type::kResponse};
  event.id = request;
  event.bytes.assign(payload, payload + bytes);
  gathered_.push_back(std::move(event));
}

void LoopEvents::OnRequestTimeout(uint64_t request) {
  LoopEvent event{LoopEvent::Type::kTimeout};
  event.id = request;
  gathered_.push_back(std::move(event));
}

void LoopEvents::OnPassEnd() {
  if (gathered_.empty()) return;
  bool call = false;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    queued_.insert(queued_.end(), std::make_move_iterator(gathered_.begin()),
                   std::make_move_iterator(gathered_.end()));
    backlog_ = queued_.size();
    call = !called_;
    called_ = true;
  }
  gathered_.clear();
  if (call) function_.NonBlockingCall();
}

bool LoopEvents::Full() const { return backlog_ + gathered_.size() >= kMaxQueuedEvents; }

void LoopEvents::Call(Napi::Env env, Napi::Function, LoopEvents* events, void*) {
  // Without an environment it has been torn down and has deleted `events`; only the call was left.
  if (env == nullptr) return;
  std::vector<LoopEvent> queued;
  {
    const std::lock_guard<std::mutex> lock(events->mutex_);
    queued.swap(events->queued_);
    events->backlog_ = 0;
    events->called_ = false;
  }
  if (events->closed_) return;
  try {
    events->deliver_(env, std::move(queued));
  } catch (const Napi::Error& error) {
    // What the callback throws is an uncaught exception, as it is with an event listener; left to Node-API it
    // would be a warning (DEP0168). Where the environment runs no JavaScript any more, there is no value.
    if (!error.Value().IsEmpty()) napi_fatal_exception(env, error.Value());
  }
}

namespace {

void Set(Napi::Object value, const char* name, uint32_t number) {
  value.Set(name, Napi::Number::New(value.Env(), number));
}

void SetBig(Napi::Object value, const char* name, uint64_t number) {
  value.Set(name, Napi::BigInt::New(value.Env(), number));
}

void SetBytes(Napi::Object value, const char* name, const uint8_t* bytes, size_t length) {
  value.Set(name, Napi::Buffer<uint8_t>::Copy(value.Env(), bytes, length));
}

}  // namespace

Napi::Object EventValue(Napi::Env env, LoopEvent& event) {
  Napi::Object value = Napi::Object::New(env);
  switch (event.type) {
    case LoopEvent::Type::kBlockNeeded:
      value.Set("type", "blockNeeded");
      SetBig(value, "resource", event.id);
      SetBytes(value, "version", event.version.data(), event.version.size());
      Set(value, "block", event.index);
      break;
    case LoopEvent::Type::kBlockDecoded:
      value.Set("type", "blockDecoded");
      Set(value, "fetch", event.fetch);
      Set(value, "block", event.index);
      value.Set("bytes", HoldBlock(env, std::move(event.decoded)));
      value.Set("fromServers", NumbersValue(env, event.from_servers));
      break;
    case LoopEvent::Type::kServerState:
      value.Set("type", "serverState");
      Set(value, "fetch", event.fetch);
      Set(value, "server", event.index);
      Set(value, "state", static_cast<uint32_t>(event.state));
      Set(value, "reason", static_cast<uint32_t>(event.reason));
      break;
    case LoopEvent::Type::kRequest:
      value.Set("type", "request");
      SetBig(value, "handle", event.id);
      value.Set("host", event.from.host());
      Set(value, "port", event.from.port);
      SetBytes(value, "payload", event.bytes.data(), event.bytes.size());
      break;
    case LoopEvent::Type::kResponse:
      value.Set("type", "response");
      SetBig(value, "id", event.id);
      SetBytes(value, "payload", event.bytes.data(), event.bytes.size());
      break;
    case LoopEvent::Type::kTimeout:
      value.Set("type", "timeout");
      SetBig(value, "id", event.id);
      break;
  }
  return value;
}

}  // namespace murky::addon
