// Bytes in one aligned piece of memory that goes back to a pool for the next block: fresh memory costs a page
// fault for each 4 KiB, more than the coding itself. The pool holds at most kPoolBytes, and while kBusyBytes
// or more are in use as much as makes kBusyPoolBytes with them.
//
// Thread-safety: the pool is locked; a Buffer belongs to one thread at a time and may be freed by any.
#ifndef MURKY_GF2_BUFFER_H_
#define MURKY_GF2_BUFFER_H_

#include <cstddef>
#include <cstdint>

namespace murky::gf2 {

constexpr size_t kCacheLineBytes = 64;
constexpr size_t kPoolBytes = 16u << 20;
constexpr size_t kBusyBytes = 4u << 20;
constexpr size_t kBusyPoolBytes = 40u << 20;

class Buffer {
 public:
  Buffer() = default;
  // Uninitialised bytes that start at a page. Throws std::bad_alloc.
  explicit Buffer(size_t bytes);
  // The memory of somebody else, who keeps it where it is and frees it.
  static Buffer Over(uint8_t* bytes, size_t size);
  ~Buffer();
  Buffer(Buffer&& other) noexcept;
  Buffer& operator=(Buffer&& other) noexcept;

  uint8_t* data() { return bytes_; }
  const uint8_t* data() const { return bytes_; }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  // Lets go of the last bytes; the memory stays.
  void Shrink(size_t bytes) { size_ = bytes; }
  // 0 if the memory is somebody else's.
  size_t memory_bytes() const { return capacity_; }

  // What the pool holds now.
  static size_t PooledBytes();
  // What Buffer(bytes) holds.
  static size_t MemoryBytes(size_t bytes);

 private:
  uint8_t* bytes_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

}  // namespace murky::gf2

#endif  // MURKY_GF2_BUFFER_H_
