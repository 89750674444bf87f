#ifndef MURKY_ADDON_CODEC_BINDING_H_
#define MURKY_ADDON_CODEC_BINDING_H_

#include <napi.h>

namespace murky::addon {

// Adds Encoder, Decoder and kernelName.
void InitCodec(Napi::Env env, Napi::Object exports);

}  // namespace murky::addon

#endif  // MURKY_ADDON_CODEC_BINDING_H_
