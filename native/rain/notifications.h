// What the engine has to tell its host, kept until the engine's own work of a call is done: the host may call
// back into the engine from inside a notification, and then finds it whole.
//
// Thread-safety: none.
#ifndef MURKY_RAIN_NOTIFICATIONS_H_
#define MURKY_RAIN_NOTIFICATIONS_H_

#include <deque>
#include <functional>
#include <utility>

#include "rain/engine.h"

namespace murky::rain {

class Notifications {
 public:
  using Notification = std::function<void(EngineHost&)>;

  void Add(Notification notification) { waiting_.push_back(std::move(notification)); }

  // Tells all, also what is added meanwhile. Does nothing when called from inside a notification.
  void Deliver(EngineHost& host) {
    if (delivering_) return;
    delivering_ = true;
    while (!waiting_.empty()) {
      const Notification next = std::move(waiting_.front());
      waiting_.pop_front();
      next(host);
    }
    delivering_ = false;
  }

 private:
  std::deque<Notification> waiting_;
  bool delivering_ = false;
};

}  // namespace murky::rain

#endif  // MURKY_RAIN_NOTIFICATIONS_H_
