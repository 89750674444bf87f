// What the engine reports, as JavaScript sees it: src/native/addon.ts, FetchReport and counters().
#ifndef MURKY_ADDON_REPORT_VALUES_H_
#define MURKY_ADDON_REPORT_VALUES_H_

#include <napi.h>

#include <vector>

#include "rain/engine.h"

namespace murky::addon {

Napi::Array NumbersValue(Napi::Env env, const std::vector<uint32_t>& numbers);
Napi::Object ReportValue(Napi::Env env, const rain::FetchReport& report);
Napi::Object CountersValue(Napi::Env env, const rain::EngineCounters& counters);

}  // namespace murky::addon

#endif  // MURKY_ADDON_REPORT_VALUES_H_
