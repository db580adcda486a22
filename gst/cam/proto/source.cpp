// SPDX-License-Identifier: LGPL-2.1-or-later
#include "source.h"
#include "text.h"

namespace reach::cam {
const char *ask_status_text (AskStatus s)
{
  switch (s) {
  case AskStatus::ok:
    return "done";
  case AskStatus::unknown_ask:
    return "the server does not know this";
  case AskStatus::malformed:
    return "a parameter is missing or not as it should be";
  case AskStatus::not_served:
    return "this server does not answer that";
  case AskStatus::no_such_client:
    return "no such client";
  case AskStatus::no_such_group:
    return "no such group";
  case AskStatus::wrong_password:
    return "wrong password";
  case AskStatus::not_allowed:
    return "not allowed";
  case AskStatus::limit:
    return "the server's limit is reached";
  case AskStatus::exists:
    return "it is so already";
  case AskStatus::not_found:
    return "not found";
  case AskStatus::offline:
    return "the other client is not online";
  case AskStatus::too_fast:
    return "asked too often, try again later";
  }
  return "unknown status";
}

std::vector<std::uint8_t> encode (const Source &s)
{
  ByteWriter w;
  w.u32 (s.number);
  w.u8 (static_cast<std::uint8_t> (s.state));
  w.u8 (0); // flags
  w.u64 (s.run_id);
  w.u64 (s.session_key);
  w.i64 (s.running_time);
  w.i64 (s.latency);
  w.u32 (s.epoch);
  put_string (w, s.guid, max_guid);
  put_string (w, s.group, max_guid);
  put_stream_list (w, s.streams);
  return w.take ();
}

std::optional<Source> decode_source (Bytes in)
{
  if (in.size () > max_hello)
    return std::nullopt;
  ByteReader r (in);
  Source s;
  s.number = r.u32 ();
  s.state = static_cast<SourceState> (std::min<std::uint8_t> (r.u8 (), 3));
  r.u8 ();
  s.run_id = r.u64 ();
  s.session_key = r.u64 ();
  s.running_time = r.i64 ();
  s.latency = r.i64 ();
  s.epoch = r.u32 ();
  if (!get_string (r, s.guid, max_guid) || !get_string (r, s.group, max_guid) ||
      !get_stream_list (r, s.streams))
    return std::nullopt;
  return s;
}

std::vector<std::uint8_t> encode (const SourceClock &c)
{
  ByteWriter w;
  w.u32 (c.number);
  w.i64 (c.running_time);
  w.i64 (c.latency);
  w.u32 (c.epoch);
  return w.take ();
}

std::optional<SourceClock> decode_source_clock (Bytes in)
{
  ByteReader r (in);
  SourceClock c;
  c.number = r.u32 ();
  c.running_time = r.i64 ();
  c.latency = r.i64 ();
  c.epoch = r.u32 ();
  if (r.failed ())
    return std::nullopt;
  return c;
}

std::optional<std::vector<std::uint8_t>> encode (const Ask &a)
{
  const auto body = a.id == 0 ? std::nullopt : encode_notice (a.what);
  if (!body)
    return std::nullopt;
  ByteWriter w;
  w.u32 (a.id);
  w.bytes (*body);
  return w.take ();
}

std::optional<Ask> decode_ask (Bytes in)
{
  ByteReader r (in);
  const std::uint32_t id = r.u32 ();
  auto what = decode_bare_command (r.take (r.left ()));
  if (id == 0 || !what)
    return std::nullopt;
  return Ask{id, std::move (*what)};
}

std::vector<std::uint8_t> encode (const Answer &a)
{
  AskStatus status = a.status;
  auto result = encode_notice (a.result);
  if (!result) {
    if (status == AskStatus::ok)
      status = AskStatus::limit;
    Command bare;
    bare.name = "answer";
    result = encode_notice (bare);
  }
  ByteWriter w;
  w.u32 (a.id);
  w.u16 (static_cast<std::uint16_t> (status));
  put_string (w, a.text, max_string);
  w.bytes (*result);
  return w.take ();
}

std::optional<Answer> decode_answer (Bytes in)
{
  ByteReader r (in);
  Answer a;
  a.id = r.u32 ();
  a.status = static_cast<AskStatus> (r.u16 ());
  if (!get_string (r, a.text, max_string))
    return std::nullopt;
  auto result = decode_bare_command (r.take (r.left ()));
  if (!result)
    return std::nullopt;
  a.result = std::move (*result);
  return a;
}

std::optional<std::vector<std::uint8_t>> encode_notice (const Command &what)
{
  if (what.id == 0)
    return encode (what);
  Command bare = what;
  bare.id = 0;
  return encode (bare);
}

std::optional<Command> decode_notice (Bytes in)
{
  return decode_bare_command (in);
}

std::vector<std::uint8_t> encode_strings (std::span<const std::string> strings)
{
  ByteWriter w;
  for (const std::string &s : strings)
    w.str16 (s);
  return w.take ();
}

std::optional<std::vector<std::string>> decode_strings (Bytes in)
{
  std::vector<std::string> strings;
  for (ByteReader r (in); r.left () > 0;) {
    std::string s;
    if (!get_string (r, s, max_string) || !is_text (s))
      return std::nullopt;
    strings.push_back (std::move (s));
  }
  return strings;
}
} // namespace reach::cam
