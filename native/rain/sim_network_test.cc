// The simulated network does what its links are told, so that what is measured on it means something.
#include "rain/sim_network.h"

#include <cmath>
#include <string>

#include "testing/check.h"

namespace murky::rain {
namespace {

Address Named(int host) {
  Address address;
  CHECK(Address::Parse("10.0.0." + std::to_string(host), 1, &address));
  return address;
}

struct Arrival {
  Micros at;
  uint32_t number;
};

// Sends numbered datagrams of 972 bytes (1000 with headers) at a steady pace, and notes those that arrive.
class Node : public SimNode {
 public:
  void OnDatagram(const Address&, const uint8_t* bytes, size_t, Micros now) override {
    arrivals.push_back({now, bytes[0] * 65536u + bytes[1] * 256u + bytes[2]});
  }
  Micros OnTime(Micros now) override {
    while (left > 0 && next <= now) {
      std::vector<uint8_t> datagram(972);
      datagram[0] = static_cast<uint8_t>(number >> 16);
      datagram[1] = static_cast<uint8_t>(number >> 8);
      datagram[2] = static_cast<uint8_t>(number++);
      sink->Send(to, datagram.data(), datagram.size());
      left--;
      next += spacing;
    }
    return left > 0 ? next : kNever;
  }

  DatagramSink* sink = nullptr;
  Address to;
  int left = 0;
  Micros spacing = 0;
  Micros next = 0;
  uint32_t number = 0;
  std::vector<Arrival> arrivals;
};

struct Pair {
  Pair(const LinkShape& shape, int datagrams, Micros spacing, uint64_t seed = 1) : network(seed) {
    sender.sink = &network.Attach(Named(1), &sender);
    network.Attach(Named(2), &receiver);
    network.Connect(Named(1), Named(2), shape);
    sender.to = Named(2);
    sender.left = datagrams;
    sender.spacing = spacing;
    network.Wake(Named(1));
  }
  const LinkCounters& counters() const { return network.counters(Named(1), Named(2)); }
  SimNetwork network;
  Node sender;
  Node receiver;
};

TEST(LinksThatShareAQueueWaitForEachOther) {
  for (const bool shared : {false, true}) {
    LinkShape shape;
    shape.bits_per_second = 8e6;
    Pair pair(shape, 0, 0);
    Node other;
    pair.network.Attach(Named(3), &other);
    pair.network.Connect(Named(1), Named(3), shape);
    if (shared) pair.network.ShareQueue(Named(1));
    const std::vector<uint8_t> datagram(972);
    for (const int to : {2, 3, 2}) pair.sender.sink->Send(Named(to), datagram.data(), datagram.size());
    pair.network.Run(1'000'000);
    CHECK_EQ(pair.receiver.arrivals.size(), 2u);
    CHECK_EQ(other.arrivals.size(), 1u);
    CHECK_EQ(pair.receiver.arrivals[0].at, 1000);
    CHECK_EQ(other.arrivals[0].at, shared ? 2000 : 1000);
    CHECK_EQ(pair.receiver.arrivals[1].at, shared ? 3000 : 2000);
  }
}

TEST(ADatagramTakesItsTransmissionAndTheDelay) {
  LinkShape shape;
  shape.bits_per_second = 8e6;  // a millisecond for 1000 bytes
  shape.delay = 20'000;
  Pair pair(shape, 3, 10'000);
  pair.network.Run(1'000'000);
  CHECK_EQ(pair.receiver.arrivals.size(), 3u);
  for (int i = 0; i < 3; i++) CHECK_EQ(pair.receiver.arrivals[i].at, 21'000 + i * 10'000);
}

// Offered twice what the link carries, a fluid fills the queue at half its rate and then loses half.
TEST(AnOverloadedLinkCarriesItsRateAndDropsTheRest) {
  LinkShape shape;
  shape.bits_per_second = 8e6;
  shape.queue = 50'000;
  Pair pair(shape, 4000, 500);  // for 2 s
  pair.network.Run(2'000'000);
  const LinkCounters& counters = pair.counters();
  CHECK(std::abs(static_cast<double>(counters.overflowed) - (2000 - 50)) <= 2);
  CHECK(std::abs(static_cast<double>(pair.receiver.arrivals.size()) - 2000) <= 1);
  CHECK_EQ(counters.lost, 0u);
  // The last one waited for the whole queue.
  pair.network.Run(kNever);
  const Arrival last = pair.receiver.arrivals.back();
  const Micros sent_at = static_cast<Micros>(last.number) * 500;
  CHECK(last.at - sent_at >= 50'000 && last.at - sent_at <= 51'500);
}

TEST(LossAndDuplicationComeAsOftenAsAsked) {
  for (const double share : {0.01, 0.1, 0.5}) {
    LinkShape shape;
    shape.loss = share;
    shape.duplicate = share;
    const int datagrams = 40'000;
    Pair pair(shape, datagrams, 10);
    pair.network.Run(kNever);
    const double sigma = std::sqrt(datagrams * share * (1 - share));
    CHECK(std::abs(static_cast<double>(pair.counters().lost) - datagrams * share) < 4 * sigma);
    const double through = datagrams * (1 - share);
    CHECK(std::abs(static_cast<double>(pair.counters().duplicated) - through * share) < 4 * sigma);
    CHECK_EQ(pair.receiver.arrivals.size(), pair.counters().delivered);
  }
}

TEST(LossComesInBurstsOfTheLengthAsked) {
  for (const double burst : {2.0, 5.0, 20.0}) {
    LinkShape shape;
    shape.loss = 0.05;
    shape.loss_burst = burst;
    const int datagrams = 200'000;
    Pair pair(shape, datagrams, 10);
    pair.network.Run(kNever);
    uint32_t next = 0;
    double bursts = 0;
    for (const Arrival& arrival : pair.receiver.arrivals) {
      bursts += arrival.number > next;
      next = arrival.number + 1;
    }
    const auto lost = static_cast<double>(pair.counters().lost);
    CHECK(std::abs(lost / datagrams - 0.05) < 0.01);
    CHECK(std::abs(lost / bursts / burst - 1) < 0.1);
  }
}

TEST(JitterDelaysAndReorders) {
  LinkShape shape;
  shape.delay = 1'000;
  shape.jitter = 5'000;
  Pair pair(shape, 1000, 1'000);
  pair.network.Run(kNever);
  CHECK_EQ(pair.receiver.arrivals.size(), 1000u);
  int overtaken = 0;
  uint32_t highest = 0;
  for (const Arrival& arrival : pair.receiver.arrivals) {
    const Micros took = arrival.at - static_cast<Micros>(arrival.number) * 1'000;
    CHECK(took >= 1'000 && took <= 6'001);
    overtaken += arrival.number < highest;
    highest = std::max(highest, arrival.number);
  }
  CHECK(overtaken > 300);
}

TEST(TheSameSeedGivesTheSameRun) {
  LinkShape shape;
  shape.loss = 0.3;
  shape.jitter = 3'000;
  const auto run = [&shape](uint64_t seed) {
    Pair pair(shape, 500, 700, seed);
    pair.network.Run(kNever);
    std::vector<std::pair<Micros, uint32_t>> seen;
    for (const Arrival& arrival : pair.receiver.arrivals) seen.emplace_back(arrival.at, arrival.number);
    return seen;
  };
  CHECK(run(5) == run(5));
  CHECK(run(5) != run(6));
}

TEST(NothingReachesADeadNode) {
  LinkShape shape;
  shape.delay = 5'000;
  Pair pair(shape, 100, 1'000);
  pair.network.At(50'500, [&pair] { pair.network.Kill(Named(2)); });
  pair.network.Run(kNever);
  CHECK_EQ(pair.receiver.arrivals.size(), 46u);
}

}  // namespace
}  // namespace murky::rain
