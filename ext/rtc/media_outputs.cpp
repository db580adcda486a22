// SPDX-License-Identifier: LGPL-2.1-or-later
#include "media_outputs.h"
#include <algorithm>

namespace reach::rtc {
namespace {
// Each has a thread, and the peer says how many: of one session, and of the element.
constexpr std::size_t most_outputs = 64, most_in_all = 1024;
constexpr std::size_t most_early = 512; // packets, until the pad is there
constexpr Duration sync_period = seconds (1);

std::string free_name (GstElement *element)
{
  for (unsigned n = 0;; n++) {
    std::string name = "src_" + std::to_string (n);
    const auto taken = Ref<GstPad>::adopt (gst_element_get_static_pad (element, name.c_str ()));
    if (!taken)
      return name;
  }
}

// Whose it is, for whoever is downstream.
Ref<GstTagList> tags_of (const MediaOutputs::Described &d)
{
  if (d.peer.empty ())
    return {};
  GstTagList *t =
      gst_tag_list_new (GST_TAG_EXTENDED_COMMENT, ("peer-id=" + d.peer).c_str (), nullptr);
  if (!d.description.empty ())
    gst_tag_list_add (t, GST_TAG_MERGE_APPEND, GST_TAG_EXTENDED_COMMENT,
        ("description=" + d.description).c_str (), nullptr);
  gst_tag_list_set_scope (t, GST_TAG_SCOPE_STREAM);
  return Ref<GstTagList>::adopt (t);
}

std::string stream_of (const Negotiator &n, const NegotiatedMedia &m)
{
  const Transceiver *t = n.find (m.transceiver);
  return t && !t->remote_streams.empty () ? t->remote_streams.front () : std::string ();
}
} // namespace

MediaOutputs::MediaOutputs (BinHost &host, const Options &options, Prepare prepare)
    : host_ (host), loop_ (*host.loop ()), prepare_ (std::move (prepare)), options_ (options)
{
}

MediaOutputs::~MediaOutputs () = default;

void MediaOutputs::set_peer (const std::string &peer, const std::string &description)
{
  peer_ = peer;
  description_ = description;
}

void MediaOutputs::update (PeerSession &session, const Negotiated *n)
{
  session_ = &session;
  std::vector<std::shared_ptr<Output>> unused = outputs_;
  std::vector<std::pair<const NegotiatedMedia *, TrackKey>> fresh;
  const auto want = [&] (const NegotiatedMedia &m, const std::string &rid) {
    const TrackKey key = session.connection ().key_of (m.transceiver, rid);
    const auto at = std::ranges::find_if (
        unused, [key] (const auto &o) { return o->track == std::optional (key); });
    if (at == unused.end ())
      fresh.emplace_back (&m, key);
    else
      unused.erase (at);
  };
  if (n)
    for (const NegotiatedMedia &m : n->media) {
      if (!receives (m.direction))
        continue;
      if (m.receive_rids.empty ())
        want (m, {});
      for (const Rid &r : m.receive_rids)
        want (m, r.id);
    }
  for (const auto &[m, key] : fresh) {
    // One that an earlier peer has left goes on with this one, if it can be with the same layer.
    const std::string rid = session.connection ().rid_of (key);
    const auto is_idle = [kind = m->kind] (const auto &o) { return !o->track && o->kind == kind; };
    auto idle =
        std::ranges::find_if (unused, [&] (const auto &o) { return is_idle (o) && o->rid == rid; });
    if (idle == unused.end ())
      idle = std::ranges::find_if (unused, is_idle);
    if (idle != unused.end ()) {
      use (session, **idle, *m, key);
      unused.erase (idle);
      continue;
    }
    if (!room ()) {
      left_out_ = true;
      if (!std::exchange (too_many_told_, true))
        host_.tell_warning ("A peer sends more than " + std::to_string (most_outputs) +
                            " tracks; no pads are made for the others.");
      continue;
    }
    auto o = std::make_shared<Output> ();
    o->kind = m->kind;
    use (session, *o, *m, key);
    outputs_.push_back (o);
    if (options_.all)
      ++*options_.all;
    host_.tell ([self = shared_from_this (), o] { self->make (o); });
  }
  for (const auto &o : unused)
    if (o->track)
      drop (o);
}

void MediaOutputs::use (PeerSession &session, Output &o, const NegotiatedMedia &m, TrackKey key)
{
  o.track = key;
  o.mid = m.mid;
  o.rid = session.connection ().rid_of (key);
  o.stream = stream_of (session.negotiator (), m);
  o.codec.reset ();
  o.early.clear ();
}

void MediaOutputs::make (const std::shared_ptr<Output> &o)
{
  if (made_.lock ()->ended || o->unwanted)
    return;
  GstPadTemplate *templ =
      gst_element_class_get_pad_template (GST_ELEMENT_GET_CLASS (host_.element ()), "src_%u");
  o->name = free_name (host_.element ());
  const std::string stream = (peer_.empty () ? "" : peer_ + "/") +
                             (o->stream.empty () ? o->name : o->stream + "/" + o->mid) +
                             (o->rid.empty () ? "" : "/" + o->rid);
  const Described described{peer_, o->mid, o->rid, description_, o->kind};
  OutputPad::Prepare prepare;
  if (prepare_)
    prepare = [&] (GstPad *pad) { prepare_ (pad, described); };
  auto pad = std::make_unique<OutputPad> (host_.bin (), *this, o->name, templ, o->kind,
      options_.depayload, stream, prepare, tags_of (described));
  pad->set_latency (options_.latency);
  OutputPad *there = pad.get ();
  bool kept = false;
  made_.update ([&] (Made &m) {
    kept = !m.ended;
    if (kept)
      m.pads.emplace (o.get (), std::move (pad));
  });
  if (kept)
    loop_.post ([self = shared_from_this (), o, there] { self->made (o, there); });
}

void MediaOutputs::made (const std::shared_ptr<Output> &o, OutputPad *pad)
{
  if (std::ranges::find (outputs_, o) == outputs_.end () || made_.lock ()->ended)
    return; // not wanted any more: what ends it comes after what made it
  o->pad = pad;
  auto early = std::exchange (o->early, {});
  if (!early.empty ())
    push (*o, early);
}

void MediaOutputs::drop (const std::shared_ptr<Output> &o)
{
  std::erase (outputs_, o);
  o->pad = nullptr;
  o->unwanted = true;
  ending_++;
  host_.tell ([self = shared_from_this (), o] {
    std::unique_ptr<OutputPad> pad;
    self->made_.update ([&] (Made &m) {
      if (const auto at = m.pads.find (o.get ()); at != m.pads.end ()) {
        pad = std::move (at->second);
        m.pads.erase (at);
      }
    });
    pad.reset ();
    self->loop_.post ([self] { self->dropped (); });
  });
}

// Those that are still to go count, too: a peer that changes its mind faster than pads can be made
// and taken away must not have any number of them on their way.
bool MediaOutputs::room () const
{
  return outputs_.size () + ending_ < most_outputs &&
         (!options_.all || *options_.all < most_in_all);
}

void MediaOutputs::dropped ()
{
  ending_--;
  if (options_.all)
    --*options_.all;
  if (session_ && std::exchange (left_out_, false))
    update (*session_, session_->negotiator ().negotiated ());
}

void MediaOutputs::leave ()
{
  session_ = nullptr;
  const auto all = outputs_;
  for (const auto &o : all) {
    o->track.reset ();
    if (!options_.keep)
      drop (o);
  }
}

void MediaOutputs::end ()
{
  Made all;
  made_.update ([&] (Made &m) {
    all.pads.swap (m.pads);
    m.ended = true;
  });
}

void MediaOutputs::push (Output &o, std::span<ReceivedPacket> packets)
{
  if (!std::exchange (o.codec_told, true))
    o.pad->set_codec (*o.codec);
  for (ReceivedPacket &p : packets)
    pushing_.push_back ({std::move (p.rtp), p.time, p.discont});
  o.pad->push (pushing_);
  pushing_.clear ();
}

// Packets of one codec.
void MediaOutputs::take (Output &o, std::span<ReceivedPacket> packets)
{
  if (const Codec &codec = *packets.front ().codec; !o.codec || *o.codec != codec) {
    o.codec = codec;
    o.codec_told = false;
    o.early.clear ();
  }
  if (o.pad)
    return push (o, packets);
  for (ReceivedPacket &p : packets)
    if (o.early.size () < most_early)
      o.early.push_back (std::move (p));
}

void MediaOutputs::feed (PeerSession &session, std::span<ReceivedPacket> packets)
{
  const TrackKey track = packets.front ().track;
  const auto at = std::ranges::find_if (
      outputs_, [track] (const auto &o) { return o->track == std::optional (track); });
  if (at == outputs_.end ())
    return;
  while (!packets.empty ()) {
    const Codec *codec = packets.front ().codec;
    const auto other = std::ranges::find_if (
        packets, [codec] (const ReceivedPacket &p) { return p.codec != codec; });
    const auto n = static_cast<std::size_t> (other - packets.begin ());
    take (**at, packets.first (n));
    packets = packets.subspan (n);
  }
  sync (session);
}

// Streams of one sender are shown together: the ones that are early wait.
void MediaOutputs::sync (PeerSession &session)
{
  const TimePoint now = Clock::now ();
  if (outputs_.size () < 2 || now - synced_ < sync_period)
    return;
  synced_ = now;
  for (const auto &o : outputs_)
    if (o->pad && o->track)
      o->pad->set_delay (session.connection ().sync_delay (*o->track));
}

void MediaOutputs::set_latency (Duration latency)
{
  options_.latency = latency;
  for (const auto &o : outputs_)
    if (o->pad)
      o->pad->set_latency (latency);
}

void MediaOutputs::on_keyframe_wanted (OutputPad &pad)
{
  loop_.post ([self = shared_from_this (), p = &pad] {
    for (const auto &o : self->outputs_)
      if (o->pad == p && o->track && self->session_)
        self->session_->connection ().request_keyframe (*o->track);
  });
}
} // namespace reach::rtc
