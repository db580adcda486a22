// SPDX-License-Identifier: LGPL-2.1-or-later
// The data channels of two peers, each on a loop of its own, over SCTP through a pipe.
#pragma once
#include "dtls_pipe.h"
#include "rtc/peer/data_hub.h"
#include "wait.h"

namespace reach::test {
// What one channel has told.
class SeenChannel final : public ChannelListener {
public:
  struct Seen {
    int id = -1;
    bool opened = false, closing = false, closed = false;
    unsigned low = 0, after_end = 0;
    std::vector<std::pair<bool, std::string>> messages;
    std::vector<std::string> errors;
  };
  Watched<Seen> seen;
  std::function<void ()> on_message; // loop thread

  void on_channel_opened (std::uint16_t id) override
  {
    change ([&] (Seen &s) {
      s.opened = true;
      s.id = id;
    });
  }
  void on_channel_message (bool text, Bytes m) override
  {
    change ([&] (Seen &s) { s.messages.emplace_back (text, std::string (m.begin (), m.end ())); });
    if (on_message)
      on_message ();
  }
  void on_channel_low () override
  {
    change ([] (Seen &s) { s.low++; });
  }
  void on_channel_closing () override
  {
    change ([] (Seen &s) { s.closing = true; });
  }
  void on_channel_closed () override
  {
    change ([] (Seen &s) { s.closed = true; });
  }
  void on_channel_error (const std::string &what) override
  {
    change ([&] (Seen &s) { s.errors.push_back (what); });
  }

private:
  template <typename F> void change (F &&f)
  {
    seen.update ([&] (Seen &s) {
      s.after_end += s.closed;
      f (s);
    });
  }
};

struct TestChannel {
  std::shared_ptr<ChannelPort> port;
  std::shared_ptr<SeenChannel> listener;
  ChannelHandle handle = 0;

  explicit TestChannel (PortLimits limits = {})
      : port (std::make_shared<ChannelPort> (limits)), listener (std::make_shared<SeenChannel> ())
  {
  }
  DataHub::Ends ends () const { return {port, listener}; }
  template <typename F> bool wait (F &&f) const { return listener->seen.wait (f); }
  SeenChannel::Seen seen () const { return listener->seen.get (); }
  // The string lives as long as the message.
  ChannelPort::Sent send (std::string text, bool is_text = true) const
  {
    using Held = std::pair<std::atomic<int>, std::string>;
    static constexpr Handle::Type type = {[] (void *h) { static_cast<Held *> (h)->first++; },
        [] (void *h) {
          if (--static_cast<Held *> (h)->first == 0)
            delete static_cast<Held *> (h);
        }};
    auto *held = new Held (1, std::move (text));
    const Bytes bytes = as_bytes (held->second);
    return port->send ({is_text, Handle::adopt (held, type), bytes});
  }
};

class HubEnd final : public Sctp::Owner, public DataHub::Owner {
public:
  Loop loop{"hub-end"};
  HubEnd *peer = nullptr;
  std::unique_ptr<Sctp> association;
  std::unique_ptr<DataHub> hub;
  Watched<std::vector<TestChannel>> incoming;
  PortLimits limits; // of incoming ones
  bool refuse = false;
  // Instead of `incoming`. Loop thread.
  std::function<DataHub::Ends (const DataChannels::Channel &)> on_incoming;
  std::atomic<bool> hold{false}; // packets are dropped: as if the path were gone

  HubEnd (SctpSettings settings, ChannelLimits channels, bool client)
  {
    loop.call ([&] {
      association = std::make_unique<Sctp> (loop, *this, settings);
      hub = std::make_unique<DataHub> (loop, *this, channels);
      hub->set_dtls_client (client);
    });
  }
  ~HubEnd () override { end (); }
  void end ()
  {
    loop.call ([this] {
      hub.reset ();
      association.reset ();
    });
  }
  void create (TestChannel &c, ChannelConfig config)
  {
    loop.call ([&] { c.handle = hub->create (std::move (config), c.ends ()); });
  }
  bool wait_incoming (std::size_t n)
  {
    return incoming.wait ([n] (const auto &all) { return all.size () >= n; });
  }

  Sctp *sctp () override { return association.get (); }
  DataHub::Ends on_incoming_channel (const DataChannels::Channel &channel) override
  {
    if (refuse)
      return {};
    if (on_incoming)
      return on_incoming (channel);
    TestChannel c (limits);
    c.handle = channel.handle;
    incoming.update ([&] (auto &all) { all.push_back (c); });
    return c.ends ();
  }
  void on_sctp_packets (SctpLink::Output &packets) override
  {
    auto batch = std::make_shared<std::deque<Datagram>> (take (packets));
    if (!hold && peer)
      peer->loop.post ([p = peer, batch] {
        for (const Datagram &d : *batch)
          if (p->association)
            p->association->input (d);
      });
  }
  void on_sctp_connected (std::uint16_t streams) override { hub->on_connected (streams); }
  void on_sctp_message (std::uint16_t stream, std::uint32_t ppid, Bytes m) override
  {
    hub->on_message (stream, ppid, m);
  }
  void on_sctp_reset (std::uint16_t stream, bool incoming_side) override
  {
    hub->on_reset (stream, incoming_side);
  }
  void on_sctp_low (std::uint16_t stream) override { hub->on_low (stream); }
  void on_sctp_closed (SctpFault fault) override
  {
    if (hub)
      hub->on_closed (fault);
  }
};

struct HubPair {
  HubEnd a, b; // a: even ids
  explicit HubPair (
      bool connect_now = true, SctpSettings settings = {}, ChannelLimits channels = {})
      : a (settings, channels, true), b (settings, channels, false)
  {
    a.peer = &b;
    b.peer = &a;
    if (connect_now)
      connect ();
  }
  void connect ()
  {
    for (HubEnd *e : {&a, &b})
      e->loop.call ([e] { e->association->start (); });
  }
  ~HubPair ()
  {
    a.end ();
    b.end ();
    for (HubEnd *e : {&a, &b}) // what they have posted to each other
      e->loop.call ([] {});
  }
};
} // namespace reach::test
