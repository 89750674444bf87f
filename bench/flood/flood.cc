// Sends junk to 127.0.0.1:PORT, RATE datagrams a second, until its standard input ends; then says how many it sent,
// how many a second, and the nanoseconds of CPU time that one took. KIND is "noise", random bytes; "header", a
// sealed header with boot and counter made up, so that a receiver must look closer; or the boot id of a sender that
// the receiver knows, 16 hex digits, so that it must look at the tag. PORT 0 is a socket of its own that nobody
// reads: what the flood costs a machine whoever it is for. Build: c++ -O2 -o flood flood.cc. Linux.
#include <arpa/inet.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>

namespace {

constexpr int kBatch = 64;
constexpr size_t kBytes = 200;

uint64_t Next() {
  static uint64_t state = 88172645463325252u;
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state;
}

// The counter is one ahead of all that the sender has used, in the first of its epochs, so that neither the replay
// window nor a key that is not there spares the look at the tag.
void WriteHeader(uint8_t* out, bool known, uint64_t boot) {
  const uint64_t counter = known ? (uint64_t{1} << 21 | Next() >> 43) : Next() >> 16;
  if (!known) boot = Next();
  out[0] = 1;  // version
  out[1] = 1;  // AES-128-GCM
  for (int i = 0; i < 6; i++) out[2 + i] = static_cast<uint8_t>(counter >> 8 * (5 - i));
  for (int i = 0; i < 8; i++) out[8 + i] = static_cast<uint8_t>(boot >> 8 * (7 - i));
}

double CpuSeconds() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

bool InputEnded() {
  pollfd input = {0, POLLIN, 0};
  return poll(&input, 1, 0) > 0;
}

// The address of a socket that is never read.
sockaddr_in Unread(sockaddr_in address) {
  const int socket = ::socket(AF_INET, SOCK_DGRAM, 0);
  socklen_t length = sizeof address;
  bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address);
  getsockname(socket, reinterpret_cast<sockaddr*>(&address), &length);
  return address;
}

}  // namespace

int main(int count, char** words) {
  if (count != 4) return 2;
  const bool noise = std::strcmp(words[3], "noise") == 0;
  const bool known = !noise && std::strcmp(words[3], "header") != 0;
  const uint64_t boot = known ? std::strtoull(words[3], nullptr, 16) : 0;
  const int socket = ::socket(AF_INET, SOCK_DGRAM, 0);
  sockaddr_in to = {};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<uint16_t>(std::atoi(words[1])));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (to.sin_port == 0) to = Unread(to);
  if (connect(socket, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) return 1;
  const double rate = std::atof(words[2]);
  static uint8_t junk[kBatch][kBytes];
  iovec parts[kBatch];
  mmsghdr messages[kBatch] = {};
  for (int i = 0; i < kBatch; i++) {
    parts[i] = {junk[i], kBytes};
    messages[i].msg_hdr.msg_iov = &parts[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  const auto start = std::chrono::steady_clock::now();
  uint64_t sent = 0;
  while (!InputEnded()) {
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (static_cast<double>(sent) > seconds * rate) {
      std::this_thread::sleep_for(std::chrono::microseconds(200));
      continue;
    }
    for (auto& one : junk) {
      for (size_t at = 0; at < 24; at += 8) {
        const uint64_t word = Next();
        std::memcpy(one + at, &word, sizeof word);
      }
      if (!noise) WriteHeader(one, known, boot);
    }
    const int taken = sendmmsg(socket, messages, kBatch, 0);
    if (taken > 0) sent += static_cast<uint64_t>(taken);
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const double junk_sent = static_cast<double>(sent);
  std::printf("%.0f %.0f %.0f\n", junk_sent, junk_sent / seconds, CpuSeconds() / junk_sent * 1e9);
  return 0;
}
