// SPDX-License-Identifier: LGPL-2.1-or-later
// What an rtmpserversink does, apart from its GObject side: its run, its pads, what it tells.
#pragma once
#include "common/serial_queue.h"
#include "sink_stream.h"

namespace reach::rtmp {
class SinkImpl final : StreamOwner {
public:
  explicit SinkImpl (GstElement *e) : desk (e), element_ (e) {}

  // State changes, in this order.
  bool ready (); // listens
  void start (); // players are let in
  void stop ();  // no player is left
  void close (); // the listener

  GstPad *request_pad (GstPadTemplate *t, const char *name);
  void release_pad (GstPad *pad);
  std::shared_ptr<Server> server () { return *server_.lock (); }
  GstStructure *stats ();

  Guarded<SinkSettings> settings;
  Desk desk;

private:
  struct Input {   // a pad
    GstPad *ghost; // the element's
    Ref<GstRtmpSinkStream> stream;
    Ref<GstElement> front; // null: none
    bool ended = false;
  };

  // StreamOwner
  std::shared_ptr<SinkEndpoint> endpoint () override { return *endpoint_.lock (); }
  void params_changed () override;
  Duration ended (GstRtmpSinkStream *s, std::function<void ()> drained) override;

  static GstPadProbeReturn probe (GstPad *pad, GstPadProbeInfo *info, gpointer impl);
  bool caps_come (GstPad *ghost, GstCaps *caps);
  bool is_idle ();
  void throttle (GstPad *ghost, GstBuffer *b);
  void viewers_changed (std::size_t n);
  void dropped (std::uint64_t dropped, std::uint64_t sent);
  void want_key ();

  GstElement *element_; // a GstBin, owns us
  Guarded<std::vector<Input>> inputs_;
  Guarded<std::shared_ptr<Server>> server_;
  Guarded<std::shared_ptr<SinkEndpoint>> endpoint_;
  Guarded<StructurePtr> last_stats_;
  std::atomic<bool> render_when_idle_{true};
  std::unique_ptr<SerialQueue> events_, upstream_;
  std::shared_ptr<Guard> guard_; // from READY on; null: everybody is let in
};
} // namespace reach::rtmp
