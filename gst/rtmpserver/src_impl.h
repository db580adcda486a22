// SPDX-License-Identifier: LGPL-2.1-or-later
// What an rtmpserversrc does, apart from its GObject side: its run, whom it takes, its statistics.
#pragma once
#include "desk.h"
#include "server_properties.h"
#include "src_ingest.h"

namespace reach::rtmp {
struct SrcSettings {
  ListenSettings listen;
  std::string stream_key; // empty: the next publisher that nobody else takes
  Duration latency = milliseconds (200);
  bool keep_listening = false;
  bool replace = false; // a second publisher of the same name
  std::string context;  // of the thread that pushes; empty: each pad has its own
  Duration context_wait{};
};

class SrcImpl {
public:
  explicit SrcImpl (GstElement *e) : desk (e), pads (e), element_ (e) {}

  // State changes, in this order.
  bool ready ();
  void start ();
  void set_playing (bool on) { pads.set_playing (on); }
  void end_streams () { pads.unblock (); } // before pads are deactivated: nothing blocks them
  void stop ();                            // behind start (): no connection is left
  void close ();                           // the listener

  bool send_eos ();
  std::shared_ptr<Server> server () { return *server_.lock (); }
  GstStructure *stats ();

  Guarded<SrcSettings> settings;
  Desk desk;
  SrcPads pads;

private:
  class SrcEndpoint;
  GstElement *element_;          // owns us
  std::shared_ptr<Guard> guard_; // from READY on; null: everybody is let in
  Guarded<std::shared_ptr<Server>> server_;
  std::shared_ptr<SerialQueue> events_;
  Guarded<std::shared_ptr<SrcEndpoint>> endpoint_;
};
} // namespace reach::rtmp
