// Which counter tells of a datagram that did not open.
#ifndef MURKY_RAIN_DROP_COUNTER_H_
#define MURKY_RAIN_DROP_COUNTER_H_

#include "rain/engine.h"
#include "rain/seal.h"

namespace murky::rain {

// Null for one that opened, and for one that was dropped before it was tried.
inline uint64_t* DropCounter(EngineCounters& counters, OpenResult result) {
  switch (result) {
    case OpenResult::kTooShort:
      return &counters.dropped_too_short;
    case OpenResult::kUnknownVersion:
      return &counters.dropped_version;
    case OpenResult::kWrongScheme:
      return &counters.dropped_scheme;
    case OpenResult::kForged:
      return &counters.dropped_forged;
    case OpenResult::kReplayed:
      return &counters.dropped_replayed;
    case OpenResult::kOk:
    case OpenResult::kNoKey:
      break;
  }
  return nullptr;
}

}  // namespace murky::rain

#endif  // MURKY_RAIN_DROP_COUNTER_H_
