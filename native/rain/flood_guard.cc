#include "rain/flood_guard.h"

namespace murky::rain {

FloodGuard::FloodGuard(int fd, Random& random) : fd_(fd), random_(random) { Relax(); }

void FloodGuard::Junk(const Address& from, Micros now) {
  if (filtering_) return;  // the rest of the queue
  if (junk_ == 0) {
    since_ = now;
    due_ = now + kFloodWatch;
  }
  junk_++;
  junk_of_[FilterPlaceOf(from, salt_)]++;
}

Micros FloodGuard::OnTime(const Engine& engine, Micros now) {
  if (now < due_) return due_;
  const bool filter = !filtering_ && Flooded(now) && Filter(engine);
  Relax();
  if (filter) {
    filtering_ = true;
    due_ = now + kFilterTime;
  }
  return due_;
}

bool FloodGuard::Flooded(Micros now) const {
  return junk_ * 1'000'000 >= static_cast<uint64_t>(now - since_) * kFloodDatagramsPerSecond;
}

bool FloodGuard::Filter(const Engine& engine) {
  JunkFilter filter;
  filter.sealed = engine.seal().sealed();
  filter.salt = salt_;
  filter.known = engine.seal().KnownSenders();
  // Where nothing is sealed anybody may be a sender. Nor is a place shut whose share is small: of a flood
  // from everywhere none is, and the engine's budget for strangers is what bounds it.
  for (size_t place = 0; filter.sealed && place < kFilterPlaces; place++) {
    if (junk_of_[place] * kFilterPlaces >= 2 * junk_) filter.shut |= uint32_t{1} << place;
  }
  return AttachJunkFilter(fd_, filter);
}

void FloodGuard::Relax() {
  if (filtering_) DetachJunkFilter(fd_);
  filtering_ = false;
  due_ = kNever;
  junk_ = 0;
  junk_of_ = {};
  // Its own each time, so that nobody can choose addresses that share a place with one they mean to shut out.
  salt_ = static_cast<uint32_t>(random_.Next()) | 1;
}

}  // namespace murky::rain
