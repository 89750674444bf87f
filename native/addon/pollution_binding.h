#ifndef MURKY_ADDON_POLLUTION_BINDING_H_
#define MURKY_ADDON_POLLUTION_BINDING_H_

#include <napi.h>

namespace murky::addon {

// Adds PollutedNetwork.
void InitPollution(Napi::Env env, Napi::Object exports);

}  // namespace murky::addon

#endif  // MURKY_ADDON_POLLUTION_BINDING_H_
