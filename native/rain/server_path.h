// One fetch's path to one server: what was asked there, what was measured, how fast to ask, and whether it
// answers at all.
//
// Thread-safety: none.
#ifndef MURKY_RAIN_SERVER_PATH_H_
#define MURKY_RAIN_SERVER_PATH_H_

#include <set>

#include "rain/asked_ranges.h"
#include "rain/engine.h"
#include "rain/path_meter.h"

namespace murky::rain {

constexpr Micros kHeartbeat = 1'000'000;    // at the latest, while anything is wanted
constexpr Micros kConnectInterval = 3'000;  // before the second attempt to reach a server; then doubled
constexpr Micros kRepeatInterval = 5'000;   // of the first request, and of the first rate that was measured
constexpr int kRepeats = 2;
constexpr double kLossless = 0.003;             // up to it a path counts as free of loss
constexpr Micros kLeastProbeInterval = 20'000;  // of a server that does not answer any more; this share
constexpr Micros kProbesOfASilence = 16;        // of its silence later, up to
constexpr Micros kProbeInterval = 250'000;
constexpr Micros kSlowProbeInterval = 1'000'000;
constexpr Micros kSlowProbeAfter = 10'000'000;
constexpr uint32_t kProbeSymbols = 2;
constexpr Micros kJoinInterval = 250'000;  // between messages that ask for shared symbols
constexpr Micros kLeastSilence = 2'000'000;
constexpr Micros kTokenPause = 200'000;      // between TOKENs that are followed by a SUBSCRIBE at once
constexpr Micros kFirstBusyPause = 250'000;  // doubled at each further one
constexpr Micros kLongestBusyPause = 4'000'000;

class ServerPath {
 public:
  // `round_trip`: an upper bound; kNever where nothing is known.
  ServerPath(const Address& address, double symbol_bits, uint64_t known_rate, const Token& token,
             Micros round_trip, Micros now);

  const Address address;
  const double symbol_bits;
  AskedRanges asked;
  PathMeter meter;
  std::unique_ptr<RateControl> law;

  ServerState state = ServerState::kConnecting;
  RefuseReason reason = RefuseReason::kNotHere;
  bool removed = false;
  bool stalled = false;        // nothing came when it was due: others take over, this one is probed
  std::set<uint32_t> without;  // blocks that this server refused
  Token token{};
  Micros token_followed = -kTokenPause;
  uint64_t boot = 0;  // the server's; 0 until it is known
  uint32_t heartbeat = 0;
  uint64_t symbols = 0;
  uint64_t useful = 0;

  Micros next_tick;
  Micros next_repeat = kNever;  // of the last SUBSCRIBE, should no tick come before
  Micros first_subscribe = 0;
  Micros last_subscribe = -kHeartbeat;
  Micros last_measured = 0;
  Micros joined_at = -kJoinInterval;
  bool changed = true;  // what is wanted differs from what the last SUBSCRIBE said
  int repeats = 0;      // of a SUBSCRIBE whose loss would cost most, at once
  Micros busy_until = 0;
  Micros busy_pause = kFirstBusyPause;

  bool usable() const { return !removed && state != ServerState::kRefused; }
  bool has_token() const { return token != Token{}; }
  // Serving, as far as is known.
  bool flowing() const { return usable() && has_token() && !stalled && state != ServerState::kSilent; }

  Micros Interval() const;
  // Symbols that may be under way at the present rate: a round trip and a few ticks of it.
  double InFlight() const;
  // How many symbols may be asked and not yet sent.
  uint32_t Credit() const;
  // The part of it that may be made use of at this tick.
  uint32_t TakeCredit(Micros now);
  // How many may be asked and not yet sent if blocks can do without them: as few as keep the link busy, as
  // later ticks know better which block lacks any.
  uint32_t SpareCredit() const;
  // From one tick to the next.
  Micros TickAfter(Micros now) const;
  // Something that a server must answer was sent now.
  void ExpectAnswer(Micros now);
  // A genuine datagram came from the server.
  void OnAnswer(Micros now);
  // A symbol came: the server is serving.
  void OnSymbol(Micros now);
  // True if what was asked should have arrived by now and nothing did.
  bool Stalled(Micros now, bool endgame) const;
  // True if nothing came for longer than jitter explains: too early to call it stalled.
  bool Late(Micros now) const;
  bool Silent(Micros now) const;
  // Nothing is expected any more; a later answer starts the clocks anew.
  void OnStall();
  Micros ProbeInterval(Micros now) const;
  // When a SUBSCRIBE that is sent now goes out once more; kNever where nothing is lost.
  Micros RepeatAt(Micros now) const;
  // Cancels what the path has grown too slow for, so that other paths can take it.
  void Shrink(Micros now);

 private:
  Micros TicksAhead() const;
  double SymbolsOf(Micros ahead) const;  // of a round trip and so much more, at the present rate
  // The first symbols have just come. What was asked at the start ends a round trip after it, and not until
  // the server hears of more has it any reserve against lost SUBSCRIBEs.
  bool Fresh(Micros now) const;

  Micros unanswered_since_ = kNever;  // any answer ends it
  Micros last_credit_ = kNever;       // taken at
  Micros due_ = kNever;               // when the next symbol of what was asked is due
  Micros oversized_since_ = kNever;   // more than twice the credit is outstanding
  Micros first_symbol_ = kNever;      // when it came
  Micros patience_ = 0;               // grows with each stall in a row
};

}  // namespace murky::rain

#endif  // MURKY_RAIN_SERVER_PATH_H_
