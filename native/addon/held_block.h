// Bytes of a block outside V8's heap, as JavaScript holds them without seeing them: src/native/addon.ts,
// HeldBlock. Blocks that arrive faster than their reader takes them are hashed and wait as such; an array is
// made of one when it is taken. V8 counts the memory of arrays and marks its heap anew for some tens of MiB
// of it, however soon they go. And what JavaScript cannot change is served from where it lies.
//
// Thread-safety: the JavaScript thread of the environment; hashing runs on a thread of Node's pool.
#ifndef MURKY_ADDON_HELD_BLOCK_H_
#define MURKY_ADDON_HELD_BLOCK_H_

#include <napi.h>

#include <memory>

#include "gf2/buffer.h"

namespace murky::addon {

// A HeldBlock of these bytes, which may be none. V8 is not told of them: they soon go.
Napi::Object HoldBlock(Napi::Env env, gf2::Buffer bytes);

// Bytes that do not change any more: those of a HeldBlock, which can be dropped from now on, but not taken;
// or a copy of a Uint8Array, as JavaScript may change that at any time. Throws for anything else.
std::shared_ptr<const gf2::Buffer> ServedBytes(Napi::Value value);

}  // namespace murky::addon

#endif  // MURKY_ADDON_HELD_BLOCK_H_
