#include "rain/rival_flow.h"

#include <algorithm>
#include <cmath>

namespace murky::rain {

namespace {

// Hosts take a little time, now more, now less. In a network without that, flows fall into step on a
// drop-tail queue, and one of them loses all that is lost (Floyd and Jacobson, "On Traffic Phase Effects in
// Packet-Switched Gateways", 1992); they advise at least a packet's time on the link, 120 microseconds at 100
// Mbit/s.
constexpr double kMostHostDelay = 200;  // microseconds

}  // namespace

RivalFlow::RivalFlow(SimNetwork& network, RivalKind kind, const Address& from, const Address& to)
    : network_(network), from_(from), to_(to), control_(MakeRivalControl(kind)) {}

void RivalFlow::Start() { Send(); }

void RivalFlow::Send() {
  while (!stopped_ && static_cast<double>(in_flight_.size()) < control_->window()) {
    const auto now = static_cast<double>(network_.now());
    const double pace = control_->pace();
    if (pace > 0) {
      if (waiting_) return;
      if (paced_until_ > now) {
        waiting_ = true;
        network_.At(static_cast<Micros>(std::ceil(paced_until_)), [this] {
          waiting_ = false;
          Send();
        });
        return;
      }
      paced_until_ = std::max(paced_until_, now - 1000) + 1e6 / pace;
    }
    const SimNetwork::Fate fate = network_.Offer(from_, to_, kPacketBytes);
    in_flight_.push_back({network_.now(), next_++, delivered_, fate.overflowed || fate.lost});
    const Micros there = network_.shape(from_, to_).delay;
    const Micros back = network_.shape(to_, from_).delay;
    const double late = network_.random().Uniform() * kMostHostDelay;
    const Micros arrives = static_cast<Micros>(std::ceil(fate.leaves + late)) + there + back;
    acknowledged_ = std::max(acknowledged_, arrives);
    network_.At(acknowledged_, [this] { OnAck(); });
  }
}

void RivalFlow::OnAck() {
  const Packet packet = in_flight_.front();  // the queue keeps the order
  in_flight_.pop_front();
  if (!packet.lost) delivered_++;
  RivalAck ack;
  ack.now = network_.now();
  ack.round_trip = std::max<Micros>(ack.now - packet.sent_at, 1);
  ack.lost = packet.lost;
  ack.new_round = packet.number >= round_ends_;
  ack.before_cut = packet.number < cut_at_;
  ack.delivery_rate =
      static_cast<double>(delivered_ - packet.delivered) * 1e6 / static_cast<double>(ack.round_trip);
  if (ack.new_round) round_ends_ = next_;
  if (control_->OnAck(ack, static_cast<double>(in_flight_.size()))) cut_at_ = next_;
  Send();
}

}  // namespace murky::rain
