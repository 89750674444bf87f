#include "rain/junk_filter.h"

#include <sys/socket.h>
#if defined(__linux__)
#include <linux/filter.h>
#include <linux/sock_diag.h>
#endif

#include <algorithm>
#include <iterator>

#include "rain/wire.h"

namespace murky::rain {

namespace {

constexpr uint32_t kPlaceShift = 27;  // the upper five bits of a product of 32
static_assert(kFilterPlaces == size_t{1} << (32 - kPlaceShift), "the shift leaves a place");

uint32_t Word(const Address& address, size_t at) {
  uint32_t word = 0;
  for (size_t i = at; i < at + 4; i++) word = word << 8 | address.ip[i];
  return word;
}

uint32_t Mixed(const Address& sender, uint32_t salt) {
  return (sender.is_v4() ? Word(sender, 12) : Word(sender, 0) ^ Word(sender, 4)) * salt;
}

}  // namespace

size_t FilterPlaceOf(const Address& sender, uint32_t salt) { return Mixed(sender, salt) >> kPlaceShift; }

#if defined(__linux__)

namespace {

// Offsets in what a filter of a UDP socket is shown, which begins with the UDP header, and in the IP header.
constexpr uint32_t kSourcePortAt = 0;
constexpr uint32_t kUdpHeader = 8;  // RFC 768
constexpr uint32_t kVersionAt = kUdpHeader;
constexpr uint32_t kSchemeAt = kVersionAt + 1;
constexpr uint32_t kLowBootAt = kVersionAt + 12;  // the last four bytes of the boot id
constexpr uint32_t kNet = static_cast<uint32_t>(SKF_NET_OFF);
constexpr uint32_t kPass = 0xffffffff;
constexpr uint32_t kRefuse = 0;

class Program {
 public:
  explicit Program(const JunkFilter& filter) {
    const size_t least = kOuterBytes + (filter.sealed ? kTagBytes : 0);
    Add(BPF_LD | BPF_W | BPF_LEN, 0);
    RefuseUnless(BPF_JGE, kUdpHeader + static_cast<uint32_t>(least));
    Add(BPF_LD | BPF_B | BPF_ABS, kVersionAt);
    RefuseUnless(BPF_JEQ, kWireVersion);
    Add(BPF_LD | BPF_B | BPF_ABS, kSchemeAt);
    if (filter.sealed) Jump(BPF_JEQ, static_cast<uint32_t>(SealScheme::kAes128Gcm), 2, 0);
    RefuseUnless(BPF_JEQ,
                 static_cast<uint32_t>(filter.sealed ? SealScheme::kAes128GcmShared : SealScheme::kNone));
    if (filter.shut != 0) {
      PassUnlessShut(filter);
      PassKnown(filter);
    } else {
      Add(BPF_RET | BPF_K, kPass);
    }
  }

  bool Attach(int fd) {
    const sock_fprog program = {static_cast<unsigned short>(code_.size()), code_.data()};
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) == 0;
  }

 private:
  void Add(int operation, uint32_t value) {
    code_.push_back(BPF_STMT(static_cast<uint16_t>(operation), value));
  }
  // Skips so many instructions if the test holds, or else.
  void Jump(int test, uint32_t value, size_t then, size_t otherwise) {
    code_.push_back(BPF_JUMP(static_cast<uint16_t>(BPF_JMP | test | BPF_K), value, static_cast<uint8_t>(then),
                             static_cast<uint8_t>(otherwise)));
  }
  void RefuseUnless(int test, uint32_t value) {
    Jump(test, value, 1, 0);
    Add(BPF_RET | BPF_K, kRefuse);
  }

  // FilterPlaceOf, and a look at its bit; Mixed is kept in M[0]. A socket of `::` is sent IPv4 packets, too.
  void PassUnlessShut(const JunkFilter& filter) {
    Add(BPF_LD | BPF_B | BPF_ABS, kNet);
    Add(BPF_ALU | BPF_RSH | BPF_K, 4);
    Jump(BPF_JEQ, 6, 2, 0);
    Add(BPF_LD | BPF_W | BPF_ABS, kNet + 12);  // IPv4: the source address
    Add(BPF_JMP | BPF_JA, 4);
    Add(BPF_LD | BPF_W | BPF_ABS, kNet + 8);  // IPv6: the first half of the source address
    Add(BPF_MISC | BPF_TAX, 0);
    Add(BPF_LD | BPF_W | BPF_ABS, kNet + 12);
    Add(BPF_ALU | BPF_XOR | BPF_X, 0);
    Add(BPF_ALU | BPF_MUL | BPF_K, filter.salt);
    Add(BPF_ST, 0);
    Add(BPF_ALU | BPF_RSH | BPF_K, kPlaceShift);
    Add(BPF_MISC | BPF_TAX, 0);
    Add(BPF_LD | BPF_IMM, filter.shut);
    Add(BPF_ALU | BPF_RSH | BPF_X, 0);
    Jump(BPF_JSET, 1, 1, 0);
    Add(BPF_RET | BPF_K, kPass);
  }

  // Boot id and address, in 32 bits: who guesses at some hundred of them is right once in ten million times.
  void PassKnown(const JunkFilter& filter) {
    Add(BPF_LD | BPF_H | BPF_ABS, kSourcePortAt);
    Add(BPF_ALU | BPF_LSH | BPF_K, 16);
    Add(BPF_LDX | BPF_MEM, 0);
    Add(BPF_ALU | BPF_XOR | BPF_X, 0);
    Add(BPF_MISC | BPF_TAX, 0);
    Add(BPF_LD | BPF_W | BPF_ABS, kLowBootAt);
    Add(BPF_ALU | BPF_XOR | BPF_X, 0);
    const auto listed = static_cast<ptrdiff_t>(std::min(filter.known.size(), kMaxListedSenders));
    std::vector<uint32_t> words;
    std::transform(filter.known.begin(), filter.known.begin() + listed, std::back_inserter(words),
                   [&](const KnownSender& sender) {
                     const Address& from = sender.address;
                     return static_cast<uint32_t>(sender.boot) ^ Mixed(from, filter.salt) ^
                            uint32_t { from.port } << 16;
                   });
    std::sort(words.begin(), words.end());
    AddSearch(words.data(), words.size());
  }

  // Passes if what is loaded is one of these, which ascend, and else refuses.
  void AddSearch(const uint32_t* words, size_t count) {
    constexpr size_t kOneByOne = 8;
    if (count <= kOneByOne) {
      for (size_t i = 0; i < count; i++) Jump(BPF_JEQ, words[i], count - i, 0);
      Add(BPF_RET | BPF_K, kRefuse);
      if (count > 0) Add(BPF_RET | BPF_K, kPass);
      return;
    }
    const size_t half = count / 2;
    Jump(BPF_JGE, words[half], 0, 1);
    const size_t over = code_.size();
    Add(BPF_JMP | BPF_JA, 0);  // over the lower half: farther than a test can jump
    AddSearch(words, half);
    code_[over].k = static_cast<uint32_t>(code_.size() - over - 1);
    AddSearch(words + half, count - half);
  }

  std::vector<sock_filter> code_;
};

}  // namespace

bool AttachJunkFilter(int fd, const JunkFilter& filter) { return Program(filter).Attach(fd); }

void DetachJunkFilter(int fd) {
  const int ignored = 0;
  setsockopt(fd, SOL_SOCKET, SO_DETACH_FILTER, &ignored, sizeof ignored);
}

uint32_t KernelDrops(int fd) {
  uint32_t memory[SK_MEMINFO_VARS] = {};
  socklen_t length = sizeof memory;
  return getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory, &length) == 0 ? memory[SK_MEMINFO_DROPS] : 0;
}

#else

bool AttachJunkFilter(int, const JunkFilter&) { return false; }
void DetachJunkFilter(int) {}
uint32_t KernelDrops(int) { return 0; }

#endif

}  // namespace murky::rain
