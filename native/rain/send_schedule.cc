#include "rain/send_schedule.h"

#include <algorithm>

namespace murky::rain {

namespace {

// Answers are short and cannot wait; what they take too much is taken from the symbols behind them.
constexpr Micros kAnswerOverdraft = 100'000;

}  // namespace

void SendSchedule::Start(Flow& flow, Micros now) {
  if (flow.place_ == Flow::Place::kReady) return;
  const Micros due = flow.pacer.BurstDue(flow.datagram_bits_);
  if (flow.place_ == Flow::Place::kPaced) {
    if (due == flow.due_) return;
    Stop(flow);
  }
  flow.due_ = due;
  flow.place_ = Flow::Place::kPaced;
  flows_.emplace(due, flow.number_, &flow);
  if (due <= now) Advance(now);
}

void SendSchedule::Stop(Flow& flow) {
  if (flow.place_ == Flow::Place::kPaced) {
    flows_.erase({flow.due_, flow.number_, &flow});
  } else if (flow.place_ == Flow::Place::kReady) {
    Peer& peer = *flow.peer_;
    peer.ready_.erase(std::find(peer.ready_.begin(), peer.ready_.end(), &flow));
    if (peer.place_ == Peer::Place::kInLine) ready_--;
    if (peer.ready_.empty()) Leave(peer);
  }
  flow.place_ = Flow::Place::kIdle;
}

// Flows whose time has come join their peers, and peers whose time has come join the line.
void SendSchedule::Advance(Micros now) {
  while (!flows_.empty() && std::get<Micros>(*flows_.begin()) <= now) {
    Flow& flow = *std::get<Flow*>(*flows_.begin());
    flows_.erase(flows_.begin());
    flow.place_ = Flow::Place::kReady;
    Peer& peer = *flow.peer_;
    peer.ready_.push_back(&flow);
    if (peer.place_ == Peer::Place::kInLine) ready_++;
    if (peer.place_ == Peer::Place::kIdle) Settle(peer, now);
  }
  while (!peers_.empty() && std::get<Micros>(*peers_.begin()) <= now) {
    Peer& peer = *std::get<Peer*>(*peers_.begin());
    Leave(peer);
    Settle(peer, now);
  }
}

// Puts a peer that is nowhere, and has ready flows, where it belongs.
void SendSchedule::Settle(Peer& peer, Micros now) {
  peer.due_ = peer.pacer_.BurstDue(peer.ready_.front()->datagram_bits_);
  if (peer.due_ > now) {
    peer.place_ = Peer::Place::kPaced;
    peers_.emplace(peer.due_, peer.number_, &peer);
    return;
  }
  // Time without a wish is no claim on later.
  peer.served_bytes_ = std::max(peer.served_bytes_, virtual_bytes_);
  peer.place_ = Peer::Place::kInLine;
  in_line_.emplace(peer.served_bytes_, peer.number_, &peer);
  ready_ += peer.ready_.size();
}

void SendSchedule::Leave(Peer& peer) {
  if (peer.place_ == Peer::Place::kPaced) peers_.erase({peer.due_, peer.number_, &peer});
  if (peer.place_ == Peer::Place::kInLine) {
    in_line_.erase({peer.served_bytes_, peer.number_, &peer});
    ready_ -= peer.ready_.size();
  }
  peer.place_ = Peer::Place::kIdle;
}

size_t SendSchedule::Turns(Micros now) {
  Advance(now);
  return Due() <= now ? ready_ : 0;
}

SendSchedule::Flow* SendSchedule::Take(Micros now) {
  if (in_line_.empty() || !total_.Ready(now)) return nullptr;
  Peer& peer = *std::get<Peer*>(*in_line_.begin());
  virtual_bytes_ = peer.served_bytes_;
  Leave(peer);
  Flow& flow = *peer.ready_.front();
  peer.ready_.pop_front();
  flow.place_ = Flow::Place::kIdle;
  return &flow;
}

void SendSchedule::EndTurn(Flow& flow, Micros now) {
  Peer& peer = *flow.peer_;
  if (peer.place_ == Peer::Place::kIdle && !peer.ready_.empty()) Settle(peer, now);
}

void SendSchedule::Sent(Flow& flow, Micros now) {
  flow.pacer.Spend(flow.datagram_bits_, now);
  flow.peer_->pacer_.Spend(flow.datagram_bits_, now);
  total_.Spend(flow.datagram_bits_, now);
  flow.peer_->served_bytes_ += flow.datagram_bits_ / 8;
}

bool SendSchedule::SpendOnAnswer(Peer& peer, size_t bits, Micros now) {
  if (!peer.pacer_.Ready(now + kAnswerOverdraft) || !total_.Ready(now + kAnswerOverdraft)) return false;
  peer.pacer_.Spend(bits, now);
  total_.Spend(bits, now);
  return true;
}

bool SendSchedule::Settled(const Peer& peer, Micros now) const {
  return peer.pacer_.Ready(now) && (in_line_.empty() || peer.served_bytes_ <= virtual_bytes_);
}

Micros SendSchedule::Due() const {
  Micros due = kNever;
  if (!flows_.empty()) due = std::min(due, std::get<Micros>(*flows_.begin()));
  if (!peers_.empty()) due = std::min(due, std::get<Micros>(*peers_.begin()));
  if (!in_line_.empty()) {
    const Peer& next = *std::get<Peer*>(*in_line_.begin());
    due = std::min(due, total_.BurstDue(next.ready_.front()->datagram_bits_));
  }
  return due;
}

}  // namespace murky::rain
