// SPDX-License-Identifier: LGPL-2.1-or-later
#include "command.h"
#include "text.h"
#include <bit>

namespace reach::cam {
namespace {
bool good_name (std::string_view name)
{
  return !name.empty () && name.size () <= max_command_name && is_text (name);
}

struct ValueWriter {
  ByteWriter &w;
  void operator() (std::monostate) {}
  void operator() (bool v) { w.u8 (v); }
  void operator() (std::int32_t v) { w.u32 (static_cast<std::uint32_t> (v)); }
  void operator() (std::uint32_t v) { w.u32 (v); }
  void operator() (std::int64_t v) { w.i64 (v); }
  void operator() (std::uint64_t v) { w.u64 (v); }
  void operator() (double v) { w.u64 (std::bit_cast<std::uint64_t> (v)); }
  void operator() (const std::string &v) { blob (as_bytes (v)); }
  void operator() (const std::vector<std::uint8_t> &v) { blob (v); }
  void blob (Bytes b)
  {
    w.u32 (static_cast<std::uint32_t> (b.size ()));
    w.bytes (b);
  }
};

bool read_value (ByteReader &r, CommandValue &to)
{
  switch (r.u8 ()) {
  case 0:
    to = std::monostate{};
    break;
  case 1: {
    const std::uint8_t v = r.u8 ();
    to = v == 1;
    return v <= 1;
  }
  case 2:
    to = static_cast<std::int32_t> (r.u32 ());
    break;
  case 3:
    to = r.u32 ();
    break;
  case 4:
    to = r.i64 ();
    break;
  case 5:
    to = r.u64 ();
    break;
  case 6:
    to = std::bit_cast<double> (r.u64 ());
    break;
  case 7: {
    const Bytes b = r.take (r.u32 ());
    std::string s (reinterpret_cast<const char *> (b.data ()), b.size ());
    const bool ok = is_text (s);
    to = std::move (s);
    return ok;
  }
  case 8: {
    const Bytes b = r.take (r.u32 ());
    to = std::vector<std::uint8_t> (b.begin (), b.end ());
    break;
  }
  default:
    return false;
  }
  return true;
}

// Values are copied once the size is known to fit.
std::size_t size_of (const CommandValue &v)
{
  if (const auto *s = std::get_if<std::string> (&v))
    return s->size ();
  if (const auto *b = std::get_if<std::vector<std::uint8_t>> (&v))
    return b->size ();
  return 8;
}
} // namespace

std::optional<std::vector<std::uint8_t>> encode (const Command &c)
{
  if (!good_name (c.name) || c.parameters.size () > max_parameters || !fits (c.envelope))
    return std::nullopt;
  ByteWriter w;
  w.u64 (c.id);
  w.str16 (c.name);
  w.u16 (static_cast<std::uint16_t> (c.parameters.size ()));
  for (const Parameter &p : c.parameters) {
    const auto *text = std::get_if<std::string> (&p.value);
    if (!good_name (p.name) || size_of (p.value) > max_command || (text && !is_text (*text)))
      return std::nullopt;
    w.str16 (p.name);
    w.u8 (static_cast<std::uint8_t> (p.value.index ()));
    std::visit (ValueWriter{w}, p.value);
    if (w.size () > max_command)
      return std::nullopt;
  }
  write (c.envelope, w);
  return w.size () > max_command ? std::nullopt : std::optional (w.take ());
}

namespace {
std::optional<Command> decode_any (Bytes in, std::size_t limit, bool with_envelope)
{
  if (in.size () > limit)
    return std::nullopt;
  ByteReader r (in);
  Command c;
  c.id = r.u64 ();
  c.name = r.str16 (max_command_name);
  const std::size_t n = r.u16 ();
  if (r.failed () || !good_name (c.name) || n > max_parameters)
    return std::nullopt;
  for (std::size_t i = 0; i < n; i++) {
    Parameter p;
    p.name = r.str16 (max_command_name);
    if (!read_value (r, p.value) || r.failed () || !good_name (p.name))
      return std::nullopt;
    c.parameters.push_back (std::move (p));
  }
  if (with_envelope && !read (r, c.envelope))
    return std::nullopt;
  return c;
}
} // namespace

std::optional<Command> decode_command (Bytes in, std::size_t limit)
{
  return command_id (in) == 0 ? std::nullopt : decode_any (in, limit, true);
}

std::optional<Command> decode_bare_command (Bytes in, std::size_t limit)
{
  auto c = decode_any (in, limit, false);
  if (c)
    c->id = 0;
  return c;
}

std::uint64_t command_id (Bytes in)
{
  return ByteReader (in).u64 ();
}

std::vector<std::uint8_t> encode (const CommandAck &a)
{
  ByteWriter w;
  w.u64 (a.id);
  w.u8 (static_cast<std::uint8_t> (a.status));
  return w.take ();
}

std::optional<CommandAck> decode_command_ack (Bytes in)
{
  ByteReader r (in);
  CommandAck a;
  a.id = r.u64 ();
  a.status = static_cast<CommandStatus> (r.u8 ());
  if (r.failed () || a.status > CommandStatus::gave_up)
    return std::nullopt;
  return a;
}
} // namespace reach::cam
