// SPDX-License-Identifier: LGPL-2.1-or-later
#include "media_server.h"
#include "cam/net/udp_listener.h"
#include "state_file.h"
#include <algorithm>
#include <unistd.h>

namespace reach::cam {
namespace {
constexpr unsigned max_loops = 64;

unsigned loops_of (const ServerSettings &s)
{
  const unsigned n = s.loops ? s.loops : std::thread::hardware_concurrency ();
  return std::clamp (n, 1u, max_loops);
}

Settings udp_settings (const ServerSettings &s)
{
  Settings u;
  u.protocol = Protocol::udp;
  u.mode = Mode::listener;
  u.bind_address = s.bind_address;
  u.port = static_cast<std::uint16_t> (s.udp_port);
  u.timeouts = s.timeouts;
  u.latency = s.latency;
  u.max_links = s.max_links ();
  u.tls_context = s.tls_datagrams;
  return u;
}

HttpService::Config http_config (const ServerSettings &s)
{
  HttpService::Config c;
  c.pull = c.push = true;
  c.channels = s.max_links ();
  // With the request line, what a stranger can make us keep.
  c.connection.http.header_bytes = 8u << 10;
  c.connection.stash = 16u << 10;
  c.connections = 2 * s.max_links (); // a pulling client has one more, for what it sends up
  for (std::size_t i = 0; i < n_media_types; i++)
    c.timeouts[i] = std::chrono::duration_cast<milliseconds> (s.timeouts[i]);
  return c;
}
} // namespace

MediaServer::MediaServer (Events &events, ServerSettings settings)
    : events_ (events), settings_ (std::move (settings))
{
  const unsigned n = loops_of (settings_);
  for (unsigned i = 0; i < n; i++)
    relays_.push_back (std::make_unique<Relay> (*this, i, n > 1));
  relays_[0]->loop ().call ([this] { hub_ = std::make_unique<Hub> (*this); });
}

template <typename F> void MediaServer::each_relay (F &&f)
{
  for (const auto &r : relays_)
    r->loop ().call ([&] { f (*r); });
}

MediaServer::~MediaServer ()
{
  relays_[0]->loop ().call ([this] {
    listener_.reset ();
    doorman_.reset ();
    hub_->stop ();
  });
  each_relay ([] (Relay &r) { r.say_bye (); });
  // The byes are in the kernel; whoever does not take them gets a reset. No peer can hold this up.
  each_relay ([] (Relay &r) { r.clear (); });
  relays_[0]->loop ().call ([this] {
    udp_.reset (); // after the links: they speak through its socket
    http_.reset ();
  });
  // What relays had posted to each other has run, and found nothing to post more for.
  for (int round = 0; round < 2; round++)
    each_relay ([] (Relay &) {});
  relays_[0]->loop ().call ([this] { hub_.reset (); });
  relays_.clear ();
  if (fd_ >= 0)
    close (fd_);
}

bool MediaServer::bind (std::string &error)
{
  fd_ = Listener::bind (settings_.bind_address, settings_.port, error);
  if (fd_ < 0)
    return false;
  port_ = reach::Address::local_of (fd_).port ();
  return settings_.udp_port < 0 || udp_socket_.bind (udp_settings (settings_), error);
}

bool MediaServer::open_store (std::string &error)
{
  bool ok = true;
  if (settings_.store_in_files)
    each_relay ([&] (Relay &r) { ok = ok && r.open_store (error); });
  return ok;
}

bool MediaServer::load (std::string &error)
{
  if (settings_.state_file.empty ())
    return true;
  const auto state = load_state (settings_.state_file, error);
  if (!state)
    return false;
  bool ok = true;
  if (!state->empty ())
    relays_[0]->loop ().call ([&] { ok = hub_->load (*state); });
  if (!ok)
    error = settings_.state_file + " is not of a version that is known here";
  return ok;
}

void MediaServer::start ()
{
  Relay &first = *relays_[0];
  first.loop ().call ([&] {
    Loop &loop = first.loop ();
    http_ = std::make_unique<HttpService> (
        loop, first.storage (), http_config (settings_), static_cast<HttpService::Owner &> (*this));
    doorman_ = std::make_unique<Doorman> (loop, settings_.max_links (), settings_.tls_streams,
        Doorman::House{[this] (Doorman::Guest g) { let_in (std::move (g)); },
            [this] (const std::string &peer, const std::string &why) {
              hub_->on_stranger (peer, why);
            }});
    listener_ = std::make_unique<Listener> (
        loop, std::exchange (fd_, -1), [this] (int fd) { doorman_->take (fd); });
    if (const int fd = udp_socket_.take (); fd >= 0)
      udp_ = Acceptor::make (loop, first.storage (), udp_settings (settings_), fd,
          LinkRole::receiver,
          [&first] (std::unique_ptr<Transport> t) { first.accept (std::move (t), Protocol::udp); });
  });
}

// HTTP and UDP live on the first loop, TCP connections are spread over all.
void MediaServer::let_in (Doorman::Guest guest)
{
  if (guest.protocol == Doorman::Protocol::http)
    return http_->take (std::move (guest.connection), guest.before);
  next_relay_ = (next_relay_ + 1) % static_cast<unsigned> (relays_.size ());
  if (next_relay_ == 0)
    return relays_[0]->take (std::move (guest));
  // Tasks can be copied, a connection cannot.
  relays_[next_relay_]->post ([g = std::make_shared<Doorman::Guest> (std::move (guest))] (
                                  Relay &r) { r.take (std::move (*g)); });
}

void MediaServer::take_tap (int fd)
{
  relays_[0]->loop ().post ([this, fd] {
    let_in (
        {.connection = {fd, {}}, .before = {}, .protocol = Doorman::Protocol::cam, .local = true});
  });
}

void MediaServer::on_http_transport (std::unique_ptr<Transport> transport, MediaType)
{
  relays_[0]->accept (std::move (transport), Protocol::http);
}

void MediaServer::to_hub (std::function<void (Hub &)> task)
{
  relays_[0]->loop ().post ([this, t = std::move (task)] {
    if (hub_)
      t (*hub_);
  });
}

bool MediaServer::kick (const std::string &guid, const std::string &why)
{
  bool there = false;
  relays_[0]->loop ().call ([&] { there = hub_ && hub_->kick (guid, why); });
  return there;
}

bool MediaServer::ban (const std::string &guid, bool on)
{
  bool done = false;
  relays_[0]->loop ().call ([&] { done = hub_ && hub_->ban (guid, on); });
  return done;
}

void MediaServer::respond (std::uint64_t login, Verdict verdict)
{
  to_hub ([login, verdict] (Hub &h) { h.on_verdict (login, verdict); });
}

MediaServer::Snapshot MediaServer::snapshot ()
{
  Snapshot out;
  relays_[0]->loop ().call ([&] { out.hub = hub_->snapshot (); });
  each_relay ([&] (Relay &r) { out.relays.add (r.counters ()); });
  return out;
}
} // namespace reach::cam
