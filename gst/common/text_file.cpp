// SPDX-License-Identifier: LGPL-2.1-or-later
#include "text_file.h"
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace reach {
namespace {
std::int64_t ns_of (const timespec &t)
{
  return std::int64_t{t.tv_sec} * 1000000000 + t.tv_nsec;
}

// What is wrong, or nothing. A byte more than allowed is asked for.
const char *read_all (int fd, std::string &text)
{
  text.resize (max_text_file + 1);
  std::size_t got = 0;
  while (got < text.size ()) {
    const ssize_t n = ::read (fd, text.data () + got, text.size () - got);
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return "cannot be read";
    if (n == 0)
      break;
    got += static_cast<std::size_t> (n);
  }
  text.resize (got);
  text.shrink_to_fit ();
  return got > max_text_file ? "is larger than 16 MiB" : nullptr;
}
} // namespace

std::optional<std::string> read_text_file (const std::string &path, std::string &error)
{
  // A pipe would wait for somebody to write.
  const int fd = ::open (path.c_str (), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) {
    error = path + ": " + strerror (errno);
    return std::nullopt;
  }
  struct stat s {};
  std::string text;
  const char *wrong =
      ::fstat (fd, &s) != 0 || !S_ISREG (s.st_mode) ? "is not a file" : read_all (fd, text);
  ::close (fd);
  if (!wrong)
    return text;
  error = path + ": " + wrong;
  return std::nullopt;
}

FileStamp FileStamp::of (const std::string &path)
{
  struct stat s {};
  if (::stat (path.c_str (), &s) != 0)
    return {};
  return {s.st_dev, s.st_ino, static_cast<std::uint64_t> (s.st_size), ns_of (s.st_mtim),
      ns_of (s.st_ctim)};
}
} // namespace reach
