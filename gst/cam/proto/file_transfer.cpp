// SPDX-License-Identifier: LGPL-2.1-or-later
#include "file_transfer.h"
#include <algorithm>

namespace reach::cam {
namespace {
// Sizes and positions fit the signed offsets of every file API.
constexpr std::uint64_t max_size = INT64_MAX;
} // namespace

std::vector<std::uint8_t> encode (const FileBegin &b)
{
  ByteWriter w;
  w.u64 (b.id);
  w.u64 (b.size);
  w.u64 (b.offset);
  w.i64 (b.mtime);
  w.str16 (std::string_view (b.name).substr (0, max_file_name));
  const bool passed_on = b.origin_run != 0 || b.origin_id != 0;
  write (b.envelope, w, passed_on);
  if (passed_on) {
    w.u64 (b.origin_run);
    w.u64 (b.origin_id);
  }
  return w.take ();
}

std::optional<FileBegin> decode_file_begin (Bytes in)
{
  ByteReader r (in);
  FileBegin b;
  b.id = r.u64 ();
  b.size = r.u64 ();
  b.offset = r.u64 ();
  b.mtime = r.i64 ();
  b.name = r.str16 (max_file_name);
  if (!read (r, b.envelope))
    return std::nullopt;
  if (r.left () >= 16) {
    b.origin_run = r.u64 ();
    b.origin_id = r.u64 ();
  }
  if (r.failed () || b.id == 0 || b.size > max_size || b.offset > b.size)
    return std::nullopt;
  return b;
}

void write (const FileData &d, std::uint8_t *out)
{
  store_be (out, d.id);
  store_be (out + 8, d.position);
}

std::optional<FileData> decode_file_data (Bytes in)
{
  ByteReader r (in);
  FileData d;
  d.id = r.u64 ();
  d.position = r.u64 ();
  if (r.failed () || d.id == 0 || d.position > max_size)
    return std::nullopt;
  return d;
}

std::vector<std::uint8_t> encode (const FileEnd &e)
{
  ByteWriter w;
  w.u64 (e.id);
  w.bytes (e.sum);
  return w.take ();
}

std::optional<FileEnd> decode_file_end (Bytes in)
{
  ByteReader r (in);
  FileEnd e;
  e.id = r.u64 ();
  const Bytes sum = r.take (e.sum.size ());
  if (r.failed () || e.id == 0)
    return std::nullopt;
  std::copy (sum.begin (), sum.end (), e.sum.begin ());
  return e;
}

std::vector<std::uint8_t> encode (const FileAck &a)
{
  ByteWriter w;
  w.u64 (a.id);
  w.u8 (static_cast<std::uint8_t> (a.status));
  w.u64 (a.bytes);
  return w.take ();
}

std::optional<FileAck> decode_file_ack (Bytes in)
{
  ByteReader r (in);
  FileAck a;
  a.id = r.u64 ();
  a.status = static_cast<FileStatus> (r.u8 ());
  a.bytes = r.u64 ();
  if (r.failed () || a.id == 0 || a.status > FileStatus::no_receiver || a.bytes > max_size)
    return std::nullopt;
  return a;
}

std::vector<std::uint8_t> encode (const FileAbandon &a)
{
  ByteWriter w;
  w.u64 (a.id);
  return w.take ();
}

std::optional<FileAbandon> decode_file_abandon (Bytes in)
{
  ByteReader r (in);
  const FileAbandon a{r.u64 ()};
  if (r.failed () || a.id == 0)
    return std::nullopt;
  return a;
}
} // namespace reach::cam
