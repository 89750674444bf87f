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

std::unique_ptr<Loop> Loop::Start(const LoopOptions& options, LoopHost& host, Failure* failure) {
  if (options.loopback_only && !options.bind.is_loopback()) {
    *failure = {"MURKY_INSECURE_REFUSED",
                "Only loopback is spoken here, and " + options.bind.host() + " is not a loopback address."};
    return nullptr;
  }
  auto socket = UdpSocket::Open(options.bind, options.socket, failure);
  if (!socket) return nullptr;
  std::unique_ptr<Loop> loop(new Loop(std::move(socket), options, host));
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
  loop->engine_ =
      std::make_unique<Engine>(limits, std::move(seal), loop->random_, *loop->socket_, host, Now());
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

Loop::Loop(std::unique_ptr<UdpSocket> socket, const LoopOptions& options, LoopHost& host)
    : commands_([this] { wake_.Signal(); }),
      socket_(std::move(socket)),
      host_(host),
      socket_kind_(options.socket),
      group_(options.group) {
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
    counters = {engine.counters(), socket_->lost(), socket_->io().calls(), waits_};
  };
  if (!Call(read)) read(*engine_, 0);  // the thread has gone, and leaves the engine to whoever asks
  return counters;
}

void Loop::Run() {
  NameThread();
  bool readable = true;
  while (!stopping_) {
    commands_.RunAll(*engine_, Now());
    const Received received = readable ? ReceiveSome() : Received();
    const bool more_of_group = HearGroup();
    const Micros next = engine_->OnTime(Now());
    socket_->Flush();
    FollowGroup();
    host_.OnPassEnd();
    readable = received.more || more_of_group || Wait(next, received.junk > received.genuine);
  }
  // What was said before the end is still done: it may be the goodbyes to servers and clients.
  commands_.RunAll(*engine_, Now());
  socket_->Flush();
}

Loop::Received Loop::ReceiveSome() {
  Received received;
  while (received.genuine + received.junk < kDatagramsPerPass) {
    // One time for what a call brings, taken when it is here: nearer to its arrival than one taken after
    // decoding some of it. A time taken before the call would be too early by as long as the system lets
    // other threads run in between, and a delay measured too short is believed for half a minute.
    Micros now = kNever;
    received.more = socket_->Receive([&](const Address& from, const uint8_t* bytes, size_t length) {
      if (now == kNever) now = Now();
      const bool genuine = engine_->OnDatagram(from, bytes, length, now);
      ++(genuine ? received.genuine : received.junk);
    });
    if (!received.more) break;
  }
  return received;
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
    const Micros now = Now();
    group_readable_ = group_socket_->Receive([&](const Address& from, const uint8_t* bytes, size_t length) {
      engine_->OnGroupDatagram(from, bytes, length, now);
      heard++;
    });
  }
  return group_readable_;
}

bool Loop::Wait(Micros until, bool flooded) {
  waits_++;
  // Without a group there is no third one: poll leaves out what is below zero.
  const int group = group_socket_ ? group_socket_->fd() : -1;
  pollfd waiting[3] = {{wake_.fd(), POLLIN, 0}, {socket_->fd(), POLLIN, 0}, {group, POLLIN, 0}};
  if (socket_->waiting()) waiting[1].events |= POLLOUT;
  const nfds_t descriptors = flooded ? 1 : 3;
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
  group_readable_ = group_readable_ || waiting[2].revents != 0;
  return flooded ||
         (waiting[1].revents & ~POLLOUT) != 0;  // an error is taken from the socket by a receive, too
}

}  // namespace murky::rain
