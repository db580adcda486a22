// SPDX-License-Identifier: LGPL-2.1-or-later
#include "file_store.h"
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

namespace reach {
namespace {
constexpr std::size_t alignment = 16; // of each piece

std::size_t rounded (std::size_t size, std::size_t to)
{
  return (size + to - 1) / to * to;
}
} // namespace

// Places in the file: those of whole chunks are used again, those of larger pieces are holes then.
class FileStore::File {
public:
  explicit File (int fd) : fd_ (fd) {}
  ~File () { ::close (fd_); }
  File (const File &) = delete;
  File &operator= (const File &) = delete;

  // The disk's blocks are taken now: a page that finds none later would end the process.
  std::uint8_t *map (std::size_t size, off_t &at)
  {
    at = place (size);
    if (::posix_fallocate (fd_, at, static_cast<off_t> (size)) == 0) {
      void *p = ::mmap (nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, at);
      if (p != MAP_FAILED)
        return static_cast<std::uint8_t *> (p);
    }
    give_back (size, at);
    return nullptr;
  }
  void unmap (std::uint8_t *p, std::size_t size, off_t at)
  {
    ::munmap (p, size);
    give_back (size, at);
  }

private:
  struct Places {
    off_t end = 0;
    std::vector<off_t> free; // of chunk_size
  };
  off_t place (std::size_t size)
  {
    const auto p = places_.lock ();
    if (size == chunk_size && !p->free.empty ()) {
      const off_t at = p->free.back ();
      p->free.pop_back ();
      return at;
    }
    const off_t at = p->end;
    p->end += static_cast<off_t> (size);
    return at;
  }
  void give_back (std::size_t size, off_t at)
  {
    if (size == chunk_size)
      places_.lock ()->free.push_back (at);
    else
      (void)::fallocate (
          fd_, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, static_cast<off_t> (size));
  }

  const int fd_;
  Guarded<Places> places_;
};

class FileStore::Chunk final : public Shared {
public:
  Chunk (std::shared_ptr<File> file, std::size_t size)
      : file_ (std::move (file)), size_ (size), data_ (file_->map (size, at_))
  {
  }
  ~Chunk () override
  {
    if (data_)
      file_->unmap (data_, size_, at_);
  }
  std::span<std::uint8_t> bytes () { return {data_, data_ ? size_ : 0}; }

private:
  const std::shared_ptr<File> file_;
  const std::size_t size_;
  off_t at_ = 0;
  std::uint8_t *data_;
};

std::unique_ptr<FileStore> FileStore::open (std::string folder, std::string &error)
{
  if (folder.empty ())
    folder = "/var/tmp"; // where /tmp may be memory
  const int fd = ::open (folder.c_str (), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0) {
    error = "no file without a name can be made in " + folder + ": " + std::strerror (errno);
    return nullptr;
  }
  return std::unique_ptr<FileStore> (new FileStore (std::make_shared<File> (fd)));
}

FileStore::Piece FileStore::take (std::size_t size)
{
  const std::size_t needed = rounded (size, alignment);
  if (needed > chunk_size / 2) { // alone
    const auto page = static_cast<std::size_t> (::sysconf (_SC_PAGESIZE));
    auto c = Counted<Chunk>::make (file_, rounded (size, page));
    return c->bytes ().empty () ? Piece{} : Piece{c->bytes ().first (size), c};
  }
  if (needed > left_.size ()) {
    chunk_ = {};
    auto c = Counted<Chunk>::make (file_, chunk_size);
    left_ = c->bytes ();
    chunk_ = c;
    if (left_.empty ())
      return {};
  }
  const Piece p{left_.first (size), chunk_};
  left_ = left_.subspan (needed);
  return p;
}
} // namespace reach
