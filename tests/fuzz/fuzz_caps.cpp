// SPDX-License-Identifier: LGPL-2.1-or-later
// Caps and tags from a peer. Whatever the text is, the process keeps no more new names for good
// than its budget, and GStreamer has nothing to complain about.
#include "cam/names.h"
#include <cstdlib>
#include <gst/video/video.h>
#include <string>

using namespace reach;
using namespace reach::cam;

namespace {
// The quarks are numbered one after the other.
GQuark fresh_quark ()
{
  static int n = 0;
  return g_quark_from_string (("fresh-" + std::to_string (n++)).c_str ());
}
} // namespace

// GStreamer loses lists that it cannot read; names.cpp limits how many. GLib keeps a block for
// good.
extern "C" const char *__asan_default_options ()
{
  return "detect_leaks=0";
}

extern "C" int LLVMFuzzerInitialize (int *, char ***)
{
  gst_init (nullptr, nullptr);
  gst_video_multiview_flagset_get_type ();
  g_log_set_default_handler (
      [] (const gchar *, GLogLevelFlags level, const gchar *text, gpointer) {
        if (level & (G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING)) {
          g_printerr ("%s\n", text);
          std::abort ();
        }
      },
      nullptr);
  // Types register their own names when they are first used: that is not the peer's doing.
  const auto caps = caps_from_peer (
      "video/x-raw(memory:A), a=(int)1, b=(fraction)1/2, c=(date)2024-01-01, d=(bitmask)0x1, "
      "e=(datetime)2024-01-01T01:01Z, f=< (buffer)00 >, "
      "g=(GstVideoMultiviewFlagsSet)0:1:/right-view-first");
  const auto tags = tags_from_peer ("taglist, title=(string)a, duration=(guint64)1");
  return caps && tags ? 0 : 1;
}

extern "C" int LLVMFuzzerTestOneInput (const std::uint8_t *data, std::size_t size)
{
  static const GQuark first = fresh_quark ();
  static GQuark own = 1; // made by fresh_quark ()
  static unsigned runs = 0;
  const std::string_view text (reinterpret_cast<const char *> (data), size);
  if (const auto caps = caps_from_peer (text)) {
    // What was taken can be sent on, and taken again.
    const CharPtr again (gst_caps_to_string (caps.get ()));
    if (const auto second = caps_from_peer (again.get ());
        second && !gst_caps_is_strictly_equal (caps.get (), second.get ()))
      std::abort ();
  }
  tags_from_peer (text);
  if (runs++ % 1000 != 0) // each look costs a quark itself
    return 0;
  if (fresh_quark () - first - own > max_new_names)
    std::abort ();
  own++;
  return 0;
}
