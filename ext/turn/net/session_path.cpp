// SPDX-License-Identifier: LGPL-2.1-or-later
// The way to the server: its name, its addresses one after the other, and again later when none of
// them would do.
#include "common/udp_socket.h"
#include "session.h"
#include "socket_address.h"
#include <algorithm>
#include <unistd.h>

namespace reach::turn {
namespace {
constexpr Duration open_limit = seconds (10); // of one address, handshake included
constexpr Duration retry_first = seconds (1), retry_max = seconds (60);
// Of a name with several: how long one may be silent before the next one's turn, doubled with each
// round. RFC 8305 has less, but for connections that take one round trip; here requests are lost.
constexpr Duration patience_first = seconds (2), patience_max = seconds (16);
constexpr Duration watch_interval = seconds (2); // of our own address

// What was good before in front.
std::vector<reach::Address> in_order (
    std::vector<reach::Address> sorted, const reach::Address &before)
{
  const auto at = std::ranges::find (sorted, before.text (), &reach::Address::text);
  if (at != sorted.end ())
    std::rotate (sorted.begin (), at, at + 1);
  return sorted;
}

// RFC 5928, 4, and RFC 7350.
Locate::Question question_for (const SessionSettings &s)
{
  Locate::Question q{s.host, s.port, {}, {}, s.family};
  if (!s.services)
    return q;
  const Transport t = s.client.transport;
  q.service = s.relay ? "turn" : "stun";
  if (t == Transport::tls || t == Transport::dtls)
    q.service += 's';
  q.protocol = is_stream (t) ? "tcp" : "udp";
  return q;
}

// Which of our addresses the kernel would use now. Empty: there is no way.
std::string own_host (const reach::Address &to)
{
  std::string error;
  const int fd = UdpSocket::connect (to, error);
  if (fd < 0)
    return {};
  std::string host = reach::Address::local_of (fd).host ();
  ::close (fd);
  return host;
}

bool is_ours (const std::string &host)
{
  std::string error;
  const int fd = UdpSocket::bind (host, 0, error);
  if (fd >= 0)
    ::close (fd);
  return fd >= 0;
}
} // namespace

void Session::close_path ()
{
  open_ = false;
  unheard_ = false;
  watch_timer_->cancel ();
  wire_.reset ();
  doubt_since_ = TimePoint::max ();
  for (const auto &o : outlets_)
    o->discard ();
  if (!path_)
    return;
  path_->retire (); // we may be in a call of its
  loop_.destroy_later (std::move (path_));
}

void Session::open_path ()
{
  close_path ();
  addresses_.clear ();
  open_timer_->cancel ();
  if (!make_context ())
    return;
  name_ = wanted_name ();
  resolve_ = std::make_unique<Locate> (loop_.context (), question_for (settings_),
      [this] (std::vector<reach::Address> found, const std::string &error) {
        if (found.empty () && address_.length > 0)
          found.push_back (address_); // names may be unknown for a while, where we are now
        candidates_ = in_order (std::move (found), address_);
        addresses_.assign (candidates_.rbegin (), candidates_.rend ()); // taken from the back
        patience_ = candidates_.size () == 1 ? patience_max : patience_first;
        trouble_kind_ = Kind::resolve;
        trouble_ = error.empty () ? "it has no address" : error;
        open_timer_->arm (Clock::now ()); // not from within the resolver
      });
}

// The core has checked where it leads. The same kind of transport, and a certificate for the name.
void Session::redirect (const Redirected &r)
{
  close_path ();
  resolve_.reset ();
  addresses_ = candidates_ = {to_socket (r.server)};
  patience_ = patience_max;
  if (!r.domain.empty ())
    name_ = r.domain;
  open_timer_->arm (Clock::now ());
}

bool Session::make_context ()
{
  const Transport t = client_->config ().transport;
  if (tls_ || (t != Transport::tls && t != Transport::dtls))
    return true;
  TlsConfig c = settings_.tls;
  c.datagrams = t == Transport::dtls;
  c.protocol = stun::alpn;
  std::string error;
  tls_ = TlsContext::make (c, error);
  if (!tls_)
    hopeless (Kind::settings, error);
  return tls_ != nullptr;
}

void Session::on_open_timer ()
{
  if (path_ && !open_) {
    Path::Fault f{ETIMEDOUT};
    f.text = "no answer";
    return on_path_closed (f);
  }
  if (path_) {
    if (!unheard_ || (settings_.relay && client_->state () != Client::State::allocating))
      return;
    close_path ();
    trouble_ = "no answer";
    return connect_next ();
  }
  resolve_.reset ();
  if (settings_.relay && client_->state () != Client::State::no_path)
    return;
  if (addresses_.empty () && trouble_.empty ())
    return open_path ();
  connect_next ();
}

// A server that is silent on one of its addresses may answer on another one.
void Session::await_answer ()
{
  unheard_ = candidates_.size () > 1 && client_->config ().transport == Transport::udp;
  if (unheard_)
    open_timer_->arm (Clock::now () + patience_);
}

bool Session::reconnect ()
{
  bool done = false;
  enter ([&] {
    if (ended_ || client_->state () != Client::State::allocated)
      return;
    done = true;
    client_->disconnected (Clock::now ());
    dirty_ = true;
    drain ();
  });
  return done;
}

bool Session::discover_nat ()
{
  bool done = false;
  enter ([&] {
    const Config &c = client_->config ();
    const bool clear = c.transport == Transport::udp || c.transport == Transport::tcp;
    if (listeners_.empty () || !open_ || !clear || (nat_ && !nat_->over ()))
      return;
    NatDiscovery::Config d;
    d.crypto = c.crypto;
    d.retransmission = c.retransmission;
    d.fingerprint = c.fingerprint;
    d.software = c.software;
    std::string error;
    nat_ = NatProbe::start (
        loop_, address_, std::move (d), [this] (const NatReport &r) { on_nat (r); }, error);
    done = nat_ != nullptr;
  });
  return done;
}

void Session::on_nat (const NatReport &r)
{
  status_.lock ()->nat = r;
  for (Listener *l : listeners_)
    l->on_nat (r);
}

void Session::watch_network ()
{
  watch_timer_->arm (Clock::now () + watch_interval);
  const std::string host = own_host (address_);
  if (host.empty () || host == own_host_ || client_->state () != Client::State::allocated)
    return;
  if (!client_->mobile () && is_ours (own_host_))
    return; // it would lose what still works
  client_->disconnected (Clock::now ());
  dirty_ = true;
  drain ();
}

void Session::begin_watch ()
{
  own_host_ = own_host (address_);
  watch_timer_->arm (Clock::now () + watch_interval);
}

// What was silent is asked again, with more patience; the only one that is left, as if it had been
// alone.
bool Session::next_round ()
{
  if (candidates_.empty () || patience_ >= patience_max)
    return false;
  patience_ = candidates_.size () == 1 ? patience_max : 2 * patience_;
  addresses_.assign (candidates_.rbegin (), candidates_.rend ());
  return true;
}

void Session::connect_next ()
{
  while (!addresses_.empty () || next_round ()) {
    address_ = addresses_.back ();
    addresses_.pop_back ();
    trouble_kind_ = Kind::connect;
    path_ = Path::open (
        loop_, *this, client_->config ().transport, address_, tls_.get (), name_, trouble_);
    if (path_)
      return open_timer_->arm (Clock::now () + std::min (patience_, open_limit));
    give_up_address ();
  }
  no_path (trouble_kind_, trouble_);
}

// It has said that it is no good: silence would say less.
void Session::give_up_address ()
{
  std::erase_if (
      candidates_, [&] (const reach::Address &a) { return a.text () == address_.text (); });
}

void Session::on_path_closed (const Path::Fault &f)
{
  const bool was_open = open_;
  close_path ();
  dirty_ = true;
  if (f.tls == TlsFault::unverified)
    return hopeless (Kind::certificate, f.text);
  if (was_open) {
    trouble_ = f.text;
    client_->disconnected (Clock::now ());
    return drain ();
  }
  if (f.error != ETIMEDOUT)
    give_up_address ();
  trouble_ = f.text;
  trouble_kind_ = Kind::connect;
  connect_next ();
}

// Whoever had an allocation once gets another one when the server is back. Whoever had none has
// probably the wrong server.
void Session::no_path (Kind kind, const std::string &text)
{
  if (status_.lock ()->allocations == 0)
    return hopeless (kind, text);
  Duration wait = retry_first;
  for (unsigned i = 0; i < failures_ && wait < retry_max; i++)
    wait *= 2;
  failures_++;
  trouble_.clear ();
  open_timer_->arm (Clock::now () + std::min (wait, retry_max));
}

void Session::hopeless (Kind kind, const std::string &given)
{
  const std::string text = given; // may be ours
  ended_ = true;
  resolve_.reset ();
  addresses_.clear ();
  open_timer_->cancel ();
  client_->close (Clock::now ());
  for (Listener *l : listeners_)
    l->on_hopeless (kind, text);
  dirty_ = true;
  publish ();
  drain ();
}
} // namespace reach::turn
