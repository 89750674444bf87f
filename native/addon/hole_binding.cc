// punchHoles() for JavaScript: src/native/addon.ts.
#include "addon/bindings.h"

#include <fcntl.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "addon/arguments.h"

namespace murky::addon {
namespace {

struct Hole {
  uint64_t offset;
  uint64_t bytes;
};

// 0, or what errno says. The file keeps its size, and reads as zeros there.
int Punch(int descriptor, const Hole& hole) {
#if defined(__linux__)
  const int mode = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;
  while (fallocate(descriptor, mode, static_cast<off_t>(hole.offset), static_cast<off_t>(hole.bytes)) != 0) {
    if (errno != EINTR) return errno;
  }
  return 0;
#elif defined(F_PUNCHHOLE)
  fpunchhole_t place{};
  place.fp_offset = static_cast<off_t>(hole.offset);
  place.fp_length = static_cast<off_t>(hole.bytes);
  return fcntl(descriptor, F_PUNCHHOLE, &place) == 0 ? 0 : errno;
#else
  (void)descriptor;
  (void)hole;
  return ENOTSUP;
#endif
}

// Holes of one file, on a thread of Node's pool. The file stays open until it ends: that is for who asks to
// see to.
class PunchWork : public Napi::AsyncWorker {
 public:
  PunchWork(Napi::Env env, int descriptor, std::vector<Hole> holes)
      : Napi::AsyncWorker(env, "murky-punch-holes"),
        deferred_(Napi::Promise::Deferred::New(env)),
        descriptor_(descriptor),
        holes_(std::move(holes)) {}

  Napi::Promise Promise() const { return deferred_.Promise(); }

 protected:
  void Execute() override {
    for (const Hole& hole : holes_) {
      error_ = Punch(descriptor_, hole);
      if (error_ != 0) return;
    }
  }

  void OnOK() override {
    if (error_ == 0) {
      deferred_.Resolve(Napi::Boolean::New(Env(), true));
    } else if (error_ == EOPNOTSUPP || error_ == ENOTSUP || error_ == ENOSYS || error_ == EINVAL) {
      deferred_.Resolve(Napi::Boolean::New(Env(), false));
    } else {
      Napi::Error error = Napi::Error::New(Env(), std::strerror(error_));
      error.Set("code", Napi::String::New(Env(), error_ == ENOSPC ? "ENOSPC" : "EIO"));
      deferred_.Reject(error.Value());
    }
  }

  void OnError(const Napi::Error& error) override { deferred_.Reject(error.Value()); }

 private:
  Napi::Promise::Deferred deferred_;
  const int descriptor_;
  const std::vector<Hole> holes_;
  int error_ = 0;
};

// (descriptor, [offset, bytes, offset, bytes, ...])
Napi::Value PunchHoles(const Napi::CallbackInfo& info) {
  const uint32_t descriptor = WholeOf(info[0], INT32_MAX);
  if (!info[1].IsArray()) throw BadArgument(info.Env(), "Holes are an array of numbers.");
  const Napi::Array numbers = info[1].As<Napi::Array>();
  std::vector<Hole> holes;
  for (uint32_t at = 0; at + 1 < numbers.Length(); at += 2) {
    holes.push_back({WholeOf(numbers.Get(at)), WholeOf(numbers.Get(at + 1))});
  }
  auto* work = new PunchWork(info.Env(), static_cast<int>(descriptor), std::move(holes));  // deletes itself
  const Napi::Promise promise = work->Promise();
  work->Queue();
  return promise;
}

}  // namespace

void InitHoles(Napi::Env env, Napi::Object exports) {
  exports.Set("punchHoles", Napi::Function::New(env, PunchHoles, "punchHoles"));
}

}  // namespace murky::addon
