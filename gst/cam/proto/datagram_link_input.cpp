// SPDX-License-Identifier: LGPL-2.1-or-later
// What DatagramLink does with a datagram.
#include "datagram_link.h"

namespace reach::cam {

void DatagramLink::input (Bytes in, const Address &from, TimePoint now)
{
  stats_.bytes_received += in.size ();
  stats_.packets_received++;
  if (in.empty ())
    return;
  switch (static_cast<PacketType> (in[0])) {
  case PacketType::syn:
    input_syn (in, from);
    break;
  case PacketType::cookie:
    input_cookie (in, now);
    break;
  case PacketType::accept:
    input_accept (in, now);
    break;
  case PacketType::reject:
    input_reject (in);
    break;
  case PacketType::data:
    input_data (in, from, now);
    break;
  default:
    stats_.packets_refused++;
  }
}

// The acceptor checked the cookie, so the address is the client's: our ACCEPT was lost.
void DatagramLink::input_syn (Bytes in, const Address &from)
{
  const auto syn = SynPacket::parse (in);
  if (!client_ && state_ == State::established && syn && syn->client_id == client_id_ &&
      syn->has_cookie ())
    accept_to_ = from;
}

void DatagramLink::input_cookie (Bytes in, TimePoint now)
{
  const auto c = CookiePacket::parse (in);
  if (!client_ || state_ != State::connecting || !c || c->client_id != client_id_ ||
      c->client_cid != client_cid_ || c->cookie == cookie_)
    return;
  bucket_ = c->bucket;
  cookie_ = c->cookie;
  if (syns_ == 1)
    sent_.first_rtt (now - syn_sent_, now);
  syns_ = 0;
  syn_time_ = now;
}

void DatagramLink::input_accept (Bytes in, TimePoint now)
{
  const auto a = AcceptPacket::parse (in);
  if (!client_ || state_ != State::connecting || !a || a->client_id != client_id_ ||
      a->client_cid != client_cid_)
    return;
  if (syns_ == 1)
    sent_.first_rtt (now - syn_sent_, now);
  last_received_ = now;
  received_.add (a->number, false, now);
  establish (a->latency_ms, a->server_cid, a->first_message, a->message_window, a->byte_window);
  ping_due_ = true; // the server's proof, and its first round-trip time
}

void DatagramLink::input_reject (Bytes in)
{
  const auto r = RejectPacket::parse (in);
  if (!client_ || state_ != State::connecting || !r || r->client_id != client_id_ ||
      r->client_cid != client_cid_)
    return;
  fault (
      r->reason == RejectReason::version ? DatagramFault::version : DatagramFault::refused, false);
}

void DatagramLink::input_data (Bytes in, const Address &from, TimePoint now)
{
  const auto h = DataHeader::parse (in);
  if (!h || h->cid != cid_ || state_ == State::connecting) {
    stats_.packets_refused++;
    return;
  }
  if (received_.known (h->number)) {
    stats_.packets_duplicate++;
    return;
  }
  if (state_ == State::established)
    transit_.arrived (h->timestamp, us (now));
  const bool newest = received_.empty () || h->number > received_.largest ();
  bool eliciting = false;
  if (!input_frames (in.subspan (DataHeader::size), from, now, eliciting))
    return; // not acknowledged, so what could not be taken comes again
  received_.add (h->number, eliciting, now);
  last_received_ = now;
  if (newest && from != path_.peer ())
    path_.moved (from, in.size (), random_, now);
  else if (newest)
    path_.stayed ();
  if (state_ == State::established)
    reassembly_.advance (TimePoint::min ()); // timeout () decides about what is too late
}

// False: the packet was not taken as a whole.
bool DatagramLink::input_frames (Bytes in, const Address &from, TimePoint now, bool &eliciting)
{
  FrameReader r (in);
  bool taken = true;
  while (r.next ()) {
    const bool open = state_ == State::established;
    switch (r.type) {
    case FrameType::ack:
      if (open)
        input_ack (r.ack, now);
      break;
    case FrameType::fragment:
    case FrameType::reliable_fragment:
      eliciting = true;
      taken = taken && open && input_fragment (r, now);
      break;
    case FrameType::forward:
      if (open)
        reassembly_.forward (r.oldest);
      eliciting = true;
      break;
    case FrameType::ping:
      eliciting = true;
      break;
    case FrameType::path_challenge:
      path_answer_ = std::pair{from, r.token};
      break;
    case FrameType::path_response:
      path_.answered (from, r.token);
      break;
    case FrameType::close:
      close_answer_due_ = true;
      fault (state_ == State::closing ? DatagramFault::local : DatagramFault::orderly, false);
      break;
    case FrameType::close_answer:
      if (state_ == State::closing)
        fault (DatagramFault::local, false);
      break;
    case FrameType::padding:
      break;
    }
  }
  if (r.malformed ())
    malformed ();
  return taken && !r.malformed ();
}

bool DatagramLink::input_fragment (const FrameReader &r, TimePoint now)
{
  const std::int64_t created = transit_.local (r.fragment.created);
  const TimePoint deadline = from_us (created) + latency_;
  const TimePoint previous = deadline - milliseconds (r.fragment.since_previous);
  switch (reassembly_.add (r.fragment, r.payload, deadline, previous)) {
  case Reassembly::Result::ok:
    return true;
  case Reassembly::Result::duplicate:
    stats_.fragments_duplicate++;
    received_.trouble (now);
    return true;
  case Reassembly::Result::late:
    stats_.fragments_late++;
    return true;
  case Reassembly::Result::no_room:
    stats_.packets_refused++;
    return false;
  case Reassembly::Result::bad:
    malformed ();
    return false;
  case Reassembly::Result::too_big:
    fault (DatagramFault::too_big, true);
    return false;
  case Reassembly::Result::storage:
    fault (DatagramFault::storage, true);
    return false;
  }
  return false;
}

void DatagramLink::input_ack (const AckFrame &ack, TimePoint now)
{
  if (!sent_.on_ack (ack, now) || !outbox_.finished_before (ack.next_message, now)) {
    malformed ();
    return;
  }
  const RttEstimate &rtt = sent_.rtt ();
  if (rtt.known ())
    bandwidth_.update (rtt.latest (), rtt.smoothed (), rtt.minimum (), now);
  report_estimate (now);
}

void DatagramLink::report_estimate (TimePoint now)
{
  const auto rate = static_cast<std::uint64_t> (bandwidth_.rate () * 8);
  const std::uint64_t change = rate > reported_ ? rate - reported_ : reported_ - rate;
  if (change * 10 < std::max (rate, reported_) || change == 0 || now < report_time_)
    return;
  reported_ = rate;
  report_time_ = now + milliseconds (200);
  DatagramEvent e{DatagramEvent::Kind::estimate_changed};
  e.value = rate;
  events_.push_back (std::move (e));
}

void DatagramLink::on_packet_acked (const SentPacket &p, bool was_lost)
{
  stats_.packets_spurious += was_lost;
  bandwidth_.on_acked (p.size);
  for (unsigned i = 0; i < p.n_new; i++)
    outbox_.on_acked (p.first_fragment + i);
  for (unsigned i = 0; i < p.n_repeated; i++)
    outbox_.on_acked (p.repeated[i]);
}

void DatagramLink::on_packet_lost (const SentPacket &p)
{
  stats_.packets_lost++;
  bandwidth_.on_lost ();
  for (unsigned i = 0; i < p.n_new; i++)
    outbox_.on_lost (p.first_fragment + i);
  for (unsigned i = 0; i < p.n_repeated; i++)
    outbox_.on_lost (p.repeated[i]);
}
// Neither it nor a later one was acknowledged in time: repeat what it carried without waiting for
// proof.
void DatagramLink::on_packet_silent (const SentPacket &p)
{
  for (unsigned i = 0; i < p.n_new; i++)
    outbox_.probe (p.first_fragment + i);
  for (unsigned i = 0; i < p.n_repeated; i++)
    outbox_.probe (p.repeated[i]);
}
} // namespace reach::cam
