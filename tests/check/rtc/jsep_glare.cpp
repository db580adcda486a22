// SPDX-License-Identifier: LGPL-2.1-or-later
// Perfect negotiation (webrtc-pc, 10.7): one side polite, one not, any interleaving of what they do
// and of what arrives. In the end both are stable, agree on every m-line, and have each other's
// tracks.
#include "jsep_peer.h"
#include <deque>
#include <map>
#include <random>

using namespace reach::test;
using T = DescriptionType;
using S = SignalingState;

namespace {
struct Message {
  T type = T::offer;
  std::string sdp;         // of a description
  CandidateInit candidate; // else
};

struct Side {
  Side (std::uint64_t seed, bool polite_)
      : n (peer_config (polite_ ? 1 : 2), random_of (seed)), polite (polite_)
  {
  }

  Negotiator n;
  const bool polite;
  bool ignoring = false, wants_offer = false;
  std::deque<Message> in;
  unsigned made = 0, ignored = 0, rolled_back = 0, dropped = 0;
  std::map<std::string, TransceiverId> tracks; // that we send

  // What the application does with what it is told.
  void events ()
  {
    while (const auto e = n.poll_event ())
      wants_offer |= std::holds_alternative<event::NegotiationNeeded> (*e);
  }

  void say (Side &other, T type)
  {
    other.in.push_back ({type, sdp::to_string (*n.local ()), {}});
    // One candidate, which has to find its generation at the other side.
    const std::string ufrag = n.local ()->media.empty () ? "" : this->ufrag ();
    Candidate c;
    c.foundation = "1";
    c.address = "192.0.2.1";
    c.port = 9;
    if (const auto said = n.add_local_candidate (c, ufrag))
      other.in.push_back ({T::offer, {}, *said});
  }
  std::string ufrag () const
  {
    const sdp::Media *m = transport_section (*n.local ());
    return m ? m->transport.ufrag : "";
  }

  // negotiationneeded's handler: one step of the operations chain.
  void make_offer (Side &other)
  {
    wants_offer = false;
    if (n.state () != S::stable || !n.needed ())
      return;
    fine (n.set_local ());
    made++;
    say (other, T::offer);
  }

  void receive (Side &other)
  {
    const Message m = std::move (in.front ());
    in.pop_front ();
    if (m.sdp.empty ()) {
      const JsepError e = n.add_candidate (m.candidate);
      // Only what was of an ignored or rolled back offer may fail.
      dropped += e ? 1 : 0;
      fail_unless (!e || e.fault == JsepFault::unknown_ufrag || e.fault == JsepFault::unknown ||
                   e.fault == JsepFault::wrong_state);
      return;
    }
    const bool collision = m.type == T::offer && n.state () != S::stable;
    ignoring = !polite && collision;
    if (ignoring) {
      ignored++;
      return;
    }
    rolled_back += collision ? 1 : 0;
    fine (n.set_remote (m.type, parsed (m.sdp)));
    if (m.type == T::offer) {
      fine (n.set_local ());
      say (other, T::answer);
    }
  }
};

class Run {
public:
  explicit Run (unsigned seed)
      : random_ (seed), polite_ (seed * 2ull, true), impolite_ (seed * 2ull + 1, false)
  {
  }

  void play ()
  {
    for (unsigned step = 0, steps = below (40); step < steps; step++) {
      Side &s = below (2) ? polite_ : impolite_;
      if (below (3) == 0)
        act (s);
      else
        move (s);
    }
    // All that is under way arrives, and nothing more is to be said.
    for (unsigned rounds = 0; busy (); rounds++) {
      fail_unless (rounds < 500, "no end of it");
      move (below (2) ? polite_ : impolite_);
    }
    check (polite_, impolite_);
    check (impolite_, polite_);
  }
  unsigned glares () const { return polite_.rolled_back; }
  unsigned ignored () const { return impolite_.ignored; }
  unsigned dropped () const { return polite_.dropped + impolite_.dropped; }

private:
  unsigned below (unsigned n) { return static_cast<unsigned> (random_ () % n); }
  Side &other (Side &s) { return &s == &polite_ ? impolite_ : polite_; }
  bool busy ()
  {
    polite_.events ();
    impolite_.events ();
    return !polite_.in.empty () || !impolite_.in.empty () || polite_.wants_offer ||
           impolite_.wants_offer;
  }

  // One message, or the handler of an event.
  void move (Side &s)
  {
    s.events ();
    if (s.wants_offer && (s.in.empty () || below (2)))
      s.make_offer (other (s));
    else if (!s.in.empty ())
      s.receive (other (s));
  }

  TransceiverId any (Side &s)
  {
    const auto &all = s.n.transceivers ();
    return all.empty () ? 0 : all[below (static_cast<unsigned> (all.size ()))].id;
  }

  void act (Side &s)
  {
    switch (below (8)) {
    case 0:
    case 1:
    case 2: {
      const std::string id = (s.polite ? "p" : "i") + std::to_string (s.tracks.size ());
      const auto kind = below (2) ? MediaKind::audio : MediaKind::video;
      if (const auto t = s.n.add_track (kind, id, {"s" + std::to_string (below (3))}))
        s.tracks[id] = *t;
      break;
    }
    case 3:
      s.n.remove_track (any (s));
      break;
    case 4:
      s.n.set_direction (any (s), static_cast<Direction> (below (4)));
      break;
    case 5:
      s.n.stop (any (s));
      break;
    case 6:
      s.n.restart_ice ();
      break;
    default:
      fine (s.n.add_data_channel ());
    }
  }

  // What `s` has is what the other has, seen from there.
  void check (Side &s, Side &o)
  {
    fail_unless (s.n.state () == S::stable && !s.n.needed ());
    const Negotiated *mine = s.n.negotiated (), *theirs = o.n.negotiated ();
    fail_unless ((mine == nullptr) == (theirs == nullptr));
    if (!mine)
      return;
    fail_unless (mine->media.size () == theirs->media.size ());
    fail_unless (mine->data.has_value () == theirs->data.has_value ());
    fail_unless (mine->local == theirs->remote.ice && mine->transport_mid == theirs->transport_mid);
    fail_unless (mine->role != theirs->role || mine->transport_mid.empty ());
    for (const Transceiver &t : s.n.transceivers ()) {
      // One that neither sends nor receives need not have been told of.
      fail_unless (!t.stopped && !t.mid.empty ());
      const NegotiatedMedia *a = mine->find (t.mid), *b = theirs->find (t.mid);
      fail_unless (a && b && a->mline == b->mline && a->kind == b->kind);
      fail_unless (a->direction == reverse (b->direction) && a->transceiver == t.id);
      fail_unless (a->direction == t.current_direction);
      const Transceiver *far = o.n.find (b->transceiver);
      fail_unless (far && far->mid == t.mid && far->receiving == sends (a->direction));
      fail_unless (!far->receiving ||
                   (far->remote_track == t.sender_id && far->remote_streams == t.streams));
      // Payload types and extensions are the same both ways.
      fail_unless (a->send.size () == b->receive.size ());
      for (std::size_t i = 0; i < a->send.size (); i++)
        fail_unless (a->send[i].codec.payload_type == b->receive[i].codec.payload_type &&
                     a->send[i].rtx == b->receive[i].rtx);
      fail_unless (a->extensions.size () == b->extensions.size ());
    }
    check_tracks (s, o);
  }

  // Each track that its transceiver may send arrives.
  void check_tracks (Side &s, Side &o)
  {
    for (const auto &[id, tid] : s.tracks) {
      const Transceiver *t = s.n.find (tid);
      if (!t || t->track != id || !sends (t->direction))
        continue;
      const Transceiver *far = nullptr;
      for (const Transceiver &x : o.n.transceivers ())
        if (x.mid == t->mid)
          far = &x;
      fail_unless (far && (far->receiving || !receives (far->direction)), "track %s", id.c_str ());
    }
  }

  std::mt19937 random_;
  Side polite_, impolite_;
};
} // namespace

GST_START_TEST (test_interleavings)
{
  const char *sanitized = g_getenv ("REACH_SANITIZED");
  const unsigned runs = g_strcmp0 (sanitized, "1") == 0 ? 2000 : 10000;
  unsigned glares = 0, ignored = 0, dropped = 0;
  for (unsigned seed = 0; seed < runs; seed++) {
    Run r (seed);
    r.play ();
    glares += r.glares ();
    ignored += r.ignored ();
    dropped += r.dropped ();
  }
  GST_INFO ("%u runs: %u rollbacks, %u ignored offers, %u dropped candidates", runs, glares,
      ignored, dropped);
  // There was something to see.
  fail_unless (glares > runs / 10 && ignored > runs / 10 && dropped > runs / 10);
}
GST_END_TEST

static Suite *jsep_suite ()
{
  Suite *s = suite_create ("rtc-jsep-glare");
  TCase *tc = tcase_create ("glare");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_interleavings);
  return s;
}

GST_CHECK_MAIN (jsep)
