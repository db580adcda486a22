// SPDX-License-Identifier: LGPL-2.1-or-later
// Between a channel of the hub (loop thread) and the signals of its GstWebRTCDataChannel
// (SignalQueue): what happened waits here in order, and in bounds.
#pragma once
#include "common/ref.h"
#include "gst_webrtc.h"
#include "rtc/peer/data_hub.h"
#include "signal_queue.h"

namespace reach::rtc {
class ChannelInbox final : public ChannelListener,
                           public std::enable_shared_from_this<ChannelInbox> {
public:
  static constexpr std::size_t max_bytes = 16 << 20, max_messages = 65536;

  ChannelInbox (
      GstWebRTCDataChannel *object, ChannelConfig config, std::shared_ptr<SignalQueue> queue);

  // Any thread.
  const ChannelConfig &config () const { return config_; } // id () is newer
  int id () { return view_.lock ()->id; }                  // -1: none yet
  ChannelState ready_state () { return view_.lock ()->state; }
  ChannelPort &port () const { return *port_; }
  const std::shared_ptr<ChannelPort> &shared_port () const { return port_; }
  void close ();
  void report (GstWebRTCError code, const std::string &what); // on-error

  // The object lives until the channel is closed.
  void keep () { kept_ = Ref<GstWebRTCDataChannel>::share (object_); }

  // ChannelListener, on the loop thread.
  void on_channel_opened (std::uint16_t id) override;
  void on_channel_message (bool text, Bytes message) override;
  void on_channel_low () override;
  void on_channel_closing () override;
  void on_channel_closed () override;
  void on_channel_error (const std::string &what) override;

private:
  using BytesPtr = Owned<GBytes, g_bytes_unref>;
  struct Event {
    enum class Kind : std::uint8_t { opened, text, binary, low, closing, closed, error } kind;
    BytesPtr bytes;        // of messages, text with a NUL behind it; null: empty
    GstWebRTCError code{}; // of errors
    std::string what;      // likewise
    int id = -1;           // of opened
  };
  struct Inbox {
    std::deque<Event> events;
    std::size_t messages = 0, bytes = 0; // also of the batch that is being told
    bool posted = false;
  };
  struct View {
    ChannelState state = ChannelState::connecting;
    int id = -1;
  };
  void put (Event e);
  void tell (GstWebRTCDataChannel *object); // SignalQueue
  void tell (GstWebRTCDataChannel *object, Event &e);
  void set_state (GstWebRTCDataChannel *object, ChannelState state);
  void overflow ();
  bool reliable () const
  {
    return !config_.reliability.max_retransmits && !config_.reliability.max_lifetime;
  }

  GstWebRTCDataChannel *const object_; // owns us
  const ChannelConfig config_;
  const std::shared_ptr<SignalQueue> queue_;
  const std::shared_ptr<ChannelPort> port_ = std::make_shared<ChannelPort> ();
  Ref<GstWebRTCDataChannel> kept_; // loop thread
  bool overflown_ = false;         // likewise
  Guarded<Inbox> inbox_;
  Guarded<View> view_;
};
} // namespace reach::rtc
