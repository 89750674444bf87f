// A TCP-like flow that shares a link of the simulated network with a fetch: Reno (RFC 5681), CUBIC (RFC 9438)
// or BBR (version 1, simplified: no long-term policer model). It always has something to send. Its
// acknowledgements are ideal: the sender learns the fate of each packet one round trip later, as selective
// acknowledgements without loss would tell it, and repeats nothing.
//
// Thread-safety: none.
#ifndef MURKY_RAIN_RIVAL_FLOW_H_
#define MURKY_RAIN_RIVAL_FLOW_H_

#include <deque>
#include <memory>

#include "rain/sim_network.h"

namespace murky::rain {

enum class RivalKind { kReno, kCubic, kBbr };

// What one packet's acknowledgement tells.
struct RivalAck {
  Micros now = 0;
  Micros round_trip = 0;
  bool lost = false;
  bool new_round = false;    // sent after the last packet of the round before was acknowledged
  bool before_cut = false;   // sent before the last reduction
  double delivery_rate = 0;  // packets per second between its sending and now
};

class RivalControl {
 public:
  virtual ~RivalControl() = default;
  // True if the window was reduced.
  virtual bool OnAck(const RivalAck& ack, double in_flight) = 0;
  virtual double window() const = 0;  // packets
  virtual double pace() const = 0;    // packets per second; 0: as acknowledgements come
};
std::unique_ptr<RivalControl> MakeRivalControl(RivalKind kind);

class RivalFlow {
 public:
  static constexpr size_t kPacketBytes = 1500;  // of IP

  // Both nodes must be connected; the flow must live as long as the network runs.
  RivalFlow(SimNetwork& network, RivalKind kind, const Address& from, const Address& to);
  void Start();
  // Sends no more; what is on its way arrives.
  void Stop() { stopped_ = true; }
  uint64_t delivered_bytes() const { return delivered_ * kPacketBytes; }

 private:
  struct Packet {
    Micros sent_at;
    uint64_t number;
    uint64_t delivered;  // acknowledged when it was sent
    bool lost;
  };
  void Send();
  void OnAck();

  SimNetwork& network_;
  const Address from_;
  const Address to_;
  std::unique_ptr<RivalControl> control_;
  std::deque<Packet> in_flight_;
  uint64_t next_ = 0;
  uint64_t delivered_ = 0;
  uint64_t round_ends_ = 0;  // with the acknowledgement of this number
  uint64_t cut_at_ = 0;
  Micros acknowledged_ = 0;  // when the newest packet will be
  double paced_until_ = 0;   // microseconds
  bool waiting_ = false;     // for the pace
  bool stopped_ = false;
};

}  // namespace murky::rain

#endif  // MURKY_RAIN_RIVAL_FLOW_H_
