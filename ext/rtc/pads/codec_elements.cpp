// SPDX-License-Identifier: LGPL-2.1-or-later
#include "codec_elements.h"
#include "access_unit.h"
#include "codec_table.h"
#include "rtc/proto/codec.h"
#include "rtc/proto/jsep_types.h"
#include <algorithm>

namespace reach::rtc {
namespace {
constexpr const char *level_extension = "rtphdrextclientaudiolevel";

class Row {
public:
  GstElement *add (const char *factory)
  {
    GstElement *e = gst_element_factory_make (factory, nullptr);
    if (!e) {
      all_.missing = factory;
      return nullptr;
    }
    all_.row.push_back (Ref<GstElement>::adopt (GST_ELEMENT (gst_object_ref_sink (e))));
    return e;
  }
  void add_filter (const std::string &caps)
  {
    if (GstElement *e = add ("capsfilter"))
      set (e, "caps", caps);
  }
  // Unless the element has no such property: it is of another version.
  static void set (GstElement *e, const char *name, const std::string &value)
  {
    if (e && g_object_class_find_property (G_OBJECT_GET_CLASS (e), name))
      gst_util_set_object_arg (G_OBJECT (e), name, value.c_str ());
  }
  void encoder (GstElement *e)
  {
    if (e)
      all_.encoder = Ref<GstElement>::share (e);
  }
  Elements take () { return std::move (all_); }

private:
  Elements all_;
};

bool single_nal (const Codec &c)
{
  return is_name (c, "H264") && fmtp_parameter (c.fmtp, "packetization-mode").value_or ("0") == "0";
}

void add_payloader (Row &row, const CodecEntry &entry, const Codec &codec)
{
  GstElement *pay = row.add (entry.payloader);
  Row::set (pay, "mtu", std::to_string (send_mtu));
  if (entry.payload_type >= 96)
    Row::set (pay, "pt", std::to_string (entry.payload_type));
  if (pay && is_name (codec, "H264")) {
    drop_delimiters (pay);
    Row::set (pay, "config-interval", "-1");
    Row::set (pay, "aggregate-mode", single_nal (codec) ? "none" : "zero-latency");
  }
  // Pictures are told from each other, and what was lost, by 15 bits (RFC 7741, 4.2; RFC
  // 9628, 4.2).
  Row::set (pay, "picture-id-mode", "15-bit");
  // How loud it is (RFC 6464), where the buffers say so by GstAudioLevelMeta. The payloader makes
  // the extension of these caps; which attributes it then says is the extension's affair.
  if (entry.kind == MediaKind::audio && is_installed (level_extension)) {
    const std::string name (uri::audio_level);
    row.add_filter ("application/x-rtp, extmap-1=(string)<\"\", \"" + name +
                    "\", \"vad=on\">; application/x-rtp, extmap-1=(string)\"" + name + "\"");
  }
}

const char *h264_profile (const Codec &codec)
{
  const auto level =
      parse_profile_level_id (fmtp_parameter (codec.fmtp, "profile-level-id").value_or ("42000a"));
  switch (level ? level->profile : H264Profile::other) {
  case H264Profile::constrained_baseline:
    return "constrained-baseline";
  case H264Profile::baseline:
    return "baseline";
  case H264Profile::main:
    return "main";
  case H264Profile::constrained_high:
    return "constrained-high";
  case H264Profile::high:
    return "high";
  case H264Profile::other:
    break;
  }
  return "baseline";
}

// As fast as a call needs: no look-ahead, no reordering, key frames when they are asked for.
void set_up_x264 (GstElement *e, const Codec &codec)
{
  Row::set (e, "tune", "zerolatency");
  Row::set (e, "speed-preset", "superfast");
  Row::set (e, "key-int-max", "300");
  Row::set (e, "bitrate", std::to_string (start_bitrate_video / 1000));
  Row::set (e, "vbv-buf-capacity", "300");
  if (single_nal (codec))
    Row::set (e, "option-string", "slice-max-size=" + std::to_string (send_mtu - 40));
}

void set_up_openh264 (GstElement *e, const Codec &)
{
  Row::set (e, "usage-type", "camera");
  Row::set (e, "rate-control", "bitrate");
  Row::set (e, "complexity", "low");
  Row::set (e, "gop-size", "300");
  Row::set (e, "bitrate", std::to_string (start_bitrate_video));
}

void set_up_vpx (GstElement *e, const Codec &)
{
  Row::set (e, "deadline", "1");
  Row::set (e, "cpu-used", "8");
  Row::set (e, "lag-in-frames", "0");
  Row::set (e, "end-usage", "cbr");
  Row::set (e, "error-resilient", "default");
  Row::set (e, "keyframe-max-dist", "300");
  Row::set (e, "buffer-initial-size", "300");
  Row::set (e, "buffer-optimal-size", "400");
  Row::set (e, "buffer-size", "600");
  Row::set (e, "threads", "2");
  Row::set (e, "target-bitrate", std::to_string (start_bitrate_video));
}

void set_up_opus (GstElement *e, const Codec &)
{
  Row::set (e, "inband-fec", "true");
  Row::set (e, "packet-loss-percentage", "5");
  Row::set (e, "bitrate", std::to_string (start_bitrate_audio));
}

GstElement *add_encoder (Row &row, const CodecEntry &entry, const Codec &codec)
{
  const std::string name = encoder_of (entry);
  GstElement *e = row.add (name.empty () ? entry.encoder : name.c_str ());
  if (!e)
    return nullptr;
  if (name == "x264enc")
    set_up_x264 (e, codec);
  else if (name == "openh264enc")
    set_up_openh264 (e, codec);
  else if (name.starts_with ("vp"))
    set_up_vpx (e, codec);
  else if (name == "opusenc")
    set_up_opus (e, codec);
  row.encoder (e);
  return e;
}
} // namespace

Elements payload_elements (const Codec &codec, const GstCaps *encoded)
{
  Row row;
  const CodecEntry *entry = find_codec (codec.name);
  if (!entry)
    return row.take ();
  const GstStructure *s = encoded ? gst_caps_get_structure (encoded, 0) : nullptr;
  // The payloader needs to know the channels' mapping, which only the stream's header may say.
  const bool plain_opus =
      s && is_name (codec, "opus") && gst_structure_has_field (s, "channel-mapping-family");
  if (entry->parser && !plain_opus) {
    GstElement *parser = row.add (entry->parser);
    Row::set (parser, "config-interval", "-1");
  }
  add_payloader (row, *entry, codec);
  return row.take ();
}

Elements encode_elements (const Codec &codec, MediaKind kind)
{
  Row row;
  const CodecEntry *entry = find_codec (codec.name);
  if (!entry)
    return row.take ();
  if (kind == MediaKind::video) {
    row.add ("videoconvert");
    row.add_filter ("video/x-raw, format=I420");
  } else {
    row.add ("audioconvert");
    row.add ("audioresample");
    row.add_filter (entry->raw_caps);
    if (is_installed (level_extension) && is_installed ("level")) {
      GstElement *level = row.add ("level");
      Row::set (level, "audio-level-meta", "true");
      Row::set (level, "post-messages", "false");
    }
  }
  add_encoder (row, *entry, codec);
  if (is_name (codec, "H264"))
    row.add_filter (
        std::string ("video/x-h264, stream-format=byte-stream, alignment=au, profile=") +
        h264_profile (codec));
  add_payloader (row, *entry, codec);
  return row.take ();
}

Elements depayload_elements (const Codec &codec)
{
  Row row;
  const CodecEntry *entry = find_codec (codec.name);
  if (!entry)
    return row.take ();
  GstElement *e = row.add (entry->depayloader);
  Row::set (e, "request-keyframe", "true");
  Row::set (e, "wait-for-keyframe", "true");
  return row.take ();
}
} // namespace reach::rtc
