#ifndef MURKY_ADDON_SIMULATION_BINDING_H_
#define MURKY_ADDON_SIMULATION_BINDING_H_

#include <napi.h>

namespace murky::addon {

// Adds simulate.
void InitSimulation(Napi::Env env, Napi::Object exports);

}  // namespace murky::addon

#endif  // MURKY_ADDON_SIMULATION_BINDING_H_
