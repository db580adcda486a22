// SPDX-License-Identifier: LGPL-2.1-or-later
#include "hello.h"
#include "text.h"

namespace reach::cam {
namespace {
constexpr std::uint8_t flag_list_complete = 1, flag_unlimited = 2, flag_relay = 4,
                       flag_temporary_guid = 8;
constexpr std::uint8_t flag_sparse = 1, flag_eos = 2;
constexpr std::size_t stream_fixed = 18; // bytes of an entry without its texts and tags
constexpr std::size_t hello_without_list = 58 + 3 * (2 + max_guid) + 2 + max_token;

bool clean (std::string_view s)
{
  return s.find ('\0') == s.npos;
}

template <typename E> bool get_enum (ByteReader &r, E &to, E last)
{
  const std::uint8_t v = r.u8 ();
  to = static_cast<E> (v);
  return v <= static_cast<std::uint8_t> (last);
}

template <typename T> std::optional<T> unless_failed (const ByteReader &r, T value)
{
  if (r.failed ())
    return std::nullopt;
  return value;
}

void put_stream (ByteWriter &w, const StreamInfo &s)
{
  const std::size_t start = w.size ();
  w.u32 (0);
  w.u16 (s.id);
  w.u8 (static_cast<std::uint8_t> (s.type));
  w.u8 (static_cast<std::uint8_t> ((s.sparse ? flag_sparse : 0) | (s.eos ? flag_eos : 0)));
  w.u16 (s.index);
  put_string (w, s.stream_id, max_string);
  put_string (w, s.caps, max_caps);
  w.u16 (static_cast<std::uint16_t> (s.tags.size ()));
  w.bytes (s.tags);
  if (!s.global_tags.empty ()) {
    w.u16 (static_cast<std::uint16_t> (s.global_tags.size ()));
    w.bytes (s.global_tags);
  }
  w.patch (start, static_cast<std::uint32_t> (w.size () - start - 4));
}

bool get_tags (ByteReader &r, std::vector<std::uint8_t> &to)
{
  const std::size_t n = r.u16 ();
  const Bytes tags = r.take (n);
  to.assign (tags.begin (), tags.end ());
  return n <= max_tags;
}

bool get_stream (ByteReader &list, StreamInfo &s)
{
  ByteReader r (list.take (list.u32 ()));
  s.id = r.u16 ();
  if (!get_enum (r, s.type, MediaType::file))
    return false;
  const std::uint8_t flags = r.u8 ();
  s.sparse = flags & flag_sparse;
  s.eos = flags & flag_eos;
  s.index = r.u16 ();
  if (!get_string (r, s.stream_id, max_string) || !get_string (r, s.caps, max_caps))
    return false;
  if (!get_tags (r, s.tags) || (r.left () > 0 && !get_tags (r, s.global_tags)))
    return false;
  return !r.failed () && !list.failed ();
}

// False: some are left out.
bool put_list (ByteWriter &w, const std::vector<StreamInfo> &streams, std::size_t most = max_hello)
{
  const std::size_t count_at = w.size ();
  std::uint16_t n = 0;
  w.u16 (0);
  for (const StreamInfo &s : streams) {
    const std::size_t size = stream_fixed + s.stream_id.size () + s.caps.size () + s.tags.size () +
                             s.global_tags.size ();
    if (n == max_streams || !fits (s) || w.size () + size > most)
      continue;
    put_stream (w, s);
    n++;
  }
  w.patch (count_at, n);
  return n == streams.size ();
}

bool get_list (ByteReader &r, std::vector<StreamInfo> &streams)
{
  const std::size_t n = r.u16 ();
  if (n > max_streams)
    return false;
  std::vector<std::uint16_t> ids;
  for (std::size_t i = 0; i < n; i++) {
    StreamInfo s;
    if (!get_stream (r, s) || std::ranges::count (ids, s.id))
      return false;
    ids.push_back (s.id);
    streams.push_back (std::move (s));
  }
  return !r.failed ();
}
} // namespace

bool fits (const StreamInfo &s)
{
  return s.stream_id.size () <= max_string && s.caps.size () <= max_caps &&
         s.tags.size () <= max_tags && s.global_tags.size () <= max_tags && clean (s.stream_id) &&
         clean (s.caps);
}

std::vector<std::uint8_t> encode (const Hello &h, std::size_t most)
{
  ByteWriter list, w;
  const bool all = put_list (list, h.streams, most - hello_without_list);
  w.u32 (hello_magic);
  w.u16 (h.version);
  w.u8 (static_cast<std::uint8_t> (h.role));
  w.u8 (static_cast<std::uint8_t> (h.type));
  w.u8 (h.media_types);
  w.u8 (static_cast<std::uint8_t> ((h.list_complete && all ? flag_list_complete : 0) |
                                   (h.unlimited ? flag_unlimited : 0) | (h.relay ? flag_relay : 0) |
                                   (h.temporary_guid ? flag_temporary_guid : 0)));
  w.u64 (h.run_id);
  w.u64 (h.session_key);
  w.u64 (h.link_key);
  w.i64 (h.running_time);
  w.i64 (h.latency);
  w.u32 (h.latency_ms);
  w.u32 (h.timeout_ms);
  put_string (w, h.guid, max_guid);
  put_string (w, h.guid_to, max_guid);
  put_string (w, h.guid_group, max_guid);
  w.bytes (list.take ());
  if (!h.token.empty ())
    put_string (w, h.token, max_token);
  return w.take ();
}

std::optional<Hello> decode_hello (Bytes in)
{
  if (in.size () > max_hello)
    return std::nullopt;
  ByteReader r (in);
  Hello h;
  if (r.u32 () != hello_magic)
    return std::nullopt;
  h.version = r.u16 ();
  if (r.failed () || h.version == 0)
    return std::nullopt;
  if (h.version != hello_version)
    return h;
  if (!get_enum (r, h.role, LinkRole::receiver) || !get_enum (r, h.type, MediaType::file))
    return std::nullopt;
  h.media_types = r.u8 () & all_types;
  const std::uint8_t flags = r.u8 ();
  h.list_complete = flags & flag_list_complete;
  h.unlimited = flags & flag_unlimited;
  h.relay = flags & flag_relay;
  h.temporary_guid = flags & flag_temporary_guid;
  h.run_id = r.u64 ();
  h.session_key = r.u64 ();
  h.link_key = r.u64 ();
  h.running_time = r.i64 ();
  h.latency = r.i64 ();
  h.latency_ms = r.u32 ();
  h.timeout_ms = r.u32 ();
  if (!get_string (r, h.guid, max_guid) || !get_string (r, h.guid_to, max_guid) ||
      !get_string (r, h.guid_group, max_guid) || !get_list (r, h.streams))
    return std::nullopt;
  if (r.left () > 0 && !get_string (r, h.token, max_token))
    h.token.clear (); // something that is not known here
  return h;
}

void put_stream_list (ByteWriter &w, const StreamList &l)
{
  w.u8 (l.list_complete ? flag_list_complete : 0);
  put_list (w, l.streams);
}

bool get_stream_list (ByteReader &r, StreamList &l)
{
  l.list_complete = r.u8 () & flag_list_complete;
  return get_list (r, l.streams);
}

std::vector<std::uint8_t> encode (const StreamList &l)
{
  ByteWriter w;
  put_stream_list (w, l);
  return w.take ();
}

std::optional<StreamList> decode_streams (Bytes in)
{
  if (in.size () > max_hello)
    return std::nullopt;
  ByteReader r (in);
  StreamList l;
  if (!get_stream_list (r, l))
    return std::nullopt;
  return l;
}

std::vector<std::uint8_t> encode (const Refuse &x)
{
  ByteWriter w;
  w.u16 (x.code);
  put_string (w, x.text, max_string);
  return w.take ();
}

std::optional<Refuse> decode_refuse (Bytes in)
{
  ByteReader r (in);
  Refuse x;
  x.code = r.u16 ();
  if (!get_string (r, x.text, max_string))
    return std::nullopt;
  return x;
}

std::vector<std::uint8_t> encode (const Ping &p)
{
  ByteWriter w;
  w.u64 (p.id);
  w.i64 (p.running_time);
  w.i64 (p.latency);
  w.u32 (p.epoch);
  return w.take ();
}

std::optional<Ping> decode_ping (Bytes in)
{
  ByteReader r (in);
  Ping p;
  p.id = r.u64 ();
  p.running_time = r.i64 ();
  p.latency = r.i64 ();
  p.epoch = r.u32 ();
  return unless_failed (r, p);
}

std::vector<std::uint8_t> encode (const Pong &p)
{
  ByteWriter w;
  w.u64 (p.id);
  return w.take ();
}

std::optional<Pong> decode_pong (Bytes in)
{
  ByteReader r (in);
  const Pong p{r.u64 ()};
  return unless_failed (r, p);
}

std::vector<std::uint8_t> encode (const Request &x)
{
  ByteWriter w;
  w.u32 (x.bytes);
  return w.take ();
}

std::optional<Request> decode_request (Bytes in)
{
  ByteReader r (in);
  const Request x{r.u32 ()};
  return unless_failed (r, x);
}

std::vector<std::uint8_t> encode (const Bye &b)
{
  return {static_cast<std::uint8_t> (b.reason)};
}

std::optional<Bye> decode_bye (Bytes in)
{
  ByteReader r (in);
  Bye b;
  if (!get_enum (r, b.reason, ByeReason::replaced))
    b.reason = ByeReason::stopping;
  return unless_failed (r, b);
}
} // namespace reach::cam
