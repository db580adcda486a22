// SPDX-License-Identifier: LGPL-2.1-or-later
// A camsender and a camreceiver in one process, over each way that carries commands and files.
#pragma once
#include "plugin.h"
#include "wait.h"
#include <string>
#include <utility>
#include <vector>

namespace reach::test {
struct Way {
  const char *protocol;
  bool pull;
};
inline const std::vector<Way> ways{
    {"tcp", false}, {"tcp", true}, {"http", false}, {"http", true}, {"udp", false}};

// Structures that an element's signal brought, copied in order.
class Heard {
public:
  Heard (GstElement *e, const char *signal) : element_ (GST_ELEMENT (gst_object_ref (e)))
  {
    handler_ = g_signal_connect (e, signal, G_CALLBACK (on_signal), this);
  }
  ~Heard ()
  {
    g_signal_handler_disconnect (element_, handler_);
    gst_object_unref (element_);
    for (GstStructure *s : all_.get ())
      gst_structure_free (s);
  }
  bool wait_for (std::size_t n, milliseconds limit = long_enough)
  {
    return all_.wait ([n] (const auto &v) { return v.size () >= n; }, limit);
  }
  template <typename F> bool wait (F &&f)
  {
    return all_.wait ([&] (const auto &v) {
      for (const GstStructure *s : v)
        if (f (s))
          return true;
      return false;
    });
  }
  std::vector<GstStructure *> all () const { return all_.get (); }
  std::size_t count () const { return all_.get ().size (); }

private:
  static void on_signal (GstElement *, GstStructure *s, gpointer self)
  {
    static_cast<Heard *> (self)->all_.update (
        [s] (auto &v) { v.push_back (gst_structure_copy (s)); });
  }
  GstElement *element_;
  gulong handler_;
  Watched<std::vector<GstStructure *>> all_;
};

inline guint64 field64 (const GstStructure *s, const char *name)
{
  guint64 v = 0;
  fail_unless (gst_structure_get_uint64 (s, name, &v), "no field %s", name);
  return v;
}

inline GstElement *make (const char *factory)
{
  GstElement *e = gst_element_factory_make (factory, nullptr);
  fail_unless (e != nullptr);
  return GST_ELEMENT (gst_object_ref_sink (e));
}

// Sender and receiver are in no pipeline unless a test puts them there: they need none.
struct Pair {
  explicit Pair (const Way &w)
      : way (w), sender (make ("camsender")), receiver (make ("camreceiver"))
  {
    gst_util_set_object_arg (G_OBJECT (sender), "protocol", w.protocol);
    gst_util_set_object_arg (G_OBJECT (receiver), "protocol", w.protocol);
    gst_util_set_object_arg (G_OBJECT (sender), "mode", w.pull ? "listener" : "caller");
    gst_util_set_object_arg (G_OBJECT (receiver), "mode", w.pull ? "caller" : "listener");
    g_object_set (receiver, "media-types", 0x18, nullptr); // commands and files
    // Nothing but silence tells a sender over UDP that its receiver is gone.
    if (g_strcmp0 (w.protocol, "udp") == 0)
      g_object_set (sender, "command-timeout", 1, "file-timeout", 1, nullptr);
    g_object_set (listener (), "port", 0, "bind-address", "127.0.0.1", nullptr);
  }
  ~Pair ()
  {
    for (GstElement *e : {sender, receiver})
      if (e) {
        gst_element_set_state (e, GST_STATE_NULL);
        gst_object_unref (e);
      }
  }
  GstElement *listener () const { return way.pull ? sender : receiver; }
  GstElement *caller () const { return way.pull ? receiver : sender; }

  void start_listener ()
  {
    fail_unless (reach_state (listener (), GST_STATE_PLAYING));
    g_object_get (listener (), "current-port", &port, nullptr);
    fail_unless (port > 0);
    g_object_set (caller (), "port", static_cast<int> (port), nullptr);
  }
  // Pull: until the receiver's channels are there, as commands need one.
  void start ()
  {
    start_listener ();
    if (!way.pull) {
      fail_unless (reach_state (sender, GST_STATE_PLAYING));
      return;
    }
    Heard connected (sender, "connected");
    fail_unless (reach_state (receiver, GST_STATE_PLAYING));
    fail_unless (connected.wait_for (2));
  }
  // The other end is gone without a word, as far as elements can be.
  void restart_receiver ()
  {
    gst_element_set_state (receiver, GST_STATE_NULL);
    if (!way.pull)
      g_object_set (receiver, "port", static_cast<int> (port), nullptr);
    Heard connected (sender, "connected");
    fail_unless (reach_state (receiver, GST_STATE_PLAYING));
    if (way.pull)
      fail_unless (connected.wait_for (2));
  }

  Way way;
  GstElement *sender, *receiver;
  guint port = 0;
};
} // namespace reach::test
