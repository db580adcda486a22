// SPDX-License-Identifier: LGPL-2.1-or-later
// What DatagramLink sends. Headers and small pieces are written to a scratch slot per datagram;
// longer payload is referenced where the message keeps it.
#include "datagram_link.h"

namespace reach::cam {
namespace {
constexpr Duration first_syn_wait = milliseconds (200);
constexpr Duration longest_syn_wait = milliseconds (500);
constexpr std::size_t copied = 64; // up to this a copy is cheaper than one more piece
constexpr std::size_t fragment_scratch = FragmentHeader::size + 2 * copied;
constexpr unsigned max_new = 16, max_repeated = 2;
// Bytes per second: of a path that is full, and of one that is not known to be.
constexpr double slowest = 8000, slowest_free = 125000;
constexpr std::size_t burst_packets = 8; // may follow each other at once after a pause
// A batch covers a part of the latency, within these; where the path is full, the shortest.
constexpr Duration shortest_batch = milliseconds (1), longest_batch = milliseconds (10);
constexpr double least_in_flight = 256 << 10;
} // namespace

// Puts one datagram together: a run of scratch bytes, a slice of a message, a run of scratch bytes
// ...
class DatagramLink::Builder {
public:
  Builder (std::uint8_t *slot, std::size_t limit, std::vector<Bytes> &pieces)
      : slot_ (slot), run_ (slot), at_ (slot), limit_ (limit), pieces_ (pieces)
  {
  }
  std::uint8_t *reserve (std::size_t n)
  {
    std::uint8_t *p = at_;
    at_ += n;
    size_ += n;
    return p;
  }
  void add (Bytes b)
  {
    if (b.size () <= copied) {
      std::copy (b.begin (), b.end (), reserve (b.size ()));
      return;
    }
    flush ();
    pieces_.push_back (b);
    size_ += b.size ();
  }
  void flush ()
  {
    if (at_ != run_)
      pieces_.push_back (Bytes (run_, at_));
    run_ = at_;
  }
  std::size_t size () const { return size_; }
  std::size_t space () const { return limit_ - size_; }
  bool scratch_left () const
  {
    return static_cast<std::size_t> (at_ - slot_) + fragment_scratch <= scratch_size;
  }

private:
  std::uint8_t *slot_, *run_, *at_;
  std::size_t limit_, size_ = 0;
  std::vector<Bytes> &pieces_;
};

void DatagramLink::update_pacer ()
{
  const double backlog = static_cast<double> (outbox_.backlog ());
  // Kept until the backlog is gone: a rate in proportion to what is left would never get there.
  const double within = std::chrono::duration<double> (latency_).count () / 3;
  backlog_rate_ = backlog > 0 ? std::max (backlog_rate_, backlog / within) : 0;
  double rate = std::max (1.5 * input_rate_, backlog_rate_);
  if (filled_)
    rate = std::max (rate, bandwidth_.probe_rate ());
  rate = std::max (std::min (std::max (rate, slowest_free), bandwidth_.cap ()), slowest);
  const bool full = bandwidth_.congested ();
  pacer_.set_rate (rate, (full ? 2 : burst_packets) * config_.max_datagram,
      full ? shortest_batch : std::clamp (latency_ / 20, shortest_batch, longest_batch));
}

// Apart from pacing.
bool DatagramLink::may_send_data ()
{
  if (state_ != State::established || sent_.full ())
    return false;
  const double rtt = std::chrono::duration<double> (sent_.rtt ().smoothed ()).count ();
  const double limit = least_in_flight + 3 * bandwidth_.rate () * (rtt + 0.05);
  return static_cast<double> (sent_.bytes_in_flight ()) < limit;
}

DatagramBatch DatagramLink::poll_transmit (TimePoint now)
{
  DatagramBatch b;
  b.to = path_.peer ();
  pieces_.clear ();
  packets_.clear ();
  if (!scratch_)
    scratch_ = std::make_unique<std::uint8_t[]> (max_batch * scratch_size);
  if (sent_.exhausted () && state_ == State::established)
    fault (DatagramFault::exhausted, false);
  if (syn (b, now) || accept (b, now) || control (b, now))
    return b;
  if (state_ == State::established)
    data (b, now);
  return b;
}

// A batch of one datagram, which lies at the start of the scratch memory.
void DatagramLink::single (DatagramBatch &b, const Address &to, std::size_t size)
{
  pieces_.push_back (Bytes (scratch_.get (), size));
  packets_.push_back ({0, 1, static_cast<std::uint32_t> (size)});
  stats_.packets_sent++;
  stats_.bytes_sent += size;
  b.to = to;
  b.pieces = pieces_;
  b.packets = packets_;
  b.segment_size = b.total = size;
}

bool DatagramLink::syn (DatagramBatch &b, TimePoint now)
{
  if (state_ != State::connecting || now < syn_time_)
    return false;
  SynPacket s;
  s.latency_ms = static_cast<std::uint16_t> (config_.latency.count ());
  s.client_cid = client_cid_;
  s.client_id = client_id_;
  s.number = sent_.next_number ();
  s.first_message = first_message_;
  s.message_window = static_cast<std::uint32_t> (config_.max_window);
  s.byte_window = static_cast<std::uint32_t> (config_.max_incomplete_bytes);
  s.bucket = bucket_;
  s.cookie = cookie_;
  s.write (std::span<std::uint8_t, SynPacket::size> (scratch_.get (), SynPacket::size));
  sent_.add (now, SynPacket::size, false);
  syn_sent_ = now;
  syn_time_ =
      now + std::min<Duration> (first_syn_wait * (1 << std::min (syns_, 4u)), longest_syn_wait);
  syns_++;
  single (b, path_.peer (), SynPacket::size);
  return true;
}

bool DatagramLink::accept (DatagramBatch &b, TimePoint now)
{
  if (!accept_to_ || state_ != State::established)
    return false;
  AcceptPacket a;
  a.latency_ms = static_cast<std::uint16_t> (config_.latency.count ());
  a.client_cid = client_cid_;
  a.client_id = client_id_;
  a.number = sent_.next_number ();
  a.first_message = first_message_;
  a.message_window = static_cast<std::uint32_t> (config_.max_window);
  a.byte_window = static_cast<std::uint32_t> (config_.max_incomplete_bytes);
  a.server_cid = cid_;
  a.write (std::span<std::uint8_t, AcceptPacket::size> (scratch_.get (), AcceptPacket::size));
  sent_.add (now, AcceptPacket::size, false);
  single (b, *accept_to_, AcceptPacket::size);
  accept_to_.reset ();
  return true;
}

void DatagramLink::control_packet (DatagramBatch &b, const Address &to, Bytes frame, TimePoint now)
{
  const std::size_t size = DataHeader::size + frame.size ();
  DataHeader{peer_cid_, sent_.next_number (), timestamp (now)}.write (scratch_.get ());
  std::copy (frame.begin (), frame.end (), scratch_.get () + DataHeader::size);
  sent_.add (now, size, false);
  single (b, to, size);
}

// What goes alone: to another address than the data, or as the last thing of all.
bool DatagramLink::control (DatagramBatch &b, TimePoint now)
{
  std::uint8_t frame[9];
  const auto put = [&] (FrameType type, std::uint64_t token) {
    frame[0] = static_cast<std::uint8_t> (type);
    store_be (frame + 1, token);
  };
  if (state_ == State::connecting || sent_.exhausted ())
    return false;
  if (path_answer_) {
    put (FrameType::path_response, path_answer_->second);
    control_packet (b, path_answer_->first, Bytes (frame, 9), now);
    path_answer_.reset ();
    return true;
  }
  if (path_.challenge_due (DataHeader::size + 9, now)) {
    put (FrameType::path_challenge, path_.token ());
    control_packet (b, path_.candidate (), Bytes (frame, 9), now);
    path_.challenged (DataHeader::size + 9, now);
    return true;
  }
  if (close_due_ || close_answer_due_) {
    frame[0] = static_cast<std::uint8_t> (close_due_ ? FrameType::close : FrameType::close_answer);
    frame[1] = static_cast<std::uint8_t> (close_reason_);
    control_packet (b, path_.peer (), Bytes (frame, close_due_ ? 2 : 1), now);
    (close_due_ ? close_due_ : close_answer_due_) = false;
    return true;
  }
  return false;
}

void DatagramLink::data (DatagramBatch &b, TimePoint now)
{
  outbox_.expire (now, sent_.rtt ().probe_delay ());
  if (bandwidth_.congested ())
    outbox_.drop_hopeless (now, pacer_.rate ());
  if (outbox_.backlog () < room ())
    filled_ = false;
  update_pacer ();
  bool with_data = may_send_data () && pacer_.may_send (now);
  if (with_data)
    pacer_.begin (now, bandwidth_.congested () ? now : outbox_.waits_since (now));
  for (std::size_t i = 0; i < max_batch && !sent_.exhausted (); i++) {
    const std::size_t size = packet (i, with_data, now);
    if (size == 0)
      break;
    b.total += size;
    if (i == 0)
      b.segment_size = size;
    const bool full = b.total + config_.max_datagram > max_batch_bytes;
    if (full || size < config_.max_datagram || !pacer_.more () || !may_send_data ())
      break;
  }
  if (outbox_.backlog () == 0)
    bandwidth_.on_idle ();
  else if (pacer_.rate () >= 0.95 * bandwidth_.rate ())
    bandwidth_.on_limited ();
  b.pieces = pieces_;
  b.packets = packets_;
}

// Adds repeated and then new fragments. True: there is at least one.
bool DatagramLink::put_fragments (Builder &b, SentPacket &record, TimePoint now)
{
  const auto put = [&] (std::uint64_t id) {
    outbox_.header (id).write (b.reserve (FragmentHeader::size));
    const Outbox::Slices s = outbox_.slices (id);
    b.add (s.head);
    b.add (s.body);
    outbox_.on_sent (id);
  };
  while (
      record.n_repeated < max_repeated && b.scratch_left () && b.space () > FragmentHeader::size) {
    const auto id =
        outbox_.take_repeat (now, sent_.rtt ().probe_delay (), b.space () - FragmentHeader::size);
    if (!id)
      break;
    put (*id);
    record.repeated[record.n_repeated++] = *id;
  }
  while (record.n_new < max_new && b.scratch_left () && outbox_.has_new ()) {
    // Packets are filled, as only equal ones go out in one call, but not with crumbs.
    if (b.space () < FragmentHeader::size + std::min<std::size_t> (outbox_.cut_left (), 16))
      break;
    const std::uint64_t id = outbox_.cut (b.space () - FragmentHeader::size);
    if (record.n_new++ == 0)
      record.first_fragment = id;
    put (id);
  }
  return record.n_new + record.n_repeated > 0;
}

// Builds the next datagram of the batch; returns its size, 0 when there is nothing to send.
std::size_t DatagramLink::packet (std::size_t index, bool with_data, TimePoint now)
{
  const std::size_t first = pieces_.size ();
  Builder b (scratch_.get () + index * scratch_size, config_.max_datagram, pieces_);
  std::uint8_t *header = b.reserve (DataHeader::size);
  bool eliciting = false;
  if (received_.deadline () <= now) {
    const AckFrame a = received_.take (reassembly_.next_message (), now);
    a.write (b.reserve (a.wire_size ()));
  }
  if (ping_due_) {
    ping_due_ = false;
    eliciting = true;
    std::uint8_t *p = b.reserve (6);
    p[0] = static_cast<std::uint8_t> (FrameType::ping);
    p[1] = static_cast<std::uint8_t> (FrameType::forward);
    store_be (p + 2, outbox_.oldest ());
  }
  const std::size_t unpaced = b.size ();
  SentPacket record;
  if (with_data && put_fragments (b, record, now)) {
    eliciting = true;
    pacer_.sent (b.size () - unpaced + DataHeader::size);
  }
  if (b.size () == DataHeader::size)
    return 0;
  b.flush ();
  DataHeader{peer_cid_, sent_.next_number (), timestamp (now)}.write (header);
  SentPacket &p = sent_.add (now, b.size (), eliciting);
  p.first_fragment = record.first_fragment;
  p.repeated = record.repeated;
  p.n_new = record.n_new;
  p.n_repeated = record.n_repeated;
  if (eliciting)
    last_eliciting_ = now;
  stats_.packets_sent++;
  stats_.bytes_sent += b.size ();
  packets_.push_back (
      {static_cast<std::uint32_t> (first), static_cast<std::uint32_t> (pieces_.size () - first),
          static_cast<std::uint32_t> (b.size ())});
  return b.size ();
}
} // namespace reach::cam
