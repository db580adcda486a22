// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bin_host.h"
#include <algorithm>

namespace reach::rtc {
namespace {
constexpr std::size_t most_told = 4096, most_bytes = 4 << 20; // that wait for the application
constexpr double most_warnings = 10;                          // at once
} // namespace

// They stay to the end: who has the element may call it at any time.
void BinHost::take_threads ()
{
  if (threads_)
    return;
  threads_ = PeerThreads::get ();
  loop_.store (&threads_->loop (), std::memory_order_release);
}

void BinHost::flush_loop ()
{
  if (loop ())
    loop ()->call ([] {});
}

void BinHost::silence_run ()
{
  if (const auto r = run ())
    *r = false;
}

void BinHost::tell (std::function<void ()> what)
{
  const auto alive = run ();
  if (!alive)
    return;
  threads_->events ().post (
      [keep = Ref<GstElement>::share (element_), alive, what = std::move (what)] {
        if (*alive)
          what ();
      });
}

void BinHost::tell (const char *signal, GstStructure *fields, std::size_t bytes)
{
  std::shared_ptr<GstStructure> s (fields, gst_structure_free);
  bool first = false;
  const bool room = backlog_->update ([&] (Backlog &b) {
    const bool fits = b.items < most_told && b.bytes + bytes <= most_bytes;
    if (!fits) {
      first = !std::exchange (b.lost, true);
      return false;
    }
    b.items++;
    b.bytes += bytes;
    return true;
  });
  if (first)
    tell_warning ("The application is slower than what there is to tell; messages are lost.");
  if (!room)
    return;
  // Given back when the task is gone, done or not.
  const std::shared_ptr<void> held (nullptr, [backlog = backlog_, bytes] (void *) {
    backlog->update ([&] (Backlog &b) {
      b.items--;
      b.bytes -= bytes;
      b.lost = b.lost && b.items > 0;
    });
  });
  tell ([this, signal, s, held] {
    g_signal_emit_by_name (element_, signal, s.get ());
    gst_element_post_message (
        element_, gst_message_new_element (GST_OBJECT (element_), gst_structure_copy (s.get ())));
  });
}

void BinHost::tell_warning (const std::string &what)
{
  const TimePoint now = Clock::now ();
  unsigned left_out = 0;
  const bool allowed = warnings_.update ([&] (Warnings &w) {
    if (w.counted != TimePoint{})
      w.allowed = std::min (
          most_warnings, w.allowed + std::chrono::duration<double> (now - w.counted).count ());
    w.counted = now;
    if (w.allowed < 1) {
      w.left_out++;
      return false;
    }
    w.allowed -= 1;
    left_out = std::exchange (w.left_out, 0);
    return true;
  });
  if (!allowed)
    return;
  const std::string more =
      left_out > 0 ? " (" + std::to_string (left_out) + " other warnings were left out)" : "";
  tell ([this, text = what + more] {
    GST_ELEMENT_WARNING (element_, RESOURCE, FAILED, ("%s", text.c_str ()), (nullptr));
  });
}

void BinHost::tell_error (const std::string &what)
{
  tell ([this, what] {
    GST_ELEMENT_ERROR (element_, RESOURCE, OPEN_READ_WRITE, ("%s", what.c_str ()), (nullptr));
  });
}

void BinHost::notify (const char *property)
{
  if (!backlog_->update ([&] (Backlog &b) { return b.properties.insert (property).second; }))
    return;
  std::shared_ptr<void> held (nullptr, [backlog = backlog_, property] (void *) {
    backlog->update ([&] (Backlog &b) { b.properties.erase (property); });
  });
  tell ([this, property, held = std::move (held)] () mutable {
    held.reset (); // what changes from here on is told again
    g_object_notify (G_OBJECT (element_), property);
  });
}
} // namespace reach::rtc
