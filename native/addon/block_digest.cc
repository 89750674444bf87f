#include "addon/block_digest.h"

#include <utility>

#include "rain/crypto.h"
#include "rain/sha256_lanes.h"

namespace murky::addon {
namespace {

// Below it the way to another thread and back takes longer than the hash.
constexpr size_t kLeastPooledBytes = 32u << 10;

Napi::Value HashValue(Napi::Env env, const rain::Sha256Bytes& hash) {
  return Napi::Buffer<uint8_t>::Copy(env, hash.data(), hash.size());
}

class BlockDigest : public Napi::AsyncWorker {
 public:
  BlockDigest(Napi::Env env, HeldBytes bytes)
      : Napi::AsyncWorker(env, "murky-block-sha256"),
        deferred_(Napi::Promise::Deferred::New(env)),
        bytes_(std::move(bytes)) {}

  static Napi::Promise Start(Napi::Env env, const HeldBytes& bytes) {
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
      deferred_.Resolve(HashValue(Env(), hash_));
    } else {
      deferred_.Reject(Napi::Error::New(Env(), "This runtime has no SHA-256.").Value());
    }
  }

  Napi::Promise::Deferred deferred_;
  HeldBytes bytes_;
  rain::Sha256Bytes hash_{};
  bool known_ = false;
};

class DigestOfMany : public Napi::AsyncWorker {
 public:
  DigestOfMany(Napi::Env env, std::vector<HeldBytes> blocks)
      : Napi::AsyncWorker(env, "murky-blocks-sha256"),
        deferred_(Napi::Promise::Deferred::New(env)),
        blocks_(std::move(blocks)),
        hashes_(blocks_.size()) {}

  Napi::Promise Promise() const { return deferred_.Promise(); }

 protected:
  void Execute() override {
    std::vector<const uint8_t*> messages;
    for (const HeldBytes& block : blocks_) messages.push_back(block->data());
    rain::Sha256InLanes(messages.data(), messages.size(), blocks_.front()->size(), hashes_.data());
  }
  void OnOK() override {
    blocks_.clear();
    Napi::Array hashes = Napi::Array::New(Env(), hashes_.size());
    for (size_t i = 0; i < hashes_.size(); i++) {
      hashes.Set(static_cast<uint32_t>(i), HashValue(Env(), hashes_[i]));
    }
    deferred_.Resolve(hashes);
  }
  void OnError(const Napi::Error& error) override { deferred_.Reject(error.Value()); }

 private:
  Napi::Promise::Deferred deferred_;
  std::vector<HeldBytes> blocks_;
  std::vector<rain::Sha256Bytes> hashes_;
};

}  // namespace

Napi::Promise DigestBlock(Napi::Env env, const HeldBytes& block) { return BlockDigest::Start(env, block); }

Napi::Promise DigestTogether(Napi::Env env, std::vector<HeldBytes> blocks) {
  auto* digest = new DigestOfMany(env, std::move(blocks));  // deletes itself when it has ended
  const Napi::Promise promise = digest->Promise();
  digest->Queue();
  return promise;
}

}  // namespace murky::addon
