// The parts of the module; each adds its names to the exports. What they are is in src/native/addon.ts.
#ifndef MURKY_ADDON_BINDINGS_H_
#define MURKY_ADDON_BINDINGS_H_

#include <napi.h>

namespace murky::addon {

// Encoder, Decoder, kernelName and blockBytesOut.
void InitCodec(Napi::Env env, Napi::Object exports);
// sha256InPool, sha256Together, sha256Streams and crc32.
void InitDigest(Napi::Env env, Napi::Object exports);
// holdBlock and sha256Lanes.
void InitHeldBlock(Napi::Env env, Napi::Object exports);
// punchHoles.
void InitHoles(Napi::Env env, Napi::Object exports);
// Loop, releaseBlock and transportFeatures.
void InitLoop(Napi::Env env, Napi::Object exports);
// measureEncode, measureDecode, threadSeconds and overheadHistogram.
void InitMeasure(Napi::Env env, Napi::Object exports);
// PollutedNetwork.
void InitPollution(Napi::Env env, Napi::Object exports);
// simulate.
void InitSimulation(Napi::Env env, Napi::Object exports);
// writeParts.
void InitWrites(Napi::Env env, Napi::Object exports);

}  // namespace murky::addon

#endif  // MURKY_ADDON_BINDINGS_H_
