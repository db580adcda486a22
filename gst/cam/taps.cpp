// SPDX-License-Identifier: LGPL-2.1-or-later
#include "taps.h"
#include "gstcamtap.h"
#include "server/server_settings.h"
#include <algorithm>
#include <cstdio>

GST_DEBUG_CATEGORY_EXTERN (cammediaserver_debug);
#define GST_CAT_DEFAULT cammediaserver_debug

namespace reach::cam {

// A place in the list, with no pad yet.
bool Taps::reserve (const char *name, unsigned &number)
{
  return all_.update ([&] (std::vector<Entry> &all) {
    const auto taken = [&] (unsigned n) {
      return std::any_of (all.begin (), all.end (), [n] (const Entry &e) { return e.number == n; });
    };
    if (!name || std::sscanf (name, tap_name_format, &number) != 1)
      for (number = 0; taken (number);)
        number++;
    if (all.size () >= max_taps || taken (number))
      return false;
    all.push_back ({number, {}});
    return true;
  });
}

GstPad *Taps::request (GstPadTemplate *t, const char *name)
{
  unsigned number = 0;
  if (!reserve (name, number)) {
    GST_WARNING_OBJECT (
        server_, "no tap %s: there is one, or as many as there may be", name ? name : "more");
    return nullptr;
  }
  const CharPtr own (g_strdup_printf (tap_name_format, number));
  auto *pad = static_cast<GstPad *> (g_object_new (
      tap_type (), "name", own.get (), "direction", GST_PAD_SRC, "template", t, nullptr));
  all_.update ([&] (std::vector<Entry> &all) {
    std::find_if (all.begin (), all.end (), [number] (const Entry &e) {
      return e.number == number;
    })->pad = Ref<GstPad>::adopt (GST_PAD (gst_object_ref_sink (pad)));
  });
  set_flags ();
  gst_pad_set_active (pad, TRUE);
  gst_element_add_pad (server_, pad);
  gst_child_proxy_child_added (GST_CHILD_PROXY (server_), G_OBJECT (pad), own.get ());
  tap_of (pad).open (GST_BIN (server_), dial_); // with what is set by now
  return pad;
}

void Taps::release (GstPad *pad)
{
  const auto find = [pad] (std::vector<Entry> &all) {
    return std::find_if (
        all.begin (), all.end (), [pad] (const Entry &e) { return e.pad.get () == pad; });
  };
  unsigned number = 0;
  const auto held = all_.update ([&] (std::vector<Entry> &all) {
    const auto it = find (all);
    if (it == all.end ())
      return Ref<GstPad> ();
    number = it->number; // which stays taken while the element has the pad
    return std::exchange (it->pad, {});
  });
  if (!held)
    return;
  tap_of (pad).close ();
  set_flags ();
  gst_child_proxy_child_removed (GST_CHILD_PROXY (server_), G_OBJECT (pad), GST_OBJECT_NAME (pad));
  gst_element_remove_pad (server_, pad);
  all_.update ([number] (std::vector<Entry> &all) {
    std::erase_if (all, [number] (const Entry &e) { return e.number == number; });
  });
}

// Without taps the pipeline waits for the server's own EOS. With them it is the source of what is
// behind them: that changes its state first, and its EOS is what counts.
void Taps::set_flags ()
{
  GST_OBJECT_LOCK (server_);
  if (count () > 0)
    GST_OBJECT_FLAG_UNSET (server_, GST_ELEMENT_FLAG_SINK);
  else
    GST_OBJECT_FLAG_SET (server_, GST_ELEMENT_FLAG_SINK);
  GST_OBJECT_UNLOCK (server_);
}

bool Taps::send_eos ()
{
  const auto all = pads ();
  for (const auto &p : all)
    tap_of (p.get ()).send_eos ();
  return !all.empty ();
}

std::vector<Ref<GstPad>> Taps::pads ()
{
  std::vector<Ref<GstPad>> pads;
  const auto all = all_.lock ();
  for (const Entry &e : *all)
    if (e.pad)
      pads.push_back (e.pad);
  return pads;
}

guint Taps::count ()
{
  return static_cast<guint> (pads ().size ());
}

GObject *Taps::child (guint index)
{
  auto all = pads ();
  return index < all.size () ? G_OBJECT (all[index].release ()) : nullptr;
}
} // namespace reach::cam
