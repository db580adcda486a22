// SPDX-License-Identifier: LGPL-2.1-or-later
#include "metadata.h"
#include "codec_ids.h"
#include <algorithm>
#include <charconv>
#include <cmath>

namespace reach::rtmp {
namespace {
constexpr std::size_t max_text = 256;
constexpr std::size_t max_tracks = 256;

// A number that may be written as a string, within [0, limit]; 0 for what cannot be.
double bounded (const Value &v, double limit)
{
  double d = v.number_or (0);
  const std::string_view text = v.string ();
  if (!text.empty ())
    std::from_chars (text.data (), text.data () + text.size (), d);
  return std::isfinite (d) && d > 0 && d <= limit ? d : 0;
}

template <typename T> T integer (const Value &v, double limit)
{
  return static_cast<T> (bounded (v, limit));
}

// A number of the FLV specification, a FourCC as number or as string, or a name.
void read_codec (const Value &v, bool audio, TrackInfo &info)
{
  const std::string_view text = v.string ();
  const auto number = integer<std::uint32_t> (v, 4294967295.0);
  if (number > 15 || text.size () == 4) {
    info.fourcc = text.size () == 4 ? fourcc (text) : number;
    info.codec = audio ? audio_codec_of (info.fourcc) : video_codec_of (info.fourcc);
  } else if (number > 0 || v.number () == 0.0) { // what is absent is no linear PCM, which is 0
    info.codec = audio ? audio_codec_of_id (static_cast<int> (number))
                       : video_codec_of_id (static_cast<int> (number));
  }
}

// The first of the names that is there.
const Value *find_any (const Value &object, std::initializer_list<std::string_view> names)
{
  for (const std::string_view name : names)
    if (const Value *v = object.find (name))
      return v;
  return nullptr;
}

const Value &value_or_undefined (const Value *v)
{
  static const Value undefined;
  return v ? *v : undefined;
}

const Value &any_of (const Value &object, std::initializer_list<std::string_view> names)
{
  return value_or_undefined (find_any (object, names));
}

bool speaks_of_video (const Value &o)
{
  return find_any (
      o, {"width", "height", "displayWidth", "videocodecid", "videodatarate", "framerate"});
}

bool speaks_of_audio (const Value &o)
{
  return find_any (o, {"audiocodecid", "audiodatarate", "audiosamplerate", "audiosamplesize",
                          "audiochannels", "channels", "samplerate", "stereo"});
}

void read_video (const Value &o, TrackInfo &t)
{
  read_codec (o["videocodecid"], false, t);
  t.bitrate = bounded (o["videodatarate"], 1e9);
  t.width = integer<std::uint32_t> (any_of (o, {"width", "displayWidth"}), 65536);
  t.height = integer<std::uint32_t> (any_of (o, {"height", "displayHeight"}), 65536);
  t.framerate = bounded (any_of (o, {"framerate", "fps", "videoframerate"}), 1000);
}

void read_audio (const Value &o, TrackInfo &t)
{
  read_codec (o["audiocodecid"], true, t);
  t.bitrate = bounded (o["audiodatarate"], 1e9);
  t.rate = integer<std::uint32_t> (any_of (o, {"audiosamplerate", "samplerate"}), 1e6);
  t.bits = integer<std::uint8_t> (o["audiosamplesize"], 32);
  t.channels = integer<std::uint8_t> (any_of (o, {"audiochannels", "channels"}), 255);
  if (t.channels == 0)
    if (const auto stereo = o["stereo"].boolean ())
      t.channels = *stereo ? 2 : 1;
}

// { "0": {…}, "1": {…} }, keys that are no track ids are left out.
template <typename Read>
std::vector<Metadata::Track> read_tracks (const Value &map, const TrackInfo &base, Read read)
{
  std::vector<Metadata::Track> out;
  for (const auto &[name, value] : map.members ()) {
    unsigned id = 0;
    const auto [end, error] = std::from_chars (name.data (), name.data () + name.size (), id);
    if (error != std::errc{} || end != name.data () + name.size () || id > 255 ||
        out.size () == max_tracks)
      continue;
    Metadata::Track t;
    t.id = static_cast<std::uint8_t> (id);
    read (value, t.info);
    const auto fill = [] (auto &own, const auto &other) {
      if (own == std::remove_reference_t<decltype (own)>{})
        own = other;
    };
    fill (t.info.codec, base.codec);
    fill (t.info.fourcc, t.info.codec == base.codec ? base.fourcc : 0u);
    fill (t.info.width, base.width);
    fill (t.info.height, base.height);
    fill (t.info.framerate, base.framerate);
    fill (t.info.rate, base.rate);
    fill (t.info.channels, base.channels);
    fill (t.info.bits, base.bits);
    fill (t.info.bitrate, base.bitrate);
    out.push_back (std::move (t));
  }
  return out;
}

Metadata read_object (const Value &o)
{
  Metadata m;
  if (speaks_of_video (o))
    read_video (o, m.video.emplace ());
  if (speaks_of_audio (o))
    read_audio (o, m.audio.emplace ());
  m.video_tracks =
      read_tracks (o["videoTrackIdInfoMap"], m.video.value_or (TrackInfo{}), read_video);
  m.audio_tracks =
      read_tracks (o["audioTrackIdInfoMap"], m.audio.value_or (TrackInfo{}), read_audio);
  m.duration = bounded (o["duration"], 1e9);
  m.encoder = any_of (o, {"encoder", "metadatacreator"}).string ().substr (0, max_text);
  return m;
}

// A strict array of objects counts as one object with the members of all.
Value merge (const Value &v)
{
  const std::vector<Value> &values = v.values ();
  if (values.empty ())
    return v;
  Object all;
  for (const Value &part : values)
    all.members.insert (all.members.end (), part.members ().begin (), part.members ().end ());
  return Value (std::move (all));
}
} // namespace

std::optional<Metadata> parse_metadata (const std::vector<Value> &message)
{
  const auto name = std::find_if (message.begin (), message.end (),
      [] (const Value &v) { return v.string () == "onMetaData"; });
  if (name == message.end () || clears_metadata (message))
    return std::nullopt;
  const auto has_members = [] (const Value &v) {
    return !v.members ().empty () || !v.values ().empty ();
  };
  const auto object = std::find_if (name, message.end (), has_members);
  return object == message.end () ? Metadata{} : read_object (merge (*object));
}

bool clears_metadata (const std::vector<Value> &message)
{
  return !message.empty () && message.front ().string () == "@clearDataFrame";
}

namespace {
class Members {
public:
  void number (const char *name, double v)
  {
    if (v != 0)
      add (name, Value (v));
  }
  void add (std::string name, Value v) { list_.push_back ({std::move (name), std::move (v)}); }
  Value take (Object::Kind kind)
  {
    Object o;
    o.kind = kind;
    o.members = std::move (list_);
    return Value (std::move (o));
  }

private:
  std::vector<Property> list_;
};

double codec_number (const TrackInfo &t)
{
  const int legacy = legacy_id_of (t.codec);
  const std::uint32_t id = t.fourcc != 0 ? t.fourcc : legacy < 0 ? fourcc_of (t.codec) : 0;
  return id != 0 ? id : legacy;
}

void write_video (const TrackInfo &t, Members &m)
{
  m.number ("width", t.width);
  m.number ("height", t.height);
  m.number ("videodatarate", t.bitrate);
  m.number ("framerate", t.framerate);
  if (t.codec != Codec::unknown || t.fourcc != 0)
    m.add ("videocodecid", Value (codec_number (t)));
}

void write_audio (const TrackInfo &t, Members &m)
{
  m.number ("audiodatarate", t.bitrate);
  m.number ("audiosamplerate", t.rate);
  m.number ("audiosamplesize", t.bits);
  m.number ("audiochannels", t.channels);
  if (t.channels != 0)
    m.add ("stereo", Value (t.channels == 2));
  if (t.codec != Codec::unknown || t.fourcc != 0)
    m.add ("audiocodecid", Value (codec_number (t)));
}

template <typename Write>
void write_tracks (
    const char *name, const std::vector<Metadata::Track> &tracks, Write write, Members &out)
{
  if (tracks.empty ())
    return;
  Members map;
  for (const Metadata::Track &t : tracks) {
    Members one;
    write (t.info, one);
    map.add (std::to_string (t.id), one.take (Object::Kind::object));
  }
  out.add (name, map.take (Object::Kind::object));
}
} // namespace

std::vector<Value> build_metadata (const Metadata &m)
{
  Members all;
  // Players take a file without duration for broken.
  all.add ("duration", Value (m.duration));
  if (m.video)
    write_video (*m.video, all);
  if (m.audio)
    write_audio (*m.audio, all);
  if (!m.encoder.empty ())
    all.add ("encoder", Value (m.encoder));
  write_tracks ("videoTrackIdInfoMap", m.video_tracks, write_video, all);
  write_tracks ("audioTrackIdInfoMap", m.audio_tracks, write_audio, all);
  return {Value ("onMetaData"), all.take (Object::Kind::ecma_array)};
}
} // namespace reach::rtmp
