// SPDX-License-Identifier: LGPL-2.1-or-later
#include "bin_host.h"

namespace reach::rtc {
// They stay to the end: who has the element may call it at any time.
void BinHost::take_threads ()
{
  if (threads_)
    return;
  threads_ = PeerThreads::get ();
  loop_ = &threads_->loop ();
}

void BinHost::flush_loop ()
{
  if (loop_)
    loop_->call ([] {});
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

void BinHost::tell (const char *signal, GstStructure *fields)
{
  std::shared_ptr<GstStructure> s (fields, gst_structure_free);
  tell ([this, signal, s] {
    g_signal_emit_by_name (element_, signal, s.get ());
    gst_element_post_message (
        element_, gst_message_new_element (GST_OBJECT (element_), gst_structure_copy (s.get ())));
  });
}

void BinHost::tell_warning (const std::string &what)
{
  tell ([this, what] {
    GST_ELEMENT_WARNING (element_, RESOURCE, FAILED, ("%s", what.c_str ()), (nullptr));
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
  tell ([this, property] { g_object_notify (G_OBJECT (element_), property); });
}
} // namespace reach::rtc
