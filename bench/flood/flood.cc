// Sends junk to 127.0.0.1:PORT, RATE datagrams a second, until its standard input ends; then says how many a
// second it sent. KIND is "noise", random bytes, or "header": a sealed header with boot and counter made up, so
// that a receiver must look closer. PORT 0 is a socket of its own that nobody reads: what the flood costs a
// machine whoever it is for. Build: c++ -O2 -o flood flood.cc. Linux.
#include <arpa/inet.h>
#include <poll.h>
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
  const bool header = std::strcmp(words[3], "header") == 0;
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
      if (!header) continue;
      one[0] = 1;  // version
      one[1] = 1;  // AES-128-GCM
    }
    const int taken = sendmmsg(socket, messages, kBatch, 0);
    if (taken > 0) sent += static_cast<uint64_t>(taken);
  }
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::printf("%.0f\n", static_cast<double>(sent) / seconds);
  return 0;
}
