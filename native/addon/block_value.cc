#include "addon/block_value.h"

#include <atomic>
#include <cstring>
#include <utility>

namespace murky::addon {
namespace {

std::atomic<size_t> bytes_out{0};

// Whether `bytes` more may be out.
bool Admit(size_t bytes) {
  if (bytes_out.fetch_add(bytes) + bytes <= kMostBlockBytes) return true;
  bytes_out -= bytes;
  return false;
}

void TakeBack(Napi::BasicEnv, uint8_t*, gf2::Buffer* block) {
  bytes_out -= block->memory_bytes();
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
  const auto buffer = Napi::Buffer<uint8_t>::NewOrCopy(env, block->data(), size, TakeBack, block);
  return Napi::Uint8Array::New(env, size, buffer.ArrayBuffer(), buffer.ByteOffset());
}

void ReleaseBlock(const Napi::Uint8Array& block) {
  Napi::ArrayBuffer memory = block.ArrayBuffer();
  if (!memory.IsDetached()) memory.Detach();
}

}  // namespace murky::addon
