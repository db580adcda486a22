// SPDX-License-Identifier: LGPL-2.1-or-later
// The way to the server: its name, its addresses one after the other, and again later when none of
// them would do.
#include "session.h"
#include "socket_address.h"
#include <algorithm>

namespace reach::turn {
namespace {
constexpr Duration open_limit = seconds (10); // of one address, handshake included
constexpr Duration retry_first = seconds (1), retry_max = seconds (60);
constexpr std::size_t max_addresses = 8;
} // namespace

void Session::close_path ()
{
  open_ = false;
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
  resolve_ = std::make_unique<Resolve> (loop_.context (), settings_.host, settings_.port,
      [this] (std::vector<reach::Address> found, const std::string &error) {
        if (found.size () > max_addresses)
          found.resize (max_addresses);
        std::ranges::reverse (found); // taken from the back
        addresses_ = std::move (found);
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
  addresses_ = {to_socket (r.server)};
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
  resolve_.reset ();
  if (settings_.relay && client_->state () != Client::State::no_path)
    return;
  if (addresses_.empty () && trouble_.empty ())
    return open_path ();
  connect_next ();
}

void Session::connect_next ()
{
  while (!addresses_.empty ()) {
    address_ = addresses_.back ();
    addresses_.pop_back ();
    trouble_kind_ = Kind::connect;
    path_ = Path::open (
        loop_, *this, client_->config ().transport, address_, tls_.get (), name_, trouble_);
    if (path_)
      return open_timer_->arm (Clock::now () + open_limit);
  }
  no_path (trouble_kind_, trouble_);
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
