// SPDX-License-Identifier: LGPL-2.1-or-later
// The data channels of one SCTP association: who has which stream, and in what state it is
// (RFC 8831, RFC 8832; states as in W3C webrtc-pc). Sans-IO: messages and resets go in and out as
// values.
#pragma once
#include "common/proto/fifo.h"
#include "dcep.h"
#include <map>
#include <memory>
#include <string_view>

namespace reach::rtc {
enum class ChannelState : std::uint8_t { connecting, open, closing, closed };

struct ChannelConfig {
  std::string label, protocol;
  Reliability reliability;
  bool negotiated = false;         // both sides know it; nothing is said on the wire
  std::optional<std::uint16_t> id; // needed when negotiated
  std::uint16_t priority = 256;
};

struct ChannelLimits {
  std::size_t channels = 1024;     // at a time
  std::uint16_t streams = 1024;    // ids are below this; at most 65535
  std::size_t string = 65535;      // bytes of label and of protocol
  std::size_t message = 256 << 10; // bytes of a message sent
};

// Of a channel, never used again.
using ChannelHandle = std::uint32_t;

enum class ChannelError : std::uint8_t {
  none,
  no_channel, // closed, or never there
  not_open,   // connecting, or closing
  too_big,    // the message
  bad_config, // both limits; negotiated without id; strings too long
  id_taken,
  no_id_left,
  too_many,
};
const char *to_text (ChannelError error);

class DataChannels {
public:
  struct Event {
    enum class Kind : std::uint8_t { opened, incoming, closing, closed } kind;
    ChannelHandle channel;
  };
  // To SCTP, in this order.
  struct Transmit {
    std::uint16_t stream;
    std::uint32_t ppid;
    Reliability reliability;
    std::vector<std::uint8_t> bytes;
  };
  struct Received {
    ChannelHandle channel;
    bool text;
    Bytes bytes; // of the input
  };
  struct Channel {
    ChannelHandle handle = 0;
    ChannelConfig config; // id is there once it has one
    ChannelState state = ChannelState::connecting;
    bool remote = false;    // the peer opened it
    bool said_open = false; // our OPEN is on its way: the peer knows of it
    bool acked = false;     // until then all is sent in order, as the OPEN must come first
    bool reset_sent = false, reset_received = false;
  };

  explicit DataChannels (ChannelLimits limits = {}) : limits_ (limits) {}

  // Ids of channels that have none: even for the DTLS client, odd for the server.
  void set_dtls_client (bool client);
  // The association is up, with so many streams in both directions; channels are opened.
  void connected (std::uint16_t streams);
  void disconnected (); // all are closed

  ChannelHandle create (ChannelConfig config, ChannelError &error); // 0 on error
  void close (ChannelHandle channel);
  const Channel *find (ChannelHandle channel) const;
  std::size_t size () const { return channels_.size (); }

  // What `bytes` become on the wire: stream, ppid, delivery. Empty messages become one byte with a
  // ppid of their own. The caller sends `bytes` (or that one byte).
  struct Route {
    std::uint16_t stream = 0;
    std::uint32_t ppid = 0;
    Reliability reliability;
    bool empty = false;
  };
  ChannelError route (ChannelHandle channel, bool text, std::size_t size, Route &out) const;

  // A message of SCTP. What is for the application is returned.
  std::optional<Received> input (std::uint16_t stream, std::uint32_t ppid, Bytes bytes);
  void input_reset (std::uint16_t stream); // the peer will send no more in it
  void reset_done (std::uint16_t stream);  // our own reset is through

  std::optional<Event> poll_event ();
  std::optional<Transmit> poll_transmit ();
  // A stream to reset; asked for after all poll_transmit (), to be done when what it has is sent.
  std::optional<std::uint16_t> poll_reset ();
  std::uint64_t faults () const { return faults_; } // messages of the peer that were dropped

private:
  void opened (DataChannels::Channel &c);
  void say_open (Channel &c);
  bool give_id (Channel &c);
  bool id_free (std::uint16_t id) const { return !by_stream_.contains (id); }
  void begin_closing (Channel &c);
  void send_reset (Channel &c);
  void check_closed (ChannelHandle handle);
  void on_open (std::uint16_t stream, DcepOpen open);
  void on_ack (std::uint16_t stream);
  Channel *of_stream (std::uint16_t stream);
  void push (Event::Kind kind, ChannelHandle channel) { events_.push_back ({kind, channel}); }

  const ChannelLimits limits_;
  std::optional<bool> client_;
  bool connected_ = false;
  std::uint16_t streams_ = 0;
  ChannelHandle next_ = 1;
  std::map<ChannelHandle, Channel> channels_;
  std::map<std::uint16_t, ChannelHandle> by_stream_;
  Fifo<Event, 0> events_;
  Fifo<Transmit, 0> transmit_;
  Fifo<std::uint16_t> resets_;
  std::uint64_t faults_ = 0;
};
} // namespace reach::rtc
