// The packet loop: a thread of its own that runs an Engine on a UDP socket. It sleeps until a datagram, a
// command or the engine's next deadline; it never spins.
//
// Thread-safety: Post, Call and Stop from any thread but the loop's own.
#ifndef MURKY_RAIN_LOOP_H_
#define MURKY_RAIN_LOOP_H_

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "rain/command_queue.h"
#include "rain/engine.h"
#include "rain/flood_guard.h"
#include "rain/group_socket.h"
#include "rain/system_random.h"
#include "rain/udp_socket.h"
#include "rain/wake.h"

namespace murky::rain {

struct LoopOptions {
  Address bind;
  std::vector<ClusterKey> cluster_keys;  // the first one seals, all open; none: datagrams are not sealed
  bool loopback_only = true;  // binds nothing else, and drops what comes from or goes to other hosts
  // At most; MURKY_SOCKET=portable, batched or gso in the environment is a limit too.
  SocketKind socket = SocketKind::kSegmented;
  double drop_fraction = 0;  // of outgoing datagrams, for tests and demos
  size_t threads = 1;        // LoopGroup
  // Needs a group only where other machines are spoken to. An unspecified interface is that of `bind`.
  GroupOptions group;
  EngineLimits limits;  // but for its group
};

struct LoopCounters {
  EngineCounters engine;
  uint64_t unsent = 0;          // datagrams that the kernel or the send queue did not take
  uint64_t kernel_dropped = 0;  // that came: KernelDrops
  SocketCalls calls;            // of the system, for datagrams
  uint64_t waits = 0;           // calls of poll
};

// What one of several loops is given that share a port (LoopGroup).
struct LoopPlace {
  std::unique_ptr<UdpSocket> socket;
  // Where its fetches ask and are answered: what their servers send to the shared port could reach another
  // loop. Null: `socket`.
  std::unique_ptr<UdpSocket> fetch_socket;
  uint32_t index = 0;
  uint32_t loops = 1;
};

// Told on the loop's thread; must not block, nor call the loop.
class LoopHost : public EngineHost {
 public:
  // The notifications since the last call belong together.
  virtual void OnPassEnd() = 0;
};

class Loop {
 public:
  // Binds and starts the thread. Null and *failure set (a system error name, MURKY_BAD_CLUSTER_KEY,
  // MURKY_NO_CRYPTO or MURKY_INSECURE_REFUSED) where that fails. `host` must outlive the loop.
  static std::unique_ptr<Loop> Start(const LoopOptions& options, LoopHost& host, Failure* failure);
  // False, and *failure set, for an address that loopback_only forbids.
  static bool MayBind(const LoopOptions& options, Failure* failure);
  // As Start, on sockets that are bound already.
  static std::unique_ptr<Loop> StartAt(LoopPlace place, const LoopOptions& options, LoopHost& host,
                                       Failure* failure);
  ~Loop();  // stops
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  const Address& local() const { return socket_->local(); }
  // As CommandQueue's.
  bool Post(Command command, size_t bytes = 0) { return commands_.Post(std::move(command), bytes); }
  bool Call(const Command& command) { return commands_.Call(command); }
  LoopCounters Counters();  // also after Stop
  // Ends the thread and waits for it; the host hears nothing more. Idempotent.
  void Stop();

 private:
  Loop(LoopPlace place, const LoopOptions& options, LoopHost& host);

  void Run();
  struct Received {
    size_t genuine = 0;
    size_t junk = 0;
    bool more = false;  // there may be
  };
  void ReceiveSome(UdpSocket& socket, FloodGuard& guard, Received* received);
  Micros GuardSockets(Micros now);  // returns when it wants to be called next
  // Is a member of the group while the engine has use for it.
  void FollowGroup();
  bool HearGroup();  // true if there may be more
  void Flush();
  bool Wait(Micros until, bool flooded);  // true if a socket may have something

  Wake wake_;
  CommandQueue commands_;
  std::unique_ptr<UdpSocket> socket_;
  std::unique_ptr<UdpSocket> fetch_socket_;  // may be null
  LoopHost& host_;
  const SocketKind socket_kind_;
  GroupOptions group_;
  std::unique_ptr<GroupSocket> group_socket_;  // where it is a member
  bool group_readable_ = false;
  Micros rejoin_at_ = 0;  // where the system refused
  SystemRandom random_;
  FloodGuard guard_;                         // of socket_
  std::unique_ptr<FloodGuard> fetch_guard_;  // of fetch_socket_, where there is one
  std::unique_ptr<Engine> engine_;
  uint64_t waits_ = 0;
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace murky::rain

#endif  // MURKY_RAIN_LOOP_H_
