#include "rain/sim_network.h"

#include <algorithm>
#include <cmath>

namespace murky::rain {

DatagramSink& SimNetwork::Attach(const Address& address, SimNode* node) {
  auto host = std::make_unique<Host>();
  host->node = node;
  host->sink = std::make_unique<Sink>(*this, address);
  DatagramSink& sink = *host->sink;
  hosts_[address] = std::move(host);
  return sink;
}

void SimNetwork::Kill(const Address& address) { hosts_.at(address)->node = nullptr; }

DatagramSink& SimNetwork::Revive(const Address& address, SimNode* node) {
  Host& host = *hosts_.at(address);
  host.node = node;
  host.wake = kNever;
  return *host.sink;
}

void SimNetwork::Connect(const Address& from, const Address& to, const LinkShape& shape) {
  hosts_.at(from)->links[to].shape = shape;
}

void SimNetwork::ShareQueue(const Address& from) {
  const auto busy_until = std::make_shared<double>(0);
  for (auto& [to, link] : hosts_.at(from)->links) link.busy_until = busy_until;
}

const LinkCounters& SimNetwork::counters(const Address& from, const Address& to) const {
  return hosts_.at(from)->links.at(to).counters;
}

// A chain of two states (Gilbert 1960): in the bad one everything is lost. It is left with 1 / burst, and
// entered so often that its share of the datagrams is the loss.
bool SimNetwork::Lose(Link& link) {
  const LinkShape& shape = link.shape;
  if (shape.loss <= 0) return false;
  if (shape.loss_burst <= 1) return random_.Uniform() < shape.loss;
  const double leave = 1 / shape.loss_burst;
  const double enter = leave * shape.loss / (1 - shape.loss);
  link.bursting = random_.Uniform() < (link.bursting ? 1 - leave : enter);
  return link.bursting;
}

SimNetwork::Fate SimNetwork::Pass(Link& link, size_t bytes) {
  Fate fate;
  fate.leaves = static_cast<double>(now_);
  if (link.shape.bits_per_second > 0) {
    double& busy_until = *link.busy_until;
    fate.waits = std::max(0.0, busy_until - fate.leaves);
    fate.overflowed = fate.waits > static_cast<double>(link.shape.queue);
    if (!fate.overflowed)
      busy_until =
          fate.leaves + fate.waits + static_cast<double>(bytes * 8) * 1e6 / link.shape.bits_per_second;
    fate.leaves = busy_until;
  }
  fate.lost = !fate.overflowed && Lose(link);
  return fate;
}

SimNetwork::Fate SimNetwork::Offer(const Address& from, const Address& to, size_t bytes) {
  return Pass(hosts_.at(from)->links.at(to), bytes);
}

const LinkShape& SimNetwork::shape(const Address& from, const Address& to) const {
  return hosts_.at(from)->links.at(to).shape;
}

void SimNetwork::Send(const Address& from, const Address& to, const uint8_t* bytes, size_t length) {
  const auto group = groups_.find(to);
  if (group == groups_.end()) return SendOver(from, to, false, bytes, length);
  for (const Address& member : group->second) SendOver(from, member, true, bytes, length);
}

void SimNetwork::SendOver(const Address& from, const Address& to, bool to_group, const uint8_t* bytes,
                          size_t length) {
  Host& host = *hosts_.at(from);
  const auto found = host.links.find(to);
  if (!host.node || found == host.links.end()) return;
  Link& link = found->second;
  const LinkShape& shape = link.shape;
  link.counters.sent++;
  const Fate fate = Pass(link, length + kPacketHeaderBytes + extra_bytes_);
  link.counters.overflowed += fate.overflowed;
  link.counters.lost += fate.lost;
  if (fate.overflowed) return;
  if (observer_ && shape.bits_per_second > 0)
    observer_(Passage{from, to, bytes, length, static_cast<Micros>(fate.waits)});
  if (fate.lost) return;
  Deliver(link, from, to, to_group, bytes, length, fate.leaves);
  if (shape.duplicate > 0 && random_.Uniform() < shape.duplicate) {
    link.counters.duplicated++;
    Deliver(link, from, to, to_group, bytes, length, fate.leaves);
  }
}

void SimNetwork::Deliver(Link& link, const Address& from, const Address& to, bool to_group,
                         const uint8_t* bytes, size_t length, double leaves) {
  const LinkShape& shape = link.shape;
  const double jitter = shape.jitter > 0 ? random_.Uniform() * static_cast<double>(shape.jitter) : 0;
  const auto arrives = static_cast<Micros>(std::ceil(leaves + static_cast<double>(shape.delay) + jitter));
  link.counters.delivered++;
  link.counters.delivered_bytes += length;
  auto event = NewEvent(arrives, hosts_.at(to).get());
  event->from = from;
  event->to_group = to_group;
  event->datagram.assign(bytes, bytes + length);
  events_.push_back(std::move(event));
  std::push_heap(events_.begin(), events_.end(), Later());
}

std::unique_ptr<SimNetwork::Event> SimNetwork::NewEvent(Micros time, Host* host) {
  std::unique_ptr<Event> event;
  if (spare_.empty()) {
    event = std::make_unique<Event>();
  } else {
    event = std::move(spare_.back());
    spare_.pop_back();
  }
  event->time = std::max(time, now_);
  event->order = next_order_++;
  event->host = host;
  event->datagram.clear();
  event->action = nullptr;
  return event;
}

void SimNetwork::At(Micros time, std::function<void()> action) {
  auto event = NewEvent(time, nullptr);
  event->action = std::move(action);
  events_.push_back(std::move(event));
  std::push_heap(events_.begin(), events_.end(), Later());
}

void SimNetwork::Wake(const Address& address) { CallOnTime(*hosts_.at(address)); }

void SimNetwork::CallOnTime(Host& host) {
  if (!host.node) return;
  const Micros next = host.node->OnTime(now_);
  if (next == kNever || next == host.wake) {
    host.wake = next;
    return;
  }
  host.wake = std::max(next, now_);
  events_.push_back(NewEvent(host.wake, &host));
  std::push_heap(events_.begin(), events_.end(), Later());
}

void SimNetwork::Handle(Event& event) {
  if (!event.host) {
    event.action();
    return;
  }
  Host& host = *event.host;
  if (!host.node) return;
  if (event.datagram.empty()) {
    if (event.time != host.wake) return;  // another time was asked for since
    host.wake = kNever;
  } else if (event.to_group) {
    host.node->OnGroupDatagram(event.from, event.datagram.data(), event.datagram.size(), now_);
  } else {
    host.node->OnDatagram(event.from, event.datagram.data(), event.datagram.size(), now_);
  }
  CallOnTime(host);
}

bool SimNetwork::Run(Micros until, const std::function<bool()>& done) {
  while (!events_.empty() && events_.front()->time <= until) {
    std::pop_heap(events_.begin(), events_.end(), Later());
    std::unique_ptr<Event> event = std::move(events_.back());
    events_.pop_back();
    now_ = event->time;
    Handle(*event);
    spare_.push_back(std::move(event));
    if (done && done()) return false;
  }
  if (until != kNever) now_ = std::max(now_, until);
  return true;
}

}  // namespace murky::rain
