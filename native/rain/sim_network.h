// A network in virtual time: nodes joined by one-way links with rate, queue, delay, jitter, loss and
// duplication, all drawn from one seed. The same seed and the same calls give the same run, to the byte.
//
// Thread-safety: none.
#ifndef MURKY_RAIN_SIM_NETWORK_H_
#define MURKY_RAIN_SIM_NETWORK_H_

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <unordered_map>
#include <utility>
#include <vector>

#include "rain/seam.h"
#include "rain/seeded_random.h"

namespace murky::rain {

struct LinkShape {
  double bits_per_second = 0;  // of IP packets; 0: without limit
  Micros delay = 0;
  Micros jitter = 0;  // each datagram takes up to so much longer, and so may be overtaken
  double loss = 0;    // behind the queue, in bursts of this mean length:
  double loss_burst = 1;
  double duplicate = 0;
  Micros queue = 50'000;  // drop-tail: what would wait longer is dropped
};

struct LinkCounters {
  uint64_t sent = 0;        // handed to the link
  uint64_t lost = 0;        // at random
  uint64_t overflowed = 0;  // dropped by the queue
  uint64_t duplicated = 0;
  uint64_t delivered = 0;        // with duplicates
  uint64_t delivered_bytes = 0;  // of datagrams
};

class SimNode {
 public:
  virtual ~SimNode() = default;
  virtual void OnDatagram(const Address& from, const uint8_t* bytes, size_t length, Micros now) = 0;
  // What was sent to a group that it has joined.
  virtual void OnGroupDatagram(const Address&, const uint8_t*, size_t, Micros) {}
  // Does what is due and returns when it wants to be called next.
  virtual Micros OnTime(Micros now) = 0;
};

class SimNetwork {
 public:
  // Every datagram is so much longer on a link: headers of IPv4 and UDP.
  static constexpr size_t kPacketHeaderBytes = 28;

  explicit SimNetwork(uint64_t seed) : random_(seed) {}

  // The node is not owned. Its sink lives as long as the network.
  DatagramSink& Attach(const Address& address, SimNode* node);
  // What is on its way to it vanishes; what it sends goes nowhere.
  void Kill(const Address& address);
  // Another node takes the place of one that was killed, on the same links. Not owned; the sink as in Attach.
  DatagramSink& Revive(const Address& address, SimNode* node);
  // From now on what is sent to the group reaches this node too, over the sender's link to it.
  void Join(const Address& group, const Address& member) { groups_[group].push_back(member); }
  void Leave(const Address& group, const Address& member) {
    std::vector<Address>& members = groups_[group];
    members.erase(std::remove(members.begin(), members.end(), member), members.end());
  }
  void Connect(const Address& from, const Address& to, const LinkShape& shape);
  // From now on all links from there are one queue, as of a host behind one line; their rates must be the
  // same.
  void ShareQueue(const Address& from);
  // Adds bytes to each datagram on all links: what a seal would add where the simulation leaves it out.
  void set_extra_bytes(size_t bytes) { extra_bytes_ = bytes; }
  struct Passage {
    const Address& from;
    const Address& to;
    const uint8_t* bytes;
    size_t length;
    Micros queued;  // how long it waits for those before it
  };
  struct Fate {
    bool overflowed = false;  // dropped by the queue
    bool lost = false;        // behind it
    double waits = 0;         // microseconds for those before it
    double leaves = 0;        // when its last bit leaves the queue; of what overflowed, the queue's end
  };
  // Puts a packet of so many bytes, with its headers, into a link's queue. It reaches nobody: traffic of
  // others.
  Fate Offer(const Address& from, const Address& to, size_t bytes);
  // Called for each datagram that a link with a rate takes, also where it is lost later.
  void set_observer(std::function<void(const Passage&)> observer) { observer_ = std::move(observer); }

  Micros now() const { return now_; }
  SeededRandom& random() { return random_; }
  const LinkCounters& counters(const Address& from, const Address& to) const;
  const LinkShape& shape(const Address& from, const Address& to) const;

  void At(Micros time, std::function<void()> action);
  // The node's OnTime is called now and then when it asks for it.
  void Wake(const Address& address);
  // Runs until `until`, or until nothing is left to happen; false where it stopped for `done`.
  bool Run(Micros until, const std::function<bool()>& done = nullptr);

 private:
  struct Host;
  struct Sink : DatagramSink {
    Sink(SimNetwork& network, const Address& from) : network(network), from(from) {}
    void Send(const Address& to, const uint8_t* bytes, size_t length) override {
      network.Send(from, to, bytes, length);
    }
    SimNetwork& network;
    Address from;
  };
  struct Link {
    LinkShape shape;
    LinkCounters counters;
    std::shared_ptr<double> busy_until = std::make_shared<double>(0);  // microseconds; of its queue
    bool bursting = false;                                             // what comes is lost
  };
  struct Host {
    SimNode* node;
    std::unique_ptr<Sink> sink;
    Micros wake = kNever;  // the one timer event that counts
    std::unordered_map<Address, Link, AddressHash> links;
  };
  struct Event {
    Micros time;
    uint64_t order;
    Host* host;  // to be woken or handed the datagram; null: an action
    Address from;
    bool to_group = false;
    std::vector<uint8_t> datagram;
    std::function<void()> action;
  };
  struct Later {
    bool operator()(const std::unique_ptr<Event>& a, const std::unique_ptr<Event>& b) const {
      return a->time != b->time ? a->time > b->time : a->order > b->order;
    }
  };

  void Send(const Address& from, const Address& to, const uint8_t* bytes, size_t length);
  void SendOver(const Address& from, const Address& to, bool to_group, const uint8_t* bytes, size_t length);
  // Passes the link's queue and its loss.
  Fate Pass(Link& link, size_t bytes);
  bool Lose(Link& link);
  void Deliver(Link& link, const Address& from, const Address& to, bool to_group, const uint8_t* bytes,
               size_t length, double leaves);
  void CallOnTime(Host& host);
  std::unique_ptr<Event> NewEvent(Micros time, Host* host);
  void Handle(Event& event);

  SeededRandom random_;
  Micros now_ = 0;
  uint64_t next_order_ = 0;
  size_t extra_bytes_ = 0;
  std::function<void(const Passage&)> observer_;
  std::unordered_map<Address, std::unique_ptr<Host>, AddressHash> hosts_;
  std::unordered_map<Address, std::vector<Address>, AddressHash> groups_;
  std::vector<std::unique_ptr<Event>> events_;  // a heap
  std::vector<std::unique_ptr<Event>> spare_;   // used again: datagrams keep their memory
};

}  // namespace murky::rain

#endif  // MURKY_RAIN_SIM_NETWORK_H_
