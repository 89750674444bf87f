// The packet loop for JavaScript: src/native/addon.ts, NativeLoop. Commands pass to the loop's thread; those
// that answer wait for it, which never waits for JavaScript.
//
// Lifetime: the loop stops at close(), when the object is collected, or when its environment (the process or
// a worker) goes, whichever is first. While a fetch is open or a request unanswered the object is held.
#include "addon/bindings.h"

#include <algorithm>
#include <unordered_set>

#include "addon/arguments.h"
#include "addon/block_value.h"
#include "addon/file_read.h"
#include "addon/held_block.h"
#include "addon/loop_events.h"
#include "addon/loop_options.h"
#include "addon/open_fetches.h"
#include "addon/report_values.h"
#include "lt/codec.h"
#include "rain/loop_group.h"
#include "rain/path_mtu.h"
#include "rain/transport_features.h"

namespace murky::addon {
namespace {

constexpr size_t kMaxBlockBytes = lt::kMaxSourceSymbols * lt::kMaxSymbolBytes;
constexpr double kMaxTimeoutMs = 3'600'000;
constexpr char kOnEvents[] = "onEvents";  // where the object keeps the callback, so that V8 sees the cycle

using rain::Engine;
using rain::Micros;

class LoopObject : public Napi::ObjectWrap<LoopObject> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(env, "Loop",
                       {InstanceMethod<&LoopObject::LocalAddress>("address"),
                        InstanceMethod<&LoopObject::ProvideBlock>("provideBlock"),
                        InstanceMethod<&LoopObject::ProvideFromFile>("provideFromFile"),
                        InstanceMethod<&LoopObject::RefuseBlock>("refuseBlock"),
                        InstanceMethod<&LoopObject::ForgetResource>("forgetResource"),
                        InstanceMethod<&LoopObject::OpenFetch>("openFetch"),
                        InstanceMethod<&LoopObject::Want>("want"),
                        InstanceMethod<&LoopObject::AddServer>("addServer"),
                        InstanceMethod<&LoopObject::RemoveServer>("removeServer"),
                        InstanceMethod<&LoopObject::Report>("fetchReport"),
                        InstanceMethod<&LoopObject::WrongSymbols>("wrongSymbols"),
                        InstanceMethod<&LoopObject::CloseFetch>("closeFetch"),
                        InstanceMethod<&LoopObject::SendRequest>("request"),
                        InstanceMethod<&LoopObject::CancelRequest>("cancelRequest"),
                        InstanceMethod<&LoopObject::Respond>("respond"),
                        InstanceMethod<&LoopObject::ReplaceKeys>("replaceKeys"),
                        InstanceMethod<&LoopObject::SetDropFraction>("setDropFraction"),
                        InstanceMethod<&LoopObject::PathMtu>("pathMtu"),
                        InstanceMethod<&LoopObject::Counters>("counters"),
                        InstanceMethod<&LoopObject::Close>("close")});
  }

  explicit LoopObject(const Napi::CallbackInfo& info);
  void Finalize(Napi::BasicEnv) override { Shutdown(); }

 private:
  Napi::Value LocalAddress(const Napi::CallbackInfo& info);
  void ProvideBlock(const Napi::CallbackInfo& info);
  Napi::Value ProvideFromFile(const Napi::CallbackInfo& info);
  void RefuseBlock(const Napi::CallbackInfo& info);
  void ForgetResource(const Napi::CallbackInfo& info);
  Napi::Value OpenFetch(const Napi::CallbackInfo& info);
  Napi::Value Want(const Napi::CallbackInfo& info);
  Napi::Value AddServer(const Napi::CallbackInfo& info);
  Napi::Value RemoveServer(const Napi::CallbackInfo& info);
  Napi::Value Report(const Napi::CallbackInfo& info);
  Napi::Value WrongSymbols(const Napi::CallbackInfo& info);
  void CloseFetch(const Napi::CallbackInfo& info);
  Napi::Value SendRequest(const Napi::CallbackInfo& info);
  void CancelRequest(const Napi::CallbackInfo& info);
  void Respond(const Napi::CallbackInfo& info);
  void ReplaceKeys(const Napi::CallbackInfo& info);
  void SetDropFraction(const Napi::CallbackInfo& info);
  Napi::Value PathMtu(const Napi::CallbackInfo& info);
  Napi::Value Counters(const Napi::CallbackInfo& info);
  void Close(const Napi::CallbackInfo& info);

  void Deliver(Napi::Env env, std::vector<LoopEvent> events);
  // Runs `ask` on the thread of the loop that gave the handle and returns what it says; false once closed.
  template <typename Ask>
  bool Asked(uint64_t handle, Ask ask);
  void PostToAll(const rain::Command& command, size_t bytes = 0);
  void PostBlock(uint64_t resource, const rain::Version& version, uint32_t block,
                 const std::shared_ptr<const gf2::Buffer>& bytes);
  void HoldWhileBusy();
  static void OnEnvironmentGone(void* self);
  void Shutdown();

  napi_env env_;
  rain::Address local_;
  std::unique_ptr<rain::LoopGroup> loops_;
  std::vector<LoopEvents*> events_;  // of each loop, until Shutdown
  rain::LoopCounters last_counters_;
  OpenFetches fetches_{rain::EngineLimits{}.max_blocks_wanted};
  std::unordered_set<uint64_t> requests_;  // not answered
  bool held_ = false;
};

LoopObject::LoopObject(const Napi::CallbackInfo& info)
    : Napi::ObjectWrap<LoopObject>(info), env_(info.Env()) {
  const rain::LoopOptions options = LoopOptionsOf(info[0]);
  if (!info[1].IsFunction()) throw BadArgument(info.Env(), "A callback for events is missing.");
  info.This().As<Napi::Object>().DefineProperty(
      Napi::PropertyDescriptor::Value(kOnEvents, info[1], napi_default));
  for (size_t i = 0; i < options.threads; i++) {
    events_.push_back(LoopEvents::Open(info.Env(), [this](Napi::Env env, std::vector<LoopEvent> events) {
      Deliver(env, std::move(events));
    }));
  }
  rain::Failure failure;
  loops_ = rain::LoopGroup::Start(options, {events_.begin(), events_.end()}, &failure);
  if (!loops_) {
    for (LoopEvents* events : events_) events->Close();
    Napi::Error error = Napi::Error::New(info.Env(), failure.sentence);
    error.Set("code", failure.code);
    throw error;
  }
  local_ = loops_->local();
  napi_add_env_cleanup_hook(env_, OnEnvironmentGone, this);
}

void LoopObject::OnEnvironmentGone(void* self) { static_cast<LoopObject*>(self)->Shutdown(); }

void LoopObject::Shutdown() {
  if (!loops_) return;
  napi_remove_env_cleanup_hook(env_, OnEnvironmentGone, this);
  loops_->Stop();
  last_counters_ = loops_->Counters();
  loops_.reset();
  for (LoopEvents* events : events_) events->Close();
}

void LoopObject::Close(const Napi::CallbackInfo&) {
  Shutdown();
  fetches_.CloseAll();
  requests_.clear();
  HoldWhileBusy();
}

// Whoever waits for a fetch or an answer may be reachable from this object alone, so V8 must not take both.
void LoopObject::HoldWhileBusy() {
  const bool busy = !fetches_.empty() || !requests_.empty();
  if (busy == held_) return;
  held_ = busy;
  if (busy) {
    Ref();
  } else {
    Unref();
  }
}

void LoopObject::Deliver(Napi::Env env, std::vector<LoopEvent> events) {
  const Napi::Object self = Value();
  if (self.IsEmpty()) return;  // collected, and about to be finalized
  Napi::Array list = Napi::Array::New(env, events.size());
  for (uint32_t i = 0; i < events.size(); i++) {
    const bool answered =
        events[i].type == LoopEvent::Type::kResponse || events[i].type == LoopEvent::Type::kTimeout;
    if (answered) requests_.erase(events[i].id);
    if (events[i].type == LoopEvent::Type::kBlockDecoded) fetches_.Ended(events[i].fetch, events[i].index);
    list.Set(i, EventValue(env, events[i]));
  }
  HoldWhileBusy();
  self.Get(kOnEvents).As<Napi::Function>().Call(self, {list});
}

template <typename Ask>
bool LoopObject::Asked(uint64_t handle, Ask ask) {
  bool answer = false;
  if (loops_) {
    loops_->OfHandle(handle).Call([&](Engine& engine, Micros now) { answer = ask(engine, now); });
  }
  return answer;
}

void LoopObject::PostToAll(const rain::Command& command, size_t bytes) {
  if (loops_) loops_->PostToAll(command, bytes);
}

void LoopObject::PostBlock(uint64_t resource, const rain::Version& version, uint32_t block,
                           const std::shared_ptr<const gf2::Buffer>& bytes) {
  PostToAll([=](Engine& engine, Micros now) { engine.ProvideBlock(resource, version, block, bytes, now); },
            bytes->size());
}

Napi::Value LoopObject::LocalAddress(const Napi::CallbackInfo& info) {
  Napi::Object value = Napi::Object::New(info.Env());
  value.Set("host", local_.host());
  value.Set("port", Napi::Number::New(info.Env(), local_.port));
  return value;
}

void LoopObject::ProvideBlock(const Napi::CallbackInfo& info) {
  const uint64_t resource = BigOf(info[0]);
  const rain::Version version = VersionOf(info[1]);
  const uint32_t block = WholeOf(info[2]);
  const std::shared_ptr<const gf2::Buffer> bytes = ServedBytes(info[3]);
  if (bytes->size() > kMaxBlockBytes) throw BadArgument(info.Env(), "The block is too large.");
  PostBlock(resource, version, block, bytes);
}

Napi::Value LoopObject::ProvideFromFile(const Napi::CallbackInfo& info) {
  const uint64_t resource = BigOf(info[0]);
  const rain::Version version = VersionOf(info[1]);
  const uint32_t block = WholeOf(info[2]);
  const rain::FilePlace place = FilePlaceOf(info[3], kMaxBlockBytes);
  return FileRead::Start(Value(), place, [this, resource, version, block](FileRead::Bytes bytes) {
    PostBlock(resource, version, block, bytes);
  });
}

void LoopObject::RefuseBlock(const Napi::CallbackInfo& info) {
  const uint64_t resource = BigOf(info[0]);
  const rain::Version version = VersionOf(info[1]);
  const uint32_t block = WholeOf(info[2]);
  const uint32_t reason = WholeOf(info[3], static_cast<uint32_t>(rain::RefuseReason::kUnreadable));
  if (reason == 0) throw BadArgument(info.Env(), "0 is no reason to refuse a block.");
  PostToAll([=](Engine& engine, Micros now) {
    engine.RefuseBlock(resource, version, block, static_cast<rain::RefuseReason>(reason), now);
  });
}

void LoopObject::ForgetResource(const Napi::CallbackInfo& info) {
  const uint64_t resource = BigOf(info[0]);
  PostToAll([=](Engine& engine, Micros now) { engine.ForgetResource(resource, now); });
}

Napi::Value LoopObject::OpenFetch(const Napi::CallbackInfo& info) {
  const rain::FetchSpec spec = FetchSpecOf(info[0]);
  const uint32_t fetch = loops_ ? loops_->OpenFetch(spec) : 0;
  if (fetch != 0) fetches_.Open(fetch, spec.symbol_bytes);
  HoldWhileBusy();
  return Napi::Number::New(info.Env(), fetch);
}

Napi::Value LoopObject::Want(const Napi::CallbackInfo& info) {
  const uint32_t fetch = WholeOf(info[0]);
  const uint32_t block = WholeOf(info[1]);
  const size_t block_bytes = WholeOf(info[2]);
  const bool wanted = loops_ && fetches_.Want(fetch, block, block_bytes);
  // Not asked: the loop may be busy with datagrams for a millisecond, and a fetch wants a thousand blocks a
  // second.
  if (wanted) {
    loops_->OfHandle(fetch).Post(
        [=](Engine& engine, Micros now) { engine.Want(fetch, block, block_bytes, now); });
  }
  return Napi::Boolean::New(info.Env(), wanted);
}

Napi::Value LoopObject::AddServer(const Napi::CallbackInfo& info) {
  const uint32_t fetch = WholeOf(info[0]);
  const rain::FetchServer server = FetchServerOf(info[1]);
  const bool added =
      Asked(fetch, [&](Engine& engine, Micros now) { return engine.AddServer(fetch, server, now); });
  return Napi::Boolean::New(info.Env(), added);
}

Napi::Value LoopObject::RemoveServer(const Napi::CallbackInfo& info) {
  const uint32_t fetch = WholeOf(info[0]);
  const uint32_t server = WholeOf(info[1]);
  const bool removed =
      Asked(fetch, [&](Engine& engine, Micros now) { return engine.RemoveServer(fetch, server, now); });
  return Napi::Boolean::New(info.Env(), removed);
}

Napi::Value LoopObject::Report(const Napi::CallbackInfo& info) {
  const uint32_t fetch = WholeOf(info[0]);
  rain::FetchReport report;
  const bool known = Asked(fetch, [&](Engine& engine, Micros) { return engine.Report(fetch, &report); });
  return known ? Napi::Value(ReportValue(info.Env(), report)) : info.Env().Undefined();
}

Napi::Value LoopObject::WrongSymbols(const Napi::CallbackInfo& info) {
  const uint32_t fetch = WholeOf(info[0]);
  const uint32_t block = WholeOf(info[1]);
  const Napi::Uint8Array bytes = BytesOf(info[2]);
  std::vector<uint32_t> wrong;
  Asked(fetch, [&](Engine& engine, Micros) {
    wrong = engine.WrongSymbols(fetch, block, bytes.Data(), bytes.ByteLength());
    return true;
  });
  return NumbersValue(info.Env(), wrong);
}

void LoopObject::CloseFetch(const Napi::CallbackInfo& info) {
  const uint32_t fetch = WholeOf(info[0]);
  if (loops_) {
    loops_->OfHandle(fetch).Post([=](Engine& engine, Micros now) { engine.CloseFetch(fetch, now); });
  }
  fetches_.Close(fetch);
  HoldWhileBusy();
}

Napi::Value LoopObject::SendRequest(const Napi::CallbackInfo& info) {
  const uint64_t id = BigOf(info[0]);
  const rain::Address to = AddressOf(info[1], info[2]);
  const Napi::Uint8Array payload = BytesOf(info[3]);
  const auto timeout = static_cast<Micros>(std::min(AmountOf(info[4]), kMaxTimeoutMs) * 1000);
  bool sent = false;
  if (loops_) {
    loops_->OfPeer(to).Call([&](Engine& engine, Micros now) {
      sent = engine.SendRequest(id, to, payload.Data(), payload.ByteLength(), timeout, now);
    });
  }
  if (sent) requests_.insert(id);
  HoldWhileBusy();
  return Napi::Boolean::New(info.Env(), sent);
}

void LoopObject::CancelRequest(const Napi::CallbackInfo& info) {
  const uint64_t id = BigOf(info[0]);
  const rain::Address to = AddressOf(info[1], info[2]);
  if (loops_) loops_->OfPeer(to).Post([=](Engine& engine, Micros) { engine.CancelRequest(id); });
  requests_.erase(id);
  HoldWhileBusy();
}

void LoopObject::Respond(const Napi::CallbackInfo& info) {
  const uint64_t handle = BigOf(info[0]);
  const Napi::Uint8Array payload = BytesOf(info[1]);
  if (payload.ByteLength() > rain::kMostPayloadBytesSent) {
    throw BadArgument(info.Env(), "The answer is too long.");
  }
  if (!loops_) return;
  const std::vector<uint8_t> copy(payload.Data(), payload.Data() + payload.ByteLength());
  loops_->OfHandle(handle).Post(
      [=](Engine& engine, Micros now) { engine.Respond(handle, copy.data(), copy.size(), now); });
}

void LoopObject::ReplaceKeys(const Napi::CallbackInfo& info) {
  const std::vector<rain::ClusterKey> keys = ClusterKeysOf(info[0]);
  std::string refusal;
  // What the first one takes, all take.
  bool taken = true;
  for (size_t i = 0; taken && loops_ && i < loops_->size(); i++) {
    taken = Asked(i, [&](Engine& engine, Micros) { return engine.ReplaceKeys(keys, &refusal); });
  }
  if (taken) return;
  Napi::Error error = Napi::Error::New(info.Env(), refusal);
  error.Set("code", "MURKY_BAD_CLUSTER_KEY");
  throw error;
}

void LoopObject::SetDropFraction(const Napi::CallbackInfo& info) {
  const double fraction = AmountOf(info[0]);
  PostToAll([=](Engine& engine, Micros) { engine.set_drop_fraction(fraction); });
}

Napi::Value LoopObject::PathMtu(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(rain::KnownPathMtu(AddressOf(info[0], info[1]))));
}

Napi::Value LoopObject::Counters(const Napi::CallbackInfo& info) {
  const rain::LoopCounters counters = loops_ ? loops_->Counters() : last_counters_;
  Napi::Object value = CountersValue(info.Env(), counters.engine);
  const auto set = [&](const char* name, uint64_t count) {
    value.Set(name, Napi::Number::New(info.Env(), static_cast<double>(count)));
  };
  set("unsent", counters.unsent);
  set("droppedByKernel", counters.kernel_dropped);
  set("sendCalls", counters.calls.send);
  set("receiveCalls", counters.calls.receive);
  set("waitCalls", counters.waits);
  return value;
}

void Release(const Napi::CallbackInfo& info) { ReleaseBlock(BytesOf(info[0])); }

Napi::Value Features(const Napi::CallbackInfo& info) {
  const rain::TransportFeatures features = rain::ProbeTransport();
  Napi::Object value = Napi::Object::New(info.Env());
  value.Set("platform", features.platform);
  value.Set("batchedSocket", features.batched_socket);
  value.Set("gso", features.gso);
  value.Set("gro", features.gro);
  value.Set("crypto", features.crypto);
  value.Set("receiveBufferBytes", features.receive_buffer_bytes);
  value.Set("sendBufferBytes", features.send_buffer_bytes);
  return value;
}

}  // namespace

void InitLoop(Napi::Env env, Napi::Object exports) {
  exports.Set("Loop", LoopObject::Define(env));
  exports.Set("releaseBlock", Napi::Function::New<Release>(env, "releaseBlock"));
  exports.Set("transportFeatures", Napi::Function::New<Features>(env, "transportFeatures"));
}

}  // namespace murky::addon
