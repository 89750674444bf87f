#include "rain/file_place.h"

#include <unistd.h>

#include <cerrno>

namespace murky::rain {

namespace {

bool ReadAll(const FilePlace& place, uint8_t* out) {
  for (size_t read = 0; read < place.length;) {
    const ssize_t got =
        ::pread(place.descriptor, out + read, place.length - read, static_cast<off_t>(place.offset + read));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    read += static_cast<size_t>(got);
  }
  return true;
}

}  // namespace

std::shared_ptr<const gf2::Buffer> ReadVerified(const FilePlace& place) {
  auto bytes = std::make_shared<gf2::Buffer>(place.length);
  if (!ReadAll(place, bytes->data())) return nullptr;
  Sha256Bytes sha256;
  if (!Sha256(bytes->data(), place.length, &sha256) || sha256 != place.sha256) return nullptr;
  return bytes;
}

}  // namespace murky::rain
