// The module: each part of the addon adds its names to the exports.
#include <napi.h>

#include "addon/bindings.h"

namespace {

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  murky::addon::InitCodec(env, exports);
  murky::addon::InitDigest(env, exports);
  murky::addon::InitHeldBlock(env, exports);
  murky::addon::InitHoles(env, exports);
  murky::addon::InitMeasure(env, exports);
  murky::addon::InitLoop(env, exports);
  murky::addon::InitSimulation(env, exports);
  murky::addon::InitPollution(env, exports);
  murky::addon::InitWrites(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(murky, Init)
