// sha256InPool(), sha256Together() and crc32() for JavaScript: src/native/pool-work.ts.
#include "addon/bindings.h"

#include <utility>
#include <vector>

#include "addon/arguments.h"
#include "gf2/crc32.h"
#include "rain/crypto.h"
#include "rain/sha256_streams.h"

namespace murky::addon {
namespace {

// One hash on a thread of Node's pool. It keeps the array, and so the memory that it shows, until it ends.
class DigestWork : public Napi::AsyncWorker {
 public:
  DigestWork(Napi::Env env, Napi::Uint8Array bytes)
      : Napi::AsyncWorker(env, "murky-sha256"),
        deferred_(Napi::Promise::Deferred::New(env)),
        kept_(Napi::Persistent(bytes.As<Napi::Object>())),
        data_(bytes.Data()),
        bytes_(bytes.ByteLength()) {}

  Napi::Promise Promise() const { return deferred_.Promise(); }

 protected:
  void Execute() override {
    if (!rain::Sha256(data_, bytes_, &hash_)) SetError("This runtime has no SHA-256.");
  }
  void OnOK() override { deferred_.Resolve(Napi::Buffer<uint8_t>::Copy(Env(), hash_.data(), hash_.size())); }
  void OnError(const Napi::Error& error) override { deferred_.Reject(error.Value()); }

 private:
  Napi::Promise::Deferred deferred_;
  Napi::ObjectReference kept_;
  const uint8_t* data_;
  size_t bytes_;
  rain::Sha256Bytes hash_{};
};

Napi::Value Sha256InPool(const Napi::CallbackInfo& info) {
  auto* work = new DigestWork(info.Env(), BytesOf(info[0]));  // deletes itself when it has ended
  const Napi::Promise promise = work->Promise();
  work->Queue();
  return promise;
}

// Several hashes on one thread of Node's pool, of arrays of one length.
class DigestsWork : public Napi::AsyncWorker {
 public:
  DigestsWork(Napi::Array kept, std::vector<const uint8_t*> messages, size_t bytes)
      : Napi::AsyncWorker(kept.Env(), "murky-sha256-together"),
        deferred_(Napi::Promise::Deferred::New(kept.Env())),
        kept_(Napi::Persistent(kept.As<Napi::Object>())),
        messages_(std::move(messages)),
        bytes_(bytes),
        hashes_(messages_.size()) {}

  Napi::Promise Promise() const { return deferred_.Promise(); }

 protected:
  void Execute() override {
    rain::Sha256InStreams(messages_.data(), messages_.size(), bytes_, hashes_.data());
  }
  void OnOK() override {
    const Napi::Array hashes = Napi::Array::New(Env(), hashes_.size());
    for (size_t i = 0; i < hashes_.size(); i++) {
      hashes.Set(static_cast<uint32_t>(i),
                 Napi::Buffer<uint8_t>::Copy(Env(), hashes_[i].data(), hashes_[i].size()));
    }
    deferred_.Resolve(hashes);
  }
  void OnError(const Napi::Error& error) override { deferred_.Reject(error.Value()); }

 private:
  Napi::Promise::Deferred deferred_;
  Napi::ObjectReference kept_;
  const std::vector<const uint8_t*> messages_;
  const size_t bytes_;
  std::vector<rain::Sha256Bytes> hashes_;
};

Napi::Value Sha256Together(const Napi::CallbackInfo& info) {
  const bool right = info[0].IsArray() && rain::HasSha256Streams();
  const Napi::Array given = right ? info[0].As<Napi::Array>() : Napi::Array::New(info.Env());
  const uint32_t count = given.Length();
  if (count < 1 || count > rain::kSha256Streams) {
    throw BadArgument(info.Env(), "There are arrays to be hashed together missing, or too many.");
  }
  const Napi::Array kept = Napi::Array::New(info.Env(), count);  // the caller's may change
  std::vector<const uint8_t*> messages;
  const size_t bytes = BytesOf(given.Get(0u)).ByteLength();
  for (uint32_t at = 0; at < count; at++) {
    const Napi::Uint8Array message = BytesOf(given.Get(at));
    if (message.ByteLength() != bytes)
      throw BadArgument(info.Env(), "Arrays that are hashed together have one length.");
    kept.Set(at, message);
    messages.push_back(message.Data());
  }
  auto* work = new DigestsWork(kept, std::move(messages), bytes);  // deletes itself when it has ended
  const Napi::Promise promise = work->Promise();
  work->Queue();
  return promise;
}

Napi::Value Sha256Streams(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), rain::HasSha256Streams() ? rain::kSha256Streams : 1);
}

Napi::Value Crc32(const Napi::CallbackInfo& info) {
  const Napi::Uint8Array bytes = BytesOf(info[0]);
  return Napi::Number::New(info.Env(), gf2::FastCrc32()(bytes.Data(), bytes.ByteLength()));
}

}  // namespace

void InitDigest(Napi::Env env, Napi::Object exports) {
  exports.Set("sha256InPool", Napi::Function::New(env, Sha256InPool, "sha256InPool"));
  exports.Set("sha256Together", Napi::Function::New(env, Sha256Together, "sha256Together"));
  exports.Set("sha256Streams", Napi::Function::New(env, Sha256Streams, "sha256Streams"));
  if (gf2::FastCrc32()) exports.Set("crc32", Napi::Function::New(env, Crc32, "crc32"));
}

}  // namespace murky::addon
