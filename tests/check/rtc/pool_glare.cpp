// SPDX-License-Identifier: LGPL-2.1-or-later
// Members of a pool without sockets, media or a clock: the client's and the server's core, and for
// each other member a Negotiator with perfect negotiation, as rtcpool has them. Messages take any
// time and members do anything meanwhile; in the end each two are stable and have each other's
// tracks.
#include "jsep_peer.h"
#include "rtc/proto/perfect_negotiation.h"
#include "rtc/signalling/proto/pool_client.h"
#include "rtc/signalling/proto/pools.h"
#include <map>
#include <random>
#include <set>

using namespace reach;
using namespace reach::test;

namespace {
struct Member;

// Of one member, to another.
struct Session final : PerfectNegotiation::Owner {
  using Mode = PerfectNegotiation::Mode;
  Session (Member &m, std::string p, Mode mode, std::uint64_t seed)
      : member (m), peer (std::move (p)), negotiator (peer_config (1), random_of (seed)),
        negotiation (negotiator, *this, mode)
  {
  }
  Member &member;
  const std::string peer;
  Negotiator negotiator;
  PerfectNegotiation negotiation;
  std::map<std::string, TransceiverId> sent; // by track
  std::string gathered;                      // username that candidates were told of
  std::set<std::string> got;                 // usernames that candidates came for
  bool draining = false, data = false;       // data: a channel was asked for

  void on_local_description (DescriptionType type, const std::string &sdp) override;
  void on_negotiator_changed () override;
  void on_negotiation_warning (const std::string &what) override;
  void candidate (const CandidateInit &c);
  void gather (const std::string &ufrag);
};

struct Track {
  std::string id;
  MediaKind kind;
};

// One connection to the server, which has an order each way.
struct Way {
  pool::Id id;
  std::deque<PoolClientCore::Message> up;
  std::deque<std::string> down;
  bool closed = false; // by the member: what was sent still arrives
};

struct World;
struct Member {
  Member (World &w, std::string n) : world (w), name (std::move (n)) {}
  World &world;
  const std::string name;
  std::string id;
  std::shared_ptr<Way> way; // null: in no pool
  std::unique_ptr<PoolClientCore> core;
  std::map<std::string, std::unique_ptr<Session>> sessions;
  std::vector<Track> tracks;
  bool mute[2] = {false, false};
  unsigned made = 0;

  void join ();
  void leave ();
  void receive (const std::string &text);
  void on (const PoolClientCore::Event &e);
  void add (const std::string &peer, bool polite);
  void update ();
  void update (Session &s);
  void send (const std::optional<PoolClientCore::Message> &m)
  {
    if (m)
      way->up.push_back (*m);
  }
};

struct World {
  explicit World (unsigned s)
      : seed (s), random (s),
        server ({.messages = {0, 0}}, [this] { return "p" + std::to_string (++ids); })
  {
    for (unsigned i = 0, n = 2 + below (3); i < n; i++)
      members.push_back (std::make_unique<Member> (*this, std::string (1, char ('a' + i))));
  }
  unsigned below (unsigned n) { return static_cast<unsigned> (random () % n); }
  void sure (bool holds, const std::string &what) const
  {
    fail_unless (holds, "seed %u: %s", seed, what.c_str ());
  }

  void serve ()
  {
    for (;;) {
      while (auto t = server.poll_transmit ())
        if (const auto at = ways.find (t->to); at != ways.end ())
          at->second->down.push_back (t->text);
      auto e = server.poll_event ();
      if (!e)
        return;
      if (const auto *r = std::get_if<pool::JoinRequest> (&*e))
        server.decide (r->request, true, r->pool, now);
    }
  }
  // The next message of this way to the server.
  void up (Way &w)
  {
    if (!w.up.empty ()) {
      const auto m = std::move (w.up.front ());
      w.up.pop_front ();
      server.input (w.id, "{\"type\":\"" + m.type + "\",\"data\":" + m.data + "}", now);
    } else if (w.closed) {
      server.disconnect (w.id, "closed");
      ways.erase (w.id);
    }
    serve ();
  }
  void deliver ();
  void act (Member &m);
  void pass (Duration d);
  bool quiet () const;
  void settle ();
  void check ();
  void check (Session &a, Session &b);
  void play ()
  {
    for (const auto &m : members)
      for (unsigned i = 0, n = below (3); i <= n; i++)
        act (*m); // the first is to join
    for (unsigned step = 0, n = 50 + below (150); step < n || (!glares && step < 5000); step++)
      switch (below (8)) {
      case 0:
      case 1:
        act (*members[below (static_cast<unsigned> (members.size ()))]);
        break;
      case 2:
        pass (milliseconds (below (120)));
        break;
      default:
        deliver ();
      }
    settle ();
    check ();
  }

  const unsigned seed;
  std::mt19937 random;
  TimePoint now{seconds (1)};
  unsigned ids = 0, glares = 0, rollbacks = 0;
  pool::Id last_way = 0;
  pool::Pools server;
  std::map<pool::Id, std::shared_ptr<Way>> ways;
  std::vector<std::unique_ptr<Member>> members;
};

void Session::on_negotiation_warning (const std::string &what)
{
  member.world.sure (false, what);
}

void Session::on_local_description (DescriptionType type, const std::string &sdp)
{
  member.send (member.core->description (peer, std::string (to_string (type)), sdp));
}

void Session::candidate (const CandidateInit &c)
{
  member.send (member.core->candidate (
      peer, {c.candidate, c.mid.value_or (""), static_cast<int> (c.mline.value_or (0)),
                c.ufrag.value_or ("")}));
}

// A candidate and the end of them, as the transport finds them.
void Session::gather (const std::string &ufrag)
{
  if (ufrag.empty () || std::exchange (gathered, ufrag) == ufrag)
    return;
  Candidate c;
  c.foundation = "1";
  c.address = "192.0.2.1";
  c.port = 9;
  for (const auto &told :
      {negotiator.add_local_candidate (c, ufrag), negotiator.end_local_candidates (ufrag)})
    if (told)
      candidate (*told);
}

void Session::on_negotiator_changed ()
{
  if (std::exchange (draining, true))
    return;
  std::string found;
  while (const auto e = negotiator.poll_event ()) {
    if (const auto *ice = std::get_if<event::LocalIce> (&*e))
      found = ice->ice.ufrag;
    else if (const auto *c = std::get_if<event::RemoteCandidate> (&*e))
      got.insert (c->ufrag);
    else if (std::holds_alternative<event::NegotiationNeeded> (*e))
      negotiation.needed (member.world.now);
  }
  draining = false;
  gather (found);
}

void Member::join ()
{
  way = std::make_shared<Way> (Way{++world.last_way, {}, {}, false});
  world.ways[way->id] = way;
  world.server.connect (way->id);
  core = std::make_unique<PoolClientCore> (0);
  send (core->join ("garden"));
}

void Member::leave ()
{
  way->closed = true;
  way->down.clear ();
  way.reset ();
  core.reset ();
  sessions.clear ();
  id.clear ();
}

void Member::receive (const std::string &text)
{
  core->input_text (text);
  while (const auto e = core->poll_event ())
    on (*e);
}

void Member::on (const PoolClientCore::Event &e)
{
  const auto session = [this] (const std::string &peer) {
    const auto at = sessions.find (peer);
    return at == sessions.end () ? nullptr : at->second.get ();
  };
  if (const auto *j = std::get_if<PoolClientCore::Joined> (&e)) {
    id = j->id;
    for (const auto &p : j->there)
      add (p.id, true);
  } else if (const auto *p = std::get_if<PoolClientCore::PeerJoined> (&e)) {
    add (p->id, false);
  } else if (const auto *gone = std::get_if<PoolClientCore::PeerClosed> (&e)) {
    sessions.erase (gone->id);
  } else if (const auto *d = std::get_if<PoolClientCore::Described> (&e)) {
    Session *s = session (d->peer);
    if (s && d->type == "offer" && s->negotiator.state () == SignalingState::have_local_offer) {
      world.glares++;
      world.rollbacks += s->negotiation.mode () == Session::Mode::polite;
    }
    if (s)
      s->negotiation.take_description (d->type, d->sdp, world.now);
  } else if (const auto *came = std::get_if<PoolClientCore::CandidateCame> (&e)) {
    const auto &c = came->candidate;
    CandidateInit i{.candidate = c.text};
    if (!c.mid.empty ())
      i.mid = c.mid;
    if (c.mline >= 0)
      i.mline = static_cast<std::size_t> (c.mline);
    if (!c.ufrag.empty ())
      i.ufrag = c.ufrag;
    if (Session *s = session (came->peer))
      s->negotiation.take_candidate (i);
  } else {
    // What went to somebody who had left.
    const auto *error = std::get_if<PoolClientCore::Error> (&e);
    world.sure (error && error->reason == "unknown-peer",
        error ? error->message : "an event that has no place here");
  }
}

// What rtcpool does: who joins leaves the first word to the others for longer.
void Member::add (const std::string &peer, bool polite)
{
  auto s = std::make_unique<Session> (
      *this, peer, polite ? Session::Mode::polite : Session::Mode::impolite, world.random ());
  if (world.below (2)) // else both offer at once
    s->negotiation.wait_before_offer (world.now + milliseconds (polite ? 300 : 100));
  update (*(sessions[peer] = std::move (s)));
}

void Member::update ()
{
  for (const auto &[peer, s] : sessions)
    update (*s);
}

void Member::update (Session &s)
{
  s.negotiation.set_hold (true, world.now);
  const auto wanted = [this] (const std::string &track) {
    return std::ranges::any_of (tracks,
        [&] (const Track &t) { return t.id == track && !mute[t.kind == MediaKind::audio]; });
  };
  for (const auto &[track, transceiver] : s.sent)
    if (!wanted (track))
      s.negotiator.remove_track (transceiver);
  std::erase_if (s.sent, [&] (const auto &t) { return !wanted (t.first); });
  for (const Track &t : tracks)
    if (wanted (t.id) && !s.sent.contains (t.id)) {
      const auto added = s.negotiator.add_track (t.kind, t.id, {name});
      world.sure (static_cast<bool> (added), "no track can be added");
      s.sent[t.id] = *added;
    }
  s.on_negotiator_changed ();
  s.negotiation.set_hold (false, world.now);
}

void World::act (Member &m)
{
  if (!m.way)
    return m.join ();
  switch (below (12)) {
  case 0:
    return m.leave ();
  case 1:
  case 2:
  case 3:
    if (m.tracks.size () < 6)
      m.tracks.push_back (
          {m.name + std::to_string (++m.made), below (2) ? MediaKind::audio : MediaKind::video});
    return m.update ();
  case 4:
  case 5:
    if (!m.tracks.empty ())
      m.tracks.erase (m.tracks.begin () + below (static_cast<unsigned> (m.tracks.size ())));
    return m.update ();
  case 6:
  case 7: {
    bool &mute = m.mute[below (2)];
    mute = !mute;
    return m.update ();
  }
  default:
    break;
  }
  if (m.sessions.empty ())
    return;
  Session &s =
      *std::next (m.sessions.begin (), below (static_cast<unsigned> (m.sessions.size ())))->second;
  if (below (2))
    s.negotiator.restart_ice ();
  else
    sure (s.data = !s.negotiator.add_data_channel (), "no data channel can be added");
  s.on_negotiator_changed ();
}

// One message, of any way in any direction.
void World::deliver ()
{
  if (ways.empty ())
    return;
  const auto way = std::next (ways.begin (), below (static_cast<unsigned> (ways.size ())))->second;
  if (below (2))
    return up (*way);
  if (way->down.empty ())
    return;
  const std::string text = std::move (way->down.front ());
  way->down.pop_front ();
  for (const auto &m : members)
    if (m->way == way)
      m->receive (text);
}

void World::pass (Duration d)
{
  now += d;
  for (const auto &m : members)
    for (const auto &[peer, s] : m->sessions)
      if (const auto t = s->negotiation.poll_timeout (); t && *t <= now)
        s->negotiation.timeout (now);
}

bool World::quiet () const
{
  return std::ranges::all_of (ways, [] (const auto &w) {
    return w.second->up.empty () && w.second->down.empty () && !w.second->closed;
  });
}

// All that is under way arrives, and nothing more is to be said.
void World::settle ()
{
  for (const auto &m : members)
    if (!m->way)
      m->join ();
  for (unsigned i = 0; i < 3; i++) {
    for (unsigned steps = 0; !quiet (); steps++) {
      sure (steps < 100000, "no end of it");
      deliver ();
    }
    pass (seconds (4));
  }
  sure (quiet (), "something is said all the same");
}

void World::check ()
{
  for (const auto &a : members) {
    sure (a->sessions.size () == members.size () - 1, "not everybody is there for " + a->name);
    for (const auto &b : members)
      if (a != b)
        check (*a->sessions.at (b->id), *b->sessions.at (a->id));
  }
}

// What `a` sends is what `b` gets, and no more.
void World::check (Session &a, Session &b)
{
  sure (a.negotiation.mode () != b.negotiation.mode (), "one is polite, and one is not");
  sure (a.negotiator.state () == SignalingState::stable && !a.negotiator.needed (), "not stable");
  std::multiset<std::string> wanted, seen;
  for (const Track &t : a.member.tracks)
    if (!a.member.mute[t.kind == MediaKind::audio]) {
      // A transceiver that is used again keeps the name of its first track.
      const Transceiver *sends = a.negotiator.find (a.sent.at (t.id));
      sure (sends && sends->track == t.id, "no transceiver has " + t.id);
      wanted.insert (sends->sender_id + " of " + a.member.name);
    }
  for (const Transceiver &t : b.negotiator.transceivers ())
    if (t.receiving)
      seen.insert (
          t.remote_track + " of " + (t.remote_streams.empty () ? "" : t.remote_streams[0]));
  const auto all = [] (const auto &list) {
    std::string text;
    for (const std::string &one : list)
      text += one + ", ";
    return text;
  };
  sure (wanted == seen, "sent is " + all (wanted) + "received is " + all (seen));
  const Negotiated *mine = a.negotiator.negotiated (), *theirs = b.negotiator.negotiated ();
  sure ((mine == nullptr) == (theirs == nullptr), "only one has agreed to something");
  sure (!a.data || (mine && mine->data), "a data channel was forgotten");
  if (!mine || mine->transport_mid.empty ())
    return;
  sure (mine->data.has_value () == theirs->data.has_value (), "data channels");
  sure (mine->role != theirs->role, "roles of DTLS");
  sure (mine->local == theirs->remote.ice, "usernames of ICE");
  // Candidates of a username that is in force have come, whichever offers were taken back.
  sure (b.got.contains (mine->local.ufrag), "candidates are missing");
}

} // namespace

// REACH_SEED=NUMBER is that run alone.
GST_START_TEST (test_random)
{
  unsigned glares = 0, rollbacks = 0;
  const bool sanitized = g_strcmp0 (g_getenv ("REACH_SANITIZED"), "1") == 0;
  const char *only = g_getenv ("REACH_SEED");
  const unsigned first = only ? static_cast<unsigned> (atoi (only)) : 0, runs = only        ? 1
                                                                                : sanitized ? 100
                                                                                            : 1000;
  for (unsigned seed = first; seed < first + runs; seed++) {
    World w (seed);
    w.play ();
    glares += w.glares;
    rollbacks += w.rollbacks;
    w.sure (w.glares > 0, "no offers have crossed");
  }
  g_print ("%u runs: %u offers that crossed were ignored, %u taken back\n", runs,
      glares - rollbacks, rollbacks);
  fail_unless (only || rollbacks > runs);
}
GST_END_TEST

static Suite *pool_glare_suite ()
{
  Suite *s = suite_create ("pool_glare");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_random);
  return s;
}

GST_CHECK_MAIN (pool_glare)
