// How a fetch tells a server what to pour to the multicast group: docs/rain.md, "Multicast".
#include <algorithm>
#include <tuple>

#include "rain/fetch.h"

namespace murky::rain {

const ServerPath* Fetch::Pourer() const {
  const ServerPath* least = nullptr;
  for (const auto& path : paths_) {
    if (!path->flowing()) continue;
    if (!least ||
        std::tie(path->address.ip, path->address.port) < std::tie(least->address.ip, least->address.port))
      least = path.get();
  }
  return least;
}

void Fetch::TellPourer(ServerPath& path, Micros now) {
  const Micros since = now - told_pourer_;
  if (blocks_.empty() || since < (lack_changed_ ? path.Interval() : kListenInterval)) return;
  Listen message;
  message.fetch = name_;
  message.first = message.last = blocks_.front().number;
  for (const Block& block : blocks_) {
    message.first = std::min(message.first, block.number);
    message.last = std::max(message.last, block.number);
  }
  outbox_.Send(path.address, WriteListen(message, outbox_.inner()));
  told_pourer_ = now;
  lack_changed_ = false;
}

}  // namespace murky::rain
