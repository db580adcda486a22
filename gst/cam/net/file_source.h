// SPDX-License-Identifier: LGPL-2.1-or-later
// A file to be sent: opened once, read by each receiver's lane at its own pace.
#pragma once
#include "cam/proto/message.h"
#include "sha256.h"
#include <atomic>
#include <memory>

namespace reach::cam {

class FileSource final {
public:
  // Null, and `error` says why: not there, no file, not readable.
  static std::shared_ptr<const FileSource> open (const std::string &path, std::string &error);
  ~FileSource ();

  const std::string path;
  const std::string name; // without folders
  const std::uint64_t size;
  const std::int64_t mtime;
  // Bytes read into `to`; fewer than its size at the end only, -1 on error.
  std::int64_t read (std::uint64_t position, std::span<std::uint8_t> to) const;

private:
  FileSource (int fd, std::string p, std::uint64_t size, std::int64_t mtime);
  const int fd_;
};

// Reads one file for one receiver, and sums what has been passed. Worker thread.
class FileReader final {
public:
  explicit FileReader (std::shared_ptr<const FileSource> source) : source_ (std::move (source)) {}

  struct Result {
    std::vector<MessageRef> data;
    std::uint64_t position = 0;   // behind the data
    std::optional<Sha256Sum> sum; // the file is at its end
    std::string error;
  };
  // The next pieces from `position` on, `pieces` at most. After a change of position the bytes
  // before it are summed first, some of them per call, and until then there are no data.
  Result read (std::uint64_t id, std::uint64_t position, std::size_t pieces);
  const FileSource &source () const { return *source_; }

private:
  bool catch_up (std::uint64_t position, std::string &error);

  std::shared_ptr<const FileSource> source_;
  Sha256 sum_;
  std::uint64_t summed_ = 0;
};
} // namespace reach::cam
