// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dcep.h"

namespace reach::rtc {
namespace {
constexpr std::uint8_t type_ack = 2, type_open = 3;
constexpr std::uint8_t unordered = 0x80, rexmit = 1, timed = 2;
} // namespace

// OPEN: type, channel type, priority (2), reliability (4), label length (2), protocol length (2),
// label, protocol.
std::vector<std::uint8_t> dcep_build (const DcepMessage &message)
{
  ByteWriter w;
  const auto *open = std::get_if<DcepOpen> (&message);
  if (!open) {
    w.u8 (type_ack);
    return w.take ();
  }
  const Reliability &r = open->reliability;
  std::uint8_t kind = r.ordered ? 0 : unordered;
  kind |= r.max_retransmits ? rexmit : r.max_lifetime ? timed : 0;
  const std::string label = open->label.substr (0, 0xffff);
  const std::string protocol = open->protocol.substr (0, 0xffff);
  w.u8 (type_open);
  w.u8 (kind);
  w.u16 (open->priority);
  w.u32 (r.max_retransmits ? *r.max_retransmits : r.max_lifetime.value_or (0));
  w.u16 (static_cast<std::uint16_t> (label.size ()));
  w.u16 (static_cast<std::uint16_t> (protocol.size ()));
  w.bytes (as_bytes (label));
  w.bytes (as_bytes (protocol));
  return w.take ();
}

std::optional<DcepMessage> dcep_parse (Bytes in, std::size_t max_string)
{
  ByteReader r (in);
  const std::uint8_t type = r.u8 ();
  if (type == type_ack && in.size () == 1)
    return DcepMessage (DcepAck{});
  if (type != type_open)
    return {};
  DcepOpen open;
  const std::uint8_t kind = r.u8 ();
  open.priority = r.u16 ();
  const std::uint32_t parameter = r.u32 ();
  const std::size_t label = r.u16 (), protocol = r.u16 ();
  if (r.failed () || label > max_string || protocol > max_string || r.left () != label + protocol)
    return {};
  open.reliability.ordered = !(kind & unordered);
  switch (kind & ~unordered) {
  case 0:
    break;
  case rexmit:
    open.reliability.max_retransmits = parameter;
    break;
  case timed:
    open.reliability.max_lifetime = parameter;
    break;
  default:
    return {};
  }
  const auto text = [] (Bytes b) {
    return std::string (reinterpret_cast<const char *> (b.data ()), b.size ());
  };
  open.label = text (r.take (label));
  open.protocol = text (r.take (protocol));
  return DcepMessage (std::move (open));
}
} // namespace reach::rtc
