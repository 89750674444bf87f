// writeParts() for JavaScript: src/native/pool-work.ts.
#include "addon/bindings.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "addon/arguments.h"
#include "gf2/crc32.h"
#include "rain/big_endian.h"

namespace murky::addon {
namespace {

constexpr size_t kMostParts = 1024;  // of one call (IOV_MAX on Linux and macOS)

// The header of a record of the block log (docs/disk-format.md): where the CRC-32 of the block stands, and
// that of all bytes before it.
constexpr size_t kBlockSumAt = 20;
constexpr size_t kHeaderSumAt = 24;
constexpr size_t kHeaderBytes = 28;

// What is done with the bytes once the system has them.
enum class Next : uint32_t { kNothing, kStart, kSync };

// The rest of what a call did not write, a disk that is nearly full or a signal having cut it short.
void Skip(std::vector<iovec>& parts, size_t bytes) {
  size_t whole = 0;
  while (whole < parts.size() && bytes >= parts[whole].iov_len) bytes -= parts[whole++].iov_len;
  parts.erase(parts.begin(), parts.begin() + static_cast<ptrdiff_t>(whole));
  if (parts.empty()) return;
  parts[0].iov_base = static_cast<uint8_t*>(parts[0].iov_base) + bytes;
  parts[0].iov_len -= bytes;
}

// Puts its sums into the header, which the block follows.
void Sum(const iovec& header, const iovec& block, gf2::Crc32Function crc32) {
  auto* bytes = static_cast<uint8_t*>(header.iov_base);
  rain::PutBig<4>(bytes + kBlockSumAt, crc32(static_cast<const uint8_t*>(block.iov_base), block.iov_len));
  rain::PutBig<4>(bytes + kHeaderSumAt, crc32(bytes, kHeaderSumAt));
}

// 0, or what errno says.
int WriteAll(int descriptor, std::vector<iovec> parts, uint64_t offset) {
  Skip(parts, 0);
  while (!parts.empty()) {
    const auto count = static_cast<int>(std::min(parts.size(), kMostParts));
    const ssize_t written = pwritev(descriptor, parts.data(), count, static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    if (written == 0) return EIO;  // no failure, and no way on
    offset += static_cast<uint64_t>(written);
    Skip(parts, static_cast<size_t>(written));
  }
  return 0;
}

// The disk begins to write; nothing is waited for, and nothing promised.
int Start(int descriptor, uint64_t offset, uint64_t bytes) {
#if defined(__linux__)
  const auto from = static_cast<off64_t>(offset);
  if (sync_file_range(descriptor, from, static_cast<off64_t>(bytes), SYNC_FILE_RANGE_WRITE) == 0) return 0;
  // Where the file system cannot. Any other failure lost bytes, and need not be told again by the next sync.
  return errno == ENOSYS || errno == EINVAL || errno == ESPIPE ? 0 : errno;
#else
  (void)descriptor;
  (void)offset;
  (void)bytes;
  return 0;
#endif
}

int Sync(int descriptor) {
#if defined(__APPLE__)
  if (fcntl(descriptor, F_FULLFSYNC) == 0) return 0;  // fsync leaves bytes in the disk's cache there
  return fsync(descriptor) == 0 ? 0 : errno;
#else
  return fdatasync(descriptor) == 0 ? 0 : errno;
#endif
}

// One write on a thread of Node's pool. It keeps the arrays, and so the memory that they show, until it ends;
// the file stays open until then: that is for who asks to see to.
class WriteWork : public Napi::AsyncWorker {
 public:
  WriteWork(Napi::Array kept, int descriptor, std::vector<iovec> parts, std::vector<uint32_t> headers,
            uint64_t offset, Next next)
      : Napi::AsyncWorker(kept.Env(), "murky-write"),
        deferred_(Napi::Promise::Deferred::New(kept.Env())),
        kept_(Napi::Persistent(kept.As<Napi::Object>())),
        descriptor_(descriptor),
        parts_(std::move(parts)),
        headers_(std::move(headers)),
        offset_(offset),
        next_(next) {}

  Napi::Promise Promise() const { return deferred_.Promise(); }

 protected:
  void Execute() override {
    for (const uint32_t at : headers_) Sum(parts_[at], parts_[at + 1], gf2::FastCrc32());
    error_ = WriteAll(descriptor_, parts_, offset_);
    if (error_ != 0) return;
    uint64_t bytes = 0;
    for (const iovec& part : parts_) bytes += part.iov_len;
    if (next_ == Next::kStart) error_ = Start(descriptor_, offset_, bytes);
    if (next_ == Next::kSync) error_ = Sync(descriptor_);
  }
  void OnOK() override { deferred_.Resolve(Napi::Number::New(Env(), error_)); }
  void OnError(const Napi::Error& error) override { deferred_.Reject(error.Value()); }

 private:
  Napi::Promise::Deferred deferred_;
  Napi::ObjectReference kept_;
  const int descriptor_;
  const std::vector<iovec> parts_;
  const std::vector<uint32_t> headers_;  // which of them are to be given their sums
  const uint64_t offset_;
  const Next next_;
  int error_ = 0;
};

// (descriptor, parts, offset, next, indexes of headers)
Napi::Value WriteParts(const Napi::CallbackInfo& info) {
  const auto descriptor = static_cast<int>(WholeOf(info[0], INT_MAX));
  if (!info[1].IsArray()) throw BadArgument(info.Env(), "The parts of a write are an array of Uint8Arrays.");
  const Napi::Array given = info[1].As<Napi::Array>();
  const uint64_t offset = OffsetOf(info[2]);
  const auto next = static_cast<Next>(WholeOf(info[3], static_cast<uint32_t>(Next::kSync)));
  // An array of its own: the caller's may change.
  const Napi::Array kept = Napi::Array::New(info.Env(), given.Length());
  std::vector<iovec> parts;
  parts.reserve(given.Length());
  for (uint32_t at = 0; at < given.Length(); at++) {
    Napi::Uint8Array part = BytesOf(given.Get(at));
    kept.Set(at, part);
    parts.push_back(iovec{part.Data(), part.ByteLength()});
  }
  if (!info[4].IsArray()) throw BadArgument(info.Env(), "Indexes of headers are an array of numbers.");
  const Napi::Array indexes = info[4].As<Napi::Array>();
  std::vector<uint32_t> headers;
  for (uint32_t i = 0; i < indexes.Length(); i++) {
    const uint32_t at = WholeOf(indexes.Get(i), UINT32_MAX - 1);
    headers.push_back(at);
    if (gf2::FastCrc32() == nullptr || at + 1 >= parts.size() || parts[at].iov_len != kHeaderBytes) {
      throw BadArgument(info.Env(), "There is no header of a record there, or no sum of it.");
    }
  }
  auto* work =
      new WriteWork(kept, descriptor, std::move(parts), std::move(headers), offset, next);  // deletes itself
  const Napi::Promise promise = work->Promise();
  work->Queue();
  return promise;
}

}  // namespace

void InitWrites(Napi::Env env, Napi::Object exports) {
  exports.Set("writeParts", Napi::Function::New(env, WriteParts, "writeParts"));
}

}  // namespace murky::addon
