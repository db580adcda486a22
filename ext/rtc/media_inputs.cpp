// SPDX-License-Identifier: LGPL-2.1-or-later
#include "media_inputs.h"
#include "peer_pads.h"
#include "rtc/proto/codec.h"
#include "rtc/proto/layer_shares.h"
#include "rtc/proto/sdp_text.h"
#include <algorithm>

namespace reach::rtc {
namespace {
constexpr unsigned audio_rate = 64000; // has what it needs; the rest is for video

// RFC 8852, 3.1
bool is_rid (const std::string &text)
{
  return !text.empty () && text.size () <= 16 && sdp::all_of (text, sdp::is_alnum);
}

std::string new_id ()
{
  return CharPtr (g_uuid_string_random ()).get ();
}

std::string names_of (std::span<const NegotiatedCodec> codecs)
{
  std::string all;
  for (const NegotiatedCodec &c : codecs)
    all += (all.empty () ? "" : ", ") + c.codec.name + " " + c.codec.fmtp;
  return all.empty () ? "nothing" : all;
}
} // namespace

MediaInputs::~MediaInputs () = default;

GstPad *MediaInputs::request (GstPadTemplate *templ, const char *name, MediaKind kind)
{
  const std::string all = GST_PAD_TEMPLATE_NAME_TEMPLATE (templ),
                    beginning = all.substr (0, all.find ('%'));
  std::string own = name ? name : "";
  for (unsigned n = 0; own.empty (); n++) {
    const std::string attempt = beginning + std::to_string (n);
    const auto pads = pads_.lock ();
    if (std::ranges::none_of (
            *pads, [&] (const auto &p) { return attempt == GST_PAD_NAME (p.first); }))
      own = attempt;
  }
  auto input = std::make_shared<Input> ();
  input->track = new_id ();
  input->kind = kind;
  input->pad = std::make_unique<InputPad> (host_.bin (), *this, own.c_str (), templ, input->kind);
  GstPad *pad = input->pad->pad ();
  pads_.lock ()->emplace (pad, input);
  watch (pad);
  const Options options = *options_.lock ();
  configure (options);
  const auto add = [this, input] {
    inputs_.push_back (input);
    changed_ ();
  };
  if (Loop *loop = host_.loop ())
    loop->call (add);
  else
    inputs_.push_back (input);
  return pad;
}

// Before the pad is made use of, so that a launch line's rid is there from the beginning.
void MediaInputs::watch (GstPad *pad)
{
  if (G_OBJECT_TYPE (pad) != peer_sink_pad_type ())
    return;
  const auto changed =
      +[] (GstPad *, GParamSpec *, gpointer self) { static_cast<MediaInputs *> (self)->later (); };
  for (const char *what : {"notify::rid", "notify::track"})
    g_signal_connect (pad, what, G_CALLBACK (changed), this);
  gst_child_proxy_child_added (
      GST_CHILD_PROXY (host_.element ()), G_OBJECT (pad), GST_PAD_NAME (pad));
}

bool MediaInputs::release (GstPad *pad, const std::function<void (const MediaSource *)> &gone)
{
  std::shared_ptr<Input> input;
  pads_.update ([&] (auto &pads) {
    const auto at = pads.find (pad);
    if (at == pads.end ())
      return;
    input = at->second;
    pads.erase (at);
  });
  if (!input)
    return false;
  const bool layer = G_OBJECT_TYPE (pad) == peer_sink_pad_type ();
  if (layer) {
    g_signal_handlers_disconnect_by_data (pad, this);
    gst_child_proxy_child_removed (
        GST_CHILD_PROXY (host_.element ()), G_OBJECT (pad), GST_PAD_NAME (pad));
  }
  const auto remove = [&] {
    std::erase (inputs_, input);
    for (const InputPad::Layer &l : input->pad->layers ())
      gone (l.source.get ());
  };
  if (Loop *loop = host_.loop ())
    loop->call (remove);
  else
    remove ();
  input->pad.reset ();
  return true;
}

void MediaInputs::release_all ()
{
  inputs_.clear ();
  std::map<GstPad *, std::shared_ptr<Input>> pads;
  pads_.lock ()->swap (pads);
  for (const auto &[pad, input] : pads)
    g_signal_handlers_disconnect_by_data (pad, this);
}

void MediaInputs::configure (const Options &options)
{
  *options_.lock () = options;
  std::vector<std::shared_ptr<Input>> all;
  for (const auto &[pad, input] : *pads_.lock ())
    all.push_back (input);
  for (const auto &input : all) {
    input->pad->set_bitrate_limits (options.min_bitrate, options.max_bitrate);
    input->pad->set_adapt (options.adapt);
  }
}

void MediaInputs::later ()
{
  if (Loop *loop = host_.loop ())
    loop->post ([run = host_.run (), this] {
      if (run && *run)
        changed_ ();
    });
}

void MediaInputs::mute (MediaKind kind, bool on)
{
  muted_[kind == MediaKind::audio] = on;
  later ();
}

void MediaInputs::on_input_formats (InputPad &)
{
  if (Loop *loop = host_.loop ())
    loop->post ([this] { changed_ (); });
}

bool MediaInputs::ready () const
{
  return std::ranges::all_of (inputs_, [] (const auto &i) { return i->pad->ready (); });
}

void MediaInputs::complain (Input &input, const std::string &what)
{
  if (std::exchange (input.told, what) != what)
    host_.tell_warning (GST_PAD_NAME (input.pad->pad ()) + (" is not sent: " + what));
}

// What is asked for wrongly costs the other streams nothing.
bool MediaInputs::is_usable (const Stream &s, const Streams &before)
{
  if (s.rid.empty ())
    return true;
  if (!is_rid (s.rid))
    complain (*s.input, "a rid is 1 to 16 letters and digits, not " + s.rid);
  else if (std::ranges::any_of (
               before, [&] (const Stream &x) { return x.track == s.track && x.rid == s.rid; }))
    complain (*s.input, "another layer of its track is " + s.rid + ", too");
  else
    return true;
  return false;
}

MediaInputs::Streams MediaInputs::streams ()
{
  Streams all;
  for (const auto &i : inputs_) {
    const LayerName own = layer_name (i->pad->pad ());
    for (InputPad::Layer &l : i->pad->layers ()) {
      Stream s{i.get (), std::move (l.source), i->track, std::move (l.rid)};
      if (s.rid.empty () && !own.rid.empty ()) {
        std::string &id = tracks_[own.track];
        if (id.empty ())
          id = new_id ();
        s.track = id;
        s.rid = own.rid;
      }
      if (is_usable (s, all))
        all.push_back (std::move (s));
    }
  }
  return all;
}

void MediaInputs::add (PeerSession &session, const How &how, const Streams &all, const Stream &s)
{
  if (session.has_input (s.source.get (), s.track, s.rid))
    return;
  session.remove_input (s.source.get ()); // it was another's layer
  if (!how.early && !s.input->pad->ready ())
    return;
  std::size_t place = 0; // whatever became ready first
  for (const Stream *x = all.data (); x != &s; x++)
    place += x->track == s.track && session.has_input (x->source.get (), x->track, x->rid);
  const auto id = session.add_input ({.source = s.source,
      .track = s.track,
      .stream = how.stream,
      .direction = how.direction,
      .rid = s.rid,
      .place = place});
  if (!id)
    complain (*s.input, s.rid.empty () ? "there are too many tracks" : "there are too many layers");
}

// Layers of a track are of one codec: of the first one's those that the others can be, too.
std::vector<Codec> MediaInputs::preferences (const Streams &all, const std::string &track)
{
  std::vector<Codec> codecs;
  for (const Stream &s : all) {
    if (s.track != track)
      continue;
    const std::vector<Codec> own = s.input->pad->preferences ();
    if (codecs.empty ())
      codecs = own;
    std::vector<Codec> common = codecs;
    std::erase_if (common, [&] (const Codec &c) {
      return std::ranges::none_of (own, [&] (const Codec &o) { return matches (o, c); });
    });
    if (!common.empty ()) // one that differs is told of when the peer has answered
      codecs = std::move (common);
  }
  return codecs;
}

void MediaInputs::update (PeerSession &session, const How &how)
{
  const Streams all = streams ();
  for (const auto &i : inputs_) // what is no stream any more
    for (const InputPad::Layer &l : i->pad->layers ())
      if (std::ranges::find (all, l.source, &Stream::source) == all.end ())
        session.remove_input (l.source.get ());
  for (const Stream &s : all) {
    const bool here = s.input->kind == MediaKind::audio ? how.mute_audio : how.mute_video;
    if (here || muted (s.input->kind))
      session.remove_input (s.source.get ());
    else
      add (session, how, all, s);
  }
  for (const Stream &s : all) {
    std::vector<Codec> codecs = preferences (all, s.track);
    if (how.one_codec && !codecs.empty ())
      std::erase_if (
          codecs, [first = codecs.front ()] (const Codec &c) { return !is_name (c, first.name); });
    if (!codecs.empty ())
      session.describe_input (s.source.get (), codecs);
  }
}

std::vector<std::string> MediaInputs::select (PeerSession &session, const Negotiated &n)
{
  std::vector<std::string> refused;
  std::vector<TransceiverId> before;
  for (const Stream &s : streams ()) {
    const auto id = session.transceiver_of (s.source.get ());
    const auto m = std::ranges::find_if (
        n.media, [&] (const NegotiatedMedia &x) { return id && x.transceiver == *id; });
    if (m == n.media.end () || !sends (m->direction))
      continue;
    const bool first = std::ranges::find (before, *id) == before.end ();
    before.push_back (*id);
    if (takes_layer (*m, s.rid, first) && !s.input->pad->select (m->send))
      refused.push_back ("the peer takes none of the codecs that " +
                         std::string (GST_PAD_NAME (s.input->pad->pad ())) +
                         " can send; it takes " + names_of (m->send));
  }
  return refused;
}

void MediaInputs::share (const Streams &layers, unsigned bitrate, PeerSession *session)
{
  std::vector<Layer> sizes;
  for (const Stream &s : layers)
    sizes.push_back (
        {s.source->pixels (), !session || !session->connection ().is_left_out (s.source.get ())});
  const auto shares = share_bitrate (sizes, bitrate);
  for (std::size_t i = 0; i < layers.size (); i++) {
    MediaSource &source = *layers[i].source;
    if (shares[i].sent)
      source.set_bitrate (shares[i].bitrate);
    if (session && shares[i].sent != sizes[i].sent) {
      GST_INFO_OBJECT (host_.element (), "the layer %s %s, at %u bit/s for its track",
          layers[i].rid.c_str (), shares[i].sent ? "is sent again" : "is left out", bitrate);
      session->connection ().set_left_out (&source, !shares[i].sent);
    }
  }
}

void MediaInputs::set_bitrate (unsigned bits_per_second, PeerSession *session)
{
  std::map<std::string, Streams> videos; // by track
  for (Stream &s : streams ())
    // Layers that nobody takes need nothing.
    if (s.input->kind == MediaKind::video && (s.rid.empty () || s.source->outputs () > 0))
      videos[s.track].push_back (std::move (s));
  const auto audios =
      std::ranges::count (inputs_, MediaKind::audio, [] (const auto &i) { return i->kind; });
  const unsigned audio = static_cast<unsigned> (audios) * audio_rate;
  for (const auto &[track, layers] : videos)
    share (layers,
        bits_per_second > audio ? (bits_per_second - audio) / static_cast<unsigned> (videos.size ())
                                : 0,
        session);
}
} // namespace reach::rtc
