#ifndef MURKY_ADDON_LOOP_BINDING_H_
#define MURKY_ADDON_LOOP_BINDING_H_

#include <napi.h>

namespace murky::addon {

// Adds Loop and transportFeatures.
void InitLoop(Napi::Env env, Napi::Object exports);

}  // namespace murky::addon

#endif  // MURKY_ADDON_LOOP_BINDING_H_
