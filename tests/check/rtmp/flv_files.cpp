// SPDX-License-Identifier: LGPL-2.1-or-later
// Files that FFmpeg and flvmux write, read by us and by ffprobe: the same packets.
#include "rtmpserver/proto/amf0.h"
#include "rtmpserver/proto/codec_config.h"
#include "rtmpserver/proto/flv.h"
#include "rtmpserver/proto/metadata.h"
#include "tag_fixture.h"
#include <algorithm>
#include <glib/gstdio.h>
#include <string>

using namespace reach;
using namespace reach::test;

namespace {
struct Frame {
  bool video;
  std::int64_t dts, pts; // ms
  std::size_t size;
  bool key;
};

struct Stream {
  std::string codec; // FFmpeg's name
  std::uint32_t width = 0, height = 0, rate = 0, channels = 0;
};

struct File {
  std::vector<Frame> frames;
  std::vector<Stream> streams;
  std::optional<rtmp::Metadata> metadata;
};

std::string run (const std::string &command)
{
  gchar *out = nullptr, *err = nullptr;
  gint status = 0;
  GError *error = nullptr;
  const bool ran = g_spawn_command_line_sync (command.c_str (), &out, &err, &status, &error);
  fail_unless (ran && status == 0, "%s: %s%s", command.c_str (), err ? err : "",
      error ? error->message : "");
  const std::string text = out;
  g_free (out);
  g_free (err);
  return text;
}

bool have_ffmpeg ()
{
  gchar *a = g_find_program_in_path ("ffmpeg");
  gchar *b = g_find_program_in_path ("ffprobe");
  const bool both = a && b;
  g_free (a);
  g_free (b);
  if (!both)
    g_print ("skipped: ffmpeg is not installed\n");
  return both;
}

// name=value of a line that ffprobe writes as "packet|name=value|…".
std::string field (const std::string &line, const std::string &name)
{
  const std::size_t at = line.find ("|" + name + "=");
  if (at == std::string::npos)
    return {};
  const std::size_t from = at + name.size () + 2;
  return line.substr (from, line.find ('|', from) - from);
}

std::uint32_t number (const std::string &line, const std::string &name)
{
  return static_cast<std::uint32_t> (g_ascii_strtoull (field (line, name).c_str (), nullptr, 10));
}

File probe (const std::string &path)
{
  const std::string text = run ("ffprobe -v error -of compact -show_entries "
                                "packet=codec_type,pts,dts,size,flags:"
                                "stream=codec_name,width,height,sample_rate,channels " +
                                path);
  File f;
  gchar **lines = g_strsplit (text.c_str (), "\n", -1);
  for (gchar **l = lines; *l; l++) {
    const std::string line = *l;
    if (g_str_has_prefix (*l, "packet|"))
      f.frames.push_back ({field (line, "codec_type") == "video",
          g_ascii_strtoll (field (line, "dts").c_str (), nullptr, 10),
          g_ascii_strtoll (field (line, "pts").c_str (), nullptr, 10), number (line, "size"),
          field (line, "flags")[0] == 'K'});
    else if (g_str_has_prefix (*l, "stream|"))
      f.streams.push_back ({field (line, "codec_name"), number (line, "width"),
          number (line, "height"), number (line, "sample_rate"), number (line, "channels")});
  }
  g_strfreev (lines);
  return f;
}

void note_config (const TrackPacket &p, Stream &s)
{
  if (p.codec == Codec::aac) {
    const auto a = rtmp::parse_aac_config (p.payload.bytes);
    fail_unless (a.has_value ());
    s.rate = a->rate;
    s.channels = a->channels;
  } else if (p.codec == Codec::avc) {
    const auto v = rtmp::parse_avc_config (p.payload.bytes);
    fail_unless (v && v->nal_length_size == 4);
    s.width = v->width;
    s.height = v->height;
  }
}

void note_frame (const TrackPacket &p, Stream &s)
{
  const auto size = rtmp::parse_frame_size (p);
  const auto mp3 = rtmp::parse_mp3_frame (p.payload.bytes);
  if (size) {
    s.width = size->width;
    s.height = size->height;
  } else if (p.codec == Codec::mp3) {
    fail_unless (mp3 && mp3->layer == 3);
    s.rate = mp3->rate;
    s.channels = mp3->channels;
  } else if (rtmp::is_audio (p.codec) && p.codec != Codec::aac) {
    s.rate = p.sound.rate;
    s.channels = p.sound.channels;
  }
}

// As ffprobe would tell it. Every header must also be what our builder writes, but for bits that
// mean nothing.
File ours (const std::string &path, std::vector<Codec> &codecs)
{
  gchar *data = nullptr;
  gsize size = 0;
  fail_unless (g_file_get_contents (path.c_str (), &data, &size, nullptr));
  rtmp::FlvReader reader;
  fail_unless (reader.input ({reinterpret_cast<const std::uint8_t *> (data), size}));
  g_free (data);
  File f;
  f.streams.resize (codecs.size ());
  while (const auto tag = reader.next ()) {
    if (tag->type == rtmp::flv_script) {
      if (auto m = parse_metadata (rtmp::decode_amf0 (tag->body.bytes, rtmp::Limits{}).values))
        f.metadata = std::move (m);
      continue;
    }
    const bool video = tag->type == rtmp::flv_video;
    std::vector<TrackPacket> packets;
    const TagResult result = (video ? rtmp::parse_video : rtmp::parse_audio) (tag->body, packets);
    fail_unless (result == TagResult::ok && packets.size () == 1);
    const TrackPacket &p = packets[0];
    const auto found = std::find (codecs.begin (), codecs.end (), p.codec);
    fail_unless (found != codecs.end (), "codec %d", static_cast<int> (p.codec));
    Stream &stream = f.streams[static_cast<std::size_t> (found - codecs.begin ())];
    if (p.type == PacketType::sequence_start)
      note_config (p, stream);
    // flvmux ends with an empty frame, which ffprobe leaves out.
    if (p.type != PacketType::coded_frames || p.payload.size () == 0)
      continue;
    note_frame (p, stream);
    const std::int64_t dts = tag->timestamp;
    f.frames.push_back ({video, dts, dts + p.composition_ms, p.payload.size (), p.key || !video});
    fail_unless (rtmp::build_header (p)->size () + p.payload.size () == tag->body.size ());
  }
  return f;
}

void compare (const std::string &path, std::vector<Codec> codecs)
{
  const File theirs = probe (path);
  const File mine = ours (path, codecs);
  fail_unless (mine.frames.size () == theirs.frames.size (), "%zu frames, ffprobe has %zu",
      mine.frames.size (), theirs.frames.size ());
  for (std::size_t i = 0; i < mine.frames.size (); i++) {
    const Frame &a = mine.frames[i], &b = theirs.frames[i];
    fail_unless (a.video == b.video && a.dts == b.dts && a.pts == b.pts && a.size == b.size,
        "frame %zu: %lld/%lld ms and %zu bytes, ffprobe has %lld/%lld and %zu", i, (long long)a.dts,
        (long long)a.pts, a.size, (long long)b.dts, (long long)b.pts, b.size);
    fail_unless (a.key == b.key, "key flag of frame %zu", i);
  }
  fail_unless (theirs.streams.size () == codecs.size () && !mine.frames.empty ());
  for (std::size_t i = 0; i < codecs.size (); i++) {
    const Stream &a = mine.streams[i], &b = theirs.streams[i];
    fail_unless (a.width == b.width && a.height == b.height, "%s: %ux%u", b.codec.c_str (), a.width,
        a.height);
    fail_unless (a.rate == b.rate && a.channels == b.channels,
        "%s: %u Hz, %u channels, ffprobe has %u, %u", b.codec.c_str (), a.rate, a.channels, b.rate,
        b.channels);
  }
}

// What FFmpeg's muxer says of its streams must be what its demuxer finds.
void compare_metadata (const std::string &path, std::vector<Codec> codecs)
{
  const File theirs = probe (path);
  const File mine = ours (path, codecs);
  fail_unless (mine.metadata.has_value ());
  for (std::size_t i = 0; i < codecs.size (); i++) {
    const auto &said = rtmp::is_audio (codecs[i]) ? mine.metadata->audio : mine.metadata->video;
    const Stream &stream = theirs.streams[i];
    fail_unless (said && said->codec == codecs[i], "%s", stream.codec.c_str ());
    fail_unless (said->width == stream.width && said->height == stream.height);
    fail_unless (said->rate == stream.rate && said->channels == stream.channels);
  }
  fail_unless (g_str_has_prefix (mine.metadata->encoder.c_str (), "Lavf"));
}

class Folder {
public:
  Folder ()
      : path_ (g_dir_make_tmp ("reach-flv-XX"
                               "XXXX",
            nullptr))
  {
  }
  ~Folder ()
  {
    g_remove (file ().c_str ());
    g_rmdir (path_);
    g_free (path_);
  }
  std::string file () const { return std::string (path_) + "/file.flv"; }

private:
  gchar *path_;
};

const char picture[] = "-f lavfi -i testsrc=size=66x50:rate=10:duration=1 ";
const char tone[] = "-f lavfi -i sine=frequency=440:sample_rate=44100:duration=0.3 ";

void ffmpeg_writes (const std::string &arguments, std::vector<Codec> codecs)
{
  if (!have_ffmpeg ())
    return;
  const Folder folder;
  run ("ffmpeg -v error -y " + arguments + " " + folder.file ());
  compare (folder.file (), codecs);
  compare_metadata (folder.file (), codecs);
}

void flvmux_writes (const std::string &branches, std::vector<Codec> codecs)
{
  if (!have_ffmpeg ())
    return;
  const Folder folder;
  GstElement *pipeline = gst_parse_launch (
      ("flvmux name=mux ! filesink location=" + folder.file () + " " + branches).c_str (), nullptr);
  gst_element_set_state (pipeline, GST_STATE_PLAYING);
  GstBus *bus = gst_element_get_bus (pipeline);
  GstMessage *m = gst_bus_timed_pop_filtered (
      bus, 60 * GST_SECOND, static_cast<GstMessageType> (GST_MESSAGE_EOS | GST_MESSAGE_ERROR));
  fail_unless (m && GST_MESSAGE_TYPE (m) == GST_MESSAGE_EOS);
  gst_message_unref (m);
  gst_object_unref (bus);
  gst_element_set_state (pipeline, GST_STATE_NULL);
  gst_object_unref (pipeline);
  compare (folder.file (), std::move (codecs));
}
} // namespace

GST_START_TEST (test_ffmpeg_avc_and_aac)
{
  ffmpeg_writes (std::string (picture) + tone + "-c:v libx264 -pix_fmt yuv420p -bf 2 -g 5 -c:a aac",
      {Codec::avc, Codec::aac});
}
GST_END_TEST

GST_START_TEST (test_ffmpeg_avc_and_mp3)
{
  ffmpeg_writes (std::string (picture) + tone + "-c:v libx264 -c:a libmp3lame -ar 22050",
      {Codec::avc, Codec::mp3});
}
GST_END_TEST

GST_START_TEST (test_ffmpeg_video_codecs)
{
  ffmpeg_writes (std::string (picture) + "-c:v flv -g 5", {Codec::sorenson});
  ffmpeg_writes (std::string (picture) + "-c:v flashsv -g 5", {Codec::screen});
  ffmpeg_writes (std::string (picture) + "-c:v flashsv2 -g 5", {Codec::screen2});
}
GST_END_TEST

GST_START_TEST (test_ffmpeg_audio_codecs)
{
  ffmpeg_writes (std::string (tone) + "-c:a libspeex -ar 16000 -ac 1", {Codec::speex});
  ffmpeg_writes (std::string (tone) + "-c:a pcm_s16le -ac 2", {Codec::pcm});
  ffmpeg_writes (std::string (tone) + "-c:a pcm_u8 -ar 22050 -ac 1", {Codec::pcm});
  ffmpeg_writes (std::string (tone) + "-c:a nellymoser -ar 22050 -ac 1", {Codec::nellymoser});
  ffmpeg_writes (std::string (tone) + "-c:a pcm_alaw -ar 8000 -ac 1", {Codec::alaw});
  ffmpeg_writes (std::string (tone) + "-c:a pcm_mulaw -ar 8000 -ac 1", {Codec::mulaw});
}
GST_END_TEST

GST_START_TEST (test_flvmux_avc_and_aac)
{
  flvmux_writes ("videotestsrc num-buffers=20 ! video/x-raw,width=64,height=48,framerate=10/1 ! "
                 "x264enc key-int-max=5 bframes=2 ! mux. "
                 "audiotestsrc num-buffers=20 ! avenc_aac ! aacparse ! mux.",
      {Codec::avc, Codec::aac});
}
GST_END_TEST

GST_START_TEST (test_flvmux_flv1_and_speex)
{
  flvmux_writes (
      "videotestsrc num-buffers=20 ! video/x-raw,width=64,height=48,framerate=10/1 ! "
      "avenc_flv ! mux. "
      "audiotestsrc num-buffers=20 ! audio/x-raw,rate=16000,channels=1 ! speexenc ! mux.",
      {Codec::sorenson, Codec::speex});
}
GST_END_TEST

static Suite *flv_files_suite ()
{
  Suite *s = suite_create ("rtmp-flv_files");
  TCase *tc = tcase_create ("general");
  tcase_set_timeout (tc, 120);
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_ffmpeg_avc_and_aac);
  tcase_add_test (tc, test_ffmpeg_avc_and_mp3);
  tcase_add_test (tc, test_ffmpeg_video_codecs);
  tcase_add_test (tc, test_ffmpeg_audio_codecs);
  tcase_add_test (tc, test_flvmux_avc_and_aac);
  tcase_add_test (tc, test_flvmux_flv1_and_speex);
  return s;
}
GST_CHECK_MAIN (flv_files)
