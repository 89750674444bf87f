// A filter of the kernel's for a socket (classic BPF, socket(7): SO_ATTACH_FILTER) that refuses datagrams
// before they are queued and a thread is woken for them, for a tenth of what it costs to receive and refuse
// them. It knows less than the engine, so it is put on for the time of a flood only (FloodGuard). Of
// datagrams that the kernel has joined (UDP_GRO) the first speaks for all.
//
// Linux only: elsewhere nothing is attached.
#ifndef MURKY_RAIN_JUNK_FILTER_H_
#define MURKY_RAIN_JUNK_FILTER_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "rain/seal.h"

namespace murky::rain {

// Senders are told apart by a place, of few, that their address has under a salt.
constexpr size_t kFilterPlaces = 32;
// Known senders that are written into a filter: with them it has 1,200 instructions of at most 4096, and 10
// KiB of the 20 KiB that older kernels allow a socket for such things (net.core.optmem_max).
constexpr size_t kMaxListedSenders = 512;

struct JunkFilter {
  bool sealed = false;  // what is spoken here; a datagram of another version or scheme is refused
  uint32_t salt = 1;    // odd
  // Bit i: what comes from place i is refused unless it bears the boot id of a known sender, and comes from
  // where that was heard last.
  uint32_t shut = 0;
  std::vector<KnownSender> known;  // the first kMaxListedSenders of them count
};

// All addresses of an IPv6 subnet of 64 bits have one place, and all ports of an address.
size_t FilterPlaceOf(const Address& sender, uint32_t salt);
// Replaces the one that is there. False where the system has no such filters, or refuses this one.
bool AttachJunkFilter(int fd, const JunkFilter& filter);
void DetachJunkFilter(int fd);
// Datagrams that the kernel dropped at this socket, for want of room or as the filter says, since it was
// made, modulo 2^32; 0 where the system does not say.
uint32_t KernelDrops(int fd);

}  // namespace murky::rain

#endif  // MURKY_RAIN_JUNK_FILTER_H_
