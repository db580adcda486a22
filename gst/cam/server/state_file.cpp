// SPDX-License-Identifier: LGPL-2.1-or-later
#include "state_file.h"
#include "cam/net/sha256.h"
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace reach::cam {
namespace {
class Descriptor {
public:
  Descriptor (const std::string &path, int flags) : fd_ (::open (path.c_str (), flags, 0600)) {}
  ~Descriptor () { close (); }
  Descriptor (const Descriptor &) = delete;
  Descriptor &operator= (const Descriptor &) = delete;

  explicit operator bool () const { return fd_ >= 0; }
  int get () const { return fd_; }
  bool close ()
  {
    const int fd = std::exchange (fd_, -1);
    return fd < 0 || ::close (fd) == 0;
  }

private:
  int fd_;
};

bool write_all (int fd, Bytes b)
{
  while (!b.empty ()) {
    const ssize_t n = ::write (fd, b.data (), b.size ());
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return false;
    b = b.subspan (static_cast<std::size_t> (n));
  }
  return true;
}

bool read_all (int fd, std::vector<std::uint8_t> &to)
{
  std::size_t at = 0;
  while (at < to.size ()) {
    const ssize_t n = ::read (fd, to.data () + at, to.size () - at);
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return false;
    at += static_cast<std::size_t> (n);
  }
  return true;
}

Sha256Sum sum_of (Bytes state)
{
  Sha256 sum;
  sum.add (state);
  return sum.finish ();
}

std::string folder_of (const std::string &path)
{
  const auto slash = path.rfind ('/');
  return slash == path.npos ? "." : slash == 0 ? "/" : path.substr (0, slash);
}

bool fail (std::string &error, const std::string &path)
{
  error = path + ": " + std::strerror (errno);
  return false;
}
} // namespace

bool store_state (const std::string &path, Bytes state, std::string &error)
{
  const std::string fresh = path + ".new", folder = folder_of (path);
  Descriptor file (fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC);
  if (!file || !write_all (file.get (), state) || !write_all (file.get (), sum_of (state)) ||
      ::fsync (file.get ()) != 0 || !file.close ())
    return fail (error, fresh);
  if (::rename (fresh.c_str (), path.c_str ()) != 0)
    return fail (error, path);
  // The name is on the disk when the folder is.
  const Descriptor in (folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (!in || ::fsync (in.get ()) != 0)
    return fail (error, folder);
  return true;
}

std::optional<std::vector<std::uint8_t>> load_state (const std::string &path, std::string &error)
{
  const Descriptor file (path, O_RDONLY | O_CLOEXEC);
  if (!file && errno == ENOENT)
    return std::vector<std::uint8_t> ();
  struct stat s {};
  if (!file || ::fstat (file.get (), &s) != 0) {
    fail (error, path);
    return std::nullopt;
  }
  const auto size = static_cast<std::size_t> (s.st_size);
  constexpr std::size_t sum_size = std::tuple_size_v<Sha256Sum>;
  std::vector<std::uint8_t> state (
      S_ISREG (s.st_mode) && size > sum_size && size <= max_state_file ? size : 0);
  if (state.empty () || !read_all (file.get (), state)) {
    error = path + " is damaged, or no state file of a media server";
    return std::nullopt;
  }
  Sha256Sum sum;
  std::copy (state.end () - sum_size, state.end (), sum.begin ());
  state.resize (size - sum_size);
  if (sum != sum_of (state)) {
    error = path + " is damaged, or no state file of a media server";
    return std::nullopt;
  }
  return state;
}
} // namespace reach::cam
