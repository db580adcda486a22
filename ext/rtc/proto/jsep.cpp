// SPDX-License-Identifier: LGPL-2.1-or-later
// Transceivers: what an application asks for.
#include "jsep.h"
#include "sdp_text.h"
#include <algorithm>

namespace reach::rtc {
namespace {
constexpr std::size_t max_streams = 16, max_id = 128;

bool is_id (const std::string &id)
{
  return sdp::is_token (id) && id.size () <= max_id;
}

bool are_ids (const std::vector<std::string> &ids)
{
  return ids.size () <= max_streams && std::ranges::all_of (ids, is_id);
}

bool are_rids (const std::vector<Rid> &rids, std::size_t limit)
{
  for (auto r = rids.begin (); r != rids.end (); ++r) {
    const bool good = !r->id.empty () && r->id.size () <= 16 && sdp::all_of (r->id, sdp::is_alnum);
    if (!good || std::find_if (rids.begin (), r, [&] (const Rid &x) { return x.id == r->id; }) != r)
      return false;
  }
  return rids.size () <= limit;
}
} // namespace

Negotiator::Negotiator (JsepConfig config, Random random)
    : config_ (std::move (config)), random_ (std::move (random))
{
  // 62 bits, so that others' signed numbers hold it.
  session_id_ = std::to_string (std::uint64_t{random_u32 () >> 2} << 32 | random_u32 ());
  if (config_.cname.empty ())
    config_.cname = random_id ();
}

std::uint32_t Negotiator::random_u32 ()
{
  std::array<std::uint8_t, 4> b{};
  random_ (b);
  return std::uint32_t{b[0]} << 24 | std::uint32_t{b[1]} << 16 | std::uint32_t{b[2]} << 8 | b[3];
}

// Of 64 letters, so that six bits of each random byte are used (RFC 8445, 5.3: 24 and 128 bits).
std::string Negotiator::random_text (std::size_t size)
{
  constexpr std::string_view letters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::vector<std::uint8_t> bytes (size);
  random_ (bytes);
  std::string s;
  for (const std::uint8_t b : bytes)
    s += letters[b & 63];
  return s;
}

// A slash is an ice-char, but not in a token.
std::string Negotiator::random_id ()
{
  std::string s = random_text (20);
  std::ranges::replace (s, '/', '-');
  return s;
}

const Transceiver *Negotiator::find (TransceiverId id) const
{
  const auto found = std::ranges::find (transceivers_, id, &Transceiver::id);
  return found == transceivers_.end () ? nullptr : &*found;
}

Transceiver *Negotiator::get (TransceiverId id)
{
  return const_cast<Transceiver *> (find (id));
}

Transceiver *Negotiator::at_mline (std::size_t mline)
{
  const auto found =
      std::ranges::find_if (transceivers_, [&] (const Transceiver &t) { return t.mline == mline; });
  return found == transceivers_.end () ? nullptr : &*found;
}

JsepError Negotiator::usable (TransceiverId id, Transceiver *&t)
{
  if (state_ == SignalingState::closed)
    return {JsepFault::wrong_state};
  t = get (id);
  if (!t)
    return {JsepFault::unknown};
  return t->stopping || t->stopped ? JsepError{JsepFault::stopped} : JsepError{};
}

Transceiver &Negotiator::make (MediaKind kind, Direction d)
{
  Transceiver &t = transceivers_.emplace_back ();
  t.id = ++last_id_;
  t.kind = kind;
  t.direction = d;
  const auto unused = [this] {
    for (;;) {
      const std::uint32_t v = random_u32 ();
      const bool taken = v == 0 || std::ranges::any_of (transceivers_, [v] (const Transceiver &x) {
        return x.ssrc == v || x.rtx_ssrc == v;
      });
      if (!taken)
        return v;
    }
  };
  t.ssrc = unused ();
  t.rtx_ssrc = unused ();
  t.sender_id = random_id ();
  return t;
}

Outcome<TransceiverId> Negotiator::add_track (
    MediaKind kind, std::string track, std::vector<std::string> streams)
{
  if (state_ == SignalingState::closed)
    return {{JsepFault::wrong_state}};
  const bool media = kind == MediaKind::audio || kind == MediaKind::video;
  if (!media || !is_id (track) || !are_ids (streams) ||
      std::ranges::any_of (transceivers_, [&] (const Transceiver &t) { return t.track == track; }))
    return {{JsepFault::bad_argument}};
  auto t = std::ranges::find_if (transceivers_, [&] (const Transceiver &x) {
    return x.kind == kind && x.track.empty () && !x.stopping && !x.stopped && !x.has_sent;
  });
  const bool reused = t != transceivers_.end ();
  if (!reused) {
    if (transceivers_.size () >= config_.max_transceivers)
      return {{JsepFault::too_many}};
    make (kind, Direction::sendrecv).by_track = true;
    t = transceivers_.end () - 1;
  }
  t->direction = direction_of (true, receives (t->direction));
  t->track_added = true;
  t->track = track;
  // What the peer was told stays.
  const auto said = [&] (const sdp::Description *d) {
    const sdp::Media *m = d ? d->find (t->mid) : nullptr;
    return m && !m->msids.empty ();
  };
  if (!said (local ()) && !said (current_local ()))
    t->sender_id = std::move (track);
  t->streams = std::move (streams);
  const TransceiverId id = t->id;
  update_needed ();
  return {{}, id};
}

JsepError Negotiator::remove_track (TransceiverId id)
{
  if (state_ == SignalingState::closed)
    return {JsepFault::wrong_state};
  Transceiver *t = get (id);
  if (!t)
    return {JsepFault::unknown};
  if (t->track.empty () || t->stopping || t->stopped)
    return {};
  t->track.clear ();
  t->direction = direction_of (false, receives (t->direction));
  update_needed ();
  return {};
}

Outcome<TransceiverId> Negotiator::add_transceiver (MediaKind kind, TransceiverInit init)
{
  if (state_ == SignalingState::closed)
    return {{JsepFault::wrong_state}};
  const bool media = kind == MediaKind::audio || kind == MediaKind::video;
  if (!media || (!init.track.empty () && !is_id (init.track)) || !are_ids (init.streams) ||
      !are_rids (init.encodings, config_.max_rids) ||
      (kind == MediaKind::audio && init.encodings.size () > 1))
    return {{JsepFault::bad_argument}};
  if (transceivers_.size () >= config_.max_transceivers)
    return {{JsepFault::too_many}};
  Transceiver &t = make (kind, init.direction);
  t.track = init.track;
  if (!init.track.empty ())
    t.sender_id = std::move (init.track);
  t.streams = std::move (init.streams);
  // One stream needs no rid.
  if (init.encodings.size () > 1)
    t.encodings = std::move (init.encodings);
  for (Rid &r : t.encodings)
    r.send = true;
  const TransceiverId id = t.id;
  update_needed ();
  return {{}, id};
}

JsepError Negotiator::set_direction (TransceiverId id, Direction d)
{
  Transceiver *t = nullptr;
  if (const JsepError e = usable (id, t))
    return e;
  t->direction = d;
  update_needed ();
  return {};
}

JsepError Negotiator::set_streams (TransceiverId id, std::vector<std::string> streams)
{
  Transceiver *t = nullptr;
  if (const JsepError e = usable (id, t))
    return e;
  if (!are_ids (streams))
    return {JsepFault::bad_argument};
  t->streams = std::move (streams);
  update_needed ();
  return {};
}

JsepError Negotiator::set_encodings (TransceiverId id, std::vector<Rid> encodings)
{
  Transceiver *t = nullptr;
  if (const JsepError e = usable (id, t))
    return e;
  if (!are_rids (encodings, config_.max_rids) ||
      (t->kind == MediaKind::audio && encodings.size () > 1))
    return {JsepFault::bad_argument};
  if (encodings.size () == 1 && t->encodings.empty ())
    encodings.clear ();
  for (Rid &r : encodings)
    r.send = true;
  t->encodings = encodings;
  // Not by the description that a rollback takes back.
  if (snapshot_)
    for (Transceiver &before : snapshot_->transceivers)
      if (before.id == id)
        before.encodings = encodings;
  update_needed ();
  return {};
}

JsepError Negotiator::replace_track (TransceiverId id, std::string track)
{
  Transceiver *t = nullptr;
  if (const JsepError e = usable (id, t))
    return e;
  if (!track.empty () && !is_id (track))
    return {JsepFault::bad_argument};
  t->track = std::move (track);
  return {};
}

JsepError Negotiator::set_codec_preferences (TransceiverId id, std::vector<Codec> codecs)
{
  Transceiver *t = nullptr;
  if (const JsepError e = usable (id, t))
    return e;
  const auto &known = t->kind == MediaKind::audio ? config_.audio : config_.video;
  const bool good = std::ranges::all_of (
      codecs, [&] (const Codec &c) { return std::ranges::find (known, c) != known.end (); });
  if (!good || codecs.size () > known.size () ||
      (!codecs.empty () && std::ranges::all_of (codecs, is_auxiliary)))
    return {JsepFault::bad_argument};
  t->preferences = std::move (codecs);
  return {};
}

JsepError Negotiator::stop (TransceiverId id)
{
  Transceiver *t = nullptr;
  if (const JsepError e = usable (id, t))
    return e.fault == JsepFault::stopped ? JsepError{} : e;
  t->stopping = true;
  t->track.clear ();
  if (t->receiving) {
    t->receiving = false;
    tell (event::TrackRemoved{id});
  }
  // No peer knows of it; an offer that does was not set yet.
  if (!t->mline) {
    last_offer_.reset ();
    stop_now (*t);
    remove_stopped ();
  }
  update_needed ();
  return {};
}

JsepError Negotiator::add_data_channel ()
{
  if (state_ == SignalingState::closed)
    return {JsepFault::wrong_state};
  data_.wanted = true;
  update_needed ();
  return {};
}

void Negotiator::restart_ice ()
{
  if (state_ == SignalingState::closed || ice_.ufrag.empty ())
    return;
  ice_replace_ = {ice_};
  if (snapshot_ && !snapshot_->ice.ufrag.empty ()) // what is in force below the pending ones
    ice_replace_.push_back (snapshot_->ice);
  update_needed ();
}

void Negotiator::close ()
{
  if (state_ == SignalingState::closed)
    return;
  for (Transceiver &t : transceivers_)
    stop_now (t);
  events_.clear ();
  state_ = SignalingState::closed;
  needed_ = false;
}

const std::vector<Codec> &Negotiator::codecs_of (const Transceiver &t) const
{
  if (!t.preferences.empty ())
    return t.preferences;
  return t.kind == MediaKind::audio ? config_.audio : config_.video;
}

const std::vector<sdp::ExtMap> &Negotiator::extensions_of (MediaKind kind) const
{
  return kind == MediaKind::audio ? config_.audio_extensions : config_.video_extensions;
}
} // namespace reach::rtc
