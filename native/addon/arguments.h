// What a binding takes from JavaScript. Only what would touch memory out of bounds, or mean nothing, is
// refused here, with a TypeError of code MURKY_BAD_ARGUMENT; the typed faces check and word the rest.
#ifndef MURKY_ADDON_ARGUMENTS_H_
#define MURKY_ADDON_ARGUMENTS_H_

#include <napi.h>

#include <string>

#include "rain/address.h"
#include "rain/wire.h"

namespace murky::addon {

Napi::Error BadArgument(Napi::Env env, const std::string& sentence);

Napi::Object ObjectOf(Napi::Value value);
Napi::Uint8Array BytesOf(Napi::Value value);
// A whole number from 0 to `limit`.
uint32_t WholeOf(Napi::Value value, uint32_t limit = UINT32_MAX);
// A number that is finite and at least 0.
double AmountOf(Napi::Value value);
// A place in a file: a whole number that JavaScript holds exactly.
uint64_t OffsetOf(Napi::Value value);
bool BooleanOf(Napi::Value value);
// A bigint from 0 to 2^64 - 1.
uint64_t BigOf(Napi::Value value);
rain::Version VersionOf(Napi::Value value);
rain::Address AddressOf(Napi::Value host, Napi::Value port);

}  // namespace murky::addon

#endif  // MURKY_ADDON_ARGUMENTS_H_
