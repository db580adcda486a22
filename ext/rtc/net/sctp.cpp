// SPDX-License-Identifier: LGPL-2.1-or-later
#include "sctp.h"
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <usrsctp.h>
#include <utility>

namespace reach::rtc {
namespace {
constexpr std::size_t header = 12, checksum_at = 8;
constexpr std::size_t resets_at_once = 64;
// Below the 30 s after which a transport without any packet is taken for dead.
constexpr std::uint32_t heartbeat = 10000;

sockaddr_conn address_of (std::uintptr_t id, std::uint16_t port)
{
  sockaddr_conn a{};
  a.sconn_family = AF_CONN;
  a.sconn_port = htons (port);
  a.sconn_addr = reinterpret_cast<void *> (id);
  return a;
}
} // namespace

const char *to_text (SctpFault fault)
{
  switch (fault) {
  case SctpFault::none:
    return "no fault";
  case SctpFault::aborted:
    return "the peer has aborted the SCTP association";
  case SctpFault::ended:
    return "the peer has closed the SCTP association";
  case SctpFault::unreachable:
    return "the peer does not answer in SCTP";
  case SctpFault::too_big:
    return "the peer has sent a message over the limit";
  case SctpFault::failed:
    return "SCTP does not start";
  }
  return "";
}

Sctp::Sctp (Loop &loop, Owner &owner, SctpSettings settings)
    : loop_ (loop), owner_ (owner), settings_ (settings),
      link_ (SctpStack::get ().add (loop, *this)), queue_ (settings.queue)
{
}

Sctp::~Sctp ()
{
  *alive_ = false;
  close ();
  SctpStack::get ().remove (loop_, *this, link_);
}

void Sctp::close ()
{
  if (!socket_)
    return;
  const SctpStack::Call call (*link_);
  usrsctp_set_upcall (socket_, nullptr, nullptr);
  usrsctp_close (std::exchange (socket_, nullptr)); // with SO_LINGER 0: ABORT
  state_ = State::closed;
  flush ();
}

bool Sctp::option (int name, const void *value, std::size_t size)
{
  return usrsctp_setsockopt (socket_, IPPROTO_SCTP, name, value, static_cast<socklen_t> (size)) ==
         0;
}

bool Sctp::socket_option (int name, int value)
{
  return usrsctp_setsockopt (socket_, SOL_SOCKET, name, &value, sizeof value) == 0;
}

bool Sctp::set_options ()
{
  const struct linger at_once = {1, 0};
  sctp_initmsg init{};
  init.sinit_num_ostreams = init.sinit_max_instreams =
      std::max<std::uint16_t> (settings_.streams, 1);
  sctp_paddrparams path{};
  path.spp_flags = SPP_PMTUD_DISABLE | SPP_HB_ENABLE;
  path.spp_pathmtu = static_cast<std::uint32_t> ((settings_.packet - header) & ~std::size_t{3});
  path.spp_hbinterval = heartbeat;
  const sctp_assoc_value reset = {SCTP_FUTURE_ASSOC, SCTP_ENABLE_RESET_STREAM_REQ};
  const int on = 1, off = 0;
  // A message over the limit comes in parts, so that it is noticed.
  const auto part = static_cast<std::uint32_t> (
      std::min (settings_.max_message_in + 1, settings_.receive_buffer / 2));
  bool ok = usrsctp_set_non_blocking (socket_, 1) == 0 &&
            usrsctp_setsockopt (socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once) == 0 &&
            socket_option (SO_SNDBUF, static_cast<int> (settings_.send_buffer)) &&
            socket_option (SO_RCVBUF, static_cast<int> (settings_.receive_buffer)) &&
            option (SCTP_INITMSG, &init, sizeof init) &&
            option (SCTP_PEER_ADDR_PARAMS, &path, sizeof path) &&
            option (SCTP_ENABLE_STREAM_RESET, &reset, sizeof reset) &&
            option (SCTP_NODELAY, &on, sizeof on) && option (SCTP_RECVRCVINFO, &on, sizeof on) &&
            option (SCTP_FRAGMENT_INTERLEAVE, &off, sizeof off) &&
            option (SCTP_PARTIAL_DELIVERY_POINT, &part, sizeof part);
  for (const std::uint16_t type : {SCTP_ASSOC_CHANGE, SCTP_STREAM_RESET_EVENT}) {
    const sctp_event event = {SCTP_FUTURE_ASSOC, type, 1};
    ok = ok && option (SCTP_EVENT, &event, sizeof event);
  }
  return ok;
}

void Sctp::start ()
{
  if (state_ != State::idle)
    return;
  state_ = State::connecting;
  {
    const SctpStack::Call call (*link_);
    socket_ = usrsctp_socket (AF_CONN, SOCK_STREAM, IPPROTO_SCTP, nullptr, nullptr, 0, nullptr);
    sockaddr_conn local = address_of (link_->id, settings_.local_port);
    sockaddr_conn remote = address_of (link_->id, settings_.remote_port);
    if (!socket_ || !set_options () ||
        usrsctp_bind (socket_, reinterpret_cast<sockaddr *> (&local), sizeof local) != 0 ||
        (usrsctp_connect (socket_, reinterpret_cast<sockaddr *> (&remote), sizeof remote) != 0 &&
            errno != EINPROGRESS)) {
      fail (SctpFault::failed);
      return;
    }
    usrsctp_set_upcall (socket_, SctpStack::upcall, reinterpret_cast<void *> (link_->id));
  }
  schedule ();
}

void Sctp::input (Bytes packet)
{
  if (!socket_)
    return;
  std::uint32_t told = 0;
  if (packet.size () >= header)
    std::memcpy (&told, packet.data () + checksum_at, 4);
  if (packet.size () < header || sctp_checksum (packet) != told) {
    bad_packets_++;
    return;
  }
  SctpStack::get ().active (loop_);
  {
    const SctpStack::Call call (*link_);
    usrsctp_conninput (reinterpret_cast<void *> (link_->id), packet.data (), packet.size (), 0);
  }
  schedule ();
}

void Sctp::look ()
{
  if (link_->wakes.load (std::memory_order_acquire) ||
      link_->output.update ([] (const SctpLink::Output &o) { return !o.sizes.empty (); }))
    work ();
}

void Sctp::schedule ()
{
  if (working_) {
    again_ = true;
    return;
  }
  if (std::exchange (scheduled_, true))
    return;
  loop_.defer ([this, alive = alive_] {
    if (*alive) {
      scheduled_ = false;
      work ();
    }
  });
}

void Sctp::work ()
{
  if (std::exchange (working_, true))
    return;
  do {
    again_ = false;
    link_->wakes.store (false, std::memory_order_relaxed);
    read ();
    write ();
    flush ();
  } while (again_);
  working_ = false;
}

void Sctp::flush ()
{
  link_->output.update ([this] (SctpLink::Output &o) {
    if (packets_.sizes.empty ())
      std::swap (packets_, o);
  });
  if (packets_.sizes.empty ())
    return;
  owner_.on_sctp_packets (packets_);
  packets_.clear ();
}

void Sctp::read ()
{
  const std::span<std::uint8_t> room = loop_.scratch ();
  while (socket_) {
    sctp_rcvinfo info{};
    socklen_t info_size = sizeof info, from_size = 0;
    unsigned kind = SCTP_RECVV_NOINFO;
    int flags = 0;
    const ssize_t n = usrsctp_recvv (
        socket_, room.data (), room.size (), nullptr, &from_size, &info, &info_size, &kind, &flags);
    if (n <= 0)
      return;
    const Bytes bytes (room.data (), static_cast<std::size_t> (n));
    if (flags & MSG_NOTIFICATION)
      notification (bytes);
    else
      message (info.rcv_sid, ntohl (info.rcv_ppid), bytes, flags & MSG_EOR);
  }
}

void Sctp::message (std::uint16_t stream, std::uint32_t ppid, Bytes bytes, bool last)
{
  if (partial_.size () + bytes.size () > settings_.max_message_in)
    return fail (SctpFault::too_big);
  if (partial_.empty () && last)
    return owner_.on_sctp_message (stream, ppid, bytes);
  partial_.insert (partial_.end (), bytes.begin (), bytes.end ());
  if (!last)
    return;
  const std::vector<std::uint8_t> whole = std::exchange (partial_, {});
  owner_.on_sctp_message (stream, ppid, whole);
}

void Sctp::notification (Bytes n)
{
  sctp_assoc_change change{};
  if (n.size () < sizeof (std::uint16_t))
    return;
  std::memcpy (&change, n.data (), std::min (n.size (), sizeof change));
  if (change.sac_type == SCTP_STREAM_RESET_EVENT)
    return on_resets (n);
  if (change.sac_type != SCTP_ASSOC_CHANGE || n.size () < sizeof change)
    return;
  switch (change.sac_state) {
  case SCTP_COMM_UP:
    if (state_ == State::connecting) {
      state_ = State::connected;
      owner_.on_sctp_connected (std::min (change.sac_outbound_streams, change.sac_inbound_streams));
    }
    break;
  case SCTP_COMM_LOST:
    fail (change.sac_error != 0 ? SctpFault::aborted : SctpFault::unreachable);
    break;
  case SCTP_CANT_STR_ASSOC:
    fail (SctpFault::unreachable);
    break;
  case SCTP_SHUTDOWN_COMP:
    fail (SctpFault::ended);
    break;
  default:
    break;
  }
}

void Sctp::on_resets (Bytes n)
{
  sctp_stream_reset_event e{};
  constexpr std::size_t fixed = offsetof (sctp_stream_reset_event, strreset_stream_list);
  if (n.size () < fixed)
    return;
  std::memcpy (static_cast<void *> (&e), n.data (), fixed);
  const bool incoming = e.strreset_flags & SCTP_STREAM_RESET_INCOMING_SSN;
  if (!incoming)
    reset_under_way_ = false;
  const bool refused = e.strreset_flags & (SCTP_STREAM_RESET_DENIED | SCTP_STREAM_RESET_FAILED);
  for (std::size_t at = fixed; at + 2 <= n.size (); at += 2) {
    std::uint16_t stream;
    std::memcpy (&stream, n.data () + at, 2);
    if (refused && !incoming)
      queue_.reset (stream); // once more
    else if (!refused)
      owner_.on_sctp_reset (stream, incoming);
  }
}

bool Sctp::send_now (const SctpQueue::Message &m, Bytes bytes, bool &full)
{
  sctp_sendv_spa how{};
  how.sendv_flags = SCTP_SEND_SNDINFO_VALID;
  how.sendv_sndinfo.snd_sid = m.stream;
  how.sendv_sndinfo.snd_ppid = htonl (m.ppid);
  how.sendv_sndinfo.snd_flags = m.reliability.ordered ? 0 : SCTP_UNORDERED;
  if (m.reliability.max_retransmits || m.reliability.max_lifetime) {
    const bool times = m.reliability.max_retransmits.has_value ();
    how.sendv_flags |= SCTP_SEND_PRINFO_VALID;
    how.sendv_prinfo.pr_policy = times ? SCTP_PR_SCTP_RTX : SCTP_PR_SCTP_TTL;
    how.sendv_prinfo.pr_value =
        times ? *m.reliability.max_retransmits : *m.reliability.max_lifetime;
  }
  const SctpStack::Call call (*link_);
  const bool ok = usrsctp_sendv (socket_, bytes.data (), bytes.size (), nullptr, 0, &how,
                      sizeof how, SCTP_SENDV_SPA, 0) >= 0;
  full = !ok && (errno == EWOULDBLOCK || errno == EAGAIN);
  return ok;
}

Sctp::Sent Sctp::send (
    std::uint16_t stream, std::uint32_t ppid, const Reliability &how, Bytes bytes)
{
  if (!connected ())
    return Sent::not_connected;
  if (bytes.size () > settings_.max_message_out || bytes.size () > settings_.send_buffer ||
      bytes.empty ())
    return Sent::too_big;
  SctpStack::get ().active (loop_);
  SctpQueue::Message m{stream, ppid, how, {}};
  bool full = true;
  if (queue_.empty () && send_now (m, bytes, full)) {
    schedule ();
    return Sent::yes;
  }
  if (!full)
    return Sent::not_connected; // a stream that is not there, or the association has just ended
  if (!queue_.fits (bytes.size ()))
    return Sent::full;
  m.bytes.assign (bytes.begin (), bytes.end ());
  queue_.push (std::move (m));
  schedule ();
  return Sent::yes;
}

void Sctp::write ()
{
  while (connected () && !queue_.empty ()) {
    bool full = false;
    if (!send_now (queue_.front (), queue_.front ().bytes, full) && full)
      break;
    const std::uint16_t stream = queue_.front ().stream;
    if (queue_.pop ())
      owner_.on_sctp_low (stream);
  }
  if (connected () && !reset_under_way_ && queue_.resets_wait ())
    write_resets ();
}

// One request at a time is allowed; the others wait for its end.
void Sctp::write_resets ()
{
  const std::vector<std::uint16_t> streams = queue_.resettable (resets_at_once);
  if (streams.empty ())
    return;
  std::vector<std::uint8_t> bytes (
      sizeof (sctp_reset_streams) + streams.size () * sizeof (std::uint16_t));
  sctp_reset_streams request{};
  request.srs_flags = SCTP_STREAM_RESET_OUTGOING;
  request.srs_number_streams = static_cast<std::uint16_t> (streams.size ());
  std::memcpy (bytes.data (), &request, offsetof (sctp_reset_streams, srs_stream_list));
  std::memcpy (bytes.data () + offsetof (sctp_reset_streams, srs_stream_list), streams.data (),
      streams.size () * 2);
  const SctpStack::Call call (*link_);
  if (!option (SCTP_RESET_STREAMS, bytes.data (), bytes.size ()))
    return; // a request of before is under way: again at the next packet
  reset_under_way_ = true;
  for (const std::uint16_t s : streams)
    queue_.reset_begun (s);
}

void Sctp::reset (std::uint16_t stream)
{
  queue_.reset (stream);
  schedule ();
}

void Sctp::set_threshold (std::uint16_t stream, std::size_t bytes)
{
  queue_.set_threshold (stream, bytes);
}

void Sctp::fail (SctpFault fault)
{
  if (state_ == State::closed)
    return;
  close ();
  state_ = State::closed;
  owner_.on_sctp_closed (fault);
}
} // namespace reach::rtc
