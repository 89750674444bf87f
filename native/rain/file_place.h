// A block that lies in a file, as whoever stores blocks names it: nothing more is known of files here.
//
// Thread-safety: any thread, but not the packet loop's, as the disk is waited for.
#ifndef MURKY_RAIN_FILE_PLACE_H_
#define MURKY_RAIN_FILE_PLACE_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "gf2/buffer.h"
#include "rain/crypto.h"

namespace murky::rain {

struct FilePlace {
  int descriptor = -1;  // of a file that is open for reading; its position is neither used nor moved
  uint64_t offset = 0;
  size_t length = 0;
  Sha256Bytes sha256{};  // of the bytes there
};

// The bytes, once it is certain that they are those of the digest; null if the file ends before them, they
// cannot be read, or are others. Throws std::bad_alloc.
std::shared_ptr<const gf2::Buffer> ReadVerified(const FilePlace& place);

}  // namespace murky::rain

#endif  // MURKY_RAIN_FILE_PLACE_H_
