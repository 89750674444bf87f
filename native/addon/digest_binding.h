#ifndef MURKY_ADDON_DIGEST_BINDING_H_
#define MURKY_ADDON_DIGEST_BINDING_H_

#include <napi.h>

namespace murky::addon {

// Adds sha256InPool.
void InitDigest(Napi::Env env, Napi::Object exports);

}  // namespace murky::addon

#endif  // MURKY_ADDON_DIGEST_BINDING_H_
