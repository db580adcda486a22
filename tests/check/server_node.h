// SPDX-License-Identifier: LGPL-2.1-or-later
// A cammediaserver in a pipeline of its own, and the clients that meet through it.
#pragma once
#include "cam_pair.h"

namespace reach::test {
constexpr Way tcp_push{"tcp", true, "tcp push"}, http_push{"http", true, "http push"},
    udp_push{"udp", true, "udp push"}, tcp_pull{"tcp", false, "tcp pull"},
    http_pull{"http", false, "http pull"};

class Server {
public:
  struct Event {
    std::string what, guid, role, reason;
  };

  explicit Server (guint loops = 1)
      : pipeline (gst_pipeline_new (nullptr)),
        element (gst_element_factory_make ("cammediaserver", nullptr))
  {
    fail_unless (element != nullptr);
    gst_bin_add (GST_BIN (pipeline), element);
    g_object_set (
        element, "bind-address", "127.0.0.1", "port", 0, "udp-port", 0, "loops", loops, nullptr);
    for (const char *name : {"client-connected", "client-disconnected", "client-rejected"})
      g_signal_connect (element, name, G_CALLBACK (on_client), this);
  }
  ~Server ()
  {
    gst_element_set_state (pipeline, GST_STATE_NULL);
    gst_object_unref (pipeline);
  }
  void play () { fail_unless (reach_state (pipeline, GST_STATE_PLAYING)); }
  gint port (const Way &w) const
  {
    gint p = 0;
    g_object_get (element, std::string (w.protocol) == "udp" ? "current-udp-port" : "current-port",
        &p, nullptr);
    fail_unless (p > 0);
    return p;
  }
  Structure stats () const
  {
    GstStructure *s = nullptr;
    g_object_get (element, "stats", &s, nullptr);
    return Structure (s);
  }
  guint64 stat (const char *field) const
  {
    const Structure s = stats ();
    guint64 v = 0;
    fail_unless (gst_structure_get_uint64 (s.get (), field, &v), "no %s in stats", field);
    return v;
  }
  // `what` without "cam-client-".
  bool wait_event (const std::string &what, const std::string &guid, std::size_t n = 1)
  {
    return events.wait ([&] (const auto &v) {
      return static_cast<std::size_t> (std::count_if (v.begin (), v.end (), [&] (const Event &e) {
        return e.what == "cam-client-" + what && e.guid == guid;
      })) >= n;
    });
  }

  GstElement *pipeline, *element;
  Watched<std::vector<Event>> events;

private:
  static void on_client (GstElement *, GstStructure *s, gpointer self)
  {
    const auto text = [s] (const char *field) {
      const char *t = gst_structure_get_string (s, field);
      return std::string (t ? t : "");
    };
    static_cast<Server *> (self)->events.update ([&] (auto &v) {
      v.push_back ({gst_structure_get_name (s), text ("guid"), text ("role"), text ("reason")});
    });
  }
};

// A sender that pushes to the server, for the client `to`.
class Client : public Sender {
public:
  Client (const Server &server, const Way &w, const char *guid, const char *to) : Sender (w)
  {
    g_object_set (element, "guid", guid, "guid-to", to, "host", "127.0.0.1", "port",
        server.port (w), nullptr);
  }
};

// A receiver that pulls from the server.
class Viewer : public Receiver {
public:
  Viewer (const Server &server, const Way &w, const char *guid) : Receiver (w)
  {
    g_object_set (element, "guid", guid, "host", "127.0.0.1", "port", server.port (w), nullptr);
  }
  void join ()
  {
    play ();
    fail_unless (wait_event ("session-connected"));
  }
};

// Frames of one GOP each `gop`, numbered; the first is a key frame.
inline void push_frames (
    Sender::Stream &s, unsigned from, unsigned n, unsigned gop, std::size_t size = 300)
{
  for (unsigned i = from; i < from + n; i++)
    s.push (make_buffer (size, i, i * frame_time, i % gop != 0, frame_time));
}
} // namespace reach::test
