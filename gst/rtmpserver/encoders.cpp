// SPDX-License-Identifier: LGPL-2.1-or-later
#include "encoders.h"
#include "caps.h"
#include <algorithm>
#include <vector>

namespace reach::rtmp {
namespace {
struct Known {
  const char *name;
  const char *caps;      // that players get
  const char *preferred; // encoder that is taken where it is installed
  const char *parser;    // behind it; may be missing
  bool plain = false;    // players decode it with 4:2:0 and 8 bits only
};
constexpr Known video_codecs[] = {
    {"h264", "video/x-h264, stream-format=avc, alignment=au", "x264enc", "h264parse", true},
    {"screen-video", "video/x-flash-screen", "avenc_flashsv", nullptr},
    {"screen-video-2", "video/x-flash-screen2", "avenc_flashsv2", nullptr},
    {"sorenson", "video/x-flash-video, flvversion=1", "avenc_flv", nullptr},
    {"h265", "video/x-h265, stream-format=hvc1, alignment=au", "x265enc", "h265parse", true},
    {"av1", "video/x-av1, stream-format=obu-stream, alignment=tu", "av1enc", "av1parse", true},
    {"vp8", "video/x-vp8", "vp8enc", nullptr, true},
    {"vp9", "video/x-vp9", "vp9enc", nullptr, true},
};
constexpr Known audio_codecs[] = {
    {"aac", "audio/mpeg, mpegversion=4, stream-format=raw", "avenc_aac", "aacparse"},
    {"mp3", "audio/mpeg, mpegversion=1, layer=3", "lamemp3enc", "mpegaudioparse"},
    {"opus", "audio/x-opus", "opusenc", nullptr},
    {"mulaw", "audio/x-mulaw, rate=8000", "mulawenc", nullptr},
    {"alaw", "audio/x-alaw, rate=8000", "alawenc", nullptr},
    {"pcm", "audio/x-raw, format=S16LE, rate={5512, 11025, 22050, 44100}, channels=[1, 2]", nullptr,
        nullptr},
};
constexpr const char *coded_video =
    "video/x-h264, stream-format=avc, alignment=au; video/x-h265, stream-format=hvc1, "
    "alignment=au; video/x-av1, stream-format=obu-stream, alignment=tu; video/x-vp8; video/x-vp9; "
    "video/x-flash-screen; video/x-flash-screen2; video/x-flash-video; video/x-vp6-flash; "
    "video/x-vp6-alpha; video/x-h264; video/x-h265; video/x-av1; video/x-raw";
constexpr const char *coded_audio =
    "audio/mpeg, mpegversion=4, stream-format=raw; audio/mpeg, mpegversion=1, layer=3; "
    "audio/x-opus; audio/x-flac; audio/x-ac3; audio/x-eac3; audio/x-speex; audio/x-alaw; "
    "audio/x-mulaw; audio/x-nellymoser; audio/x-adpcm, layout=swf; audio/mpeg, mpegversion={2, 4}; "
    "audio/x-raw";

std::span<const Known> known (InputKind kind)
{
  if (kind == InputKind::video)
    return video_codecs;
  return audio_codecs;
}

std::vector<std::string> split (const std::string &list)
{
  std::vector<std::string> out;
  std::string word;
  for (const char c : list + ",") {
    if (c != ',' && c != ' ')
      word += c;
    else if (!word.empty ())
      out.push_back (std::exchange (word, {}));
  }
  return out;
}

const Known *find (InputKind kind, const std::string &name)
{
  const auto all = known (kind);
  const auto at = std::ranges::find_if (all, [&] (const Known &k) { return name == k.name; });
  return at == all.end () ? nullptr : &*at;
}

Ref<GstCaps> caps_from (const char *text)
{
  return Ref<GstCaps>::adopt (gst_caps_from_string (text));
}

// Whether an encoder that is registered can work here: those of hardware are registered without it.
bool works (GstElementFactory *f)
{
  // OpenMAX: libav notices only with the first frame that there is none.
  if (g_str_has_suffix (GST_OBJECT_NAME (f), "_omx"))
    return false;
  GstElement *e = gst_element_factory_create (f, nullptr);
  if (!e)
    return false;
  gst_object_ref_sink (e);
  const bool good = gst_element_set_state (e, GST_STATE_READY) != GST_STATE_CHANGE_FAILURE;
  gst_element_set_state (e, GST_STATE_NULL);
  gst_object_unref (e);
  return good;
}

// The encoder's name; empty: there is none.
std::string encoder_for (const Known &k, InputKind kind)
{
  const auto exists = [] (const char *name) {
    GstElementFactory *f = gst_element_factory_find (name);
    if (f)
      gst_object_unref (f);
    return f != nullptr;
  };
  if (exists (k.preferred))
    return k.preferred;
  const auto wanted = caps_from (k.caps);
  GList *all = gst_element_factory_list_get_elements (kind == InputKind::video
                                                          ? GST_ELEMENT_FACTORY_TYPE_VIDEO_ENCODER
                                                          : GST_ELEMENT_FACTORY_TYPE_AUDIO_ENCODER,
      GST_RANK_MARGINAL);
  all = g_list_sort (all, gst_plugin_feature_rank_compare_func);
  GList *fitting = gst_element_factory_list_filter (all, wanted.get (), GST_PAD_SRC, FALSE);
  std::string name;
  for (const GList *i = fitting; i && name.empty (); i = i->next)
    if (works (GST_ELEMENT_FACTORY (i->data)))
      name = GST_OBJECT_NAME (i->data);
  gst_plugin_feature_list_free (fitting);
  gst_plugin_feature_list_free (all);
  return name;
}

bool has_property (GstElement *e, const char *name)
{
  return g_object_class_find_property (G_OBJECT_GET_CLASS (e), name) != nullptr;
}

void set (GstElement *e, const char *name, const std::string &value)
{
  if (has_property (e, name))
    gst_util_set_object_arg (G_OBJECT (e), name, value.c_str ());
}

// For live: no look-ahead, a key frame each two seconds.
void set_up (GstElement *encoder, const std::string &name, const EncoderSettings &s)
{
  const int fps = s.framerate_numerator > 0
                      ? std::max (1, s.framerate_numerator / s.framerate_denominator)
                      : 30;
  const std::string group = std::to_string (2 * fps);
  if (name == "x264enc" || name == "x265enc")
    set (encoder, "tune", "zerolatency");
  for (const char *property : {"key-int-max", "gop-size", "keyframe-max-dist"})
    set (encoder, property, group);
  if (name.starts_with ("vp"))
    set (encoder, "deadline", "1"); // as fast as needed
  if (s.bitrate > 0) {
    const bool in_bits =
        name.starts_with ("avenc_") || name.starts_with ("openh264") || name.starts_with ("vp");
    const std::string value = std::to_string (std::uint64_t{s.bitrate} * (in_bits ? 1000 : 1));
    set (encoder, has_property (encoder, "bitrate") ? "bitrate" : "target-bitrate", value);
  }
  if (!s.preset.empty ())
    set (encoder, has_property (encoder, "speed-preset") ? "speed-preset" : "preset", s.preset);
}

// A bin of elements in a row.
class Row {
public:
  Row () : bin_ (gst_bin_new (nullptr)) { gst_object_ref_sink (bin_); }
  ~Row ()
  {
    if (bin_)
      gst_object_unref (bin_);
  }
  // False: it is not installed.
  bool add (const char *factory)
  {
    GstElement *e = gst_element_factory_make (factory, nullptr);
    if (!e)
      return false;
    gst_bin_add (GST_BIN (bin_), e);
    good_ = good_ && (!last_ || gst_element_link (last_, e));
    if (!first_)
      first_ = e;
    last_ = e;
    return true;
  }
  void add_filter (GstCaps *caps)
  {
    if (add ("capsfilter"))
      g_object_set (last_, "caps", caps, nullptr);
  }
  GstElement *last () const { return last_; }
  // Null: the elements do not fit.
  Ref<GstElement> take ()
  {
    if (!good_ || !first_)
      return {};
    add_ghost (first_, "sink");
    add_ghost (last_, "src");
    return Ref<GstElement>::adopt (std::exchange (bin_, nullptr));
  }

private:
  void add_ghost (GstElement *e, const char *name)
  {
    GstPad *pad = gst_element_get_static_pad (e, name);
    gst_element_add_pad (bin_, gst_ghost_pad_new (name, pad));
    gst_object_unref (pad);
  }
  GstElement *bin_;
  GstElement *first_ = nullptr, *last_ = nullptr;
  bool good_ = true;
};

Front parser_front (const char *parser, const char *caps)
{
  Row row;
  if (!row.add (parser))
    return {{}, std::string ("the element ") + parser + " is not installed", {}};
  row.add_filter (caps_from (caps).get ());
  return {row.take (), {}, {}};
}

bool add_converters (Row &row, InputKind kind, const EncoderSettings &s)
{
  if (kind == InputKind::audio)
    return row.add ("audioconvert") && row.add ("audioresample");
  if (s.framerate_numerator > 0) {
    if (!row.add ("videorate"))
      return false;
    const auto caps = Ref<GstCaps>::adopt (gst_caps_new_simple ("video/x-raw", "framerate",
        GST_TYPE_FRACTION, s.framerate_numerator, s.framerate_denominator, nullptr));
    row.add_filter (caps.get ());
  }
  return row.add ("videoconvert");
}

Front encoder_front (
    const Known &k, const std::string &name, InputKind kind, const EncoderSettings &s)
{
  Row row;
  if (!add_converters (row, kind, s))
    return {{}, "GStreamer's base plugins are not installed", {}};
  if (k.plain)
    row.add_filter (caps_from ("video/x-raw, format=I420").get ());
  if (!name.empty ()) {
    if (!row.add (name.c_str ()))
      return {{}, name + " cannot be made", {}};
    if (kind == InputKind::video)
      set_up (row.last (), name, s);
  }
  if (k.parser)
    row.add (k.parser);
  row.add_filter (caps_from (k.caps).get ());
  Front f{row.take (), {}, {}};
  if (!f.bin)
    f.failure = name + " does not fit its parser";
  return f;
}

Front raw_front (InputKind kind, const EncoderSettings &s)
{
  const auto wishes = split (kind == InputKind::video ? s.video_codecs : s.audio_codecs);
  const Known *first = nullptr;
  for (const std::string &wish : wishes) {
    const Known *k = find (kind, wish);
    if (!k)
      continue;
    first = first ? first : k;
    const std::string name = k->preferred ? encoder_for (*k, kind) : "";
    if (!k->preferred || !name.empty ())
      return encoder_front (*k, name, kind, s);
  }
  Front f;
  f.failure = "no encoder is installed for any of the wanted codecs";
  if (first)
    f.missing = caps_from (first->caps);
  return f;
}
} // namespace

Ref<GstCaps> accepted_caps (InputKind kind)
{
  switch (kind) {
  case InputKind::video:
    return caps_from (coded_video);
  case InputKind::audio:
    return caps_from (coded_audio);
  case InputKind::flv:
    return caps_from ("video/x-flv");
  case InputKind::data:
    break;
  }
  return caps_from ("application/x-rtmp-data, format=amf0");
}

bool valid_codecs (InputKind kind, const std::string &list, std::string &wrong)
{
  for (const std::string &name : split (list))
    if (!find (kind, name)) {
      wrong = name;
      return false;
    }
  return true;
}

Front front_for (const GstCaps *caps, InputKind kind, const EncoderSettings &s)
{
  const char *media = gst_structure_get_name (gst_caps_get_structure (caps, 0));
  const std::string_view type = media;
  const bool raw = type == "video/x-raw" || type == "audio/x-raw";
  if (raw && kind != InputKind::data)
    return raw_front (kind, s);
  if (kind != InputKind::video && kind != InputKind::audio)
    return {};
  if (params_of (caps))
    return {};
  for (const Known &k : known (kind)) {
    const auto wanted = caps_from (k.caps);
    if (k.parser && type == gst_structure_get_name (gst_caps_get_structure (wanted.get (), 0)))
      if (type != "audio/mpeg" || std::string_view (k.name) == "aac")
        return parser_front (k.parser, k.caps);
  }
  return {{}, std::string ("RTMP has no place for ") + media, {}};
}
} // namespace reach::rtmp
