// SPDX-License-Identifier: LGPL-2.1-or-later
// The sender's side: streams in, links out. Push: one link per media type to one receiver, opened
// when data are due. Pull: any number of receivers, each with one link per media type it asked for.
#pragma once
#include "asks.h"
#include "cam/proto/session_events.h"
#include "common/guarded.h"
#include "common/loop.h"
#include "common/wake_timer.h"
#include "deliveries.h"
#include "key_requests.h"
#include "push_channel.h"
#include "subscriber.h"
#include "transports.h"
#include <map>
#include <set>

namespace reach::cam {

class SenderEngine final {
public:
  struct ClockReading {
    std::int64_t running_time = no_time, latency = 0; // ns
  };
  // The element. All from the loop thread: must neither block nor call back into the engine's
  // waiting calls.
  class Element : public DeliveryEvents {
  public:
    virtual void on_link_event (LinkEvent e) = 0;
    virtual void on_key_unit_wanted (std::uint16_t stream) = 0;
    virtual void on_dropped (MediaType type, const MediaQueue::Stats &delta) = 0;
    virtual void on_bandwidth (std::uint64_t bits_per_second) = 0;
    virtual void on_fatal (CloseReason why, std::string text, std::string detail) = 0;
    // A media server has nobody who gets what is sent, for a while already.
    virtual void on_unheard (std::string server, Identity identity) = 0;
    virtual ClockReading read_clock () = 0;
  };

  SenderEngine (Element &element, Settings settings, Identity identity);
  ~SenderEngine (); // says bye where it can without waiting, then closes everything

  // READY: a listener binds. False and `error` when it cannot.
  bool bind (std::string &error) { return bound_.bind (settings_, error); }
  std::uint16_t port () const { return bound_.port (); }
  void start (); // PAUSED

  // Any thread.
  std::uint16_t add_stream (MediaType type, std::uint16_t index);
  void remove_stream (std::uint16_t id);
  void set_stream_id (std::uint16_t id, std::string stream_id);
  // A message of a stream (caps, tags, frame, gap, eos). False: the queue is full.
  bool push (MessageRef m);
  void clock_changed (); // PLAYING (again): running time goes on from elsewhere
  // A command or a file, to every receiver.
  Deliveries::Taken deliver (MediaType type, Delivery d)
  {
    return deliveries_->deliver (type, std::move (d));
  }
  // Of the media server that is pushed to. `done` is called once, on the loop thread or this one.
  void ask (Command what, AskDone done);
  void set_identity (Identity identity); // open links are made anew
  // Waits until everything pushed has left, for `limit` at most or until `cancelled` () holds after
  // wake ().
  bool wait_drained (MediaType type, Duration limit, const std::function<bool ()> &cancelled);
  void wake ()
  {
    drained_.update ([] (int &) {});
  }
  std::uint64_t session_key () const { return session_key_; }

  struct LinkInfo {
    MediaType type;
    std::string peer, guid;
    std::uint64_t remote_session_key;
    TransportStats transport;
    TlsInfo security;
    MediaQueue::Stats queue;
    std::size_t queued_bytes, queued_messages;
  };
  struct Snapshot {
    std::vector<LinkInfo> links;
    std::uint64_t connects = 0, failures = 0, breaks = 0, key_requests = 0, refused = 0,
                  overflow = 0, commands_timed_out = 0, files_timed_out = 0;
    std::array<std::uint64_t, n_close_reasons> closed{};
    std::array<MediaQueue::Stats, n_media_types> dropped{};
    unsigned open_channels = 0;
    std::uint64_t bandwidth = 0;
  };
  Snapshot snapshot (); // asks the loop

private:
  friend class PushChannel;
  friend class Subscriber;
  struct Inbox {
    std::vector<MessageRef> messages;
    std::size_t bytes = 0;
    bool scheduled = false; // the loop will look; nobody needs to wake it
  };

  std::size_t drain_inbox ();
  void drain_and_rest ();
  void note_sticky (const Message &m);
  bool streams_known () const;
  void streams_maybe_known ();
  void accept_transport (std::unique_ptr<Transport> t);
  Hello hello (MediaType type, std::uint64_t link_key) const;
  StreamList stream_list () const;
  MessageRef streams_message () const;
  StreamInfo before_queue (StreamInfo s) const;
  void tell_streams ();
  void link_ended (const Link::End &end);
  void on_notice (const std::string &peer, Bytes body);
  void report_drops (MediaQueue &queue, MediaType type);
  void tell_drops ();
  void subscriber_ended (Subscriber *s);
  PushChannel &channel (MediaType t) { return *channels_[static_cast<std::size_t> (t)]; }
  bool drained (MediaType t) const;
  void say_goodbye ();
  // Until `holds`, which the loop is asked again whenever something has left or ended.
  bool wait_until (
      Duration limit, const std::function<bool ()> &cancelled, const std::function<bool ()> &holds);
  void tell_drained ()
  {
    if (waiting_ > 0)
      drained_.update ([] (int &round) { round++; });
  }

  Element &element_;
  const Settings settings_;
  Identity identity_; // loop thread
  const std::uint64_t run_id_ = new_key (), session_key_ = new_key ();
  BoundSocket bound_;
  std::atomic<std::uint16_t> next_stream_{1};
  Guarded<Inbox> inbox_;
  Guarded<int> drained_;
  std::atomic<int> waiting_{0}; // for the queues to empty
  std::atomic<TimePoint> high_rate_until_{TimePoint{}};
  std::atomic<std::uint64_t> overflow_{0};

  // Loop thread.
  VectorStorage storage_;
  std::map<std::uint16_t, StreamInfo> streams_;
  std::array<std::unique_ptr<PushChannel>, n_media_types> channels_;
  std::set<std::unique_ptr<Subscriber>> subscribers_;
  std::array<std::vector<Subscriber *>, n_media_types> listeners_; // established, by type
  std::unique_ptr<Acceptor> acceptor_;
  Snapshot counters_;
  std::vector<MessageRef> taken_;
  std::array<MediaQueue::Stats, n_media_types> told_drops_{};
  std::string server_;      // that has nobody who gets what we send
  std::uint32_t epoch_ = 0; // counts the starts of running time
  bool started_ = false, stopping_ = false, grace_over_ = false, welcome_anyway_ = false;

  std::unique_ptr<Loop> loop_; // the last but the timers: joined before anything above goes
  std::unique_ptr<KeyRequests> keys_;
  std::unique_ptr<Timer> grace_, drops_, unheard_;
  std::unique_ptr<WakeTimer> rest_;
  std::unique_ptr<Deliveries> deliveries_;
  std::unique_ptr<Asks> asks_;
};
} // namespace reach::cam
