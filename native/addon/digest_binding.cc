// sha256InPool() and crc32() for JavaScript: src/native/addon.ts.
#include "addon/bindings.h"

#include "addon/arguments.h"
#include "gf2/crc32.h"
#include "rain/crypto.h"

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

Napi::Value Crc32(const Napi::CallbackInfo& info) {
  const Napi::Uint8Array bytes = BytesOf(info[0]);
  return Napi::Number::New(info.Env(), gf2::FastCrc32()(bytes.Data(), bytes.ByteLength()));
}

}  // namespace

void InitDigest(Napi::Env env, Napi::Object exports) {
  exports.Set("sha256InPool", Napi::Function::New(env, Sha256InPool, "sha256InPool"));
  if (gf2::FastCrc32()) exports.Set("crc32", Napi::Function::New(env, Crc32, "crc32"));
}

}  // namespace murky::addon
