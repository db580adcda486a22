// SPDX-License-Identifier: LGPL-2.1-or-later
#include "udp_listener.h"
#include <glib.h>
#include <limits>

namespace reach::cam {
namespace {
std::vector<std::uint8_t> secret (SystemRandom &random)
{
  ByteWriter w;
  for (int i = 0; i < 4; i++)
    w.u64 (random.next ());
  return w.take ();
}

// The type is known only from the hello, so the longest timeout counts here; the link above has its
// own.
Duration longest_timeout (const Settings &s)
{
  Duration longest{};
  for (const Duration d : s.timeouts)
    longest = std::max (longest, d);
  return longest;
}

DatagramAcceptor::Config acceptor_config (const Settings &s)
{
  DatagramAcceptor::Config c;
  c.link = datagram_config (s, longest_timeout (s));
  c.max_associations = s.max_links;
  return c;
}
} // namespace

void HmacSha256::compute (Bytes key, Bytes data, std::span<std::uint8_t, size> out)
{
  GHmac *h = g_hmac_new (G_CHECKSUM_SHA256, key.data (), key.size ());
  g_hmac_update (h, data.data (), static_cast<gssize> (data.size ()));
  std::uint8_t digest[32];
  gsize n = sizeof digest;
  g_hmac_get_digest (h, digest, &n);
  g_hmac_unref (h);
  std::copy_n (digest, size, out.begin ());
}

class UdpListener::Peer final : public UdpTransport {
public:
  Peer (UdpListener &listener, std::unique_ptr<DatagramLink> l, const reach::Address &from,
      Shares::Place place)
      : UdpTransport (listener.loop_), listener_ (&listener), from_ (from),
        place_ (std::move (place))
  {
    set_link (std::move (l));
    if (listener.tls_)
      set_tls (listener.tls_->adopt (from));
  }
  ~Peer () override
  {
    farewell ();
    if (listener_)
      listener_->forget (*this);
  }
  void limit_messages (std::size_t most) override
  {
    if (most == std::numeric_limits<std::size_t>::max ())
      place_ = {}; // it is let in
    UdpTransport::limit_messages (most);
  }
  void orphan () { listener_ = nullptr; }               // the listener is gone
  const reach::Address &from () const { return from_; } // where it first came from
  std::uint32_t cid () const { return link ()->cid (); }
  std::string peer () const override
  {
    reach::Address a;
    const auto bytes = link ()->peer ().bytes ();
    a.length = static_cast<socklen_t> (bytes.size ());
    std::copy (bytes.begin (), bytes.end (), reinterpret_cast<std::uint8_t *> (&a.storage));
    return a.text ();
  }

private:
  UdpSocket *socket () override { return listener_ ? &listener_->socket_ : nullptr; }
  const reach::Address *destination (const cam::Address &to) override
  {
    const auto bytes = to.bytes ();
    to_.length = static_cast<socklen_t> (bytes.size ());
    std::copy (bytes.begin (), bytes.end (), reinterpret_cast<std::uint8_t *> (&to_.storage));
    return &to_;
  }

  UdpListener *listener_;
  const reach::Address from_;
  reach::Address to_;
  Shares::Place place_;
};

UdpListener::UdpListener (
    Loop &loop, StorageSource &storage, const Settings &s, int fd, Accepted accepted)
    : loop_ (loop), accepted_ (std::move (accepted)),
      acceptor_ (acceptor_config (s), secret (random_), mac_, random_, storage),
      strangers_ (s.max_links), socket_ (loop, *this, fd),
      tls_ (s.tls_context ? std::make_unique<UdpTlsPeers> (loop, s.tls_context, socket_) : nullptr)
{
}

UdpListener::~UdpListener ()
{
  for (auto &[cid, p] : peers_)
    p->orphan ();
}

void UdpListener::on_datagram (Bytes datagram, const reach::Address &from)
{
  if (tls_)
    tls_->input (datagram, from, [&] (Bytes plain) { on_plain (plain, from); });
  else
    on_plain (datagram, from);
}

void UdpListener::reply (Bytes datagram, const reach::Address &to)
{
  if (tls_)
    return tls_->reply (to, datagram);
  const iovec piece{const_cast<std::uint8_t *> (datagram.data ()), datagram.size ()};
  const std::uint8_t one = 1;
  socket_.send (&to, {{&piece, 1}, {&one, 1}, datagram.size ()});
}

void UdpListener::on_plain (Bytes datagram, const reach::Address &from)
{
  auto result = acceptor_.input (datagram, core_address (from), Clock::now ());
  switch (result.what) {
  case DatagramAcceptor::Result::What::nothing:
    return;
  case DatagramAcceptor::Result::What::reply:
    return reply (result.reply, from);
  case DatagramAcceptor::Result::What::accepted: {
    auto place = strangers_.take (network_of (from.text ()));
    if (!place) { // it is not answered, and tries again
      result.link.reset ();
      return acceptor_.remove (result.cid, Clock::now ());
    }
    auto peer = std::make_unique<Peer> (*this, std::move (result.link), from, std::move (place));
    peers_[result.cid] = peer.get ();
    accepted_ (std::move (peer));
    return;
  }
  case DatagramAcceptor::Result::What::existing:
    if (const auto it = peers_.find (result.cid); it != peers_.end ()) {
      it->second->input (datagram, from);
      if (touched_.empty () || touched_.back () != result.cid)
        touched_.push_back (result.cid);
    }
    return;
  }
}

// Delivering may end links, so they are looked up one by one.
void UdpListener::on_datagrams_done (bool all)
{
  for (std::size_t i = 0; i < touched_.size (); i++)
    if (const auto it = peers_.find (touched_[i]); it != peers_.end ())
      it->second->process (all);
  touched_.clear ();
}

void UdpListener::on_writable ()
{
  std::vector<std::uint32_t> all;
  for (const auto &[cid, p] : peers_)
    all.push_back (cid);
  for (const std::uint32_t cid : all)
    if (const auto it = peers_.find (cid); it != peers_.end ())
      it->second->writable ();
}

void UdpListener::forget (Peer &p)
{
  peers_.erase (p.cid ());
  if (tls_)
    tls_->forget (p.from ());
  acceptor_.remove (p.cid (), Clock::now ());
}
} // namespace reach::cam
