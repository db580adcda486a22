// SPDX-License-Identifier: LGPL-2.1-or-later
// An rtmpserversrc with a sink on each of its pads, and programs that publish to it.
#pragma once
#include "../plugin.h"
#include "../wait.h"
#include "common/ref.h"
#include "rtmpserver/proto/flv.h"
#include "rtmpserver/proto/tag.h"
#include <atomic>
#include <csignal>
#include <fstream>
#include <glib/gstdio.h>
#include <iterator>
#include <map>
#include <string>
#include <sys/prctl.h>
#include <tuple>
#include <unistd.h>
#include <vector>

namespace reach::test {
using BufferRef = reach::Ref<GstBuffer>;

inline std::vector<std::uint8_t> bytes_of (GstBuffer *b)
{
  const reach::Mapped m (b);
  return {m.bytes ().begin (), m.bytes ().end ()};
}

class RtmpSource {
public:
  struct Pad {
    std::vector<BufferRef> buffers;
    std::string caps;
    std::vector<GstEventType> events, events_before_data;
    unsigned gaps = 0;
    bool eos = false;
  };
  using Pads = std::map<std::string, Pad>;

  RtmpSource ()
      : pipeline (gst_pipeline_new (nullptr)),
        element (gst_element_factory_make ("rtmpserversrc", nullptr))
  {
    fail_unless (element != nullptr);
    g_object_set (element, "port", 0, "bind-address", "127.0.0.1", "application", "live", nullptr);
    gst_bin_add (GST_BIN (pipeline), element);
    g_signal_connect (element, "pad-added", G_CALLBACK (on_pad), this);
    g_signal_connect (element, "no-more-pads", G_CALLBACK (on_no_more), this);
  }
  ~RtmpSource ()
  {
    null ();
    gst_object_unref (pipeline);
  }
  RtmpSource (const RtmpSource &) = delete;
  RtmpSource &operator= (const RtmpSource &) = delete;

  template <typename... Args> void set (Args... args) { g_object_set (element, args..., nullptr); }
  void play () { fail_unless (reach_state (pipeline, GST_STATE_PLAYING)); }
  void null () { gst_element_set_state (pipeline, GST_STATE_NULL); }
  int port () const
  {
    int p = 0;
    g_object_get (element, "current-port", &p, nullptr);
    fail_unless (p > 0);
    return p;
  }
  std::string url (const char *path = "live/cam", const char *scheme = "rtmp") const
  {
    return std::string (scheme) + "://127.0.0.1:" + std::to_string (port ()) + "/" + path;
  }
  void request_flv ()
  {
    GstPad *pad = gst_element_request_pad_simple (element, "flv");
    fail_unless (pad != nullptr); // its pad-added was for us too
    gst_object_unref (pad);
  }
  bool wait (const std::function<bool (const Pads &)> &holds) { return pads.wait (holds); }
  bool wait_eos (std::size_t n)
  {
    return wait ([n] (const Pads &p) {
      return p.size () == n &&
             std::all_of (p.begin (), p.end (), [] (const auto &x) { return x.second.eos; });
    });
  }
  reach::StructurePtr stats () const
  {
    GstStructure *s = nullptr;
    g_object_get (element, "stats", &s, nullptr);
    return reach::StructurePtr (s);
  }
  guint64 stat (const char *name) const
  {
    guint64 v = 0;
    fail_unless (gst_structure_get_uint64 (stats ().get (), name, &v), "%s", name);
    return v;
  }

  GstElement *pipeline, *element;
  Watched<Pads> pads;
  std::atomic<unsigned> no_more_pads{0};

private:
  struct Hook {
    RtmpSource *self;
    std::string name;
  };
  static void on_no_more (GstElement *, RtmpSource *self) { self->no_more_pads++; }
  static void on_pad (GstElement *, GstPad *pad, RtmpSource *self)
  {
    const reach::CharPtr name (gst_pad_get_name (pad));
    self->pads.update ([&] (Pads &p) { p[name.get ()]; });
    GstElement *sink = gst_element_factory_make ("fakesink", nullptr);
    g_object_set (sink, "sync", FALSE, "async", FALSE, nullptr);
    gst_bin_add (GST_BIN (self->pipeline), sink);
    GstPad *in = gst_element_get_static_pad (sink, "sink");
    gst_pad_add_probe (in,
        static_cast<GstPadProbeType> (
            GST_PAD_PROBE_TYPE_BUFFER | GST_PAD_PROBE_TYPE_EVENT_DOWNSTREAM),
        on_data, new Hook{self, name.get ()}, [] (gpointer p) { delete static_cast<Hook *> (p); });
    fail_unless (gst_pad_link (pad, in) == GST_PAD_LINK_OK);
    gst_object_unref (in);
    gst_element_sync_state_with_parent (sink);
  }
  static GstPadProbeReturn on_data (GstPad *, GstPadProbeInfo *info, gpointer data)
  {
    const auto *hook = static_cast<Hook *> (data);
    hook->self->pads.update ([&] (Pads &all) { note (all[hook->name], info); });
    return GST_PAD_PROBE_OK;
  }
  static void note (Pad &p, GstPadProbeInfo *info)
  {
    if (info->type & GST_PAD_PROBE_TYPE_BUFFER) {
      if (p.buffers.empty ())
        p.events_before_data = p.events;
      p.buffers.push_back (BufferRef::share (GST_PAD_PROBE_INFO_BUFFER (info)));
      return;
    }
    GstEvent *e = GST_PAD_PROBE_INFO_EVENT (info);
    if (GST_EVENT_TYPE (e) == GST_EVENT_GAP) {
      p.gaps++;
      return;
    }
    p.events.push_back (GST_EVENT_TYPE (e));
    p.eos |= GST_EVENT_TYPE (e) == GST_EVENT_EOS;
    if (GST_EVENT_TYPE (e) == GST_EVENT_CAPS) {
      GstCaps *caps = nullptr;
      gst_event_parse_caps (e, &caps);
      p.caps = reach::CharPtr (gst_caps_to_string (caps)).get ();
    }
  }
};

// A program that runs beside the test, ended with it, also if it crashes.
class Program {
public:
  explicit Program (const std::vector<std::string> &words)
  {
    std::vector<const char *> argv;
    for (const auto &w : words)
      argv.push_back (w.c_str ());
    argv.push_back (nullptr);
    GError *error = nullptr;
    GSubprocessLauncher *launcher = g_subprocess_launcher_new (static_cast<GSubprocessFlags> (
        G_SUBPROCESS_FLAGS_STDERR_SILENCE | G_SUBPROCESS_FLAGS_STDOUT_SILENCE));
    g_subprocess_launcher_set_child_setup (
        launcher, [] (gpointer) { ::prctl (PR_SET_PDEATHSIG, SIGKILL); }, nullptr, nullptr);
    process_ = g_subprocess_launcher_spawnv (launcher, argv.data (), &error);
    g_object_unref (launcher);
    fail_unless (process_ != nullptr, "%s", error ? error->message : "");
  }
  ~Program ()
  {
    kill ();
    g_object_unref (process_);
  }
  Program (const Program &) = delete;
  Program &operator= (const Program &) = delete;
  bool succeeds () { return g_subprocess_wait_check (process_, nullptr, nullptr); }
  void kill ()
  {
    g_subprocess_force_exit (process_);
    g_subprocess_wait (process_, nullptr, nullptr);
  }

private:
  GSubprocess *process_;
};

// An FLV file of H.264 and AAC.
class FlvFile {
public:
  explicit FlvFile (bool video = true, bool audio = true, const char *length = "1.5",
      const char *picture = "testsrc2=size=320x240:rate=25")
  {
    for (const auto &f : prepared ())
      if (f->is ({video, audio, length, picture})) {
        path = f->path;
        bytes = f->bytes;
        return;
      }
    make ({video, audio, length, picture});
  }
  ~FlvFile ()
  {
    if (maker_ == getpid ()) // its tests are forks
      g_unlink (path.c_str ());
  }
  FlvFile (const FlvFile &) = delete;
  FlvFile &operator= (const FlvFile &) = delete;
  // Makes it once for all tests of a program; to be called by its suite.
  static void prepare (bool video = true, bool audio = true)
  {
    prepared ().push_back (std::make_unique<FlvFile> (video, audio));
  }

  // The frames of a kind, without the tags' own headers.
  std::vector<std::vector<std::uint8_t>> frames (bool video) const
  {
    std::vector<std::vector<std::uint8_t>> all;
    reach::rtmp::FlvReader reader;
    fail_unless (reader.input (bytes));
    std::vector<reach::rtmp::TrackPacket> packets;
    while (auto tag = reader.next ()) {
      if (tag->type != (video ? reach::rtmp::flv_video : reach::rtmp::flv_audio))
        continue;
      (video ? reach::rtmp::parse_video : reach::rtmp::parse_audio) (tag->body, packets);
      for (const auto &p : packets)
        if (p.type == reach::rtmp::PacketType::coded_frames && p.payload.size () > 0)
          all.emplace_back (p.payload.bytes.begin (), p.payload.bytes.end ());
    }
    fail_unless (!all.empty ());
    return all;
  }
  // What publishes it, so many times as fast as it is played; 0: at once.
  std::vector<std::string> ffmpeg (const std::string &url, const char *rate = "4") const
  {
    std::vector<std::string> w{"ffmpeg", "-v", "error"};
    for (const std::string &s :
        {std::string ("-readrate"), std::string (rate), std::string ("-i"), path,
            std::string ("-c"), std::string ("copy"), std::string ("-f"), std::string ("flv"), url})
      w.push_back (s);
    return w;
  }
  std::string path;
  std::vector<std::uint8_t> bytes;

private:
  using What = std::tuple<bool, bool, std::string, std::string>;
  static std::vector<std::unique_ptr<FlvFile>> &prepared ()
  {
    static std::vector<std::unique_ptr<FlvFile>> all;
    return all;
  }
  bool is (const What &w) const { return what_ == w; }
  // By no GSubprocess, whose thread would be lost in forks, and with assertions that are allowed
  // outside of tests.
  void make (const What &what)
  {
    char name[] = "/tmp/reach-flv-XXXXXX";
    const int fd = g_mkstemp (name);
    g_assert_true (fd >= 0);
    g_close (fd, nullptr);
    path = name;
    what_ = what;
    maker_ = getpid ();
    const auto &[video, audio, length, picture] = what;
    std::vector<const char *> w{"ffmpeg", "-y", "-v", "error"};
    if (video)
      w.insert (w.end (), {"-f", "lavfi", "-i", picture.c_str ()});
    if (audio)
      w.insert (w.end (), {"-f", "lavfi", "-i", "sine=frequency=440"});
    w.insert (w.end (),
        {"-t", length.c_str (), "-c:v", "libx264", "-preset", "ultrafast", "-g", "10", "-bf", "2",
            "-c:a", "aac", "-flvflags", "no_duration_filesize", "-f", "flv", name, nullptr});
    gint status = 1;
    g_assert_true (g_spawn_sync (nullptr, const_cast<gchar **> (w.data ()), nullptr,
        G_SPAWN_SEARCH_PATH, nullptr, nullptr, nullptr, nullptr, &status, nullptr));
    g_assert_true (status == 0);
    std::ifstream in (path, std::ios::binary);
    bytes.assign (std::istreambuf_iterator<char> (in), {});
  }
  What what_;
  pid_t maker_ = -1;
};

inline void check_same (
    const RtmpSource::Pad &pad, const std::vector<std::vector<std::uint8_t>> &frames)
{
  fail_unless_equals_int (pad.buffers.size (), frames.size ());
  for (std::size_t i = 0; i < frames.size (); i++)
    fail_unless (bytes_of (pad.buffers[i].get ()) == frames[i], "frame %zu", i);
}
} // namespace reach::test
