// SPDX-License-Identifier: LGPL-2.1-or-later
// A negotiator whose events are counted, and two that talk through text.
#pragma once
#include "../check.h"
#include "rtc/proto/jsep.h"
#include <algorithm>

namespace reach::test {
using namespace rtc;

inline Random random_of (std::uint64_t seed)
{
  return [state = seed * 2 + 1] (std::span<std::uint8_t> to) mutable {
    for (std::uint8_t &b : to) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      b = static_cast<std::uint8_t> (state >> 56);
    }
  };
}

inline JsepConfig peer_config (std::uint8_t fingerprint)
{
  JsepConfig c;
  c.fingerprints = {{"sha-256", std::vector<std::uint8_t> (32, fingerprint)}};
  return c;
}

// As the other side gets it: what we write is read without loss.
inline sdp::Description wire (const sdp::Description &d)
{
  const std::string text = sdp::to_string (d);
  sdp::Parsed p = sdp::parse (text);
  fail_unless (static_cast<bool> (p), "line %zu: %s of\n%s", p.line,
      std::string (sdp::to_string (p.fault)).c_str (), text.c_str ());
  fail_unless (p.description == d, "%s", text.c_str ());
  return std::move (p.description);
}

inline sdp::Description parsed (const std::string &text)
{
  sdp::Parsed p = sdp::parse (text);
  fail_unless (static_cast<bool> (p), "line %zu: %s of\n%s", p.line,
      std::string (sdp::to_string (p.fault)).c_str (), text.c_str ());
  return std::move (p.description);
}

struct Peer {
  explicit Peer (std::uint8_t seed) : n (peer_config (seed), random_of (seed)) {}
  explicit Peer (std::uint8_t seed, JsepConfig c) : n (std::move (c), random_of (seed)) {}

  Negotiator n;
  std::vector<JsepEvent> events; // since take ()
  std::vector<std::string> log;  // the same as words

  // All events that wait, as words: needed, state:stable, track+:id, …
  std::vector<std::string> take ()
  {
    log.clear ();
    events.clear ();
    while (auto e = n.poll_event ()) {
      log.push_back (name (*e));
      events.push_back (std::move (*e));
    }
    return log;
  }
  auto count (std::string_view what) { return std::ranges::count (log, what); }
  bool told (std::string_view what) { return count (what) > 0; }

  TransceiverId track (MediaKind kind, const std::string &id, const std::string &stream = "s")
  {
    const auto t = n.add_track (kind, id, {stream});
    fail_unless (static_cast<bool> (t), "%s", std::string (to_string (t.error.fault)).c_str ());
    return *t;
  }
  TransceiverId transceiver (MediaKind kind, Direction d)
  {
    const auto t = n.add_transceiver (kind, {.direction = d});
    fail_unless (static_cast<bool> (t));
    return *t;
  }
  const Transceiver &at (std::size_t i) const { return n.transceivers ().at (i); }
  SignalingState state () const { return n.state (); }

  static std::string name (const JsepEvent &e)
  {
    struct Name {
      using S = std::string;
      S operator() (const event::NegotiationNeeded &) { return "needed"; }
      S operator() (const event::Signaling &s) { return "state:" + S (to_string (s.state)); }
      S operator() (const event::TransceiverAdded &) { return "transceiver+"; }
      S operator() (const event::TransceiverRemoved &) { return "transceiver-"; }
      S operator() (const event::TrackAdded &t) { return "track+:" + t.track; }
      S operator() (const event::TrackRemoved &) { return "track-"; }
      S operator() (const event::CurrentDirection &d)
      {
        return "direction:" + S (d.direction ? to_string (*d.direction) : "stopped");
      }
      S operator() (const event::LocalIce &) { return "local-ice"; }
      S operator() (const event::Remote &) { return "remote"; }
      S operator() (const event::RemoteCandidate &c) { return c.candidate ? "candidate" : "end"; }
      S operator() (const event::Negotiated &) { return "negotiated"; }
      S operator() (const event::DataRefused &) { return "data-refused"; }
    };
    return std::visit (Name{}, e);
  }
};

inline void fine (const JsepError &e)
{
  fail_unless (!e, "%s, m-line %zu", std::string (to_string (e.fault)).c_str (), e.mline);
}
inline void faulty (const JsepError &e, JsepFault f)
{
  fail_unless (e.fault == f, "%s, not %s", std::string (to_string (e.fault)).c_str (),
      std::string (to_string (f)).c_str ());
}

inline void offer (Peer &from, Peer &to)
{
  fine (from.n.set_local ());
  fine (to.n.set_remote (DescriptionType::offer, wire (*from.n.local ())));
}
inline void answer (Peer &from, Peer &to)
{
  fine (from.n.set_local ());
  fine (to.n.set_remote (DescriptionType::answer, wire (*from.n.local ())));
}
// From stable to stable.
inline void negotiate (Peer &offerer, Peer &answerer)
{
  offer (offerer, answerer);
  answer (answerer, offerer);
  fail_unless (offerer.state () == SignalingState::stable);
  fail_unless (answerer.state () == SignalingState::stable);
}
} // namespace reach::test
