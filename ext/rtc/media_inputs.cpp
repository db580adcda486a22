// SPDX-License-Identifier: LGPL-2.1-or-later
#include "media_inputs.h"
#include "rtc/proto/codec.h"
#include <algorithm>

namespace reach::rtc {
namespace {
constexpr unsigned audio_rate = 64000; // has what it needs; the rest is for video

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
  const CharPtr track (g_uuid_string_random ());
  input->track = track.get ();
  input->kind = kind;
  input->pad = std::make_unique<InputPad> (host_.bin (), *this, own.c_str (), templ, input->kind);
  GstPad *pad = input->pad->pad ();
  pads_.lock ()->emplace (pad, input);
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
  const auto remove = [&] {
    std::erase (inputs_, input);
    gone (input->pad->source ().get ());
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

void MediaInputs::mute (MediaKind kind, bool on)
{
  muted_[kind == MediaKind::audio] = on;
  if (Loop *loop = host_.loop ())
    loop->post ([run = host_.run (), this] {
      if (run && *run)
        changed_ ();
    });
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

void MediaInputs::update (PeerSession &session, const How &how)
{
  for (const auto &i : inputs_) {
    const MediaSource *source = i->pad->source ().get ();
    const bool here = i->kind == MediaKind::audio ? how.mute_audio : how.mute_video;
    if (here || muted (i->kind)) {
      session.remove_input (source);
      continue;
    }
    const bool known = i->pad->ready ();
    if (!session.transceiver_of (source) && (known || how.early))
      session.add_input ({.source = i->pad->source (),
          .track = i->track,
          .stream = how.stream,
          .direction = how.direction});
    if (!known)
      continue;
    std::vector<Codec> codecs = i->pad->preferences ();
    if (how.one_codec && !codecs.empty ())
      std::erase_if (
          codecs, [first = codecs.front ()] (const Codec &c) { return !is_name (c, first.name); });
    session.describe_input (source, codecs);
  }
}

std::vector<std::string> MediaInputs::select (PeerSession &session, const Negotiated &n)
{
  std::vector<std::string> refused;
  for (const auto &i : inputs_) {
    const auto id = session.transceiver_of (i->pad->source ().get ());
    const auto m = std::ranges::find_if (
        n.media, [&] (const NegotiatedMedia &x) { return id && x.transceiver == *id; });
    if (m != n.media.end () && sends (m->direction) && !i->pad->select (m->send))
      refused.push_back ("the peer takes none of the codecs that " +
                         std::string (GST_PAD_NAME (i->pad->pad ())) + " can send; it takes " +
                         names_of (m->send));
  }
  return refused;
}

void MediaInputs::set_bitrate (unsigned bits_per_second)
{
  const auto videos = static_cast<unsigned> (
      std::ranges::count (inputs_, MediaKind::video, [] (const auto &i) { return i->kind; }));
  const unsigned audio = static_cast<unsigned> (inputs_.size () - videos) * audio_rate;
  for (const auto &i : inputs_)
    if (i->kind == MediaKind::video)
      i->pad->source ()->set_bitrate (
          bits_per_second > audio ? (bits_per_second - audio) / videos : 0);
}
} // namespace reach::rtc
