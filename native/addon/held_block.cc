#include "addon/held_block.h"

#include <algorithm>
#include <utility>

#include "addon/arguments.h"
#include "addon/block_value.h"
#include "rain/crypto.h"

namespace murky::addon {
namespace {

// Below it the way to another thread and back takes longer than the hash.
constexpr size_t kLeastPooledBytes = 32u << 10;

using Bytes = std::shared_ptr<gf2::Buffer>;

// The SHA-256 of a block, whose memory it keeps until it is known.
class BlockDigest : public Napi::AsyncWorker {
 public:
  BlockDigest(Napi::Env env, Bytes bytes)
      : Napi::AsyncWorker(env, "murky-block-sha256"),
        deferred_(Napi::Promise::Deferred::New(env)),
        bytes_(std::move(bytes)) {}

  static Napi::Promise Start(Napi::Env env, const Bytes& bytes) {
    auto* digest = new BlockDigest(env, bytes);
    const Napi::Promise promise = digest->deferred_.Promise();
    if (bytes->size() >= kLeastPooledBytes) {
      digest->Queue();  // deletes itself when it has ended
      return promise;
    }
    const std::unique_ptr<BlockDigest> here(digest);
    digest->Execute();
    digest->Settle();
    return promise;
  }

 protected:
  void Execute() override { known_ = rain::Sha256(bytes_->data(), bytes_->size(), &hash_); }
  void OnOK() override { Settle(); }
  void OnError(const Napi::Error& error) override { deferred_.Reject(error.Value()); }

 private:
  void Settle() {
    bytes_.reset();  // whoever hears of it may take the block
    if (known_) {
      deferred_.Resolve(Napi::Buffer<uint8_t>::Copy(Env(), hash_.data(), hash_.size()));
    } else {
      deferred_.Reject(Napi::Error::New(Env(), "This runtime has no SHA-256.").Value());
    }
  }

  Napi::Promise::Deferred deferred_;
  Bytes bytes_;
  rain::Sha256Bytes hash_{};
  bool known_ = false;
};

class HeldBlock : public Napi::ObjectWrap<HeldBlock> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(
        env, "HeldBlock",
        {InstanceAccessor<&HeldBlock::Length>("length"), InstanceMethod<&HeldBlock::Sha256>("sha256"),
         InstanceMethod<&HeldBlock::Take>("take"), InstanceMethod<&HeldBlock::Copy>("copy"),
         InstanceMethod<&HeldBlock::Drop>("drop")});
  }

  // Only made by HoldBlock, which says of what.
  explicit HeldBlock(const Napi::CallbackInfo& info) : Napi::ObjectWrap<HeldBlock>(info) {
    if (!making) throw Napi::TypeError::New(info.Env(), "A HeldBlock cannot be made by hand.");
    bytes_ = std::exchange(making, nullptr);
  }

  static Napi::Object Make(Napi::Env env, gf2::Buffer bytes) {
    making = std::make_shared<gf2::Buffer>(std::move(bytes));
    return Constructor(env).New({});
  }
  static Napi::Function Constructor(Napi::Env env) {
    return env.GetInstanceData<Napi::FunctionReference>()->Value();
  }

  void Finalize(Napi::BasicEnv env) override { Count(env, 0); }

  // Tells V8 of so many bytes.
  void Count(Napi::BasicEnv env, size_t bytes) {
    int64_t all = 0;
    const int64_t change = static_cast<int64_t>(bytes) - static_cast<int64_t>(counted_);
    if (change != 0) napi_adjust_external_memory(env, change, &all);
    counted_ = bytes;
  }

  const Bytes& Held(Napi::Env env) const {
    if (!bytes_) throw BadArgument(env, "The block was taken or dropped before.");
    return bytes_;
  }

 private:
  Napi::Value Length(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), bytes_ ? static_cast<double>(bytes_->size()) : 0);
  }

  Napi::Value Sha256(const Napi::CallbackInfo& info) {
    return BlockDigest::Start(info.Env(), Held(info.Env()));
  }

  Napi::Value Take(const Napi::CallbackInfo& info) {
    if (Held(info.Env()).use_count() > 1) {
      throw BadArgument(info.Env(), "The block is being hashed or served.");
    }
    const Bytes bytes = std::move(bytes_);
    Count(info.Env(), 0);
    return BlockValue(info.Env(), std::move(*bytes));
  }

  Napi::Value Copy(const Napi::CallbackInfo& info) {
    const Bytes& held = Held(info.Env());
    Napi::Uint8Array copy = Napi::Uint8Array::New(info.Env(), held->size());
    std::copy_n(held->data(), held->size(), copy.Data());
    return copy;
  }

  void Drop(const Napi::CallbackInfo& info) {
    bytes_.reset();
    Count(info.Env(), 0);
  }

  static thread_local Bytes making;

  Bytes bytes_;
  size_t counted_ = 0;
};

thread_local Bytes HeldBlock::making;

gf2::Buffer CopyOf(const Napi::Uint8Array& bytes) {
  gf2::Buffer copy(bytes.ByteLength());
  std::copy_n(bytes.Data(), bytes.ByteLength(), copy.data());
  return copy;
}

// Of bytes that JavaScript goes on with; V8 counts the copy, which may stay for long.
Napi::Value HoldCopy(const Napi::CallbackInfo& info) {
  gf2::Buffer copy = CopyOf(BytesOf(info[0]));
  const size_t memory_bytes = copy.memory_bytes();
  Napi::Object block = HoldBlock(info.Env(), std::move(copy));
  HeldBlock::Unwrap(block)->Count(info.Env(), memory_bytes);
  return block;
}

}  // namespace

void InitHeldBlock(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new Napi::FunctionReference(Napi::Persistent(HeldBlock::Define(env))));
  exports.Set("holdBlock", Napi::Function::New<HoldCopy>(env, "holdBlock"));
}

Napi::Object HoldBlock(Napi::Env env, gf2::Buffer bytes) { return HeldBlock::Make(env, std::move(bytes)); }

std::shared_ptr<const gf2::Buffer> ServedBytes(Napi::Value value) {
  if (value.IsObject() && value.As<Napi::Object>().InstanceOf(HeldBlock::Constructor(value.Env()))) {
    return HeldBlock::Unwrap(value.As<Napi::Object>())->Held(value.Env());
  }
  return std::make_shared<gf2::Buffer>(CopyOf(BytesOf(value)));
}

}  // namespace murky::addon
