// SPDX-License-Identifier: LGPL-2.1-or-later
// Waiting in tests: for a condition, a message or a state, each with a deadline and none by
// sleeping and looking again. A deadline is only there to end a test that has failed already, so it
// is long.
#pragma once
#include "check.h"
#include <chrono>
#include <condition_variable>
#include <functional>
#include <gio/gio.h>
#include <memory>
#include <mutex>
#include <utility>

namespace reach::test {
using std::chrono::milliseconds;
constexpr milliseconds long_enough{20000};
// Data of an element: how many references somebody keeps until after the test's own are gone.
constexpr const char *kept_reference = "reach-kept-reference";

// A value that one thread changes and a test waits for.
template <typename T> class Watched {
public:
  explicit Watched (T value = {}) : value_ (std::move (value)) {}

  template <typename F> void update (F &&change)
  {
    {
      const std::lock_guard lock (mutex_);
      change (value_);
    }
    changed_.notify_all ();
  }
  void set (T value)
  {
    update ([&] (T &v) { v = std::move (value); });
  }
  T get () const
  {
    const std::lock_guard lock (mutex_);
    return value_;
  }
  // False when the deadline came first.
  template <typename F> bool wait (F &&holds, milliseconds limit = long_enough)
  {
    std::unique_lock lock (mutex_);
    return changed_.wait_for (lock, limit, [&] { return holds (std::as_const (value_)); });
  }

private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  T value_;
};

// Runs `context` (the default one when null) until `holds`. It looks after each round of the
// context and at least every 10 ms, for conditions that another thread makes true without waking
// us.
inline bool iterate_until (const std::function<bool ()> &holds, GMainContext *context = nullptr,
    milliseconds limit = long_enough)
{
  const gint64 end = g_get_monotonic_time () + limit.count () * 1000;
  GSource *tick = g_timeout_source_new (10);
  g_source_set_callback (
      tick, [] (gpointer) -> gboolean { return G_SOURCE_CONTINUE; }, nullptr, nullptr);
  g_source_attach (tick, context);
  bool done = holds ();
  while (!done && g_get_monotonic_time () < end) {
    g_main_context_iteration (context, TRUE);
    done = holds ();
  }
  g_source_destroy (tick);
  g_source_unref (tick);
  return done;
}

// Where the state is NULL already, a handler may still be running, on a thread of the element's,
// which holds a reference for as long. The others are ours, the pipeline's and those of who says
// so.
inline void wait_for_handlers (GstElement *e)
{
  const int others = 2 + GPOINTER_TO_INT (g_object_get_data (G_OBJECT (e), kept_reference));
  if (!iterate_until (
          [&] { return GST_OBJECT_REFCOUNT_VALUE (e) <= others; }, nullptr, milliseconds (5000)))
    g_printerr ("%s has references left\n", GST_OBJECT_NAME (e));
}

struct MessageUnref {
  void operator() (GstMessage *m) const noexcept { gst_message_unref (m); }
};
using MessagePtr = std::unique_ptr<GstMessage, MessageUnref>;

inline GstClockTime clock_time (milliseconds t)
{
  return static_cast<GstClockTime> (t.count ()) * GST_MSECOND;
}

// The next message of `types` on the element's bus that `accept` takes, others are dropped; null
// when the deadline came first. An ERROR that was not asked for ends the wait too and is printed.
inline MessagePtr wait_message (GstElement *element, GstMessageType types,
    const std::function<bool (GstMessage *)> &accept = {}, milliseconds limit = long_enough)
{
  GstBus *bus = gst_element_get_bus (element);
  const gint64 end = g_get_monotonic_time () + limit.count () * 1000;
  MessagePtr found;
  while (!found) {
    const gint64 left = end - g_get_monotonic_time ();
    if (left <= 0)
      break;
    MessagePtr m (gst_bus_timed_pop_filtered (bus, static_cast<GstClockTime> (left) * 1000,
        static_cast<GstMessageType> (types | GST_MESSAGE_ERROR)));
    if (!m)
      break;
    if ((GST_MESSAGE_TYPE (m.get ()) & types) && (!accept || accept (m.get ()))) {
      found = std::move (m);
    } else if (GST_MESSAGE_TYPE (m.get ()) == GST_MESSAGE_ERROR) {
      GError *error = nullptr;
      gchar *debug = nullptr;
      gst_message_parse_error (m.get (), &error, &debug);
      g_printerr ("unexpected ERROR: %s (%s)\n", error->message, debug ? debug : "");
      g_clear_error (&error);
      g_free (debug);
      break;
    }
  }
  gst_object_unref (bus);
  return found;
}

// An element message by its structure's name, such as "cam-connected".
inline MessagePtr wait_element_message (
    GstElement *element, const char *name, milliseconds limit = long_enough)
{
  return wait_message (
      element, GST_MESSAGE_ELEMENT,
      [name] (GstMessage *m) { return gst_message_has_name (m, name); }, limit);
}

// Reaches `state`, NO_PREROLL included.
inline bool reach_state (GstElement *element, GstState state, milliseconds limit = long_enough)
{
  GstStateChangeReturn r = gst_element_set_state (element, state);
  if (r == GST_STATE_CHANGE_ASYNC)
    r = gst_element_get_state (element, nullptr, nullptr, clock_time (limit));
  return r == GST_STATE_CHANGE_SUCCESS || r == GST_STATE_CHANGE_NO_PREROLL;
}

// A port of 127.0.0.1 that nobody listens on: for tests that need a refused connection, or must
// know a port before its listener exists. Listeners in tests use port 0 and `current-port` instead.
// Not one of those that the kernel gives clients: while a server is away, another test could get
// it.
inline guint16 unused_port (GSocketType type = G_SOCKET_TYPE_STREAM)
{
  GSocket *socket = g_socket_new (G_SOCKET_FAMILY_IPV4, type, G_SOCKET_PROTOCOL_DEFAULT, nullptr);
  fail_unless (socket != nullptr);
  GInetAddress *loopback = g_inet_address_new_loopback (G_SOCKET_FAMILY_IPV4);
  guint16 port = 0;
  for (int tries = 0; port == 0 && tries < 100; tries++) {
    const auto candidate = static_cast<guint16> (g_random_int_range (20000, 32000));
    GSocketAddress *address = g_inet_socket_address_new (loopback, candidate);
    if (g_socket_bind (socket, address, FALSE, nullptr))
      port = candidate;
    g_object_unref (address);
  }
  fail_unless (port != 0);
  g_object_unref (loopback);
  g_object_unref (socket);
  return port;
}
} // namespace reach::test
