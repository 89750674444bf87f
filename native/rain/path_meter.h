// Measures one server path from the symbols that arrive on it.
//
// Thread-safety: none.
#ifndef MURKY_RAIN_PATH_METER_H_
#define MURKY_RAIN_PATH_METER_H_

#include <deque>

#include "rain/queue_delay.h"
#include "rain/rate_control.h"
#include "rain/sequence_window.h"
#include "rain/start_train.h"

namespace murky::rain {

constexpr Micros kUnknownRoundTrip = 100'000;

class PathMeter {
 public:
  // False: a duplicate. *late is true if later ones have arrived before.
  bool OnSymbol(uint32_t sequence, uint32_t time, Micros now, bool* late);
  // One that is the same for all readers came: it has neither number nor time, and counts with the next mark.
  void OnShared() {
    sequence_.AddUnnumbered();
    overtaken_ = false;  // nothing tells of these
  }
  // The server told how many symbols it had sent before, and its time.
  void OnMark(uint32_t sequence, uint32_t time, Micros now);
  // An upper bound of the round trip time was seen; the least one counts.
  void OnRoundTrip(Micros sample);
  // The server had nothing left to send when it sent what arrived last.
  void OnDry() { dry_ = true; }
  // The server may have begun anew with its sequence.
  void ExpectRestart() { expect_restart_ = true; }
  // Another process answers at this address.
  void OnNewSender();

  // Fills in what was seen since the last call.
  PathSample Sample(Micros now, Micros interval, double symbol_bits);

  bool knows_round_trip() const { return round_trip_ != kNever; }
  Micros round_trip() const { return knows_round_trip() ? round_trip_ + delay_.risen() : kUnknownRoundTrip; }
  Micros queue() const {
    return last_queue_;
  }  // least queueing delay of the last tick in which anything came
  // How long a missing symbol may still arrive behind later ones.
  Micros reordering() const { return reordering_; }
  Micros last_arrival() const { return last_arrival_; }
  const SequenceWindow& sequence() const { return sequence_; }
  bool train_complete() const { return train_.complete(); }
  double received_rate() const { return smoothed_; }  // bits of IP payload per second

 private:
  void BeginAnewIfExpected();
  Micros OnTime(uint32_t time, Micros now);  // the queueing delay

  // Numbers that have not come and may yet, behind later ones that overtook them.
  int64_t OnTheirWay(Micros now) const;
  // How many were sent so long ago that nothing of them can come any more.
  int64_t Settled(Micros now) const;

  struct Mark {
    Micros at;
    int64_t sent;
    int64_t received;
    bool dry;
  };

  SequenceWindow sequence_;
  QueueDelay delay_;
  StartTrain train_;
  Micros round_trip_ = kNever;
  Micros reordering_ = 3'000;
  bool overtaken_ = false;  // something came behind a later one
  struct Advance {
    Micros at;
    int64_t sent;
  };
  std::deque<Advance> advances_;  // of the last kMostReordering
  Micros last_arrival_ = -1;
  Micros least_queue_ = kNever;  // of this tick
  Micros last_queue_ = 0;
  Micros queue_at_time_ = 0;  // when the server's time was told last
  Micros queue_of_loss_ = 0;  // around what a mark counted, in this tick
  bool dry_ = false;
  bool expect_restart_ = false;
  int64_t sent_at_tick_ = 0;
  int64_t lost_at_tick_ = 0;
  int64_t runs_at_tick_ = 0;
  int64_t settled_at_tick_ = 0;
  double smoothed_ = 0;
  std::deque<Mark> marks_;  // one per tick with arrivals
};

}  // namespace murky::rain

#endif  // MURKY_RAIN_PATH_METER_H_
