// The first symbols of a subscription, which the server sends back to back: how far apart they arrive tells
// what the path carries. Where they come in their order, the first 32 tell it. Where they overtake one
// another, their times lie beside the line that they would be on, and the estimate waits until the line is
// known.
//
// Thread-safety: none.
#ifndef MURKY_RAIN_START_TRAIN_H_
#define MURKY_RAIN_START_TRAIN_H_

#include <vector>

#include "rain/seam.h"

namespace murky::rain {

constexpr int64_t kTrainSymbols = 32;        // as many as the server sends back to back at first
constexpr int64_t kMostTrainSymbols = 256;   // by then there is an estimate, however good,
constexpr size_t kMostTrainArrivals = 1024;  // and by then the last one is taken, or none

class StartTrain {
 public:
  // `number`: of the symbol, as the server counts them, 24 bits. `sent`: the server's time.
  void Add(uint32_t number, uint32_t sent, Micros now);
  // Nothing more of it can be expected; a short one counts as well, if it is long enough to tell anything.
  void Expire(Micros now, Micros pause);

  bool complete() const { return complete_; }
  int64_t sent() const { return sent_; }
  int64_t received() const { return received_; }
  // How many passed the link in that span, with those that were lost behind it; received() where it is not
  // known.
  int64_t carried() const { return carried_; }
  Micros span() const { return span_; }  // from the first to the last arrival
  Micros sent_span() const {
    return sent_span_;
  }  // and how far apart they were sent; 0 where that says nothing

 private:
  struct Arrival {
    int64_t number;
    Micros at;
  };

  void Begin(uint32_t number, uint32_t sent, Micros now);
  void FitLine(Micros now);
  int64_t Carried() const;

  bool complete_ = false;
  uint32_t first_number_ = 0;
  uint32_t first_sent_ = 0;
  Micros last_ = 0;
  int64_t sent_ = 0;
  int64_t received_ = 0;
  int64_t carried_ = 0;
  int64_t neighbours_ = 0;  // arrivals next to the one before, by number
  Micros neighbours_span_ = 0;
  Micros span_ = 0;
  Micros sent_span_ = 0;
  Micros lateness_ = 0;            // the most by which one came behind a later one
  std::vector<Arrival> arrivals_;  // all, in the order they came
  std::vector<Arrival> advances_;  // those that were later ones than all before
};

}  // namespace murky::rain

#endif  // MURKY_RAIN_START_TRAIN_H_
