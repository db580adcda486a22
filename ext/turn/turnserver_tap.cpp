// SPDX-License-Identifier: LGPL-2.1-or-later
#include "turnserver_tap.h"
#include "common/barrier.h"
#include "net/socket_address.h"
#include <gst/net/gstnetaddressmeta.h>

namespace reach::turn::server {
namespace {
GQuark tap_quark ()
{
  static const GQuark q = g_quark_from_static_string ("turn-server-tap");
  return q;
}

Tap &tap_of (gpointer pad)
{
  return *static_cast<Tap *> (g_object_get_qdata (G_OBJECT (pad), tap_quark ()));
}

gboolean activate_mode (GstPad *pad, GstObject *parent, GstPadMode mode, gboolean on)
{
  return mode == GST_PAD_MODE_PUSH &&
         barrier (parent, FALSE, [&] { return gboolean (tap_of (pad).activate (on)); });
}
} // namespace

bool Tap::push (const Ref<GstBuffer> &b)
{
  return box_.update ([&] (Box &box) {
    if (box.flushing || box.eos)
      return true; // nobody listens: nothing is lost
    if (box.buffers.size () >= max_buffers)
      return false;
    box.buffers.push_back (b);
    return true;
  });
}

bool Tap::activate (bool on)
{
  box_.update ([&] (Box &b) {
    b = {};
    b.flushing = !on;
  });
  if (!on)
    return gst_pad_stop_task (pad_);
  begun_ = false;
  return gst_pad_start_task (
      pad_, [] (gpointer self) { static_cast<Tap *> (self)->loop (); }, this, nullptr);
}

void Tap::send_eos ()
{
  box_.update ([] (Box &b) { b.eos = true; });
}

void Tap::begin ()
{
  begun_ = true;
  gchar *id = gst_pad_create_stream_id (
      pad_, GST_ELEMENT (GST_OBJECT_PARENT (pad_)), GST_OBJECT_NAME (pad_));
  gst_pad_push_event (pad_, gst_event_new_stream_start (id));
  g_free (id);
  GstSegment segment;
  gst_segment_init (&segment, GST_FORMAT_TIME);
  gst_pad_push_event (pad_, gst_event_new_segment (&segment));
}

void Tap::loop ()
{
  Ref<GstBuffer> buffer;
  {
    auto box = box_.lock ();
    box.wait ([] (const Box &b) { return b.flushing || !b.buffers.empty () || b.eos; });
    if (box->flushing || box->ended) {
      gst_pad_pause_task (pad_);
      return;
    }
    if (box->buffers.empty ()) {
      box->ended = true;
    } else {
      buffer = std::move (box->buffers.front ());
      box->buffers.pop_front ();
    }
  }
  if (!begun_)
    begin ();
  if (!buffer) {
    gst_pad_push_event (pad_, gst_event_new_eos ());
    gst_pad_pause_task (pad_);
    return;
  }
  const GstFlowReturn r = gst_pad_push (pad_, buffer.release ());
  if (r != GST_FLOW_OK && r != GST_FLOW_NOT_LINKED) {
    box_.update ([] (Box &b) { b.ended = b.eos = true; });
    if (r < GST_FLOW_EOS)
      GST_ELEMENT_FLOW_ERROR (GST_OBJECT_PARENT (pad_), r);
    gst_pad_pause_task (pad_);
  }
}

GstPad *Taps::request (GstElement *e, GstPadTemplate *t, const char *name)
{
  const std::string made = name ? name : "tap_" + std::to_string (next_++);
  GstPad *pad = gst_pad_new_from_template (t, made.c_str ());
  g_object_set_qdata_full (G_OBJECT (pad), tap_quark (), new Tap (pad),
      [] (gpointer p) { delete static_cast<Tap *> (p); });
  gst_pad_set_activatemode_function (pad, activate_mode);
  gst_pad_use_fixed_caps (pad);
  if (GST_STATE (e) >= GST_STATE_PAUSED)
    gst_pad_set_active (pad, TRUE);
  if (!gst_element_add_pad (e, pad))
    return nullptr;
  pads_.update ([&] (auto &v) { v.push_back (Ref<GstPad>::share (pad)); });
  count_++;
  return pad;
}

void Taps::release (GstElement *e, GstPad *pad)
{
  Ref<GstPad> held;
  pads_.update ([&] (auto &v) {
    const auto i = std::find_if (v.begin (), v.end (), [&] (auto &p) { return p.get () == pad; });
    if (i == v.end ())
      return;
    held = std::move (*i);
    v.erase (i);
  });
  if (!held)
    return;
  count_--;
  gst_pad_set_active (pad, FALSE);
  gst_element_remove_pad (e, pad);
}

// With the running time of its arrival, and where it goes to or comes from.
void Taps::push (
    Ref<GstBuffer> buffer, bool to_peer, const stun::Address &client, const stun::Address &peer)
{
  const auto pads = *pads_.lock ();
  if (pads.empty ())
    return;
  if (GstElement *e = gst_pad_get_parent_element (pads[0].get ())) {
    const GstClockTime now = gst_element_get_current_running_time (e);
    GST_BUFFER_PTS (buffer.get ()) = GST_BUFFER_DTS (buffer.get ()) = now;
    gst_object_unref (e);
  }
  const stun::Address &from = to_peer ? client : peer;
  const reach::Address socket = to_socket (from);
  GSocketAddress *a = g_socket_address_new_from_native (
      const_cast<sockaddr_storage *> (&socket.storage), socket.length);
  gst_buffer_add_net_address_meta (buffer.get (), a);
  g_object_unref (a);
  for (const auto &pad : pads)
    if (!tap_of (pad.get ()).push (buffer))
      dropped_++;
}

bool Taps::send_eos ()
{
  const auto pads = *pads_.lock ();
  for (const auto &pad : pads)
    tap_of (pad.get ()).send_eos ();
  return !pads.empty ();
}
} // namespace reach::turn::server
