// SPDX-License-Identifier: LGPL-2.1-or-later
#include "file_source.h"
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace reach::cam {
namespace {
constexpr std::size_t catch_up_step = 4u << 20;
constexpr const char *shrunk = "the file became shorter while it was sent";
} // namespace

FileSource::FileSource (int fd, std::string p, std::uint64_t n, std::int64_t t)
    : path (std::move (p)), name (path.substr (path.find_last_of ('/') + 1)), size (n), mtime (t),
      fd_ (fd)
{
}

FileSource::~FileSource ()
{
  close (fd_);
}

std::shared_ptr<const FileSource> FileSource::open (const std::string &path, std::string &error)
{
  // Not blocking: a pipe would hold the application up.
  const int fd = ::open (path.c_str (), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  struct stat st {};
  if (fd < 0 || fstat (fd, &st) != 0 || !S_ISREG (st.st_mode)) {
    error = fd < 0 ? strerror (errno) : "it is no regular file";
    if (fd >= 0)
      close (fd);
    return {};
  }
  const std::int64_t mtime = st.st_mtim.tv_sec * std::int64_t{1000000000} + st.st_mtim.tv_nsec;
  return std::shared_ptr<const FileSource> (
      new FileSource (fd, path, static_cast<std::uint64_t> (st.st_size), mtime));
}

std::int64_t FileSource::read (std::uint64_t position, std::span<std::uint8_t> to) const
{
  std::size_t done = 0;
  while (done < to.size ()) {
    const ssize_t n =
        pread (fd_, to.data () + done, to.size () - done, static_cast<off_t> (position + done));
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0)
      return -1;
    if (n == 0)
      break;
    done += static_cast<std::size_t> (n);
  }
  return static_cast<std::int64_t> (done);
}

bool FileReader::catch_up (std::uint64_t position, std::string &error)
{
  if (summed_ > position) {
    sum_.reset ();
    summed_ = 0;
  }
  std::vector<std::uint8_t> buffer (file_piece);
  for (std::size_t step = 0; summed_ < position && step < catch_up_step; step += buffer.size ()) {
    const auto want = std::min<std::uint64_t> (buffer.size (), position - summed_);
    const auto piece = std::span (buffer).first (want);
    if (source_->read (summed_, piece) != static_cast<std::int64_t> (want)) {
      error = shrunk;
      return false;
    }
    sum_.add (piece);
    summed_ += want;
  }
  return summed_ == position;
}

FileReader::Result FileReader::read (std::uint64_t id, std::uint64_t position, std::size_t pieces)
{
  Result r;
  r.position = position;
  if (!catch_up (position, r.error))
    return r;
  while (pieces-- > 0 && r.position < source_->size) {
    const auto want = std::min<std::uint64_t> (file_piece, source_->size - r.position);
    std::vector<std::uint8_t> body (FileData::size + want);
    write (FileData{id, r.position}, body.data ());
    const auto payload = std::span (body).subspan (FileData::size);
    const std::int64_t n = source_->read (r.position, payload);
    if (n != static_cast<std::int64_t> (want)) {
      r.error = n < 0 ? strerror (errno) : shrunk;
      return r;
    }
    sum_.add (payload);
    summed_ += want;
    r.position += want;
    r.data.push_back (
        Message::control (Kind::file_data, MediaType::file, 0, std::move (body), Clock::now ()));
  }
  if (r.position == source_->size)
    r.sum = sum_.finish ();
  return r;
}
} // namespace reach::cam
