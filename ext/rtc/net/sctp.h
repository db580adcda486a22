// SPDX-License-Identifier: LGPL-2.1-or-later
// One SCTP association of WebRTC: messages in and out, over packets that its owner carries through
// DTLS. All on one loop's thread.
#pragma once
#include "sctp_queue.h"
#include "sctp_stack.h"

struct socket;

namespace reach::rtc {
enum class SctpFault : std::uint8_t {
  none,
  aborted,     // by the peer
  ended,       // the peer has closed
  unreachable, // no answer for about a minute
  too_big,     // a message of the peer over the limit
  failed,      // usrsctp refuses
};
const char *to_text (SctpFault fault);

struct SctpSettings {
  std::uint16_t local_port = 5000, remote_port = 5000;
  std::uint16_t streams = 256; // offered in both directions, 1 to 65535; 200 bytes each
  std::size_t packet = 1160;   // bytes that DTLS can carry in a datagram
  std::size_t max_message_in = 256 << 10;
  std::size_t max_message_out = 256 << 10; // what the peer takes (a=max-message-size)
  std::size_t queue = 16 << 20;            // bytes that wait for SCTP's own buffer
  std::size_t send_buffer = 1 << 20, receive_buffer = 2 << 20;
};

class Sctp {
public:
  class Owner {
  public:
    virtual ~Owner () = default;
    // Packets for the peer, in order; taken and cleared.
    virtual void on_sctp_packets (SctpLink::Output &packets) = 0;
    virtual void on_sctp_connected (std::uint16_t streams) = 0;
    virtual void on_sctp_message (std::uint16_t stream, std::uint32_t ppid, Bytes message) = 0;
    // incoming: the peer has reset its direction; else ours is through.
    virtual void on_sctp_reset (std::uint16_t stream, bool incoming) = 0;
    virtual void on_sctp_low (std::uint16_t stream) = 0; // buffered () is down to the threshold
    virtual void on_sctp_closed (SctpFault fault) = 0;   // the last
  };
  enum class Sent : std::uint8_t { yes, full, too_big, not_connected };

  // An owner's callback must not destroy it.
  Sctp (Loop &loop, Owner &owner, SctpSettings settings);
  ~Sctp (); // the peer gets an ABORT, if its packets still go anywhere: flush ()
  Sctp (const Sctp &) = delete;
  Sctp &operator= (const Sctp &) = delete;

  void start ();             // both sides
  void input (Bytes packet); // one packet of the peer; what it causes happens at the round's end
  // All of it or nothing. full: try again after on_sctp_low.
  Sent send (std::uint16_t stream, std::uint32_t ppid, const Reliability &how, Bytes message);
  void reset (std::uint16_t stream); // once its messages are sent
  void close ();                     // tells the peer (ABORT)

  std::size_t buffered () const { return queue_.buffered (); }
  std::size_t buffered (std::uint16_t stream) const { return queue_.buffered (stream); }
  void set_threshold (std::uint16_t stream, std::size_t bytes);
  bool connected () const { return state_ == State::connected; }
  std::uint64_t bad_packets () const { return bad_packets_; }

private:
  friend class SctpStack;
  enum class State : std::uint8_t { idle, connecting, connected, closed };
  bool set_options ();
  bool option (int name, const void *value, std::size_t size);
  bool socket_option (int name, int value);
  void look (); // at the tick
  void schedule ();
  void work ();
  void read ();
  void write ();
  void write_resets ();
  void flush ();
  bool send_now (const SctpQueue::Message &m, Bytes bytes, bool &full);
  void notification (Bytes n);
  void on_resets (Bytes n);
  void message (std::uint16_t stream, std::uint32_t ppid, Bytes bytes, bool last);
  void fail (SctpFault fault);

  Loop &loop_;
  Owner &owner_;
  const SctpSettings settings_;
  const std::shared_ptr<bool> alive_ = std::make_shared<bool> (true);
  std::shared_ptr<SctpLink> link_;
  struct socket *socket_ = nullptr;
  State state_ = State::idle;
  SctpQueue queue_;
  SctpLink::Output packets_;
  std::vector<std::uint8_t> partial_; // of a message that is longer than one read
  bool scheduled_ = false, working_ = false, again_ = false, reset_under_way_ = false;
  std::uint64_t bad_packets_ = 0;
};
} // namespace reach::rtc
