// One block read from its file and verified on a thread of Node's pool.
//
// Thread-safety: made and queued on the JavaScript thread, where `done` is called as well.
#ifndef MURKY_ADDON_FILE_READ_H_
#define MURKY_ADDON_FILE_READ_H_

#include <napi.h>

#include <functional>
#include <memory>

#include "rain/file_place.h"

namespace murky::addon {

class FileRead : public Napi::AsyncWorker {
 public:
  using Bytes = std::shared_ptr<const gf2::Buffer>;

  // Starts; `done` gets the bytes if they are as the place says, and nothing otherwise. The promise resolves
  // with whether they were. `owner` is held until then.
  static Napi::Promise Start(Napi::Object owner, const rain::FilePlace& place,
                             std::function<void(Bytes)> done);

 protected:
  void Execute() override;
  void OnOK() override;
  void OnError(const Napi::Error& error) override;

 private:
  FileRead(Napi::Object owner, const rain::FilePlace& place, std::function<void(Bytes)> done);

  Napi::Promise::Deferred deferred_;
  Napi::ObjectReference owner_;
  const rain::FilePlace place_;
  const std::function<void(Bytes)> done_;
  Bytes bytes_;
};

// From an object as src/seam/file-place.ts has it; a place is at most `most_bytes` long.
rain::FilePlace FilePlaceOf(Napi::Value value, uint32_t most_bytes);

}  // namespace murky::addon

#endif  // MURKY_ADDON_FILE_READ_H_
