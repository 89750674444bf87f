// What a path does beside traffic that fills the queue until it overflows: there a law that keeps the queue
// short starves. Tells such traffic from the path's own queue, and is then its equal: CUBIC (RFC 9438) as a
// rate, the window over the round trip with its queue, until the others have gone.
//
// Thread-safety: none.
#ifndef MURKY_RAIN_COMPETE_LAW_H_
#define MURKY_RAIN_COMPETE_LAW_H_

#include "rain/rate_control.h"

namespace murky::rain {

// The most of the last 10 to 20 s, in two buckets.
class RecentMost {
 public:
  void Add(double value, Micros now);
  double most() const;

 private:
  double current_ = 0;
  double previous_ = 0;
  Micros rotated_ = 0;
};

// What the delay-based law makes of a sample. Rates are bits of IP payload per second, queues microseconds.
struct PathView {
  double arriving = 0;      // what was received, with what the path loses by itself
  double target_queue = 0;  // the queue that the path would keep alone
  double loss = 0;          // the path's own share
};

class CompeteLaw {
 public:
  // While the delay-based law rules, with each informed tick: true once others hold the queue.
  bool Challenged(const PathSample& sample, const PathView& view);
  void Enter(const PathSample& sample, const PathView& view);
  // While competing, with each informed tick: false once it is over.
  bool Tick(const PathSample& sample, const PathView& view);
  double rate() const { return rate_; }
  // The most that has arrived lately.
  double most() const { return arriving_.most(); }

 private:
  // Less is asked until the queue has shrunk. Alone, as much arrives as before; else the others take the
  // room.
  enum class Test { kNone, kBefore, kTurning, kAfter };

  void Cut(const PathSample& sample, const PathView& view);
  void Grow(const PathSample& sample);
  void BeginTest(const PathSample& sample);
  bool FoundAlone(const PathSample& sample);
  double Span(const PathSample& sample) const;  // seconds of a round trip with its queue

  RecentMost arriving_;
  RecentMost queue_;
  double carried_ = 0;            // the most that arrived before others came: what the path carries
  Micros long_since_ = kNever;    // the queue is longer than the path would make it
  Micros little_since_ = kNever;  // much less arrives than did, and there is a queue
  Micros short_since_ = kNever;   // while competing: there is no queue

  double rate_ = 0;
  double window_ = 0;    // symbols
  double origin_ = 0;    // the window at the last cut
  double start_ = 0;     // what the cut left
  double friendly_ = 0;  // what Reno would have
  Micros entered_at_ = 0;
  Micros cut_at_ = 0;
  Micros round_at_ = 0;
  int64_t round_sent_ = 0;
  int64_t round_lost_ = 0;

  Test test_ = Test::kNone;
  Micros next_test_ = 0;
  Micros test_until_ = 0;    // less is asked
  Micros before_until_ = 0;  // what arrives was asked before the test
  Micros after_until_ = 0;   // what arrives was asked during the test
  Micros counted_from_ = 0;
  int64_t counted_ = 0;
  double test_rate_ = 0;    // when it began
  double test_share_ = 1;   // of it that is asked
  double rate_before_ = 0;  // symbols per second that arrived
};

}  // namespace murky::rain

#endif  // MURKY_RAIN_COMPETE_LAW_H_
