// The seam between a path and the law that sets its rate. A law sees one sample a tick and answers with the
// rate to ask of the server.
//
// Thread-safety: none.
#ifndef MURKY_RAIN_RATE_CONTROL_H_
#define MURKY_RAIN_RATE_CONTROL_H_

#include <memory>

#include "rain/seam.h"

namespace murky::rain {

// What a path saw since the last tick. Rates are bits of IP payload per second.
struct PathSample {
  Micros now = 0;
  Micros interval = 0;    // between ticks
  Micros round_trip = 0;  // without queueing
  double symbol_bits = 0;

  bool delayed = false;      // something arrived, so `queue` is known
  Micros queue = 0;          // least queueing delay of the tick
  Micros queue_of_loss = 0;  // and before it, where `lost` began to be counted earlier

  bool measured = false;  // the rates are known
  double gross = 0;       // by the sequence: with what was lost
  double received = 0;
  bool limited = false;  // the server had nothing to send for a part of that time

  int64_t sent = 0;  // by the sequence, since the last tick
  int64_t lost = 0;
  int64_t runs = 0;  // of losses that followed one another

  // The first burst, which the server sends back to back.
  bool train_complete = false;
  int64_t train_sent = 0;
  int64_t train_received = 0;
  int64_t train_carried = 0;   // by the path's slowest link, with what was lost behind it
  Micros train_span = 0;       // from the first to the last arrival
  Micros train_sent_span = 0;  // and how far apart they were sent
};

class RateControl {
 public:
  virtual ~RateControl() = default;
  // Bits of IP payload per second.
  virtual double Tick(const PathSample& sample) = 0;
  virtual double rate() const = 0;
  // What the path is held to carry, bits of IP payload per second; 0 before the first estimate.
  virtual double capacity() const = 0;
  // True until the first estimate of an unknown path, which takes kStartSymbols to kMostStartSymbols.
  virtual bool starting() const = 0;
  // Share of symbols that is expected to be lost.
  virtual double loss() const = 0;
  // The variance of how many of some symbols are lost, as a multiple of what it is where each falls alone.
  virtual double loss_dispersion() const = 0;
};

constexpr uint32_t kStartSymbols = 256;  // and more on a long path, up to
constexpr uint32_t kMostStartSymbols = 1024;

// The delay-based law; docs/rain.md has it with its constants. `history` is the path's last known capacity in
// bits per second, 0 if it is unknown.
std::unique_ptr<RateControl> MakeDelayLaw(double history);

}  // namespace murky::rain

#endif  // MURKY_RAIN_RATE_CONTROL_H_
