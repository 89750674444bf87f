// The server's side of a multicast group: which block is poured out to all who listen, and how many of its
// symbols. One block at a time, that which most listeners lack: K symbols and a few more, made for the group
// and sent once. Who lost some, or came late, asks for the rest by unicast.
//
// Thread-safety: none.
#ifndef MURKY_RAIN_GROUP_POUR_H_
#define MURKY_RAIN_GROUP_POUR_H_

#include <map>
#include <tuple>
#include <unordered_set>

#include "rain/block_cache.h"
#include "rain/group.h"
#include "rain/send_schedule.h"

namespace murky::rain {

constexpr Micros kListeningExpiry = 1'000'000;  // after the last LISTEN
constexpr size_t kListenersToPour = 2;          // below this unicast costs no more

class GroupPour {
 public:
  // What a listener lacks: blocks `first` to `last` of a version.
  struct Wish {
    Address machine;  // however many fetches one has, it counts once; not by subnet, as a group is for one
    uint64_t stream = 0;
    uint64_t resource = 0;
    Version version{};
    size_t symbol_bytes = 0;
    uint32_t first = 0;
    uint32_t last = 0;
    Micros until = 0;  // as long as the listener can be believed to listen
  };

  // Pours nothing where limits.group has no port. `first_esi`: any; servers of one group should differ.
  GroupPour(const EngineLimits& limits, BlockCache& cache, Outbox& outbox, EngineCounters& counters,
            uint32_t first_esi);

  // What a listener, by a number of its own, lacks from now on.
  void Listen(SendSchedule& schedule, uint64_t listener, const Wish& wish, Micros now);
  void Leave(uint64_t listener) { wishes_.erase(listener); }
  void OnRefused(SendSchedule& schedule, const BlockId& id, Micros now);

  // Puts the group into the schedule if there is something to pour, and asks the host for it.
  void Prepare(SendSchedule& schedule, Micros now);
  // The group's turn: sends, and prepares the next one.
  void TakeTurn(SendSchedule& schedule, Micros now);
  // When there is something new to look at, for Prepare.
  Micros due() const { return unlooked_ ? look_at_ : kNever; }
  bool Is(const SendSchedule::Flow* flow) const { return flow == flow_.get(); }

 private:
  using Machines = std::unordered_set<Address, AddressHash>;
  using Key = std::tuple<uint64_t, size_t, uint32_t>;  // stream, symbol size, block
  static Key KeyOf(const Wish& wish, uint32_t block) { return {wish.stream, wish.symbol_bytes, block}; }

  // The block that most machines lack, but for those poured just now. False if there is none.
  bool Choose(Micros now);
  size_t Lacking(Micros now) const;  // machines that still lack what is poured
  void Finish(Micros now);
  BlockId Id() const { return {of_.resource, of_.version, block_}; }

  const Address group_;
  const uint64_t bits_per_second_;
  BlockCache& cache_;
  Outbox& outbox_;
  EngineCounters& counters_;
  SendSchedule::Peer peer_;
  std::unique_ptr<SendSchedule::Flow> flow_;  // while something is poured
  std::map<uint64_t, Wish> wishes_;           // by listener
  std::map<Key, Micros> poured_;              // of late, and when
  Wish of_;                                   // one of those who lack what is poured
  uint32_t block_ = 0;                        // that is poured
  uint32_t sent_ = 0;                         // symbols of it
  uint32_t next_esi_;
  Micros look_at_ = 0;  // not before, however many listeners tell something new
  bool unlooked_ = false;
};

}  // namespace murky::rain

#endif  // MURKY_RAIN_GROUP_POUR_H_
