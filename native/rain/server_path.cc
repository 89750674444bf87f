#include "rain/server_path.h"

#include <algorithm>

namespace murky::rain {

namespace {

// What is asked anew waits for a tick, and at the server behind the ticks that the credit holds in advance:
// so long, and not only a round trip, does a block lack what it lost.
constexpr Micros kTicksOfARoundTrip = 6;
constexpr Micros kLeastInterval = 4'000;
constexpr Micros kMostInterval = 10'000;
// After a start, or a pause, the credit fills over several ticks: what was lost meanwhile, and is asked anew,
// would wait at the server behind all that had been asked at once.
constexpr double kTicksAtOnce = 3;
constexpr Micros kSpareTicksAhead = 2;     // that spare symbols are asked for,
constexpr Micros kTicksAhead = 4;          // that the credit holds against lost SUBSCRIBEs,
constexpr Micros kMostTicksForRuns = 4;    // and more of them where losses come in runs
constexpr Micros kRepeatsATick = 2;        // of the last SUBSCRIBE, on a path that loses
constexpr double kSymbolsARepeat = 8;      // at least, that a path carries in between
constexpr Micros kStartAhead = 14'000;     // beyond a round trip: the first symbols, and a tick
constexpr Micros kFreshTime = 100'000;     // at most, in which the server has no reserve
constexpr Micros kStartInterval = 2'000;   // between ticks in it
constexpr Micros kUrgentInterval = 1'000;  // between SUBSCRIBEs in it, and of the first ones,
constexpr uint32_t kUrgentRepeats = 4;     // doubled behind so many of these
constexpr uint32_t kLeastCredit = 16;
constexpr uint32_t kMostCredit = 1u << 20;
constexpr Micros kLateness = 5'000;  // that tells nothing, in the last round trip
constexpr Micros kLongestPatience = 250'000;

}  // namespace

ServerPath::ServerPath(const Address& address, double symbol_bits, uint64_t known_rate, const Token& token,
                       Micros round_trip, Micros now)
    : address(address),
      symbol_bits(symbol_bits),
      law(MakeDelayLaw(static_cast<double>(known_rate))),
      token(token),
      next_tick(now) {
  if (round_trip != kNever) meter.OnRoundTrip(round_trip);
  if (has_token()) repeats = kRepeats;  // else at the token
}

Micros ServerPath::Interval() const {
  return std::clamp(meter.round_trip() / kTicksOfARoundTrip, kLeastInterval, kMostInterval);
}

// Where losses come in runs, so they do on the way there, and a run of lost SUBSCRIBEs is longer.
Micros ServerPath::TicksAhead() const {
  return kTicksAhead + std::min(static_cast<Micros>(law->loss_dispersion()) - 1, kMostTicksForRuns);
}

// At the start what is asked lasts until the first symbols have told of the path and what is asked then is
// there.
double ServerPath::InFlight() const {
  const Micros ahead = law->starting() ? kStartAhead : TicksAhead() * Interval() + 2'000;
  return SymbolsOf(ahead);
}

double ServerPath::SymbolsOf(Micros ahead) const {
  const double seconds = static_cast<double>(meter.round_trip() + meter.queue() + ahead) / 1e6;
  return law->rate() * seconds / symbol_bits;
}

uint32_t ServerPath::Credit() const {
  const double symbols = InFlight();
  if (law->starting() || symbols == 0)
    return static_cast<uint32_t>(std::clamp<double>(symbols, kStartSymbols, kMostStartSymbols));
  return static_cast<uint32_t>(std::clamp<double>(symbols, kLeastCredit, kMostCredit));
}

uint32_t ServerPath::TakeCredit(Micros now) {
  const Micros since = last_credit_ == kNever ? Interval() : now - last_credit_;
  last_credit_ = now;
  const uint32_t credit = Credit();
  if (law->starting()) return credit;
  const double step = kTicksAtOnce * law->rate() * static_cast<double>(since) / 1e6 / symbol_bits;
  return static_cast<uint32_t>(
      std::min<double>(credit, asked.outstanding() + std::max<double>(kLeastCredit, step)));
}

uint32_t ServerPath::SpareCredit() const {
  if (law->starting()) return Credit();
  const double symbols = SymbolsOf(kSpareTicksAhead * Interval() + 2'000);
  return static_cast<uint32_t>(std::clamp<double>(symbols, kLeastCredit, Credit()));
}

bool ServerPath::Fresh(Micros now) const {
  return first_symbol_ != kNever && now < first_symbol_ + std::min(meter.round_trip(), kFreshTime);
}

Micros ServerPath::TickAfter(Micros now) const {
  return law->starting() && Fresh(now) ? std::min(kStartInterval, Interval()) : Interval();
}

void ServerPath::ExpectAnswer(Micros now) {
  if (unanswered_since_ == kNever) unanswered_since_ = now;
  if (due_ == kNever && asked.outstanding() > 0) due_ = now + meter.round_trip();
}

void ServerPath::OnAnswer(Micros now) { unanswered_since_ = asked.outstanding() > 0 ? now : kNever; }

void ServerPath::OnSymbol(Micros now) {
  OnAnswer(now);
  if (first_symbol_ == kNever) first_symbol_ = now;
  due_ = kNever;
  // What was asked within the last round trip cannot be here yet.
  if (asked.outstanding() > 0) due_ = std::max(now, asked.ranges().front().asked_at + meter.round_trip());
  patience_ = 0;
}

bool ServerPath::Stalled(Micros now, bool endgame) const {
  if (due_ == kNever || asked.outstanding() == 0) return false;
  const auto spacing = static_cast<Micros>(4 * symbol_bits * 1e6 / law->rate());
  const Micros timeout = endgame && meter.last_arrival() >= 0
                             ? std::max<Micros>(20'000, Interval() * 3 / 4)
                             : std::max<Micros>(40'000, meter.round_trip() / 2 + 2 * Interval());
  return now - due_ > timeout + spacing + patience_;
}

bool ServerPath::Late(Micros now) const {
  if (due_ == kNever || asked.outstanding() == 0) return false;
  const auto spacing = static_cast<Micros>(4 * symbol_bits * 1e6 / law->rate());
  return now - due_ > std::max(kLateness, meter.reordering()) + spacing;
}

bool ServerPath::Silent(Micros now) const {
  if (unanswered_since_ == kNever) return false;
  return now - unanswered_since_ >= std::max(kLeastSilence, 8 * meter.round_trip());
}

Micros ServerPath::RepeatAt(Micros now) const {
  if (!flowing()) return kNever;
  // Losses come in runs: what makes the server begin, or go on at first, is said again at once.
  if (symbols == 0) {
    const uint32_t doubled = std::min(heartbeat / kUrgentRepeats, 8u);
    return now + std::min(kUrgentInterval << doubled, kRepeatInterval);
  }
  if (law->loss() <= kLossless) return kNever;
  if (Fresh(now)) return now + kUrgentInterval;
  const auto spacing = static_cast<Micros>(kSymbolsARepeat * symbol_bits * 1e6 / law->rate());
  return now + std::max(Interval() / (kRepeatsATick + 1), spacing);
}

void ServerPath::OnStall() {
  patience_ = std::min(kLongestPatience, std::max<Micros>(patience_ * 2, 20'000));
  asked.CancelAll();
  due_ = kNever;
  last_credit_ = kNever;
  changed = true;
  meter.OnDry();
}

Micros ServerPath::ProbeInterval(Micros now) const {
  const Micros silence = unanswered_since_ == kNever ? 0 : now - unanswered_since_;
  if (silence > kSlowProbeAfter) return kSlowProbeInterval;
  if (has_token()) return std::clamp(silence / kProbesOfASilence, kLeastProbeInterval, kProbeInterval);
  const uint32_t doubled = std::clamp<uint32_t>(heartbeat, 1, 8) - 1;
  return std::min(kConnectInterval << doubled, kProbeInterval);
}

void ServerPath::Shrink(Micros now) {
  const uint32_t credit = Credit();
  if (asked.outstanding() <= 2 * credit) {
    oversized_since_ = kNever;
  } else if (oversized_since_ == kNever) {
    oversized_since_ = now;
  } else if (now - oversized_since_ > meter.round_trip() * 3 / 2) {
    asked.CancelBeyond(credit);
    changed = true;
  }
}

}  // namespace murky::rain
