// SPDX-License-Identifier: LGPL-2.1-or-later
// The taps of a cammediaserver: request pads, each of which brings one stream that is routed there
// to the pipeline that the server is in. Behind each is a private camreceiver, whose connection is
// one end of a socketpair: so all that receivers do (caps, clocks, key frames, queues) holds for
// taps too.
#pragma once
#include "cam/net/receiver_engine.h"
#include "common/guarded.h"
#include "common/ref.h"
#include <gst/gst.h>
#include <vector>

namespace reach::cam {
constexpr const char *tap_name_format = "tap_%u";
GType tap_type ();            // GstCamTap: guid, index, media-type
GType tap_media_type_type (); // its enum

// Any thread, all of it.
class Taps final {
public:
  // server: a GstBin, which owns this.
  Taps (GstElement *server, Dial dial) : server_ (server), dial_ (std::move (dial)) {}

  GstPad *request (GstPadTemplate *t, const char *name); // name may be null. Null: refused
  // Never waits for what is downstream of the pad.
  void release (GstPad *pad);
  bool send_eos (); // to all; false: there are none

  // As children of a GstChildProxy.
  guint count ();
  GObject *child (guint index); // transfer full; null: there are fewer

private:
  struct Entry {
    unsigned number;
    Ref<GstPad> pad; // none: it is about to come, or to go
  };
  bool reserve (const char *name, unsigned &number);
  std::vector<Ref<GstPad>> pads ();
  void set_flags ();

  GstElement *server_;
  const Dial dial_;
  Guarded<std::vector<Entry>> all_;
};
} // namespace reach::cam
