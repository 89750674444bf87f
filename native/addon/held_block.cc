#include "addon/held_block.h"

#include <algorithm>
#include <utility>

#include "addon/arguments.h"
#include "addon/bindings.h"
#include "addon/block_digest.h"
#include "addon/block_value.h"
#include "rain/sha256_lanes.h"

namespace murky::addon {
namespace {

class HeldBlock : public Napi::ObjectWrap<HeldBlock> {
 public:
  static Napi::Function Define(Napi::Env env) {
    return DefineClass(
        env, "HeldBlock",
        {InstanceAccessor<&HeldBlock::Length>("length"), InstanceMethod<&HeldBlock::Sha256>("sha256"),
         InstanceMethod<&HeldBlock::Sha256Together>("sha256Together"),
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

  const HeldBytes& Held(Napi::Env env) const {
    if (!bytes_) throw BadArgument(env, "The block was taken or dropped before.");
    return bytes_;
  }

 private:
  Napi::Value Length(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), bytes_ ? static_cast<double>(bytes_->size()) : 0);
  }

  Napi::Value Sha256(const Napi::CallbackInfo& info) { return DigestBlock(info.Env(), Held(info.Env())); }

  Napi::Value Sha256Together(const Napi::CallbackInfo& info);

  Napi::Value Take(const Napi::CallbackInfo& info) {
    if (Held(info.Env()).use_count() > 1) {
      throw BadArgument(info.Env(), "The block is being hashed or served.");
    }
    const HeldBytes bytes = std::move(bytes_);
    Count(info.Env(), 0);
    return BlockValue(info.Env(), std::move(*bytes));
  }

  Napi::Value Copy(const Napi::CallbackInfo& info) {
    const HeldBytes& held = Held(info.Env());
    Napi::Uint8Array copy = Napi::Uint8Array::New(info.Env(), held->size());
    std::copy_n(held->data(), held->size(), copy.Data());
    return copy;
  }

  void Drop(const Napi::CallbackInfo& info) {
    bytes_.reset();
    Count(info.Env(), 0);
  }

  static thread_local HeldBytes making;

  HeldBytes bytes_;
  size_t counted_ = 0;
};

thread_local HeldBytes HeldBlock::making;

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

HeldBlock* BlockOf(Napi::Value value) {
  const bool is_block =
      value.IsObject() && value.As<Napi::Object>().InstanceOf(HeldBlock::Constructor(value.Env()));
  return is_block ? HeldBlock::Unwrap(value.As<Napi::Object>()) : nullptr;
}

Napi::Value HeldBlock::Sha256Together(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const Napi::Array others = info[0].IsArray() ? info[0].As<Napi::Array>() : Napi::Array::New(env);
  if (!rain::HasSha256Lanes() || others.Length() >= rain::kSha256Lanes) {
    throw BadArgument(env, "So many blocks cannot be hashed together here.");
  }
  std::vector<HeldBytes> blocks = {Held(env)};
  for (uint32_t i = 0; i < others.Length(); i++) {
    const HeldBlock* block = BlockOf(others.Get(i));
    if (!block) throw BadArgument(env, "A held block is missing.");
    blocks.push_back(block->Held(env));
    if (blocks.back()->size() != bytes_->size()) throw BadArgument(env, "The blocks differ in length.");
  }
  return DigestTogether(env, std::move(blocks));
}

// As many as are best hashed together; 1 where that gains nothing.
Napi::Value Sha256Lanes(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), rain::HasSha256Lanes() ? rain::kSha256Lanes : 1);
}

}  // namespace

void InitHeldBlock(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new Napi::FunctionReference(Napi::Persistent(HeldBlock::Define(env))));
  exports.Set("holdBlock", Napi::Function::New<HoldCopy>(env, "holdBlock"));
  exports.Set("sha256Lanes", Napi::Function::New<Sha256Lanes>(env, "sha256Lanes"));
}

Napi::Object HoldBlock(Napi::Env env, gf2::Buffer bytes) { return HeldBlock::Make(env, std::move(bytes)); }

std::shared_ptr<const gf2::Buffer> ServedBytes(Napi::Value value) {
  if (const HeldBlock* block = BlockOf(value)) return block->Held(value.Env());
  return std::make_shared<gf2::Buffer>(CopyOf(BytesOf(value)));
}

}  // namespace murky::addon
