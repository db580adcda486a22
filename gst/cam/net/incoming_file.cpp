// SPDX-License-Identifier: LGPL-2.1-or-later
#include "incoming_file.h"
#include "cam/proto/file_name.h"
#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace reach::cam {
namespace {
constexpr std::size_t sum_step = 4u << 20;
constexpr const char *prefix = ".cam-", *suffix = ".part";

bool is_temporary (const std::string &name)
{
  return name.starts_with (prefix) && name.ends_with (suffix);
}

// A file of ours that nobody else has a name for.
bool usable (int fd, struct stat &st)
{
  return fstat (fd, &st) == 0 && S_ISREG (st.st_mode) && st.st_uid == geteuid () &&
         st.st_nlink == 1;
}

// Peers must not fill the disk with what they do not complete.
void bound_partials (int folder_fd, std::size_t max, const std::set<std::string> &in_use)
{
  const int fd = openat (folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR *dir = fd >= 0 ? fdopendir (fd) : nullptr;
  if (!dir)
    return;
  std::vector<std::pair<std::int64_t, std::string>> found;
  while (const dirent *e = readdir (dir)) {
    struct stat st {};
    const std::string name = e->d_name;
    if (is_temporary (name) && !in_use.count (name) &&
        fstatat (folder_fd, name.c_str (), &st, AT_SYMLINK_NOFOLLOW) == 0)
      found.emplace_back (st.st_mtim.tv_sec * std::int64_t{1000000000} + st.st_mtim.tv_nsec, name);
  }
  closedir (dir);
  std::sort (found.begin (), found.end ());
  for (std::size_t i = 0; i + max < found.size (); i++)
    unlinkat (folder_fd, found[i].second.c_str (), 0);
}
} // namespace

std::string IncomingFile::temporary_name (const FileBegin &b, const std::string &sender)
{
  Sha256 sum;
  ByteWriter w;
  w.str16 (sender);
  w.str16 (b.name);
  w.u64 (b.size);
  sum.add (w.view ());
  std::string name = prefix;
  const Sha256Sum digest = sum.finish ();
  for (std::size_t i = 0; i < 16; i++) {
    char hex[3];
    std::snprintf (hex, sizeof hex, "%02x", digest[i]);
    name += hex;
  }
  return name + suffix;
}

std::unique_ptr<IncomingFile> IncomingFile::open (const Folder &folder, const FileBegin &b,
    const std::string &sender, const std::set<std::string> &in_use, std::string &error)
{
  const int dir = ::open (folder.path.c_str (), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (dir < 0) {
    error = folder.path + ": " + strerror (errno);
    return {};
  }
  const std::string temp = temporary_name (b, sender);
  constexpr int flags = O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK;
  int fd = b.offset > 0 ? openat (dir, temp.c_str (), flags) : -1;
  struct stat st {};
  if (fd >= 0 && (!usable (fd, st) || static_cast<std::uint64_t> (st.st_size) > b.size)) {
    close (fd);
    fd = -1;
  }
  if (fd < 0) {
    st = {};
    unlinkat (dir, temp.c_str (), 0);
    bound_partials (dir, folder.max_partials, in_use);
    fd = openat (dir, temp.c_str (), flags | O_CREAT | O_EXCL, 0666);
  }
  if (fd < 0) {
    error = folder.path + ": " + strerror (errno);
    close (dir);
    return {};
  }
  return std::unique_ptr<IncomingFile> (
      new IncomingFile (dir, fd, folder.path, b, temp, static_cast<std::uint64_t> (st.st_size)));
}

IncomingFile::~IncomingFile ()
{
  close (fd_);
  close (folder_fd_);
}

bool IncomingFile::write (Bytes b, std::string &error)
{
  if (summed_ == written_) {
    sum_.add (b);
    summed_ += b.size ();
  }
  while (!b.empty ()) {
    const ssize_t n = pwrite (fd_, b.data (), b.size (), static_cast<off_t> (written_));
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0) {
      error = n < 0 ? strerror (errno) : "nothing was written";
      return false;
    }
    written_ += static_cast<std::uint64_t> (n);
    b = b.subspan (static_cast<std::size_t> (n));
  }
  return true;
}

bool IncomingFile::sum_more (std::string &error)
{
  std::vector<std::uint8_t> buffer (file_piece);
  for (std::size_t step = 0; summed_ < written_ && step < sum_step; step += buffer.size ()) {
    const auto want = std::min<std::uint64_t> (buffer.size (), written_ - summed_);
    const ssize_t n = pread (fd_, buffer.data (), want, static_cast<off_t> (summed_));
    if (n <= 0) {
      error = n < 0 ? strerror (errno) : "it became shorter while it was received";
      return false;
    }
    sum_.add (Bytes (buffer).first (static_cast<std::size_t> (n)));
    summed_ += static_cast<std::uint64_t> (n);
  }
  return summed_ < written_;
}

// Never over an existing file, whoever makes one at the same moment.
bool IncomingFile::rename (const std::string &name, bool &taken)
{
  taken = false;
  if (renameat2 (folder_fd_, temporary_.c_str (), folder_fd_, name.c_str (), RENAME_NOREPLACE) == 0)
    return true;
  if (errno == EINVAL || errno == ENOSYS) {
    // A file system that cannot: a second name, then without the first.
    if (linkat (folder_fd_, temporary_.c_str (), folder_fd_, name.c_str (), 0) == 0)
      return unlinkat (folder_fd_, temporary_.c_str (), 0) == 0;
  }
  taken = errno == EEXIST;
  return false;
}

std::string IncomingFile::finish (std::string &error)
{
  if (begin_.mtime != FileBegin::no_mtime && begin_.mtime >= 0) {
    const timespec t{begin_.mtime / 1000000000, begin_.mtime % 1000000000};
    const timespec times[2] = {t, t};
    futimens (fd_, times);
  }
  const std::string name = safe_file_name (begin_.name);
  bool taken = true;
  for (unsigned i = 0; taken && i < 1000; i++) {
    const std::string numbered = i == 0 ? name : numbered_file_name (name, i);
    if (rename (numbered, taken))
      return folder_ + (folder_.ends_with ('/') ? "" : "/") + numbered;
  }
  error = taken ? "a thousand files of this name are there already" : strerror (errno);
  return {};
}

void IncomingFile::discard ()
{
  unlinkat (folder_fd_, temporary_.c_str (), 0);
}
} // namespace reach::cam
