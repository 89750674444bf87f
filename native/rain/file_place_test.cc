#include "rain/file_place.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

#include "testing/check.h"
#include "testing/loop_node.h"

namespace murky::rain {
namespace {

using Bytes = std::vector<uint8_t>;

// A file that has no name any more.
class TemporaryFile {
 public:
  explicit TemporaryFile(const Bytes& content) {
    char path[] = "/tmp/murky-file-place-XXXXXX";
    descriptor_ = ::mkstemp(path);
    CHECK(descriptor_ >= 0);
    ::unlink(path);
    CHECK_EQ(::write(descriptor_, content.data(), content.size()), static_cast<ssize_t>(content.size()));
  }
  ~TemporaryFile() { ::close(descriptor_); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  FilePlace Place(uint64_t offset, const Bytes& bytes) const {
    FilePlace place{descriptor_, offset, bytes.size(), {}};
    CHECK(Sha256(bytes.data(), bytes.size(), &place.sha256));
    return place;
  }

 private:
  int descriptor_ = -1;
};

Bytes Content(size_t bytes) {
  Bytes content(bytes);
  for (size_t i = 0; i < bytes; i++) content[i] = static_cast<uint8_t>(i * 37 + (i >> 9));
  return content;
}

TEST(AFilePlaceIsReadIfItsBytesAreThoseOfTheDigest) {
  const Bytes content = Content(100'000);
  const TemporaryFile file(content);
  const Bytes part(content.begin() + 777, content.begin() + 90'000);
  const auto read = ReadVerified(file.Place(777, part));
  CHECK(read != nullptr);
  CHECK(Bytes(read->data(), read->data() + read->size()) == part);
  const auto none = ReadVerified(file.Place(5, {}));
  CHECK(none && none->empty());
}

TEST(AFilePlaceIsNotReadIfAnythingIsAmiss) {
  const Bytes content = Content(100'000);
  const TemporaryFile file(content);
  CHECK(!ReadVerified(file.Place(1, content)));                                    // ends before it
  CHECK(!ReadVerified(file.Place(0, Bytes(content.begin() + 1, content.end()))));  // other bytes
  Bytes changed = content;
  changed[99'999] ^= 1;
  CHECK(!ReadVerified(file.Place(0, changed)));
  FilePlace place = file.Place(0, content);
  place.descriptor = -1;
  CHECK(!ReadVerified(place));  // EBADF
  place.descriptor = ::open("/", O_RDONLY);
  CHECK(place.descriptor >= 0);
  CHECK(!ReadVerified(place));  // EISDIR
  ::close(place.descriptor);
}

// Blocks one behind the other in a file; asked for by the loop, they are read by threads of their own.
class FileNode : public LoopHost {
 public:
  FileNode(const LoopOptions& options, uint32_t blocks) : file_(All(blocks)) {
    LoopOptions bound = options;
    bound.bind = testing::Loopback();
    Failure failure;
    loop = Loop::Start(bound, *this, &failure);
    CHECK_EQ(failure.sentence, "");
    for (std::thread& reader : readers_) reader = std::thread(&FileNode::Read, this);
  }
  ~FileNode() override {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      closing_ = true;
    }
    changed_.notify_all();
    for (std::thread& reader : readers_) reader.join();
    loop->Stop();
  }

  void OnBlockNeeded(uint64_t resource, const Version& version, uint32_t block) override {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      asked_.push_back({resource, version, block});
    }
    changed_.notify_one();
  }
  void OnBlockDecoded(uint32_t, uint32_t, gf2::Buffer, std::vector<uint32_t>) override {}
  void OnServerState(uint32_t, uint32_t, ServerState, RefuseReason) override {}
  void OnRequest(uint64_t, const Address&, const uint8_t*, size_t) override {}
  void OnResponse(uint64_t, const uint8_t*, size_t) override {}
  void OnRequestTimeout(uint64_t) override {}
  void OnPassEnd() override {}

  std::unique_ptr<Loop> loop;

 private:
  struct Asked {
    uint64_t resource;
    Version version;
    uint32_t block;
  };

  static Bytes All(uint32_t blocks) {
    Bytes all;
    for (uint32_t block = 0; block < blocks; block++) {
      const Bytes bytes = testing::BlockBytes(block);
      all.insert(all.end(), bytes.begin(), bytes.end());
    }
    return all;
  }

  void Read() {
    std::unique_lock<std::mutex> lock(mutex_);
    for (;;) {
      changed_.wait(lock, [&] { return closing_ || !asked_.empty(); });
      if (closing_) return;
      const Asked asked = asked_.front();
      asked_.pop_front();
      lock.unlock();
      const uint64_t offset = uint64_t{asked.block} * testing::kBlockBytes;
      const auto bytes = ReadVerified(file_.Place(offset, testing::BlockBytes(asked.block)));
      CHECK(bytes != nullptr);
      loop->Post([=](Engine& engine, Micros now) {
        engine.ProvideBlock(asked.resource, asked.version, asked.block, bytes, now);
      });
      lock.lock();
    }
  }

  const TemporaryFile file_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Asked> asked_;
  bool closing_ = false;
  std::thread readers_[3];
};

TEST(BlocksThatThreadsReadFromAFileAreServed) {
  LoopOptions options;
  options.cluster_keys = {Bytes(32, 5)};
  options.limits.block_cache_bytes = 3 * testing::kBlockBytes;  // less than is fetched
  const FileNode server(options, 12);
  testing::Node client(options);
  testing::CheckFetch(client, {server.loop->local()}, 12);
}

}  // namespace
}  // namespace murky::rain
