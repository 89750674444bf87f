#ifndef MURKY_ADDON_HOLE_BINDING_H_
#define MURKY_ADDON_HOLE_BINDING_H_

#include <napi.h>

namespace murky::addon {

// Adds punchHoles.
void InitHoles(Napi::Env env, Napi::Object exports);

}  // namespace murky::addon

#endif  // MURKY_ADDON_HOLE_BINDING_H_
