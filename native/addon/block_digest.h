// The SHA-256 of held blocks, alone and side by side. What hashes a block keeps its memory until that is
// done.
//
// Thread-safety: the JavaScript thread of the environment; hashing runs on a thread of Node's pool.
#ifndef MURKY_ADDON_BLOCK_DIGEST_H_
#define MURKY_ADDON_BLOCK_DIGEST_H_

#include <napi.h>

#include <memory>
#include <vector>

#include "gf2/buffer.h"

namespace murky::addon {

using HeldBytes = std::shared_ptr<gf2::Buffer>;

// Resolves to the hash. A short block is hashed at once: the way to another thread and back takes longer.
Napi::Promise DigestBlock(Napi::Env env, const HeldBytes& block);
// Resolves to an array of hashes. 1 to rain::kSha256Lanes blocks of one length, where rain::HasSha256Lanes.
Napi::Promise DigestTogether(Napi::Env env, std::vector<HeldBytes> blocks);

}  // namespace murky::addon

#endif  // MURKY_ADDON_BLOCK_DIGEST_H_
