#include "addon/file_read.h"

#include <algorithm>
#include <climits>
#include <utility>

#include "addon/arguments.h"

namespace murky::addon {

FileRead::FileRead(Napi::Object owner, const rain::FilePlace& place, std::function<void(Bytes)> done)
    : Napi::AsyncWorker(owner.Env(), "murky-file-read"),
      deferred_(Napi::Promise::Deferred::New(owner.Env())),
      owner_(Napi::Persistent(owner)),
      place_(place),
      done_(std::move(done)) {}

Napi::Promise FileRead::Start(Napi::Object owner, const rain::FilePlace& place,
                              std::function<void(Bytes)> done) {
  auto* read = new FileRead(owner, place, std::move(done));  // deletes itself when it has ended
  const Napi::Promise promise = read->deferred_.Promise();
  read->Queue();
  return promise;
}

void FileRead::Execute() { bytes_ = rain::ReadVerified(place_); }

void FileRead::OnOK() {
  const bool found = bytes_ != nullptr;
  if (found) done_(std::move(bytes_));
  deferred_.Resolve(Napi::Boolean::New(Env(), found));
}

void FileRead::OnError(const Napi::Error& error) { deferred_.Reject(error.Value()); }

rain::FilePlace FilePlaceOf(Napi::Value value, uint32_t most_bytes) {
  const Napi::Object given = ObjectOf(value);
  rain::FilePlace place;
  place.descriptor = static_cast<int>(WholeOf(given.Get("descriptor"), INT_MAX));
  place.offset = OffsetOf(given.Get("offset"));
  place.length = WholeOf(given.Get("length"), most_bytes);
  const Napi::Uint8Array sha256 = BytesOf(given.Get("sha256"));
  if (sha256.ByteLength() != place.sha256.size()) throw BadArgument(value.Env(), "A SHA-256 has 32 bytes.");
  std::copy_n(sha256.Data(), place.sha256.size(), place.sha256.begin());
  return place;
}

}  // namespace murky::addon
