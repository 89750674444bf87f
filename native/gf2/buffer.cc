#include "gf2/buffer.h"

#include <sys/mman.h>

#include <algorithm>
#include <mutex>
#include <new>
#include <utility>
#include <vector>

// A sanitizer must see every free: no pool under one.
#if defined(__SANITIZE_ADDRESS__)
#define MURKY_SANITIZED 1
#elif defined(__has_feature)
#define MURKY_SANITIZED __has_feature(address_sanitizer)
#else
#define MURKY_SANITIZED 0
#endif

namespace murky::gf2 {
namespace {

constexpr std::align_val_t kAlignment{4096};

// Capacities are rounded up to an eighth of their power of two, so that blocks of nearly one size share
// buffers.
size_t Capacity(size_t bytes) {
  size_t step = 4096;
  while (step * 16 <= bytes) step *= 2;
  return (bytes + step - 1) / step * step;
}

// Long pieces come from the system and go back to it whole. glibc would soon take them from its arenas, as it
// raises its threshold for mmap with each one freed, and arenas that blocks of several lengths come from and
// go to hold more and more memory: a fetch of 5 GB was larger by a half at its end.
constexpr size_t kLeastMappedBytes = 128u << 10;

uint8_t* Allocate(size_t capacity) {
  if (capacity < kLeastMappedBytes) return static_cast<uint8_t*>(::operator new(capacity, kAlignment));
  void* const bytes = mmap(nullptr, capacity, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (bytes == MAP_FAILED) throw std::bad_alloc();
  return static_cast<uint8_t*>(bytes);
}

void Free(uint8_t* bytes, size_t capacity) {
  if (capacity < kLeastMappedBytes) return ::operator delete(bytes, kAlignment);
  munmap(bytes, capacity);
}

class Pool {
 public:
  uint8_t* Get(size_t capacity) {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      lent_bytes_ += capacity;
      for (size_t i = free_.size(); i-- > 0;) {
        if (free_[i].capacity != capacity) continue;
        uint8_t* bytes = free_[i].bytes;
        free_.erase(free_.begin() + static_cast<std::ptrdiff_t>(i));
        held_bytes_ -= capacity;
        return bytes;
      }
    }
    try {
      return Allocate(capacity);
    } catch (...) {
      const std::lock_guard<std::mutex> lock(mutex_);
      lent_bytes_ -= capacity;
      throw;
    }
  }

  void Put(uint8_t* bytes, size_t capacity) {
    std::vector<Piece> over;  // given back without the lock: whoever decodes may wait for it
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      lent_bytes_ -= capacity;
      free_.push_back({bytes, capacity});
      held_bytes_ += capacity;
      size_t oldest = 0;
      for (const size_t most = Most(); held_bytes_ > most; oldest++) held_bytes_ -= free_[oldest].capacity;
      const auto kept = free_.begin() + static_cast<std::ptrdiff_t>(oldest);
      over.assign(free_.begin(), kept);
      free_.erase(free_.begin(), kept);
    }
    for (const Piece& piece : over) Free(piece.bytes, piece.capacity);
  }

  size_t held_bytes() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return held_bytes_;
  }

 private:
  struct Piece {
    uint8_t* bytes;
    size_t capacity;
  };

  // Blocks that come fast go in gusts, as they are hashed together: what one gust lets go the next one takes.
  size_t Most() const {
#if MURKY_SANITIZED
    return 0;
#else
    const bool busy = lent_bytes_ >= kBusyBytes && lent_bytes_ < kBusyPoolBytes;
    return busy ? std::max(kPoolBytes, kBusyPoolBytes - lent_bytes_) : kPoolBytes;
#endif
  }

  std::mutex mutex_;
  std::vector<Piece> free_;  // the oldest first
  size_t held_bytes_ = 0;
  size_t lent_bytes_ = 0;  // to buffers that are in use
};

// Never destroyed: buffers may still be freed while the process ends.
Pool& SharedPool() {
  static Pool& pool = *new Pool;
  return pool;
}

}  // namespace

Buffer::Buffer(size_t bytes) : size_(bytes), capacity_(MemoryBytes(bytes)) {
  bytes_ = SharedPool().Get(capacity_);
}

Buffer Buffer::Over(uint8_t* bytes, size_t size) {
  Buffer buffer;
  buffer.bytes_ = bytes;
  buffer.size_ = size;
  return buffer;
}

Buffer::~Buffer() {
  if (capacity_) SharedPool().Put(bytes_, capacity_);
}

Buffer::Buffer(Buffer&& other) noexcept { *this = std::move(other); }

Buffer& Buffer::operator=(Buffer&& other) noexcept {
  std::swap(bytes_, other.bytes_);
  std::swap(size_, other.size_);
  std::swap(capacity_, other.capacity_);
  return *this;
}

size_t Buffer::PooledBytes() { return SharedPool().held_bytes(); }

size_t Buffer::MemoryBytes(size_t bytes) { return Capacity(bytes ? bytes : 1); }

}  // namespace murky::gf2
