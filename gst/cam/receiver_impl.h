// SPDX-License-Identifier: LGPL-2.1-or-later
// What a camreceiver does, apart from its GObject side: runs the engine, keeps the pads, tells the
// application.
#pragma once
#include "cam/net/receiver_engine.h"
#include "common/running_clock.h"
#include "common/serial_queue.h"
#include "common/slabs.h"
#include "gstcamprops.h"
#include "outage.h"
#include "padoutput.h"
#include "receiver_deliveries.h"
#include "stats.h"
#include <memory>
#include <vector>

namespace reach::cam {
constexpr const char *pad_name_formats[3] = {"video_%u", "audio_%u", "data_%u"};
GType receiver_pad_type (); // GstCamReceiverPad: guid, index, session-key

class ReceiverImpl final : public ReceiverEngine::Element,
                           public PadHost,
                           public ReceiverDeliveries::Host {
public:
  explicit ReceiverImpl (GstElement *e) : element_ (e), deliveries_ (e, *this)
  {
    settings.lock ()->net.mode = Mode::listener;
  }

  // State changes, in this order.
  bool ready ();
  void start ();
  void set_playing (bool on);
  void end_streams (); // before pads are deactivated: nothing blocks them
  void stop ();

  bool send_eos ();
  void ask (const GstStructure *request, GstPromise *promise);
  void identity_changed ();
  GstStructure *stats ();
  ReceiverEngine::Snapshot snapshot ();
  std::uint64_t session_key ();

  Guarded<ElementSettings> settings;
  Guarded<std::string> uri;
  Guarded<Dial> dial; // set it in NULL: where a private receiver's connections come from

private:
  struct Pads {
    std::vector<std::shared_ptr<PadOutput>> all;
    unsigned numbers[3] = {0, 0, 0};
  };

  // ReceiverEngine::Element: the loop thread.
  std::unique_ptr<Storage> allocate (std::size_t size) override;
  std::span<std::uint8_t> area () override { return slabs_.room (); }
  std::unique_ptr<Storage> keep (const std::uint8_t *begin, std::size_t size) override;
  void on_link_event (LinkEvent e) override;
  Output *open_stream (const Remote &r, const StreamInfo &s) override;
  void on_streams_listed (const Remote &r) override;
  void on_all_ended () override {}
  void on_command (const Remote &r, Link &l, Incoming m) override;
  void on_file (const Remote &r, Link &l, Incoming m) override;
  void on_file_link_ended (std::uint64_t remote_id) override;
  void on_server_notice (const std::string &peer, Command what) override;
  void on_fatal (CloseReason why, std::string text, std::string detail) override;
  // ReceiverDeliveries::Host: any thread.
  void answer (std::uint64_t remote, MessageRef m) override;
  bool post_event (SerialQueue::Task task) override { return events_->post (std::move (task)); }
  // PadHost: any thread.
  std::int64_t running_time_of (std::int64_t monotonic_ns) override;
  void key_wanted (std::uint64_t remote, std::uint16_t stream) override;
  void consumed (std::uint64_t remote, MediaType type, std::size_t bytes) override;
  void pad_finished (PadOutput *pad) override;
  void pad_dropped (PadOutput *pad, std::uint64_t frames) override;
  void pad_flow_error (PadOutput *pad, GstFlowReturn flow) override;

  // Event thread.
  void add_pad (const std::shared_ptr<PadOutput> &output, const std::string &name, bool start);
  void start_pads ();
  void remove_pad (PadOutput *output);
  void post_collection ();
  std::string unique_stream_id (const Remote &r, const StreamInfo &s);
  std::shared_ptr<ReceiverEngine> engine () { return *engine_.lock (); }
  std::shared_ptr<PadOutput> find (PadOutput *p);

  GstElement *element_;                     // owns us
  const std::uint64_t run_id_ = new_key (); // one for all runs: what a sender keeps for us comes
  ReceiverDeliveries deliveries_;
  Guarded<std::shared_ptr<ReceiverEngine>> engine_;
  Guarded<Pads> pads_;
  RunningClock clock_;
  Guarded<StructurePtr> last_stats_;
  Guarded<PadTotals> gone_; // of pads that were removed
  Outage outage_;           // event thread
  std::unique_ptr<SerialQueue> events_;
  guint group_id_ = 0;
  Slabs slabs_; // loop thread
};

GType receiver_type ();
ReceiverImpl &receiver_impl (gpointer camreceiver);
} // namespace reach::cam
