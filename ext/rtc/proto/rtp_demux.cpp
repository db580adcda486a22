// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtp_demux.h"
#include <algorithm>

namespace reach::rtc {
namespace {
bool same (Bytes a, const std::string &b)
{
  return std::ranges::equal (a, as_bytes (b));
}
} // namespace

DatagramKind kind_of_datagram (Bytes datagram)
{
  if (datagram.empty ())
    return DatagramKind::unknown;
  const std::uint8_t first = datagram[0];
  if (first <= 3)
    return DatagramKind::stun;
  if (first >= 16 && first <= 19)
    return DatagramKind::zrtp;
  if (first >= 20 && first <= 63)
    return DatagramKind::dtls;
  if (first >= 64 && first <= 79)
    return DatagramKind::turn_channel;
  if (first >= 80 && first <= 127)
    return DatagramKind::quic;
  if (first >= 128 && first <= 191) {
    if (datagram.size () < 2)
      return DatagramKind::unknown;
    // RFC 5761, 4: RTP's payload types 64 to 95 are not used beside RTCP.
    const bool rtcp = datagram[1] >= 192 && datagram[1] <= 223;
    return rtcp ? DatagramKind::rtcp : DatagramKind::rtp;
  }
  return first >= 192 ? DatagramKind::quic : DatagramKind::unknown;
}

void BundleDemux::configure (std::vector<DemuxStream> streams, const Ids &ids)
{
  ids_ = ids;
  std::vector<Known> kept;
  for (std::uint32_t i = 0; i < streams.size (); i++)
    for (const auto &s : streams[i].ssrcs)
      kept.push_back ({s.ssrc, i, s.use, true, packets_});
  learnt_ = 0;
  for (Known k : known_) {
    const std::uint32_t id = streams_[k.stream].id;
    const auto now = std::ranges::find (streams, id, &DemuxStream::id);
    const bool announced = std::ranges::find (kept, k.ssrc, &Known::ssrc) != kept.end ();
    if (k.announced || announced || now == streams.end ())
      continue;
    k.stream = static_cast<std::uint32_t> (now - streams.begin ());
    kept.push_back (k);
    learnt_++;
  }
  streams_ = std::move (streams);
  known_ = std::move (kept);
  last_ = 0;
}

BundleDemux::Known *BundleDemux::lookup (std::uint32_t ssrc)
{
  if (last_ < known_.size () && known_[last_].ssrc == ssrc)
    return &known_[last_];
  const auto k = std::ranges::find (known_, ssrc, &Known::ssrc);
  if (k == known_.end ())
    return nullptr;
  last_ = static_cast<std::size_t> (k - known_.begin ());
  return &*k;
}

std::optional<Routed> BundleDemux::find (std::uint32_t ssrc) const
{
  const auto k = std::ranges::find (known_, ssrc, &Known::ssrc);
  if (k == known_.end ())
    return {};
  return Routed{streams_[k->stream].id, k->use};
}

void BundleDemux::forget (std::uint32_t ssrc)
{
  const auto k = std::ranges::find (known_, ssrc, &Known::ssrc);
  if (k == known_.end () || k->announced)
    return;
  known_.erase (k);
  learnt_--;
}

const DemuxStream::Type *BundleDemux::type_of (std::uint32_t stream, std::uint8_t number) const
{
  const auto &types = streams_[stream].payload_types;
  const auto t = std::ranges::find (types, number, &DemuxStream::Type::number);
  return t == types.end () ? nullptr : &*t;
}

// The stream that its MID, and its RID if it has one, name.
std::optional<std::uint32_t> BundleDemux::by_text (const RtpPacket &p, Bytes &mid, Bytes &rid) const
{
  for (auto c = p.extensions (); const auto e = c.next ();) {
    if (e->id == ids_.mid)
      mid = e->value;
    else if (e->id == ids_.rid || e->id == ids_.repaired_rid)
      rid = e->value;
  }
  if (mid.empty () && rid.empty ())
    return {};
  std::optional<std::uint32_t> found;
  for (std::uint32_t i = 0; i < streams_.size (); i++) {
    const DemuxStream &s = streams_[i];
    if ((!mid.empty () && !same (mid, s.mid)) || (!rid.empty () && !same (rid, s.rid)))
      continue;
    // A MID alone is not enough where there are layers, unless the payload type decides.
    if (rid.empty () && !s.rid.empty () && type_of (i, p.payload_type ()) == nullptr)
      continue;
    if (found)
      return {};
    found = i;
  }
  return found;
}

std::optional<std::uint32_t> BundleDemux::by_type (std::uint8_t type) const
{
  std::optional<std::uint32_t> found;
  for (std::uint32_t i = 0; i < streams_.size (); i++)
    if (type_of (i, type)) {
      if (found)
        return {};
      found = i;
    }
  return found;
}

bool BundleDemux::make_room ()
{
  if (learnt_ < max_learnt_)
    return true;
  auto oldest = known_.end ();
  for (auto k = known_.begin (); k != known_.end (); ++k)
    if (!k->announced && (oldest == known_.end () || k->heard < oldest->heard))
      oldest = k;
  if (oldest == known_.end () || packets_ - oldest->heard < quiet_)
    return false;
  known_.erase (oldest);
  learnt_--;
  return true;
}

// A MID that is another section's takes the SSRC there (RFC 9143, 9.2).
bool BundleDemux::moved (const Known &k, const RtpPacket &p) const
{
  if (ids_.mid == 0 || !p.has_extension ())
    return false;
  const auto mid = p.extension (ids_.mid);
  return mid && !same (*mid, streams_[k.stream].mid);
}

BundleDemux::Known *BundleDemux::learn (const RtpPacket &p)
{
  Bytes mid, rid;
  auto stream = by_text (p, mid, rid);
  if (!stream && mid.empty () && rid.empty ())
    stream = by_type (p.payload_type ());
  const DemuxStream::Type *type = stream ? type_of (*stream, p.payload_type ()) : nullptr;
  if (!type || !make_room ()) {
    refused_++;
    return nullptr;
  }
  known_.push_back ({p.ssrc (), *stream, type->use, false, packets_});
  last_ = known_.size () - 1;
  learnt_++;
  return &known_.back ();
}

std::optional<Routed> BundleDemux::route (const RtpPacket &p)
{
  packets_++;
  Known *k = lookup (p.ssrc ());
  bool fresh = false;
  if (k && moved (*k, p)) {
    if (k->announced)
      return {};
    forget (p.ssrc ());
    k = nullptr;
  }
  if (!k) {
    k = learn (p);
    fresh = k != nullptr;
  }
  if (!k)
    return {};
  k->heard = packets_;
  const DemuxStream::Type *type = type_of (k->stream, p.payload_type ());
  if (!type)
    return {};
  return Routed{streams_[k->stream].id, type->use, type->apt, fresh};
}
} // namespace reach::rtc
