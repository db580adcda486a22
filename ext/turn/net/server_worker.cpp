// SPDX-License-Identifier: LGPL-2.1-or-later
#include "server_worker.h"
#include "server_dtls.h"
#include "server_peer.h"
#include "server_relay.h"
#include "server_stream.h"
#include "server_udp.h"
#include <sys/socket.h>
#include <unistd.h>

namespace reach::turn::server {
namespace {
constexpr Duration clock_check = seconds (60);

std::uint64_t seed_of (const Config &c)
{
  std::array<std::uint8_t, 8> b{};
  c.crypto.random (b);
  return load_be<std::uint64_t> (b.data ());
}
} // namespace

Worker::Worker (const NetSettings &settings, Commons &commons, Observer &observer, Place place)
    : settings_ (settings), observer_ (observer), place_ (std::move (place)),
      loop_ (std::make_unique<Loop> (("turn-" + std::to_string (place.index)).c_str ())),
      area_ (UdpSocket::area_size), handshakes_ (settings.core.limits.unauthenticated,
                                        settings.core.limits.sources, seed_of (settings.core))
{
  loop_->call ([&] {
    Ports &ports = *this;
    Config config = settings.core;
    config.core = place_.index;
    config.cores = place_.of;
    core_ = std::make_unique<Core> (std::move (config), ports, commons, Clock::now ());
    timer_ = std::make_unique<Timer> (loop_->timers (), [this] { on_timer (); });
    clock_ = std::make_unique<Timer> (loop_->timers (), [this] { set_wall_clock (); });
    set_wall_clock ();
    if (place_.of < 2)
      return;
    cpu_set_t cpus;
    CPU_ZERO (&cpus);
    const long there = sysconf (_SC_NPROCESSORS_ONLN);
    CPU_SET (place_.index % static_cast<unsigned> (std::max (there, 1L)), &cpus);
    pthread_setaffinity_np (pthread_self (), sizeof cpus, &cpus); // no harm if it may not be
  });
}

void Worker::shut ()
{
  loop_->call ([this] {
    end_allocations ();
    udp_.clear ();
    dtls_.clear ();
    streams_.clear ();
    lingering_.clear ();
    timer_.reset ();
    clock_.reset ();
    core_.reset ();
    relays_.clear ();
    tcp_relays_.clear ();
  });
}

Worker::~Worker ()
{
  if (core_)
    shut ();
  loop_.reset ();
}

void Worker::end_allocations ()
{
  core_->end_all (Clock::now ());
  drain ();
}

void Worker::set_wall_clock ()
{
  const TimePoint now = Clock::now ();
  core_->set_wall_clock (g_get_real_time () / G_USEC_PER_SEC, now);
  clock_->arm (now + clock_check);
}

void Worker::listen_udp (int fd, int corner)
{
  udp_.push_back (std::make_unique<UdpEndpoint> (*this, fd, corner));
}

bool Worker::unlisten_udp (const std::string &address)
{
  const auto there = std::ranges::find (udp_, address, [] (auto &u) { return u->bound (); });
  if (there == udp_.end ())
    return false;
  auto gone = std::move (*there);
  udp_.erase (there);
  loop_->destroy_later (std::move (gone));
  return true;
}

std::vector<std::pair<Transport, std::string>> Worker::datagram_bindings () const
{
  std::vector<std::pair<Transport, std::string>> all;
  for (const auto &u : udp_)
    all.emplace_back (Transport::udp, u->bound ());
  for (const auto &d : dtls_)
    all.emplace_back (Transport::dtls, d->bound ());
  return all;
}

void Worker::listen_dtls (int fd, std::shared_ptr<const TlsContext> context)
{
  dtls_.push_back (std::make_unique<DtlsEndpoint> (*this, fd, std::move (context)));
}

void Worker::accept (int fd, std::unique_ptr<TlsSession> tls, Bytes said)
{
  const Address from = from_socket (reach::Address::peer_of (fd));
  if (!core_ || !from || !enter (from, tls && said.empty ())) {
    ::close (fd);
    return;
  }
  auto client = std::make_unique<StreamClient> (*this, fd, from, std::move (tls));
  StreamClient *c = client.get ();
  streams_.emplace (c, std::move (client));
  if (!c->ready ())
    over (*c);
  else if (!said.empty ())
    c->take (said);
}

void Worker::over (StreamClient &c)
{
  const auto node = streams_.extract (&c);
  if (!node)
    return;
  leave (c.client ().address);
  std::erase (dirty_, &c);
  c.remove ();
  loop_->destroy_later (std::move (node.mapped ()));
}

bool Worker::enter (const Address &from, bool handshake)
{
  const std::size_t all = counters_.connections;
  const auto there = networks_.find (from.network ());
  if (all >= settings_.limits.connections ||
      (there != networks_.end () && there->second >= settings_.limits.connections_of_one) ||
      (handshake && !handshakes_.take (from, Clock::now ()))) {
    counters_.refused++;
    return false;
  }
  networks_[from.network ()]++;
  counters_.connections++;
  counters_.accepted++;
  return true;
}

void Worker::leave (const Address &from)
{
  const auto there = networks_.find (from.network ());
  if (there != networks_.end () && --there->second == 0)
    networks_.erase (there);
  counters_.connections--;
}

std::optional<PathId> Worker::add_path (const Path &path, Route &route)
{
  const auto id = core_->add_path (path);
  if (!id)
    return {};
  if (routes_.size () <= *id)
    routes_.resize (*id + 1);
  routes_[*id] = &route;
  return id;
}

void Worker::remove_path (PathId id)
{
  if (!core_)
    return;
  routes_[id] = nullptr;
  core_->remove_path (id, Clock::now ());
  drain ();
}

bool Worker::authorize (std::uint64_t id, std::optional<std::string> password)
{
  const bool known = core_->authorize (id / place_.of, std::move (password), Clock::now ());
  drain ();
  flush ();
  return known;
}

bool Worker::allow (std::uint64_t id, bool yes)
{
  const bool known = core_->allow (id / place_.of, yes, Clock::now ());
  drain ();
  flush ();
  return known;
}

void Worker::input (const Client &client, Bytes in)
{
  core_->input (client, in, Clock::now ());
  drain ();
}

void Worker::input_peer (RelayId relay, const Address &peer, Bytes in)
{
  core_->input_peer (relay, peer, in, Clock::now ());
  drain ();
}

void Worker::input_icmp (RelayId relay, const Address &peer, const stun::Icmp &icmp)
{
  core_->input_icmp (relay, peer, icmp, Clock::now ());
  drain ();
}

void Worker::on_timer ()
{
  const TimePoint now = Clock::now ();
  do {
    core_->timeout (now);
    drain ();
  } while (core_->poll_timeout () <= now);
  flush ();
}

void Worker::drain ()
{
  if (const Transmit *t = core_->poll_transmit ())
    route (*t);
  if (const auto s = std::exchange (to_splice_, std::nullopt))
    join (s->first, s->second);
  while (auto e = core_->poll_event ())
    tell (std::move (*e));
}

// Ids are told apart by the loop they are of.
void Worker::tell (Event e)
{
  if (auto *a = std::get_if<AuthorizeRequest> (&e))
    a->id = a->id * place_.of + place_.index;
  else if (auto *b = std::get_if<AllocateRequest> (&e))
    b->id = b->id * place_.of + place_.index;
  else if (auto *c = std::get_if<AllocationCreated> (&e))
    c->serial = c->serial * place_.of + place_.index;
  else if (auto *d = std::get_if<AllocationDeleted> (&e))
    d->serial = d->serial * place_.of + place_.index;
  observer_.on_event (std::move (e));
}

void Worker::route (const Transmit &t)
{
  if (settings_.inspect && t.kind != Transmit::Kind::reply &&
      !observer_.on_relay (
          t.kind == Transmit::Kind::to_peer, t.client, t.channel, t.peer, t.payload)) {
    counters_.vetoed++;
    return;
  }
  if (t.kind == Transmit::Kind::reply && !observer_.on_reply (t.client, t.head)) {
    counters_.vetoed++;
    return;
  }
  if (t.kind == Transmit::Kind::to_peer)
    relays_[t.relay]->send (t);
  else if (Route *r = routes_[t.client.path])
    r->deliver (t);
}

void Worker::flush ()
{
  outbox_.flush ();
  for (StreamClient *c : std::exchange (dirty_, {}))
    c->flush ();
  if (!core_)
    return;
  const TimePoint due = core_->poll_timeout ();
  if (due == TimePoint::max ())
    timer_->cancel ();
  else if (!timer_->armed () || timer_->when () != due)
    timer_->arm (due);
}

NetStats Worker::stats () const
{
  NetStats s = counters_;
  s.core = core_->stats ();
  s.allocations = core_->allocations ();
  return s;
}

} // namespace reach::turn::server
