// SPDX-License-Identifier: LGPL-2.1-or-later
// One association over UDP: messages in, datagrams out, and back. docs/protocol-cam-udp.md.
//
// After every call that takes `now`, drain poll_event () and poll_transmit (), then arm a timer for
// poll_timeout ().
#pragma once
#include "datagram_bandwidth.h"
#include "datagram_outbox.h"
#include "datagram_pacer.h"
#include "datagram_path.h"
#include "datagram_reassembly.h"
#include "datagram_received.h"
#include "datagram_sent.h"
#include "datagram_transit.h"
#include <deque>

namespace reach::cam {

// Datagrams for one sendmsg () with UDP_SEGMENT: all but the last are segment_size bytes long.
// Everything is valid until the next call of the link.
struct DatagramBatch {
  struct Packet {
    std::uint32_t first_piece = 0, n_pieces = 0, size = 0;
  };
  Address to;
  std::span<const Bytes> pieces;
  std::span<const Packet> packets;
  std::size_t segment_size = 0, total = 0;

  bool empty () const { return packets.empty (); }
};

class DatagramLink final : private SentPackets::Owner {
public:
  // Of what comes: of a message, and of all that is held because something before it is missing.
  void limit (std::size_t most) { reassembly_.limit (most); }

  static constexpr std::size_t max_batch = 64, max_batch_bytes = 64000; // less than an IP packet

  // The client's side: connects to `peer`.
  DatagramLink (const DatagramConfig &config, StorageSource &storage, Random &random,
      const Address &peer, TimePoint now);
  // The server's: made by DatagramAcceptor for a SYN whose cookie is right.
  DatagramLink (const DatagramConfig &config, StorageSource &storage, Random &random,
      const Address &peer, const SynPacket &syn, std::uint32_t cid, TimePoint now);
  ~DatagramLink () override;

  void input (Bytes datagram, const Address &from, TimePoint now);
  // all_read: nothing waits to be read from the socket. Until then nothing counts as too late, as
  // what it misses may be there.
  void timeout (TimePoint now, bool all_read = true);
  std::optional<DatagramEvent> poll_event ();
  // The next batch; empty when nothing may leave now.
  DatagramBatch poll_transmit (TimePoint now);
  TimePoint poll_timeout ();

  // Accepted always; messages over the peer's limits are its fault to refuse.
  void send (MessageRef m, TimePoint now);
  std::size_t room () const;
  bool idle () const { return outbox_.idle (); }
  // Tells the peer and closes when it answered, or soon.
  void close (TimePoint now);
  bool closed () const { return state_ == State::closed; }
  bool established () const { return state_ == State::established; }

  DatagramStats stats () const;
  const Address &peer () const { return path_.peer (); }
  std::uint32_t cid () const { return cid_; } // of packets to this side

private:
  enum class State : std::uint8_t { connecting, established, closing, closed };
  static constexpr std::size_t scratch_size = 512; // per datagram
  class Builder;

  void on_packet_acked (const SentPacket &p, bool was_lost) override;
  void on_packet_lost (const SentPacket &p) override;

  std::int64_t us (TimePoint t) const;
  std::uint32_t timestamp (TimePoint t) const { return static_cast<std::uint32_t> (us (t)); }
  TimePoint from_us (std::int64_t t) const { return epoch_ + microseconds (t - timestamp_base_); }
  void establish (std::uint16_t latency_ms, std::uint32_t peer_cid, std::uint32_t first_message,
      std::uint32_t message_window, std::uint32_t byte_window);
  void fault (DatagramFault f, bool tell);
  void malformed ();

  void input_syn (Bytes in, const Address &from);
  void input_cookie (Bytes in, TimePoint now);
  void input_accept (Bytes in, TimePoint now);
  void input_reject (Bytes in);
  void input_data (Bytes in, const Address &from, TimePoint now);
  bool input_frames (Bytes in, const Address &from, TimePoint now, bool &eliciting);
  bool input_fragment (const FrameReader &r, TimePoint now);
  void input_ack (const AckFrame &ack, TimePoint now);
  void report_estimate (TimePoint now);

  void timeout_handshake (TimePoint now);
  void timeout_close (TimePoint now);
  void on_packet_silent (const SentPacket &p) override;

  void update_pacer ();
  bool may_send_data ();
  bool syn (DatagramBatch &b, TimePoint now);
  bool accept (DatagramBatch &b, TimePoint now);
  bool control (DatagramBatch &b, TimePoint now);
  void data (DatagramBatch &b, TimePoint now);
  bool put_fragments (Builder &b, SentPacket &record, TimePoint now);
  std::size_t packet (std::size_t index, bool with_data, TimePoint now);
  void single (DatagramBatch &b, const Address &to, std::size_t size);
  void control_packet (DatagramBatch &b, const Address &to, Bytes frame, TimePoint now);

  const DatagramConfig config_;
  Random &random_;
  State state_ = State::connecting;
  const bool client_;
  TimePoint epoch_;
  std::int64_t timestamp_base_;
  Duration latency_;

  std::uint32_t cid_, peer_cid_ = 0;
  std::uint64_t client_id_ = 0;
  std::uint32_t client_cid_ = 0;
  std::uint32_t first_message_;

  DatagramStats stats_;
  std::deque<DatagramEvent> events_;
  Path path_;
  SentPackets sent_;
  ReceivedNumbers received_;
  Outbox outbox_;
  Reassembly reassembly_;
  Transit transit_;
  Pacer pacer_;
  BandwidthEstimator bandwidth_;

  // Handshake
  std::uint32_t bucket_ = 0;
  CookieBytes cookie_{};
  unsigned syns_ = 0; // sent without an answer
  TimePoint syn_time_{}, syn_sent_{};
  TimePoint connect_deadline_ = TimePoint::max ();
  std::optional<Address> accept_to_;

  TimePoint last_received_{}, last_eliciting_{};
  bool ping_due_ = false;
  TimePoint forward_time_{}; // earliest next one while blocked
  std::optional<std::pair<Address, std::uint64_t>> path_answer_;
  unsigned closes_ = 0;
  TimePoint close_time_ = TimePoint::max ();
  DatagramFault close_reason_ = DatagramFault::none;
  bool close_due_ = false, close_answer_due_ = false;

  // Input rate, bytes per second, smoothed over half a second.
  TimePoint media_start_{}; // no message with a deadline counts as made before
  TimePoint catch_up_until_{};
  bool caught_up_ = false; // what had waited for the link to stand has been handed over
  double input_rate_ = 0;
  double backlog_rate_ = 0;
  std::size_t input_bytes_ = 0;
  TimePoint input_start_{};
  bool filled_ = false; // the backlog reached what room () wants: more waits above
  std::uint64_t reported_ = 0;
  TimePoint report_time_{};

  std::unique_ptr<std::uint8_t[]> scratch_; // max_batch × scratch_size
  std::vector<Bytes> pieces_;
  std::vector<DatagramBatch::Packet> packets_;
};
} // namespace reach::cam
