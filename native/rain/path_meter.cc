#include "rain/path_meter.h"

namespace murky::rain {

namespace {

constexpr Micros kLeastReordering = 3'000;
constexpr Micros kMostReordering = 50'000;
constexpr Micros kAdvanceEvery = 500;

}  // namespace

void PathMeter::BeginAnewIfExpected() {
  if (!expect_restart_) return;
  expect_restart_ = false;
  sequence_.Restart();
  marks_.clear();
}

Micros PathMeter::OnTime(uint32_t time, Micros now) {
  const Micros queue = delay_.Add(time, now);
  least_queue_ = least_queue_ == kNever ? queue : std::min(least_queue_, queue);
  last_arrival_ = now;
  queue_at_time_ = queue;
  return queue;
}

void PathMeter::OnMark(uint32_t sequence, uint32_t time, Micros now) {
  BeginAnewIfExpected();
  // What overflowed a queue is told of when that queue may be gone.
  queue_of_loss_ = std::max(queue_of_loss_, queue_at_time_);
  if (sequence_.Advance(sequence)) OnTime(time, now);
}

bool PathMeter::OnSymbol(uint32_t sequence, uint32_t time, Micros now, bool* late) {
  BeginAnewIfExpected();
  const SequenceWindow::Arrival arrival = sequence_.Add(sequence);
  if (arrival == SequenceWindow::Arrival::kDuplicate) return false;
  *late = arrival == SequenceWindow::Arrival::kLate;
  const Micros queue = OnTime(time, now);
  // What is late was at most as late as it was delayed.
  if (*late) {
    reordering_ = std::clamp(queue + queue / 8, reordering_, kMostReordering);
    overtaken_ = true;
  } else if (advances_.empty() || now - advances_.back().at >= kAdvanceEvery) {
    while (!advances_.empty() && advances_.front().at < now - kMostReordering) advances_.pop_front();
    advances_.push_back({now, sequence_.sent()});
  }
  train_.Add(sequence, time, now);
  return true;
}

void PathMeter::OnRoundTrip(Micros sample) {
  sample = std::max<Micros>(sample - delay_.risen(), 1);
  round_trip_ = std::min(round_trip_, sample);
}

void PathMeter::OnNewSender() {
  sequence_.Restart();
  delay_.Restart();
  marks_.clear();
}

int64_t PathMeter::OnTheirWay(Micros now) const {
  if (!overtaken_) return 0;
  return sequence_.MissingOfLast(sequence_.sent() - Settled(now));
}

int64_t PathMeter::Settled(Micros now) const {
  int64_t settled = 0;
  for (const Advance& advance : advances_) {
    if (advance.at <= now - reordering_) settled = advance.sent;
  }
  return settled;
}

PathSample PathMeter::Sample(Micros now, Micros interval, double symbol_bits) {
  PathSample sample;
  sample.now = now;
  sample.interval = interval;
  sample.round_trip = round_trip();
  sample.symbol_bits = symbol_bits;
  sample.sent = sequence_.sent() - sent_at_tick_;
  const int64_t lost = sequence_.lost() - OnTheirWay(now);
  sample.lost = lost - lost_at_tick_;
  sample.runs = sequence_.runs() - runs_at_tick_;
  runs_at_tick_ = sequence_.runs();
  if (overtaken_) {  // else what was only late would count as runs of its own
    const int64_t settled = std::max(Settled(now), settled_at_tick_);
    sample.runs = sequence_.RunsOf(settled_at_tick_, settled);
    settled_at_tick_ = settled;
  }
  sent_at_tick_ = sequence_.sent();
  lost_at_tick_ = lost;
  sample.delayed = least_queue_ != kNever;
  sample.queue = sample.delayed ? least_queue_ : 0;
  if (sample.delayed) last_queue_ = sample.queue;
  sample.queue_of_loss = queue_of_loss_;
  queue_of_loss_ = 0;
  least_queue_ = kNever;
  reordering_ = std::max(kLeastReordering, reordering_ - reordering_ / 256);

  // A short train: a small object, or its end was lost.
  train_.Expire(now, 2 * interval);
  sample.train_complete = train_.complete();
  sample.train_sent = train_.sent();
  sample.train_received = train_.received();
  sample.train_carried = train_.carried();
  sample.train_span = train_.span();
  sample.train_sent_span = train_.sent_span();

  if (sample.delayed && (marks_.empty() || last_arrival_ > marks_.back().at)) {
    marks_.push_back(Mark{last_arrival_, sequence_.sent(), sequence_.received(), dry_});
    dry_ = false;
  }
  if (marks_.empty()) return sample;
  const Micros window = std::max(interval * 9 / 10, std::min<Micros>(100'000, sample.round_trip / 2));
  const Mark& last = marks_.back();
  while (marks_.size() > 2 && last.at - marks_[1].at >= window) marks_.pop_front();
  const Mark& first = marks_.front();
  if (last.at - first.at < window || !sample.delayed) return sample;
  const double scale = symbol_bits * 1e6 / static_cast<double>(last.at - first.at);
  sample.measured = true;
  sample.gross = static_cast<double>(last.sent - first.sent) * scale;
  sample.received = static_cast<double>(last.received - first.received) * scale;
  for (const Mark& mark : marks_) sample.limited = sample.limited || mark.dry;
  smoothed_ += (sample.received - smoothed_) * 0.25;
  return sample;
}

}  // namespace murky::rain
