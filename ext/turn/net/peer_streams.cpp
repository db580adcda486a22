// SPDX-License-Identifier: LGPL-2.1-or-later
#include "peer_streams.h"
#include <algorithm>

namespace reach::turn {
namespace {
constexpr Duration retry_first = seconds (1), retry_max = seconds (60);
constexpr Duration open_limit = seconds (30); // the server waits no longer (RFC 6062, 5.3)

// Another attempt may go well: the peer is not there now, or still has the last connection.
bool is_temporary (unsigned code)
{
  using namespace stun::code;
  return code == 0 || code == connection_failed || code == connection_exists ||
         code == quota_reached || code == server_error || code == insufficient_capacity ||
         code == allocation_mismatch;
}
} // namespace

// One connection.
class PeerStreams::Stream final : Path::Owner {
public:
  Stream (PeerStreams &all, const PeerConnected &e)
      : all_ (all), peer_ (e.peer), id_ (e.id), incoming_ (e.incoming),
        timer_ (all.loop_.timers (), [this] { on_timer (); })
  {
    std::string error;
    path_ = Path::open (all.loop_, *this, all.client_.config ().transport, all.way_.address,
        all.way_.tls, all.way_.name, error);
    timer_.arm (path_ ? Clock::now () + open_limit : Clock::now ());
  }
  ~Stream () override { close (); }
  // Nothing comes of it any more; it may be in a call of its path's.
  void close ()
  {
    timer_.cancel ();
    if (queue_ != 0)
      all_.queues_->remove (std::exchange (queue_, 0));
    if (!path_)
      return;
    path_->retire ();
    all_.loop_.destroy_later (std::move (path_));
  }

  const stun::Address &peer () const { return peer_; }
  bool incoming () const { return incoming_; }
  bool bound () const { return queue_ != 0; }
  StreamQueues::Id queue () const { return queue_; }
  void set_reading (bool on)
  {
    if (bound ())
      path_->set_reading (on);
  }
  void send_queued ()
  {
    while (bound () && !path_->congested ()) {
      auto bytes = all_.queues_->take (queue_);
      if (bytes.empty ())
        return;
      path_->send_frames (slice_of (std::move (bytes)));
    }
  }
  void finish ()
  {
    if (!bound ())
      return all_.remove (*this, "it was not needed any more");
    if (auto bytes = all_.queues_->take (queue_); !bytes.empty ())
      path_->send_frames (slice_of (std::move (bytes)));
    if (!path_) // which broke it
      return;
    path_->set_reading (true); // to see its end
    path_->finish ();
  }

private:
  void on_path_open () override
  {
    binding_.emplace (all_.client_, id_, Clock::now ());
    step ();
  }
  void on_path_input (Bytes in) override
  {
    if (bound ())
      return all_.owner_.on_stream_data (peer_, in);
    if (!binding_)
      return;
    binding_->input (in, Clock::now ());
    step ();
  }
  void on_path_input_done () override {}
  void on_path_writable () override { send_queued (); }
  void on_path_doubt (int) override {}
  void on_path_closed (const Path::Fault &f) override
  {
    all_.remove (*this, f.error == 0 && bound () ? "the peer ended the connection" : f.text);
  }
  void on_timer ()
  {
    if (bound ())
      return;
    if (!binding_)
      return all_.remove (*this, "no connection to the server");
    binding_->timeout (Clock::now ());
    step ();
  }
  // What ConnectionBind has come to.
  void step ()
  {
    using State = DataConnection::State;
    if (const auto m = binding_->poll_transmit (); !m.empty ())
      path_->send (m);
    if (binding_->state () == State::failed)
      return all_.remove (
          *this, "the server refused it (" + std::to_string (binding_->code ()) + ")");
    if (binding_->state () == State::binding)
      return timer_.arm (std::min (binding_->poll_timeout (), Clock::now () + open_limit));
    timer_.cancel ();
    const std::vector<std::uint8_t> rest = binding_->take_rest ();
    binding_.reset ();
    queue_ = all_.queues_->add ();
    path_->set_reading (all_.reading_);
    if (Wanted *w = all_.wanted (peer_))
      w->failures = 0;
    all_.owner_.on_stream_open (peer_, incoming_);
    if (!rest.empty ())
      all_.owner_.on_stream_data (peer_, rest);
  }

  PeerStreams &all_;
  const stun::Address peer_;
  const std::uint32_t id_;
  const bool incoming_;
  StreamQueues::Id queue_ = 0; // once it is bound
  std::unique_ptr<Path> path_;
  std::optional<DataConnection> binding_;
  Timer timer_;
};

PeerStreams::PeerStreams (Loop &loop, Owner &owner, Client &client)
    : loop_ (loop), owner_ (owner), client_ (client), timer_ (loop.timers (), [this] { check (); })
{
}

PeerStreams::~PeerStreams () = default;

PeerStreams::Wanted *PeerStreams::wanted (const stun::Address &peer)
{
  const auto at = std::ranges::find (wanted_, peer, &Wanted::peer);
  return at == wanted_.end () ? nullptr : &*at;
}

PeerStreams::Stream *PeerStreams::stream_of (const stun::Address &peer) const
{
  const auto at = std::ranges::find_if (
      streams_, [&] (const auto &s) { return s->peer () == peer && !s->incoming (); });
  return at == streams_.end () ? nullptr : at->get ();
}

void PeerStreams::want (const stun::Address &peer)
{
  if (wanted (peer) || wanted_.size () >= max_streams)
    return;
  wanted_.push_back ({peer});
  timer_.arm (Clock::now ());
}

void PeerStreams::forget (const stun::Address &peer)
{
  std::erase_if (wanted_, [&] (const Wanted &w) { return w.peer == peer; });
  if (Stream *s = stream_of (peer))
    remove (*s, "it is none of the peers any more");
}

void PeerStreams::begin (Way way)
{
  end ();
  way_ = std::move (way);
  active_ = true;
  for (Wanted &w : wanted_)
    w = {w.peer};
  timer_.arm (Clock::now ());
}

void PeerStreams::end ()
{
  active_ = false;
  timer_.cancel ();
  while (!streams_.empty ())
    remove (*streams_.front (), "the allocation is gone");
}

void PeerStreams::finish ()
{
  active_ = false;
  timer_.cancel ();
  std::vector<Stream *> all;
  for (const auto &s : streams_)
    all.push_back (s.get ());
  for (Stream *s : all)
    s->finish ();
}

// Connects to whom it is time to.
void PeerStreams::check ()
{
  if (!active_)
    return;
  const TimePoint now = Clock::now ();
  TimePoint next = TimePoint::max ();
  for (Wanted &w : wanted_) {
    if (w.asking || w.refused || stream_of (w.peer))
      continue;
    if (w.due <= now) {
      w.asking = client_.connect (w.peer, now);
      w.due = now + retry_first;
    }
    if (!w.asking)
      next = std::min (next, w.due);
  }
  if (next != TimePoint::max ())
    timer_.arm (next);
  owner_.on_streams_asked ();
}

void PeerStreams::failed (const stun::Address &peer, bool for_good)
{
  Wanted *w = wanted (peer);
  if (!w)
    return;
  w->asking = false;
  w->refused = for_good;
  Duration wait = retry_first;
  for (unsigned i = 0; i < w->failures && wait < retry_max; i++)
    wait *= 2;
  w->failures++;
  w->due = Clock::now () + std::min (wait, retry_max);
  if (active_)
    timer_.arm (Clock::now ()); // which finds out when
}

void PeerStreams::on_event (const Event &e)
{
  if (const auto *refused = std::get_if<PeerRefused> (&e)) {
    if (refused->method == stun::Method::connect)
      for (const stun::Address &peer : refused->peers)
        failed (peer, !is_temporary (refused->code));
    return;
  }
  if (const auto *silent = std::get_if<TimedOut> (&e)) {
    if (silent->method == stun::Method::connect)
      for (const stun::Address &peer : silent->peers)
        failed (peer, false);
    return;
  }
  const auto *c = std::get_if<PeerConnected> (&e);
  if (!c || !active_)
    return;
  if (Wanted *w = c->incoming ? nullptr : wanted (c->peer))
    w->asking = false;
  if (streams_.size () < max_streams) // else the server ends it after 30 s
    streams_.push_back (std::make_unique<Stream> (*this, *c));
}

void PeerStreams::remove (Stream &s, const std::string &why)
{
  const auto at = std::ranges::find (streams_, &s, &std::unique_ptr<Stream>::get);
  if (at == streams_.end ())
    return;
  // It lives until we are out of its call.
  std::unique_ptr<Stream> gone = std::move (*at);
  streams_.erase (at);
  const stun::Address peer = gone->peer ();
  const bool was_bound = gone->bound (), incoming = gone->incoming ();
  gone->close ();
  loop_.destroy_later (std::move (gone));
  if (!incoming)
    failed (peer, false);
  if (was_bound)
    owner_.on_stream_closed (peer, why);
}

std::size_t PeerStreams::open () const
{
  return static_cast<std::size_t> (
      std::ranges::count_if (streams_, [] (const auto &s) { return s->bound (); }));
}

void PeerStreams::send_queued (StreamQueues::Id id)
{
  for (const auto &s : streams_)
    if (s->queue () == id)
      return s->send_queued ();
}

void PeerStreams::set_reading (bool on)
{
  reading_ = on;
  for (const auto &s : streams_)
    s->set_reading (on);
}

std::vector<PeerStreams::Route> PeerStreams::routes (const stun::Address &peer) const
{
  std::vector<Route> found;
  for (const auto &s : streams_)
    if (s->bound () && (peer.port == 0 ? s->peer ().host () == peer : s->peer () == peer))
      found.push_back ({Client::Route::channel, s->queue ()});
  if (!found.empty ())
    return found;
  const auto at = std::ranges::find (wanted_, peer, &Wanted::peer);
  return {{at != wanted_.end () && at->refused ? Client::Route::refused : Client::Route::pending}};
}
} // namespace reach::turn
