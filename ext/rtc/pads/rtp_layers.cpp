// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtp_layers.h"
#include "codec_elements.h"
#include "rtc/proto/jsep_types.h"
#include "rtc/proto/rtp_packet.h"
#include <algorithm>
#include <array>

namespace reach::rtc {
namespace {
constexpr std::size_t most_layers = 4, most_ssrcs = 16;

// "send h;~m,n;l": of alternatives the first.
std::vector<std::string> sent_rids (const GstStructure *caps)
{
  std::vector<std::string> all;
  const char *text = gst_structure_get_string (caps, "a-simulcast");
  std::string_view list = text ? text : "";
  const auto at = list.find ("send ");
  if (at == std::string_view::npos)
    return all;
  list.remove_prefix (at + 5);
  list = list.substr (0, list.find (' '));
  while (!list.empty () && all.size () < most_layers) {
    const auto end = std::min (list.find (';'), list.size ());
    std::string_view rid = list.substr (0, std::min (list.find (','), end));
    list.remove_prefix (std::min (end + 1, list.size ()));
    if (rid.starts_with ('~'))
      rid.remove_prefix (1);
    const char *said = gst_structure_get_string (caps, ("rid-" + std::string (rid)).c_str ());
    if (said && g_str_has_prefix (said, "send"))
      all.emplace_back (rid);
  }
  return all;
}
} // namespace

// A key frame of this layer alone: rtpfunnel gives the event to the branch of that SSRC.
class RtpLayers::Owner final : public MediaSource::Owner {
public:
  Owner (std::shared_ptr<MediaSource> source, std::shared_ptr<InputControl> control)
      : source_ (std::move (source)), control_ (std::move (control))
  {
    source_->set_owner (this);
  }
  ~Owner () override { source_->set_owner (nullptr); }
  Owner (const Owner &) = delete;
  Owner &operator= (const Owner &) = delete;

  void on_keyframe_wanted () override { control_->want_keyframe (ssrc); }
  void on_bitrate (unsigned) override {} // which encoder it is cannot be seen from here

  bool is_of (const MediaSource *source) const { return source_.get () == source; }
  std::atomic<std::uint32_t> ssrc{0};

private:
  const std::shared_ptr<MediaSource> source_;
  const std::shared_ptr<InputControl> control_;
};

RtpLayers::RtpLayers (std::shared_ptr<MediaSource> first, std::shared_ptr<InputControl> control)
    : first_ (std::move (first)), control_ (std::move (control))
{
  layers_.lock ()->push_back ({"", first_});
}

RtpLayers::~RtpLayers () = default;

void RtpLayers::clear_owners ()
{
  owners_.clear ();
}

bool RtpLayers::set_caps (const GstStructure *caps)
{
  rid_id_ = extension_id (caps, uri::rid);
  std::vector<std::string> rids = sent_rids (caps);
  if (rid_id_ == 0 || rids.size () < 2) {
    rid_id_ = 0;
    rids = {""};
  }
  std::vector<InputPad::Layer> now = layers ();
  if (std::ranges::equal (now, rids, {}, &InputPad::Layer::rid))
    return false;
  known_.clear ();
  first_ssrc_ = 0;
  now.resize (std::min (now.size (), rids.size ()));
  for (std::size_t i = 0; i < rids.size (); i++) {
    if (i == now.size ()) {
      now.push_back ({"", std::make_shared<MediaSource> (first_->kind ())});
      owners_.push_back (std::make_unique<Owner> (now.back ().source, control_));
    }
    now[i].rid = rids[i];
  }
  std::erase_if (owners_, [&] (const auto &o) {
    return std::ranges::none_of (
        now, [&] (const InputPad::Layer &l) { return o->is_of (l.source.get ()); });
  });
  *layers_.lock () = std::move (now);
  return true;
}

void RtpLayers::learn (std::uint32_t ssrc, std::string_view rid)
{
  const auto all = layers ();
  const auto layer =
      std::ranges::find_if (all, [rid] (const InputPad::Layer &l) { return l.rid == rid; });
  if (layer == all.end ())
    return;
  MediaSource *source = layer->source.get ();
  std::erase_if (known_, [source] (const Known &k) { return k.source == source; });
  if (known_.size () < most_ssrcs)
    known_.push_back ({ssrc, source});
  if (layer == all.begin ())
    first_ssrc_ = ssrc;
  for (const auto &o : owners_)
    if (o->is_of (source))
      o->ssrc = ssrc;
}

MediaSource *RtpLayers::find (GstBuffer *buffer)
{
  if (rid_id_ == 0)
    return first_.get ();
  std::array<std::uint8_t, 256> head;
  const std::size_t n = gst_buffer_extract (buffer, 0, head.data (), head.size ());
  head[0] = n > 0 ? head[0] & 0xdf : 0; // its padding is not among these
  const auto packet = RtpPacket::parse (Bytes (head).first (n));
  if (!packet)
    return nullptr;
  const auto known = [&] () -> MediaSource * {
    const auto k = std::ranges::find (known_, packet->ssrc (), &Known::ssrc);
    return k == known_.end () ? nullptr : k->source;
  };
  MediaSource *source = known ();
  if (source)
    return source;
  if (const auto rid = packet->extension (rid_id_))
    learn (packet->ssrc (), {reinterpret_cast<const char *> (rid->data ()), rid->size ()});
  return known ();
}
} // namespace reach::rtc
