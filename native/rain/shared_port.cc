#include "rain/shared_port.h"

#include <sys/socket.h>
#if defined(__linux__)
#include <linux/filter.h>
#endif

#include <cstdint>

namespace murky::rain {

namespace {

constexpr uint32_t kMultiplier = 0x9e3779b1;  // the golden ratio: Knuth, The Art of Computer Programming, 6.4
constexpr uint32_t kShift = 16;

}  // namespace

size_t PlaceOf(const Address& sender, size_t sockets) {
  uint32_t word = 0;  // the last four bytes of the address: of IPv4 all
  for (size_t i = 12; i < 16; i++) word = word << 8 | sender.ip[i];
  return ((word ^ sender.port) * kMultiplier >> kShift) % sockets;
}

#if defined(__linux__)

bool SharePort(int fd) {
  const int on = 1;
  return setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0;
}

bool SteerBySender(int fd, size_t sockets) {
  constexpr uint32_t kNet = static_cast<uint32_t>(SKF_NET_OFF);  // offsets of the IP header
  // PlaceOf in classic BPF. A socket of `::` is sent IPv4 packets, too, so the version is looked at. Behind
  // IPv6 extension headers the port is read wrong: then all such datagrams of a sender reach one wrong
  // socket, as if they were another's.
  sock_filter rule[] = {
      BPF_STMT(BPF_LD | BPF_B | BPF_ABS, kNet),
      BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, 4),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 6, 6, 0),
      BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, kNet),  // X: bytes of the IPv4 header, with options
      BPF_STMT(BPF_LD | BPF_H | BPF_IND, kNet),   // source port
      BPF_STMT(BPF_MISC | BPF_TAX, 0),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kNet + 12),  // source address
      BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
      BPF_JUMP(BPF_JMP | BPF_JA, 4, 0, 0),
      BPF_STMT(BPF_LD | BPF_H | BPF_ABS, kNet + 40),
      BPF_STMT(BPF_MISC | BPF_TAX, 0),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, kNet + 20),  // last word of the source address
      BPF_STMT(BPF_ALU | BPF_XOR | BPF_X, 0),
      BPF_STMT(BPF_ALU | BPF_MUL | BPF_K, kMultiplier),
      BPF_STMT(BPF_ALU | BPF_RSH | BPF_K, kShift),
      BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, static_cast<uint32_t>(sockets)),
      BPF_STMT(BPF_RET | BPF_A, 0),
  };
  const sock_fprog program = {sizeof rule / sizeof rule[0], rule};
  return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program) == 0;
}

#else

bool SharePort(int) { return false; }
bool SteerBySender(int, size_t) { return false; }

#endif

}  // namespace murky::rain
