// The module: each part of the addon adds its names to the exports.
#include <napi.h>

#include "addon/codec_binding.h"
#include "addon/digest_binding.h"
#include "addon/held_block.h"
#include "addon/hole_binding.h"
#include "addon/loop_binding.h"
#include "addon/measure_binding.h"
#include "addon/pollution_binding.h"
#include "addon/simulation_binding.h"

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
  return exports;
}

}  // namespace

NODE_API_MODULE(murky, Init)
