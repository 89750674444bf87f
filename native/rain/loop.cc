#include "rain/loop.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#if defined(__linux__)
#include <sys/prctl.h>
#endif

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <ctime>
#include <system_error>

#include "rain/crypto.h"

namespace murky::rain {

namespace {

// A deadline that is nearer than this, or past, is due together with what else falls into this time: at
// 1 Gbit/s five datagrams. It is also what keeps a wrong deadline from becoming a busy loop.
constexpr Micros kShortestWait = 50;
constexpr Micros kRejoinPause = 10'000'000;  // between attempts to join the multicast group
// Received before deadlines are looked at again; the last call may bring a batch more.
constexpr size_t kDatagramsPerPass = 256;
// Where most of what came was junk, the next is left to gather for so long, and refused in one go: to be
// woken for each costs this machine far more than to refuse it. Of a flood of 1 Gbit/s the receive buffer
// holds many times as much.
constexpr Micros kJunkPause = 200;

Micros Now() {
  const auto time = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(time).count();
}

void NameThread() {
#if defined(__linux__)
  pthread_setname_np(pthread_self(), "murky-rain");
  prctl(PR_SET_TIMERSLACK, 10'000UL);  // nanoseconds; the default of 50 microseconds would blur the pacing
#elif defined(__APPLE__)
  pthread_setname_np("murky-rain");
#endif
}

// Signals are the embedding program's: none is delivered to the loop's thread. Restored when it goes.
class SignalsBlocked {
 public:
  SignalsBlocked() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

}  // namespace

bool Loop::MayBind(const LoopOptions& options, Failure* failure) {
  if (!options.loopback_only || options.bind.is_loopback()) return true;
  *failure = {"MURKY_INSECURE_REFUSED",
              "Only loopback is spoken here, and " + options.bind.host() + " is not a loopback address."};
  return false;
}

std::unique_ptr<Loop> Loop::Start(const LoopOptions& options, LoopHost& host, Failure* failure) {
  if (!MayBind(options, failure)) return nullptr;
  LoopPlace place;
  place.socket = UdpSocket::Open(options.bind, options.socket, failure);
  if (!place.socket) return nullptr;
  return StartAt(std::move(place), options, host, failure);
}

std::unique_ptr<Loop> Loop::StartAt(LoopPlace place, const LoopOptions& options, LoopHost& host,
                                    Failure* failure) {
  const uint32_t index = place.index;
  const uint32_t loops = place.loops;
  std::unique_ptr<Loop> loop(new Loop(std::move(place), options, host));
  if (!loop->group_.Usable(options.bind, options.loopback_only, failure)) return nullptr;
  // Joined for a moment, so that whoever asked for it is told if that cannot be.
  if (loop->group_.group.port != 0 && (!PrepareToPour(loop->socket_->fd(), loop->group_, failure) ||
                                       !GroupSocket::Open(loop->group_, options.socket, failure))) {
    return nullptr;
  }
  if (!loop->wake_.ok()) {
    *failure = {"EMFILE", "The process has no file descriptor left for the packet loop."};
    return nullptr;
  }
  if (CryptoVersion().empty()) {
    *failure = {"MURKY_NO_CRYPTO", "No OpenSSL was found in this process; tokens and seals need it."};
    return nullptr;
  }
  std::string error;
  auto seal = Seal::Make(options.cluster_keys, loop->random_, &error);
  if (!seal) {
    *failure = {"MURKY_BAD_CLUSTER_KEY", error};
    return nullptr;
  }
  EngineLimits limits = options.limits;
  limits.group = options.group.group;
  UdpSocket& fetch_socket = loop->fetch_socket_ ? *loop->fetch_socket_ : *loop->socket_;
  loop->engine_ = std::make_unique<Engine>(limits, std::move(seal), loop->random_, *loop->socket_,
                                           fetch_socket, host, Now());
  loop->engine_->set_handles(index, loops);
  loop->engine_->set_loopback_only(options.loopback_only);
  loop->engine_->set_drop_fraction(options.drop_fraction);
  try {
    const SignalsBlocked blocked;
    loop->thread_ = std::thread(&Loop::Run, loop.get());
  } catch (const std::system_error& refused) {
    *failure = {"EAGAIN", std::string("The packet loop's thread cannot be started: ") + refused.what() + "."};
    return nullptr;
  }
  return loop;
}

Loop::Loop(LoopPlace place, const LoopOptions& options, LoopHost& host)
    : commands_([this] { wake_.Signal(); }),
      socket_(std::move(place.socket)),
      fetch_socket_(std::move(place.fetch_socket)),
      host_(host),
      socket_kind_(options.socket),
      group_(options.group),
      guard_(socket_->fd(), random_),
      fetch_guard_(fetch_socket_ ? std::make_unique<FloodGuard>(fetch_socket_->fd(), random_) : nullptr) {
  if (group_.interface.is_unspecified()) group_.interface = options.bind;
}

Loop::~Loop() { Stop(); }

void Loop::Stop() {
  if (!thread_.joinable()) return;
  stopping_ = true;
  wake_.Signal();
  thread_.join();
  commands_.Close();
}

LoopCounters Loop::Counters() {
  LoopCounters counters;
  const auto read = [&](Engine& engine, Micros) {
    counters = {engine.counters(), socket_->lost(), KernelDrops(socket_->fd()), socket_->io().calls(),
                waits_};
    if (!fetch_socket_) return;
    counters.kernel_dropped += KernelDrops(fetch_socket_->fd());
    counters.unsent += fetch_socket_->lost();
    counters.calls.send += fetch_socket_->io().calls().send;
    counters.calls.receive += fetch_socket_->io().calls().receive;
  };
  if (!Call(read)) read(*engine_, 0);  // the thread has gone, and leaves the engine to whoever asks
  return counters;
}

void Loop::Run() {
  NameThread();
  bool readable = true;
  while (!stopping_) {
    commands_.RunAll(*engine_, Now());
    Received received;
    if (readable) {
      ReceiveSome(*socket_, guard_, &received);
      if (fetch_socket_) ReceiveSome(*fetch_socket_, *fetch_guard_, &received);
    }
    const bool more_of_group = HearGroup();
    const Micros next = std::min(GuardSockets(Now()), engine_->OnTime(Now()));
    Flush();
    FollowGroup();
    host_.OnPassEnd();
    readable = received.more || more_of_group || Wait(next, received.junk > received.genuine);
  }
  // What was said before the end is still done: it may be the goodbyes to servers and clients.
  commands_.RunAll(*engine_, Now());
  Flush();
}

void Loop::Flush() {
  socket_->Flush();
  if (fetch_socket_) fetch_socket_->Flush();
}

void Loop::ReceiveSome(UdpSocket& socket, FloodGuard& guard, Received* received) {
  for (size_t count = 0; count < kDatagramsPerPass;) {
    // One time for what a call brings, taken when it is here: nearer to its arrival than one taken after
    // decoding some of it. A time taken before the call would be too early by as long as the system lets
    // other threads run in between, and a delay measured too short is believed for half a minute.
    Micros now = kNever;
    const bool more = socket.Receive([&](const Address& from, const uint8_t* bytes, size_t length) {
      if (now == kNever) now = Now();
      count++;
      if (engine_->OnDatagram(from, bytes, length, now)) {
        received->genuine++;
      } else {
        received->junk++;
        guard.Junk(from, now);
      }
    });
    if (!more) return;
  }
  received->more = true;
}

Micros Loop::GuardSockets(Micros now) {
  const Micros next = guard_.OnTime(*engine_, now);
  return fetch_guard_ ? std::min(next, fetch_guard_->OnTime(*engine_, now)) : next;
}

void Loop::FollowGroup() {
  if (group_.group.port == 0) return;
  const Micros now = Now();
  const bool member = group_socket_ != nullptr;
  if (member == engine_->listening(now)) return;
  if (member) {
    group_socket_.reset();
    group_readable_ = false;
  } else if (now >= rejoin_at_) {
    Failure failure;  // without it all comes by unicast
    group_socket_ = GroupSocket::Open(group_, socket_kind_, &failure);
    rejoin_at_ = now + kRejoinPause;
  }
}

bool Loop::HearGroup() {
  if (!group_readable_ || !group_socket_) return false;
  size_t heard = 0;
  while (group_readable_ && heard < kDatagramsPerPass) {
    Micros now = kNever;  // as in ReceiveSome
    group_readable_ = group_socket_->Receive([&](const Address& from, const uint8_t* bytes, size_t length) {
      if (now == kNever) now = Now();
      engine_->OnGroupDatagram(from, bytes, length, now);
      heard++;
    });
  }
  return group_readable_;
}

bool Loop::Wait(Micros until, bool flooded) {
  waits_++;
  // poll leaves out what is below zero.
  const auto listened = [](const UdpSocket* socket) {
    const int events = socket && socket->waiting() ? POLLIN | POLLOUT : POLLIN;
    return pollfd{socket ? socket->fd() : -1, static_cast<short>(events), 0};
  };
  const int group = group_socket_ ? group_socket_->fd() : -1;
  pollfd waiting[4] = {
      {wake_.fd(), POLLIN, 0}, {group, POLLIN, 0}, listened(socket_.get()), listened(fetch_socket_.get())};
  const nfds_t descriptors = flooded ? 1 : 4;
  if (flooded) until = std::min(until, Now() + kJunkPause);
  const Micros left = until == kNever ? kNever : std::max(until - Now(), kShortestWait);
#if defined(__linux__)
  timespec time = {static_cast<time_t>(left / 1'000'000), static_cast<long>(left % 1'000'000 * 1000)};
  ppoll(waiting, descriptors, left == kNever ? nullptr : &time, nullptr);
#else
  constexpr Micros kLongestWait = 3'600'000'000;
  const int milliseconds = static_cast<int>((std::min(left, kLongestWait) + 999) / 1000);
  poll(waiting, descriptors, left == kNever ? -1 : milliseconds);
#endif
  if (waiting[0].revents != 0) wake_.Clear();
  group_readable_ = group_readable_ || waiting[1].revents != 0;
  // An error is taken from a socket by a receive, too.
  return flooded || ((waiting[2].revents | waiting[3].revents) & ~POLLOUT) != 0;
}

}  // namespace murky::rain
