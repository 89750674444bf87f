#ifndef MURKY_ADDON_MEASURE_BINDING_H_
#define MURKY_ADDON_MEASURE_BINDING_H_

#include <napi.h>

namespace murky::addon {

// Adds measureEncode, measureDecode and overheadHistogram.
void InitMeasure(Napi::Env env, Napi::Object exports);

}  // namespace murky::addon

#endif  // MURKY_ADDON_MEASURE_BINDING_H_
