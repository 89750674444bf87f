// A decoded block as JavaScript gets it: its memory passes to a Uint8Array and comes back to the pool of
// gf2::Buffer some time after the array was collected.
//
// The runtime runs what gives it back between two turns of the event loop only. A program that decodes
// without ever returning to the loop would pile blocks up, so that beyond kMostBlockBytes blocks are copied
// instead, into memory that the collector frees by itself. Blocks are copied too where the runtime allows no
// foreign memory, and below kLeastBlockBytes, where a copy is cheaper.
//
// V8 counts such memory and marks its heap anew for every 20 MiB or so of it, which costs more than opening
// the seals of that much. Who is done with a block says so with ReleaseBlock.
//
// Thread-safety: BlockValue and ReleaseBlock belong to the thread of their environment; BlockBytesOut may be
// called from any.
#ifndef MURKY_ADDON_BLOCK_VALUE_H_
#define MURKY_ADDON_BLOCK_VALUE_H_

#include <napi.h>

#include "gf2/buffer.h"

namespace murky::addon {

constexpr size_t kLeastBlockBytes = 64u << 10;
constexpr size_t kMostBlockBytes = 128u << 20;  // in all environments of the process

// An array of the bytes; empty for an empty buffer.
Napi::Uint8Array BlockValue(Napi::Env env, gf2::Buffer bytes);

// Ends an array of BlockValue's: it is empty afterwards, as is all else that shows its memory, and the memory
// is back in the pool at once: a reader that takes one block after the other within one turn of the event
// loop would otherwise hold all of them while the next ones come. Nothing may be reading it, not in the pool
// either.
void ReleaseBlock(const Napi::Uint8Array& block);

// Memory that passed to JavaScript and has not come back.
size_t BlockBytesOut();

}  // namespace murky::addon

#endif  // MURKY_ADDON_BLOCK_VALUE_H_
