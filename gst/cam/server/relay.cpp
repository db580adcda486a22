// SPDX-License-Identifier: LGPL-2.1-or-later
#include "relay.h"
#include "cam/net/tcp_transport.h"
#include "file_courier.h"
#include "media_server.h"
#include "publisher.h"
#include "viewer.h"
#include <algorithm>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

namespace reach::cam {
namespace {
// A message's bytes, not written to before the socket does.
class PlainStorage final : public Storage {
public:
  explicit PlainStorage (std::size_t n)
      : data_ (std::make_unique_for_overwrite<std::uint8_t[]> (n)), size_ (n)
  {
  }
  std::span<std::uint8_t> bytes () override { return {data_.get (), size_}; }

private:
  std::unique_ptr<std::uint8_t[]> data_;
  std::size_t size_;
};

class StoredPiece final : public Storage {
public:
  explicit StoredPiece (FileStore::Piece p) : piece_ (std::move (p)) {}
  std::span<std::uint8_t> bytes () override { return piece_.bytes; }

private:
  FileStore::Piece piece_;
};

// To the n-th of the cores that this process may use.
void pin_this_thread (unsigned n)
{
  cpu_set_t allowed;
  if (sched_getaffinity (0, sizeof allowed, &allowed) != 0)
    return;
  unsigned skip = n % static_cast<unsigned> (std::max (1, CPU_COUNT (&allowed)));
  for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
    if (!CPU_ISSET (cpu, &allowed) || skip-- > 0)
      continue;
    cpu_set_t one;
    CPU_ZERO (&one);
    CPU_SET (cpu, &one);
    pthread_setaffinity_np (pthread_self (), sizeof one, &one);
    return;
  }
}
} // namespace

Relay::Relay (MediaServer &server, unsigned index, bool pinned)
    : server_ (server), index_ (index), loop_ (std::make_unique<Loop> ("cam-relay"))
{
  if (pinned)
    loop_->call ([this] { pin_this_thread (index_); });
}

Relay::~Relay () = default;

const ServerSettings &Relay::settings () const
{
  return server_.settings ();
}

std::unique_ptr<Storage> Relay::allocate (std::size_t size)
{
  if (auto p = store_ ? store_->take (size) : FileStore::Piece{}; !p.bytes.empty ())
    return std::make_unique<StoredPiece> (std::move (p));
  return std::make_unique<PlainStorage> (size);
}

bool Relay::open_store (std::string &error)
{
  store_ = FileStore::open (settings ().store_directory, error);
  return store_ != nullptr;
}

void Relay::post (std::function<void (Relay &)> task)
{
  loop_->post ([this, t = std::move (task)] { t (*this); });
}

void Relay::to_hub (std::function<void (Hub &)> task)
{
  if (!stopping_)
    server_.to_hub (std::move (task));
}

std::atomic<std::size_t> &Relay::waiting_bytes ()
{
  return server_.waiting_bytes ();
}

void Relay::take (Doorman::Guest guest)
{
  accept (std::make_unique<TcpTransport> (
              *loop_, storage (), std::move (guest.connection), std::move (guest.before)),
      Protocol::tcp, guest.local);
}

void Relay::accept (std::unique_ptr<Transport> transport, Protocol protocol, bool local)
{
  if (stopping_ || (!local && connections_.size () >= settings ().max_links () + max_taps))
    return; // closes it
  auto c = std::make_unique<Connection> (*this, std::move (transport), protocol, local);
  Connection *p = c.get ();
  connections_.emplace (p->key (), std::move (c));
  p->start ();
}

void Relay::say_bye ()
{
  stopping_ = true;
  std::vector<Connection *> all;
  for (const auto &[key, c] : connections_)
    all.push_back (c.get ());
  for (Connection *c : all)
    c->finish (ByeReason::stopping);
}

void Relay::clear ()
{
  connections_.clear ();
  homes_.clear ();
  audiences_.clear ();
  abroad_.clear ();
  arrived_.clear ();
  files_abroad_.clear ();
}

void Relay::ended (Connection &c, const Link::End &end)
{
  const LinkEnd how{
      end.bye == ByeReason::idle, end.bye.has_value (), end.bye == ByeReason::stopping, end.detail};
  if (c.greeted ())
    to_hub ([w = where (c), how] (Hub &h) { h.on_ended (w, how); });
  else if (end.why == CloseReason::malformed)
    to_hub ([peer = c.link ().peer (), how] (Hub &h) { h.on_stranger (peer, how.detail); });
  const TransportStats t = c.link ().stats ();
  counters_.bytes_sent += t.bytes_sent;
  counters_.bytes_received += t.bytes_received;
  if (const Viewer *v = viewer (c.key ())) {
    counters_.add (v->queue ().stats ());
    counters_.frames_sent += c.link ().messages_sent ();
  }
  if (auto node = connections_.extract (c.key ()))
    loop_->destroy_later (std::move (node.mapped ()));
}

RelayCounters Relay::counters ()
{
  RelayCounters n = counters_;
  n.links = connections_.size ();
  for (const auto &[key, c] : connections_) {
    const TransportStats t = c->link ().stats ();
    n.bytes_sent += t.bytes_sent;
    n.bytes_received += t.bytes_received;
    if (const Viewer *v = viewer (key)) {
      n.add (v->queue ().stats ());
      n.frames_sent += c->link ().messages_sent ();
    } else if (const Publisher *p = publisher (key)) {
      n.cached_bytes += p->cached_bytes ();
    }
  }
  return n;
}

Connection *Relay::find (std::uint64_t link)
{
  const auto it = connections_.find (link);
  return it == connections_.end () ? nullptr : it->second.get ();
}

Viewer *Relay::viewer (std::uint64_t link)
{
  Connection *c = find (link);
  return c ? dynamic_cast<Viewer *> (c->part ()) : nullptr;
}

Publisher *Relay::publisher (std::uint64_t link)
{
  Connection *c = find (link);
  return c ? dynamic_cast<Publisher *> (c->part ()) : nullptr;
}

void Relay::prepare (std::uint64_t link, const Role &role)
{
  if (Connection *c = find (link))
    c->prepare (role);
}

void Relay::accept (std::uint64_t link, const Welcome &ours)
{
  if (Connection *c = find (link))
    c->accept (ours);
}

void Relay::refuse (std::uint64_t link, RefuseCode code, const std::string &text)
{
  if (Connection *c = find (link))
    c->refuse (code, text);
}

void Relay::finish (std::uint64_t link, ByeReason why)
{
  if (Connection *c = find (link))
    c->finish (why);
}

void Relay::add_streams (std::uint64_t link, const std::vector<NumberedStream> &streams)
{
  if (Publisher *p = publisher (link))
    p->add_streams (streams);
}

void Relay::tell (std::uint64_t link, const MessageRef &m)
{
  deliver (); // what came before
  Viewer *v = viewer (link);
  if (!v)
    return;
  v->push (m);
  touch (*v);
}

void Relay::answer (std::uint64_t link, const MessageRef &m)
{
  if (m->header.kind == Kind::command_ack)
    if (Publisher *p = publisher (link))
      p->command_answered ();
  if (Connection *c = find (link))
    c->reply (m);
}

// ---- files

void Relay::carry_file (std::uint64_t link, const FileJob &job)
{
  if (Publisher *p = publisher (link))
    p->carry (job);
  else
    to_hub ([id = job.id] (Hub &h) { h.on_file_over (id); });
}

void Relay::set_file_link (std::uint64_t file, const std::string &guid, std::optional<Where> link)
{
  if (const auto it = couriers_.find (file); it != couriers_.end ())
    it->second->set_link (guid, link);
}

void Relay::send_file (Where viewer_at, std::uint64_t file, const MessageRef &m)
{
  if (stopping_)
    return;
  if (viewer_at.relay == index_)
    return deliver (index_, {viewer_at.link, file, m});
  files_abroad_[viewer_at.relay].push_back ({viewer_at.link, file, m});
  flush_later ();
}

void Relay::deliver (unsigned home, const FilePart &p)
{
  if (Viewer *v = viewer (p.viewer)) {
    v->push_file (home, p.file, p.message);
    touch (*v);
  }
}

void Relay::file_acknowledged (unsigned home, std::uint64_t link, const FileAck &ack)
{
  if (home != index_)
    return server_.relay (home).post ([=] (Relay &r) { r.file_acknowledged (home, link, ack); });
  if (const auto it = couriers_.find (ack.id); it != couriers_.end ())
    it->second->acknowledged (link, ack);
}

// ---- streams

void Relay::add_home (Publisher &p, PublishedStream &s)
{
  homes_[s.number ()] = {&p, &s, {}};
}

void Relay::remove_home (PublishedStream &s)
{
  deliver ();
  const auto it = homes_.find (s.number ());
  if (it != homes_.end () && it->second.stream == &s) // else a newer link has it
    homes_.erase (it);
}

void Relay::add_listener (std::uint16_t number, Viewer &v)
{
  audiences_[number].push_back (&v);
}

void Relay::remove_listener (std::uint16_t number, Viewer &v)
{
  const auto it = audiences_.find (number);
  if (it == audiences_.end ())
    return;
  std::erase (it->second, &v);
  if (it->second.empty ())
    audiences_.erase (it);
}

void Relay::join (std::uint16_t number, Where viewer_at)
{
  const auto it = homes_.find (number);
  if (it == homes_.end ())
    return; // its link has just ended; the hub is going to know
  const auto j = it->second.stream->join (Clock::now ());
  const auto listen = [number, home = index_, key = viewer_at.link, j] (Relay &r) {
    r.deliver (); // what came before is not for it
    if (Viewer *v = r.viewer (key))
      v->listen (number, home, j.messages, j.bytes, j.decodable);
  };
  if (viewer_at.relay == index_)
    return listen (*this);
  // What was sent before is not for it, what is sent from now on is.
  send_abroad (viewer_at.relay);
  it->second.abroad[viewer_at.relay]++;
  server_.relay (viewer_at.relay).post (listen);
}

void Relay::leave (std::uint16_t number, Where viewer_at)
{
  const auto leave_there = [number, key = viewer_at.link] (Relay &r) {
    r.deliver ();
    if (Viewer *v = r.viewer (key))
      v->leave (number);
  };
  if (viewer_at.relay == index_)
    return leave_there (*this);
  if (const auto it = homes_.find (number); it != homes_.end ())
    if (const auto n = it->second.abroad.find (viewer_at.relay); n != it->second.abroad.end ())
      if (--n->second == 0)
        it->second.abroad.erase (n);
  server_.relay (viewer_at.relay).post (leave_there);
}

void Relay::publish (PublishedStream &s, const MessageRef &m)
{
  const auto home = homes_.find (s.number ());
  if (home == homes_.end () || home->second.stream != &s)
    return;
  const auto *here = audience (s.number ());
  std::size_t n = here ? here->size () : 0;
  if (here)
    deliver_later (s.number (), m);
  for (const auto &[relay, viewers] : home->second.abroad) {
    abroad_[relay].emplace_back (s.number (), m);
    n += viewers;
    flush_later ();
  }
  if (m->header.kind != Kind::frame)
    return;
  counters_.frames_received++;
  counters_.frames_discarded += n == 0;
}

std::vector<Viewer *> *Relay::audience (std::uint16_t number)
{
  const auto it = audiences_.find (number);
  return it == audiences_.end () ? nullptr : &it->second;
}

void Relay::deliver_later (std::uint16_t number, const MessageRef &m)
{
  arrived_.emplace_back (number, m);
  flush_later ();
}

// Into the queues of who listens; whoever is closed for not taking anything leaves later.
void Relay::deliver ()
{
  for (const auto &[number, m] : std::exchange (arrived_, {}))
    if (const auto *viewers = audience (number))
      for (Viewer *v : *viewers) {
        v->push (m);
        touch (*v);
      }
}

// The same, and each writes at once what it got: what belongs to it is looked at once then, while
// it is in the cache.
void Relay::deliver_one_stream ()
{
  const auto batch = std::exchange (arrived_, {});
  const auto *viewers = audience (batch.front ().first);
  if (!viewers)
    return;
  const std::size_t n = viewers->size ();
  for (std::size_t i = 0; i < n; i++) {
    for (std::size_t turns = Viewer::prefetch_turns; turns > 0; turns--)
      if (i + turns < n)
        (*viewers)[i + turns]->prefetch (turns);
    Viewer *v = (*viewers)[i];
    for (const auto &[number, m] : batch)
      v->push (m);
    v->pump ();
  }
}

void Relay::want_key (unsigned home, std::uint16_t number, bool joined)
{
  if (home != index_)
    return server_.relay (home).post ([=] (Relay &r) { r.want_key (home, number, joined); });
  const auto it = homes_.find (number);
  if (it == homes_.end ())
    return;
  it->second.stream->want_key (joined);
  it->second.publisher->look_after_keys (*it->second.stream);
}

void Relay::touch (Viewer &v)
{
  if (std::exchange (v.touched, true))
    return;
  touched_.push_back (&v);
  flush_later ();
}

void Relay::untouch (Viewer &v)
{
  if (v.touched)
    std::erase (touched_, &v);
}

void Relay::flush_later ()
{
  if (!std::exchange (flushing_, true))
    loop_->defer ([this] { flush (); });
}

void Relay::send_abroad (unsigned relay)
{
  auto batch = std::exchange (abroad_[relay], {});
  if (!batch.empty ())
    server_.relay (relay).post ([b = std::move (batch)] (Relay &r) {
      for (const auto &[number, m] : b)
        if (r.audience (number))
          r.deliver_later (number, m);
    });
}

void Relay::flush ()
{
  flushing_ = false;
  for (const auto &[relay, batch] : abroad_)
    send_abroad (relay);
  for (auto &[relay, parts] : files_abroad_)
    if (auto batch = std::exchange (parts, {}); !batch.empty ())
      server_.relay (relay).post ([b = std::move (batch), home = index_] (Relay &r) {
        for (const FilePart &p : b)
          r.deliver (home, p);
      });
  const auto other_stream = [this] (const Routed &r) { return r.first != arrived_.front ().first; };
  if (touched_.empty () && !arrived_.empty () && std::ranges::none_of (arrived_, other_stream))
    deliver_one_stream ();
  deliver ();
  // A pump may touch others; those wait for the next round.
  for (Viewer *v : std::exchange (touched_, {}))
    v->pump ();
}
} // namespace reach::cam
