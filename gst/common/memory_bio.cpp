// SPDX-License-Identifier: LGPL-2.1-or-later
#include "memory_bio.h"
#include <algorithm>
#include <cstring>
#include <new>

namespace reach {
BIO *MemoryBio::make ()
{
  static BIO_METHOD *const method = [] {
    BIO_METHOD *m = BIO_meth_new (BIO_TYPE_SOURCE_SINK, "reach");
    BIO_meth_set_read (m, read);
    BIO_meth_set_write (m, write);
    BIO_meth_set_ctrl (m, control);
    return m;
  }();
  BIO *b = BIO_new (method);
  if (!b)
    throw std::bad_alloc ();
  BIO_set_data (b, this);
  BIO_set_init (b, 1);
  return b;
}

int MemoryBio::read (BIO *b, char *out, int n)
{
  auto &s = *static_cast<MemoryBio *> (BIO_get_data (b));
  BIO_clear_retry_flags (b);
  if (s.in.empty ()) {
    BIO_set_retry_read (b);
    return -1;
  }
  const std::size_t take = std::min (s.in.size (), static_cast<std::size_t> (n));
  std::memcpy (out, s.in.data (), take);
  // What a datagram has beyond the room for it is not the start of another one.
  s.in = s.datagrams_ ? Bytes{} : s.in.subspan (take);
  return static_cast<int> (take);
}

int MemoryBio::write (BIO *b, const char *in, int n)
{
  auto &s = *static_cast<MemoryBio *> (BIO_get_data (b));
  s.out_.bytes.insert (s.out_.bytes.end (), in, in + n);
  if (s.datagrams_)
    s.out_.sizes.push_back (static_cast<std::uint16_t> (n));
  return n;
}

long MemoryBio::control (BIO *, int command, long, void *)
{
  return command == BIO_CTRL_FLUSH ? 1 : 0;
}
} // namespace reach
