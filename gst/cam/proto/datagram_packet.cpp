// SPDX-License-Identifier: LGPL-2.1-or-later
#include "datagram_packet.h"

namespace reach::cam {

const char *datagram_fault_name (DatagramFault f)
{
  static constexpr const char *names[] = {"none", "closed here", "closed by the peer", "refused",
      "version not supported", "timed out", "malformed packets", "message too big",
      "storage refused", "packet numbers exhausted"};
  return names[static_cast<std::size_t> (f)];
}

namespace {
// What all handshake packets begin with: type, version, two bytes of their own, the client's two
// ids.
void write_common (std::uint8_t *out, PacketType type, std::uint8_t version, std::uint16_t own,
    std::uint32_t cid, std::uint64_t id)
{
  out[0] = static_cast<std::uint8_t> (type);
  out[1] = version;
  store_be (out + 2, own);
  store_be (out + 4, cid);
  store_be (out + 8, id);
}

bool is (Bytes in, PacketType type, std::size_t size)
{
  return in.size () >= size && in[0] == static_cast<std::uint8_t> (type);
}
} // namespace

std::optional<SynPacket> SynPacket::parse (Bytes in)
{
  if (!is (in, PacketType::syn, size))
    return {};
  const std::uint8_t *p = in.data ();
  SynPacket s;
  s.version = p[1];
  s.latency_ms = load_be<std::uint16_t> (p + 2);
  s.client_cid = load_be<std::uint32_t> (p + 4);
  s.client_id = load_be<std::uint64_t> (p + 8);
  s.number = load_be48 (p + 16);
  s.first_message = load_be<std::uint32_t> (p + 22);
  s.message_window = load_be<std::uint32_t> (p + 26);
  s.byte_window = load_be<std::uint32_t> (p + 30);
  s.bucket = load_be<std::uint32_t> (p + 34);
  std::copy_n (p + 38, Mac::size, s.cookie.begin ());
  return s;
}

void SynPacket::write (std::span<std::uint8_t, size> out) const
{
  std::uint8_t *p = out.data ();
  write_common (p, PacketType::syn, version, latency_ms, client_cid, client_id);
  store_be48 (p + 16, number);
  store_be (p + 22, first_message);
  store_be (p + 26, message_window);
  store_be (p + 30, byte_window);
  store_be (p + 34, bucket);
  std::copy (cookie.begin (), cookie.end (), p + 38);
  std::fill (p + 54, p + size, std::uint8_t{0});
}

std::optional<CookiePacket> CookiePacket::parse (Bytes in)
{
  if (!is (in, PacketType::cookie, size) || in[1] != datagram_version)
    return {};
  CookiePacket c;
  c.client_cid = load_be<std::uint32_t> (in.data () + 4);
  c.client_id = load_be<std::uint64_t> (in.data () + 8);
  c.bucket = load_be<std::uint32_t> (in.data () + 16);
  std::copy_n (in.data () + 20, Mac::size, c.cookie.begin ());
  return c;
}

void CookiePacket::write (std::span<std::uint8_t, size> out) const
{
  write_common (out.data (), PacketType::cookie, datagram_version, 0, client_cid, client_id);
  store_be (out.data () + 16, bucket);
  std::copy (cookie.begin (), cookie.end (), out.data () + 20);
}

std::optional<AcceptPacket> AcceptPacket::parse (Bytes in)
{
  if (!is (in, PacketType::accept, size) || in[1] != datagram_version)
    return {};
  const std::uint8_t *p = in.data ();
  AcceptPacket a;
  a.latency_ms = load_be<std::uint16_t> (p + 2);
  a.client_cid = load_be<std::uint32_t> (p + 4);
  a.client_id = load_be<std::uint64_t> (p + 8);
  a.number = load_be48 (p + 16);
  a.first_message = load_be<std::uint32_t> (p + 22);
  a.message_window = load_be<std::uint32_t> (p + 26);
  a.byte_window = load_be<std::uint32_t> (p + 30);
  a.server_cid = load_be<std::uint32_t> (p + 34);
  return a;
}

void AcceptPacket::write (std::span<std::uint8_t, size> out) const
{
  std::uint8_t *p = out.data ();
  write_common (p, PacketType::accept, datagram_version, latency_ms, client_cid, client_id);
  store_be48 (p + 16, number);
  store_be (p + 22, first_message);
  store_be (p + 26, message_window);
  store_be (p + 30, byte_window);
  store_be (p + 34, server_cid);
  std::fill (p + 38, p + size, std::uint8_t{0});
}

std::optional<RejectPacket> RejectPacket::parse (Bytes in)
{
  if (!is (in, PacketType::reject, size))
    return {};
  RejectPacket r;
  r.reason = static_cast<RejectReason> (in[2]);
  r.client_cid = load_be<std::uint32_t> (in.data () + 4);
  r.client_id = load_be<std::uint64_t> (in.data () + 8);
  return r;
}

void RejectPacket::write (std::span<std::uint8_t, size> out) const
{
  const auto own = static_cast<std::uint16_t> (static_cast<unsigned> (reason) << 8);
  write_common (out.data (), PacketType::reject, datagram_version, own, client_cid, client_id);
}

std::optional<DataHeader> DataHeader::parse (Bytes in)
{
  if (!is (in, PacketType::data, size))
    return {};
  DataHeader h;
  h.cid = load_be<std::uint32_t> (in.data () + 1);
  h.number = load_be48 (in.data () + 5);
  h.timestamp = load_be<std::uint32_t> (in.data () + 11);
  return h;
}

void DataHeader::write (std::uint8_t *out) const
{
  out[0] = static_cast<std::uint8_t> (PacketType::data);
  store_be (out + 1, cid);
  store_be48 (out + 5, number);
  store_be (out + 11, timestamp);
}

void FragmentHeader::write (std::uint8_t *out) const
{
  out[0] =
      static_cast<std::uint8_t> (reliable ? FrameType::reliable_fragment : FrameType::fragment);
  store_be (out + 1, message);
  store_be (out + 5, reliable_before);
  store_be (out + 7, created);
  store_be (out + 11, since_previous);
  store_be (out + 13, total);
  store_be (out + 17, offset);
  store_be (out + 21, length);
}

void AckFrame::write (std::uint8_t *out) const
{
  out[0] = static_cast<std::uint8_t> (FrameType::ack);
  out[1] = static_cast<std::uint8_t> (count);
  store_be48 (out + 2, ranges[0].last);
  store_be (out + 8, delay_us);
  store_be (out + 12, next_message);
  store_be (out + 16, static_cast<std::uint16_t> (ranges[0].last - ranges[0].first));
  for (std::size_t i = 1; i < count; i++) {
    std::uint8_t *p = out + 14 + 4 * i;
    store_be (p, static_cast<std::uint16_t> (ranges[i - 1].first - ranges[i].last - 2));
    store_be (p + 2, static_cast<std::uint16_t> (ranges[i].last - ranges[i].first));
  }
}

bool FrameReader::read_ack (ByteReader &r)
{
  ack.count = r.u8 ();
  if (ack.count == 0 || ack.count > AckFrame::max_ranges || r.left () < ack.wire_size () - 2)
    return false;
  std::uint64_t last = std::uint64_t{r.u16 ()} << 32;
  last |= r.u32 ();
  ack.delay_us = r.u32 ();
  ack.next_message = r.u32 ();
  for (std::size_t i = 0; i < ack.count; i++) {
    if (i > 0) {
      const std::uint64_t gap = std::uint64_t{r.u16 ()} + 2;
      if (gap > ack.ranges[i - 1].first)
        return false;
      last = ack.ranges[i - 1].first - gap;
    }
    const std::uint64_t more = r.u16 ();
    if (more > last)
      return false;
    ack.ranges[i] = {last - more, last};
  }
  return true;
}

bool FrameReader::read_fragment (ByteReader &r, bool reliable)
{
  if (r.left () < FragmentHeader::size - 1)
    return false;
  fragment.reliable = reliable;
  fragment.message = r.u32 ();
  fragment.reliable_before = r.u16 ();
  fragment.created = r.u32 ();
  fragment.since_previous = r.u16 ();
  fragment.total = r.u32 ();
  fragment.offset = r.u32 ();
  fragment.length = r.u16 ();
  payload = r.take (fragment.length);
  return !r.failed () && fragment.length > 0 && fragment.total >= MessageHeader::size &&
         fragment.offset < fragment.total && fragment.length <= fragment.total - fragment.offset;
}

bool FrameReader::next ()
{
  if (in_.empty () || malformed_)
    return false;
  ByteReader r (in_);
  type = static_cast<FrameType> (r.u8 ());
  bool good = true;
  switch (type) {
  case FrameType::padding:
  case FrameType::ping:
  case FrameType::close_answer:
    break;
  case FrameType::ack:
    good = read_ack (r);
    break;
  case FrameType::fragment:
  case FrameType::reliable_fragment:
    good = read_fragment (r, type == FrameType::reliable_fragment);
    break;
  case FrameType::path_challenge:
  case FrameType::path_response:
    token = r.u64 ();
    break;
  case FrameType::close:
    reason = r.u8 ();
    break;
  case FrameType::forward:
    oldest = r.u32 ();
    break;
  default:
    good = false;
  }
  malformed_ = !good || r.failed ();
  in_ = malformed_ ? Bytes{} : in_.last (r.left ());
  return !malformed_;
}
} // namespace reach::cam
