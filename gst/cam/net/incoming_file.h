// SPDX-License-Identifier: LGPL-2.1-or-later
// A file on its way onto the disk: written under a temporary name in the folder it will be in, and
// put in place when its hash is right. Worker thread.
#pragma once
#include "sha256.h"
#include <memory>
#include <set>

namespace reach::cam {

class IncomingFile final {
public:
  struct Folder {
    std::string path;
    std::size_t max_partials = 32; // of files that were not completed; the oldest go
  };
  // The temporary name: the same for the same file of the same sender, so that it can be resumed.
  static std::string temporary_name (const FileBegin &b, const std::string &sender);

  // Begins, or goes on with what is there when `b.offset` says so. `in_use`: temporary names that
  // must stay. Null, and `error` says why.
  static std::unique_ptr<IncomingFile> open (const Folder &folder, const FileBegin &b,
      const std::string &sender, const std::set<std::string> &in_use, std::string &error);
  ~IncomingFile (); // what was written stays, unless discard () or finish () was called

  std::uint64_t written () const { return written_; }
  bool write (Bytes b, std::string &error);
  // Sums what was not summed while it was written, a part per call. True: more to do.
  bool sum_more (std::string &error);
  bool matches (const Sha256Sum &sum) { return sum_.finish () == sum; }
  // Gives it its name, with a number when that is taken already. Empty on error.
  std::string finish (std::string &error);
  void discard ();
  const std::string &temporary () const { return temporary_; }

private:
  IncomingFile (int folder_fd, int fd, std::string folder, const FileBegin &b, std::string temp,
      std::uint64_t written)
      : folder_fd_ (folder_fd), fd_ (fd), folder_ (std::move (folder)), begin_ (b),
        temporary_ (std::move (temp)), written_ (written)
  {
  }
  bool rename (const std::string &name, bool &taken);

  const int folder_fd_, fd_;
  const std::string folder_;
  const FileBegin begin_;
  const std::string temporary_;
  std::uint64_t written_, summed_ = 0;
  Sha256 sum_;
};
} // namespace reach::cam
