// Whose turn it is to send. A flow (a subscription) keeps to the rate its client asked for, its peer to the
// limit per peer, and all to the limit of all. Where that last one binds, it is shared out by peer, however
// many flows a peer has and however much they ask for: start-time fair queueing (Goyal, Vin, Cheng, SIGCOMM
// 1996) over peers, in turn over the flows of one peer.
//
// Thread-safety: none.
#ifndef MURKY_RAIN_SEND_SCHEDULE_H_
#define MURKY_RAIN_SEND_SCHEDULE_H_

#include <deque>
#include <set>
#include <tuple>

#include "rain/pacer.h"

namespace murky::rain {

class SendSchedule {
 public:
  class Flow;

  // One client, whatever its flows.
  class Peer {
   public:
    Peer(uint64_t number, uint64_t bits_per_second) : number_(number), pacer_(bits_per_second) {}

   private:
    friend class SendSchedule;
    enum class Place { kIdle, kPaced, kInLine };
    const uint64_t number_;  // makes the order of equals the same in every run
    Pacer pacer_;
    uint64_t served_bytes_ =
        0;                     // its virtual time: what it was sent, and what it missed while it had no wish
    std::deque<Flow*> ready_;  // flows that only wait for their peer's turn
    Place place_ = Place::kIdle;
    Micros due_ = 0;  // where kPaced
  };

  class Flow {
   public:
    // `datagram_bits`: IP payload of each of its datagrams.
    Flow(uint64_t number, Peer* peer, size_t datagram_bits)
        : number_(number), peer_(peer), datagram_bits_(datagram_bits) {}
    Peer* peer() const { return peer_; }
    Pacer pacer{1};

   private:
    friend class SendSchedule;
    enum class Place { kIdle, kPaced, kReady };
    const uint64_t number_;
    Peer* const peer_;
    const size_t datagram_bits_;
    Place place_ = Place::kIdle;
    Micros due_ = 0;  // where kPaced
  };

  explicit SendSchedule(uint64_t bits_per_second) : total_(bits_per_second) {}

  // The flow has something to send; also when its rate has changed. It keeps its turn if it had one.
  void Start(Flow& flow, Micros now);
  void Stop(Flow& flow);  // it has not
  // How many flows may have a turn in this pass; none while a burst is not worth a wake-up.
  size_t Turns(Micros now);
  // The next one, which is taken out of the schedule until it is started again, with its peer until EndTurn.
  // Null if the limit of all is reached.
  Flow* Take(Micros now);
  void EndTurn(Flow& flow, Micros now);
  bool MaySend(const Flow& flow, Micros now) const {
    return flow.pacer.Ready(now) && flow.peer_->pacer_.Ready(now) && total_.Ready(now);
  }
  void Sent(Flow& flow, Micros now);
  // Counts an answer to a peer against the limits. False if it would be too far over them to be sent.
  bool SpendOnAnswer(Peer& peer, size_t bits, Micros now);
  // True if it would make no difference to forget this peer and to meet it anew.
  bool Settled(const Peer& peer, Micros now) const;
  // When there will be a turn.
  Micros Due() const;

 private:
  void Advance(Micros now);
  void Settle(Peer& peer, Micros now);
  void Leave(Peer& peer);

  Pacer total_;
  uint64_t virtual_bytes_ = 0;                               // served_bytes_ of the peer served last
  size_t ready_ = 0;                                         // flows, of all peers in line
  std::set<std::tuple<Micros, uint64_t, Flow*>> flows_;      // that wait for their own pace
  std::set<std::tuple<Micros, uint64_t, Peer*>> peers_;      // that wait for theirs
  std::set<std::tuple<uint64_t, uint64_t, Peer*>> in_line_;  // the one with the least virtual time is next
};

}  // namespace murky::rain

#endif  // MURKY_RAIN_SEND_SCHEDULE_H_
