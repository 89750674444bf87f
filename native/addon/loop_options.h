// What JavaScript says of a loop and of a fetch: src/native/addon.ts, LoopOptions and FetchSpec. Throws
// MURKY_BAD_ARGUMENT where it makes no sense.
#ifndef MURKY_ADDON_LOOP_OPTIONS_H_
#define MURKY_ADDON_LOOP_OPTIONS_H_

#include <napi.h>

#include "rain/loop.h"

namespace murky::addon {

// At least one.
std::vector<rain::ClusterKey> ClusterKeysOf(Napi::Value value);
rain::LoopOptions LoopOptionsOf(Napi::Value value);
rain::FetchServer FetchServerOf(Napi::Value value);
rain::FetchSpec FetchSpecOf(Napi::Value value);

}  // namespace murky::addon

#endif  // MURKY_ADDON_LOOP_OPTIONS_H_
