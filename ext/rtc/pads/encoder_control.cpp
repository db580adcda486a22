// SPDX-License-Identifier: LGPL-2.1-or-later
#include "encoder_control.h"
#include <algorithm>
#include <string>

namespace reach::rtc {
namespace {
using PadRef = Ref<GstPad>;

GParamSpec *bitrate_property (GstElement *e)
{
  for (const char *name : {"bitrate", "target-bitrate"})
    if (GParamSpec *spec = g_object_class_find_property (G_OBJECT_GET_CLASS (e), name))
      if (spec->flags & G_PARAM_WRITABLE)
        return spec;
  return nullptr;
}

bool is_encoder (GstElement *e)
{
  GstElementFactory *f = gst_element_get_factory (e);
  const char *klass =
      f ? gst_element_factory_get_metadata (f, GST_ELEMENT_METADATA_KLASS) : nullptr;
  return klass && g_strrstr (klass, "Encoder") && bitrate_property (e);
}

// Through ghost pads, to a pad of an element that is no bin.
PadRef inner (PadRef pad)
{
  while (pad && GST_IS_GHOST_PAD (pad.get ()))
    pad = PadRef::adopt (gst_ghost_pad_get_target (GST_GHOST_PAD (pad.get ())));
  return pad;
}

PadRef peer_of (GstPad *sink)
{
  PadRef peer = PadRef::adopt (gst_pad_get_peer (sink));
  // The inner half of a ghost pad: what it stands for goes on outside.
  while (peer && GST_IS_PROXY_PAD (peer.get ()) && !GST_IS_GHOST_PAD (peer.get ())) {
    const PadRef ghost =
        PadRef::adopt (GST_PAD (gst_proxy_pad_get_internal (GST_PROXY_PAD (peer.get ()))));
    if (!ghost)
      return {};
    peer = PadRef::adopt (gst_pad_get_peer (ghost.get ()));
  }
  return inner (std::move (peer));
}

// The pad that feeds `src`; of several the first.
PadRef behind (GstPad *src)
{
  GstIterator *links = gst_pad_iterate_internal_links (src);
  if (!links)
    return {};
  GValue v = G_VALUE_INIT;
  PadRef found;
  if (gst_iterator_next (links, &v) == GST_ITERATOR_OK) {
    found = PadRef::share (GST_PAD (g_value_get_object (&v)));
    g_value_unset (&v);
  }
  gst_iterator_free (links);
  return found;
}

// Properties tell their unit in words only: "Bitrate in kbit/sec", "expressed in kbps".
bool in_kilobits (GParamSpec *spec)
{
  const CharPtr words (g_ascii_strdown (g_param_spec_get_blurb (spec), -1));
  for (const char *unit : {"kbit", "kbps", "kb/s", "kilobit"})
    if (words && g_strrstr (words.get (), unit))
      return true;
  return false;
}
} // namespace

Ref<GstElement> upstream_encoder (GstPad *sink)
{
  PadRef at = PadRef::share (sink);
  for (unsigned depth = 0; at && depth < 64; depth++) {
    const PadRef src = peer_of (at.get ());
    if (!src)
      break;
    const auto e = Ref<GstElement>::adopt (gst_pad_get_parent_element (src.get ()));
    if (e && is_encoder (e.get ()))
      return e;
    at = behind (src.get ());
  }
  return {};
}

bool set_encoder_bitrate (GstElement *encoder, unsigned bits_per_second)
{
  GParamSpec *spec = bitrate_property (encoder);
  if (!spec)
    return false;
  const unsigned value = in_kilobits (spec) ? (bits_per_second + 500) / 1000 : bits_per_second;
  gst_util_set_object_arg (
      G_OBJECT (encoder), spec->name, std::to_string (std::max (1u, value)).c_str ());
  return true;
}
} // namespace reach::rtc
