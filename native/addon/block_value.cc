#include "addon/block_value.h"

#include <atomic>
#include <cstring>
#include <mutex>
#include <unordered_map>
#include <utility>

namespace murky::addon {
namespace {

std::atomic<size_t> bytes_out{0};

// What is out by where it lies, for ReleaseBlock to find it: the runtime tells only where an array's bytes
// are.
class Lent {
 public:
  void Add(gf2::Buffer* block) {
    const std::lock_guard<std::mutex> lock(mutex_);
    blocks_[block->data()] = block;
  }

  // Empty if none lies there.
  gf2::Buffer Take(const uint8_t* bytes) {
    const std::lock_guard<std::mutex> lock(mutex_);
    gf2::Buffer taken;
    if (const auto found = blocks_.find(bytes); found != blocks_.end()) {
      taken = std::move(*found->second);
      blocks_.erase(found);
    }
    return taken;
  }

 private:
  std::mutex mutex_;
  std::unordered_map<const uint8_t*, gf2::Buffer*> blocks_;
};

// Never destroyed: arrays may be collected while the process ends.
Lent& LentBlocks() {
  static Lent& lent = *new Lent;
  return lent;
}

// Whether `bytes` more may be out.
bool Admit(size_t bytes) {
  if (bytes_out.fetch_add(bytes) + bytes <= kMostBlockBytes) return true;
  bytes_out -= bytes;
  return false;
}

void TakeBack(const uint8_t* bytes) { bytes_out -= LentBlocks().Take(bytes).memory_bytes(); }

// A block that was released before holds nothing any more, and where it lay may be another one.
void Collected(Napi::BasicEnv, uint8_t*, gf2::Buffer* block) {
  if (!block->empty()) TakeBack(block->data());
  delete block;
}

}  // namespace

size_t BlockBytesOut() { return bytes_out; }

Napi::Uint8Array BlockValue(Napi::Env env, gf2::Buffer bytes) {
  const size_t size = bytes.size();
  if (size < kLeastBlockBytes || !Admit(bytes.memory_bytes())) {
    Napi::Uint8Array copy = Napi::Uint8Array::New(env, size);
    if (size > 0) std::memcpy(copy.Data(), bytes.data(), size);
    return copy;
  }
  auto* block = new gf2::Buffer(std::move(bytes));
  LentBlocks().Add(block);
  const auto buffer = Napi::Buffer<uint8_t>::NewOrCopy(env, block->data(), size, Collected, block);
  return Napi::Uint8Array::New(env, size, buffer.ArrayBuffer(), buffer.ByteOffset());
}

void ReleaseBlock(const Napi::Uint8Array& block) {
  Napi::ArrayBuffer memory = block.ArrayBuffer();
  if (memory.IsDetached()) return;
  const auto* bytes = static_cast<const uint8_t*>(memory.Data());
  memory.Detach();
  TakeBack(bytes);
}

}  // namespace murky::addon
