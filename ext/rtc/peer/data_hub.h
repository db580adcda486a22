// SPDX-License-Identifier: LGPL-2.1-or-later
// The data channels of a peer: joins what they are (DataChannels) with what carries them (Sctp).
//
// Loop thread only, callbacks too; other threads have a ChannelPort. Callbacks may call it, but
// must not destroy it.
#pragma once
#include "channel_port.h"
#include "rtc/net/sctp.h"

namespace reach::rtc {
// Who uses one channel. Kept by the hub until on_channel_closed.
class ChannelListener {
public:
  virtual ~ChannelListener () = default;
  virtual void on_channel_opened (std::uint16_t id) = 0; // the port takes messages
  virtual void on_channel_message (bool text, Bytes message) = 0;
  virtual void on_channel_low () {}      // ChannelPort::buffered () is down to the threshold
  virtual void on_channel_closing () {}  // either side closes it
  virtual void on_channel_closed () = 0; // the last; always comes
  // Before on_channel_closed where the channel did not end in peace; or a message was not sent.
  virtual void on_channel_error (const std::string &what) = 0;
};

class DataHub {
public:
  struct Ends {
    std::shared_ptr<ChannelPort> port;
    std::shared_ptr<ChannelListener> listener;
  };
  class Owner {
  public:
    virtual ~Owner () = default;
    virtual Sctp *sctp () = 0; // null: there is none
    // The peer has opened one; on_channel_opened follows. Without a listener it is closed.
    virtual Ends on_incoming_channel (const DataChannels::Channel &channel) = 0;
  };
  struct Totals {
    std::uint64_t requested = 0, accepted = 0; // opened by us, by the peer
    std::uint64_t opened = 0, closed = 0;      // of those that were open
    std::uint64_t faults = 0;                  // messages of the peer that were dropped
  };
  struct Stats {
    DataChannels::Channel channel;
    std::uint64_t messages_sent = 0, bytes_sent = 0, messages_received = 0, bytes_received = 0;
    std::size_t buffered = 0;
  };

  // limits.message is what a peer may be sent until set_max_message ().
  DataHub (Loop &loop, Owner &owner, ChannelLimits limits = {});
  ~DataHub (); // all are closed
  DataHub (const DataHub &) = delete;
  DataHub &operator= (const DataHub &) = delete;

  void set_dtls_client (bool client); // before it is connected: who has the even ids
  // Bytes of a message that the peer takes (a=max-message-size; 0: any), at most limits.message.
  void set_max_message (std::size_t bytes);

  // At any time: it is opened when there is an association. 0: the listener was told why, and
  // on_channel_closed.
  ChannelHandle create (ChannelConfig config, Ends ends);
  void close (ChannelHandle channel); // when what waits is sent
  const DataChannels::Channel *find (ChannelHandle channel) const
  {
    return channels_.find (channel);
  }
  std::size_t size () const { return entries_.size (); }
  Totals totals () const;
  std::vector<Stats> stats () const;

  // As Sctp and Transport tell their owners.
  void on_connected (std::uint16_t streams);
  void on_message (std::uint16_t stream, std::uint32_t ppid, Bytes message);
  void on_reset (std::uint16_t stream, bool incoming);
  void on_low (std::uint16_t stream);
  // The association is over, or (none) it is taken down: every channel is closed.
  void on_closed (SctpFault fault);

private:
  friend class ChannelPort;
  struct Entry {
    Ends ends;
    std::deque<ChannelMessage> ready; // taken out of the port
    std::optional<std::uint16_t> stream;
    bool was_open = false, closing = false;
    std::uint64_t messages_sent = 0, bytes_sent = 0, messages_received = 0, bytes_received = 0;
  };
  struct Written { // off an entry's ready
    std::size_t messages = 0, bytes = 0;
    bool too_big = false;
  };
  Entry *find_entry (ChannelHandle channel);
  void feed (ChannelHandle channel);
  void write (ChannelHandle channel, Entry &e);
  bool write_one (ChannelHandle channel, Entry &e, Sctp &sctp, Written &done);
  void set_mark (const Entry &e, Sctp &sctp);
  void pump ();
  void write_control ();
  void retry ();
  void dispatch (const DataChannels::Event &event);
  void incoming (ChannelHandle channel);
  void opened (ChannelHandle channel, Entry &e);
  void begin_closing (Entry &e);
  void closed (ChannelHandle channel);
  Sctp *sctp () { return gone_ ? nullptr : owner_.sctp (); }

  Owner &owner_;
  const ChannelLimits limits_;
  const std::shared_ptr<HubLink> link_ = std::make_shared<HubLink> ();
  DataChannels channels_;
  std::map<ChannelHandle, Entry> entries_;
  std::map<std::uint16_t, ChannelHandle> by_stream_;
  Fifo<DataChannels::Transmit> control_; // DCEP that SCTP had no room for
  std::set<ChannelHandle> stuck_;        // likewise, messages
  bool pumping_ = false, gone_ = false;
  Totals totals_;
};
} // namespace reach::rtc
