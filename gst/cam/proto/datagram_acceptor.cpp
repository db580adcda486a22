// SPDX-License-Identifier: LGPL-2.1-or-later
#include "datagram_acceptor.h"

namespace reach::cam {

std::uint32_t DatagramAcceptor::bucket (TimePoint now) const
{
  return static_cast<std::uint32_t> (now.time_since_epoch () / Duration (config_.cookie_life)) + 1;
}

CookieBytes DatagramAcceptor::cookie (const SynPacket &s, const Address &from, std::uint32_t bucket)
{
  ByteWriter w;
  w.u8 (from.size);
  w.bytes (from.bytes ());
  w.u64 (s.client_id);
  w.u32 (s.client_cid);
  w.u32 (bucket);
  CookieBytes c{};
  mac_.compute (key_, w.view (), c);
  if (c == CookieBytes{}) // means "none" on the wire
    c[0] = 1;
  return c;
}

bool DatagramAcceptor::cookie_good (const SynPacket &s, const Address &from, TimePoint now)
{
  const std::uint32_t age = bucket (now) - s.bucket;
  if (age > 1)
    return false;
  const CookieBytes want = cookie (s, from, s.bucket);
  unsigned differs = 0; // looked at to the end, so that timing tells nothing
  for (std::size_t i = 0; i < want.size (); i++)
    differs |= static_cast<unsigned> (want[i] ^ s.cookie[i]);
  return differs == 0;
}

DatagramAcceptor::Result DatagramAcceptor::input (Bytes in, const Address &from, TimePoint now)
{
  forget (now);
  Result r;
  if (const auto h = DataHeader::parse (in)) {
    if (by_cid_.contains (h->cid)) {
      r.what = Result::What::existing;
      r.cid = h->cid;
    } else {
      stats_.unknown++;
    }
    return r;
  }
  if (const auto s = SynPacket::parse (in))
    return input_syn (*s, from, now);
  stats_.unknown++;
  return r;
}

DatagramAcceptor::Result DatagramAcceptor::input_syn (
    const SynPacket &s, const Address &from, TimePoint now)
{
  if (s.version != datagram_version)
    return reject (s, RejectReason::version);
  if (s.has_cookie () && cookie_good (s, from, now)) {
    const Client client{s.client_id, from};
    Result r;
    if (const auto known = by_client_.find (client); known != by_client_.end ()) {
      r.what = Result::What::existing;
      r.cid = known->second;
      return r;
    }
    if (closed_.contains (client))
      return r;
    return by_cid_.size () < config_.max_associations ? accept (s, client, now)
                                                      : reject (s, RejectReason::overload);
  }
  // No cookie, or an old one: a fresh one is the answer to both.
  stats_.bad_cookies += s.has_cookie ();
  stats_.cookies++;
  const std::uint32_t b = bucket (now);
  const CookiePacket c{s.client_cid, s.client_id, b, cookie (s, from, b)};
  c.write (std::span (reply_).first<CookiePacket::size> ());
  Result r;
  r.what = Result::What::reply;
  r.reply = std::span (reply_).first<CookiePacket::size> ();
  return r;
}

DatagramAcceptor::Result DatagramAcceptor::reject (const SynPacket &s, RejectReason why)
{
  stats_.rejected++;
  RejectPacket{why, s.client_cid, s.client_id}.write (
      std::span (reply_).first<RejectPacket::size> ());
  Result r;
  r.what = Result::What::reply;
  r.reply = std::span (reply_).first<RejectPacket::size> ();
  return r;
}

DatagramAcceptor::Result DatagramAcceptor::accept (
    const SynPacket &s, const Client &client, TimePoint now)
{
  Result r;
  do
    r.cid = static_cast<std::uint32_t> (random_.next ());
  while (by_cid_.contains (r.cid));
  r.what = Result::What::accepted;
  r.link = std::make_unique<DatagramLink> (
      config_.link, storage_, random_, client.address, s, r.cid, now);
  by_cid_.emplace (r.cid, client);
  by_client_.emplace (client, r.cid);
  stats_.accepted++;
  return r;
}

void DatagramAcceptor::remove (std::uint32_t cid, TimePoint now)
{
  const auto at = by_cid_.find (cid);
  if (at == by_cid_.end ())
    return;
  by_client_.erase (at->second);
  const TimePoint until = now + 2 * config_.cookie_life;
  closed_[at->second] = until;
  closed_order_.emplace_back (until, at->second);
  by_cid_.erase (at);
  forget (now);
}

void DatagramAcceptor::forget (TimePoint now)
{
  while (!closed_order_.empty () && (closed_order_.front ().first <= now ||
                                        closed_order_.size () > config_.max_associations)) {
    closed_.erase (closed_order_.front ().second);
    closed_order_.pop_front ();
  }
}
} // namespace reach::cam
