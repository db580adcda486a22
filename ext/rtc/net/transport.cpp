// SPDX-License-Identifier: LGPL-2.1-or-later
#include "transport.h"
#include "rtc/proto/rtp_demux.h"
#include <algorithm>
#include <array>
#include <openssl/crypto.h>
#include <utility>

namespace reach::rtc {
namespace {
constexpr std::size_t most_early = 8;

bool same (const std::vector<Fingerprint> &a, const std::vector<Fingerprint> &b)
{
  return std::equal (
      a.begin (), a.end (), b.begin (), b.end (), [] (const Fingerprint &x, const Fingerprint &y) {
        return g_ascii_strcasecmp (x.algorithm.c_str (), y.algorithm.c_str ()) == 0 &&
               g_ascii_strcasecmp (x.value.c_str (), y.value.c_str ()) == 0;
      });
}

IceSettings ice_of (const TransportSettings &settings)
{
  IceSettings ice = settings.ice;
  ice.twins = ice.twins && !settings.plain; // an application's datagrams stay in order
  return ice;
}
} // namespace

const char *to_text (TransportState state)
{
  constexpr const char *names[] = {"new", "connecting", "connected", "failed", "closed"};
  return names[static_cast<std::size_t> (state)];
}

Transport::Transport (
    Loop &loop, Owner &owner, std::shared_ptr<const DtlsContext> dtls, TransportSettings settings)
    : loop_ (loop), owner_ (owner), context_ (std::move (dtls)), settings_ (std::move (settings)),
      ice_ (loop, *this, ice_of (settings_)),
      sender_ (std::make_shared<MediaSender> (ice_.path ())), dtls_timer_ (loop.timers (),
                                                                  [this] {
                                                                    dtls_->timeout ();
                                                                    dtls_changed ();
                                                                  }),
      handshake_timer_ (loop.timers (), [this] { handshake_over (); }),
      silence_timer_ (loop.timers (), [this] { watch (); })
{
}

Transport::~Transport ()
{
  state_ = TransportState::closed;
  sctp_.reset ();
  if (dtls_)
    dtls_->finish ();
  flush_dtls ();
  sender_->close ();
}

void Transport::close ()
{
  if (state_ == TransportState::closed)
    return;
  if (sctp_)
    sctp_->close ();
  if (dtls_)
    dtls_->finish ();
  flush_dtls ();
  dtls_timer_.cancel ();
  handshake_timer_.cancel ();
  silence_timer_.cancel ();
  sender_->close ();
  set_state (TransportState::closed);
}

void Transport::set_state (TransportState state)
{
  if (std::exchange (state_, state) != state)
    owner_.on_state (state);
}

bool Transport::set_remote (const TransportPeer &remote)
{
  // A certificate or a role cannot change below keys that are in use.
  if (remote_ &&
      (!same (remote_->fingerprints, remote.fingerprints) || remote_->own_role != remote.own_role))
    return false;
  const bool first = !remote_;
  remote_ = remote;
  if (first && settings_.plain) {
    set_state (TransportState::connecting);
  } else if (first) {
    dtls_ = std::make_unique<Dtls> (context_, remote.own_role, remote.fingerprints);
    set_state (TransportState::connecting);
  }
  if (!ice_.set_remote (remote.ice))
    return false;
  if (ice_.path ()->set ())
    start ();
  start_sctp (); // data channels that were agreed upon later
  return true;
}

void Transport::on_ice_candidate (const Candidate &local)
{
  owner_.on_local_candidate (to_string (local));
}

void Transport::on_ice_state (IceState state)
{
  owner_.on_ice_state (state);
  if (state_ == TransportState::closed)
    return;
  if (state == IceState::failed) {
    fault_ = ice_.refused () ? "the path to the peer that ICE has found is refused"
                             : "ICE finds no path to the peer";
    set_state (TransportState::failed);
  } else if (state_ == TransportState::failed && dtls_ && dtls_->state () != Dtls::State::failed &&
             (state == IceState::connected || state == IceState::completed)) {
    // After a restart, or candidates that came late.
    fault_.clear ();
    set_state (opened_ ? TransportState::connected : TransportState::connecting);
    dtls_changed ();
  }
}

void Transport::on_ice_pair (const IcePair &pair)
{
  owner_.on_pair (pair);
  // The peer has answered a check: it may be sent to again (RFC 7675, 5.1). Both sides may be
  // silent.
  if (silent_)
    authentic ();
  if (remote_)
    start ();
}

void Transport::start ()
{
  if (settings_.plain)
    set_state (TransportState::connected);
  else
    start_dtls ();
}

void Transport::start_dtls ()
{
  if (last_authentic_ != TimePoint{} || state_ == TransportState::closed)
    return;
  last_authentic_ = Clock::now ();
  handshake_timer_.arm (last_authentic_ + settings_.handshake);
  dtls_->start ();
  dtls_changed ();
  for (const auto &datagram : std::exchange (early_, {}))
    on_dtls (datagram);
}

void Transport::on_ice_packet (std::span<std::uint8_t> packet)
{
  packets_in_++;
  bytes_in_ += packet.size ();
  if (settings_.plain)
    return state_ == TransportState::closed ? void () : owner_.on_datagram (packet);
  switch (kind_of_datagram (packet)) {
  case DatagramKind::dtls:
    return on_dtls (packet);
  case DatagramKind::rtp:
    return on_media (packet, false);
  case DatagramKind::rtcp:
    return on_media (packet, true);
  default:
    unknown_in_++;
  }
}

void Transport::on_media (std::span<std::uint8_t> packet, bool rtcp)
{
  if (!srtp_in_ || state_ == TransportState::closed) {
    early_in_++;
    return;
  }
  const auto size = rtcp ? srtp_in_->unprotect_rtcp (packet) : srtp_in_->unprotect (packet);
  if (!size)
    return;
  authentic ();
  if (rtcp)
    owner_.on_rtcp (packet.first (*size));
  else
    owner_.on_rtp (packet.first (*size));
}

void Transport::on_dtls (Bytes datagram)
{
  if (state_ == TransportState::closed)
    return;
  if (last_authentic_ == TimePoint{}) {
    if (early_.size () < most_early)
      early_.emplace_back (datagram.begin (), datagram.end ());
    return;
  }
  if (dtls_->state () == Dtls::State::failed)
    return;
  dtls_->input (datagram);
  dtls_changed ();
}

// After anything was done with DTLS.
void Transport::dtls_changed ()
{
  const bool opens =
      dtls_->state () == Dtls::State::open && state_ == TransportState::connecting && !opened_;
  if (opens)
    dtls_opened ();
  read_dtls ();
  flush_dtls ();
  if (opens)
    dtls_->rest (); // media alone need DTLS no more
  if (const auto in = dtls_->next_timeout ())
    dtls_timer_.arm (Clock::now () + *in);
  else
    dtls_timer_.cancel ();
  if (state_ == TransportState::closed || state_ == TransportState::failed)
    return;
  if (dtls_->state () == Dtls::State::failed) {
    fault_ = dtls_->detail ();
    sender_->close ();
    srtp_in_.reset ();
    set_state (TransportState::failed);
  } else if (dtls_->state () == Dtls::State::closed) {
    close ();
  }
}

// A peer that says nothing, or not the next thing, costs OpenSSL nothing: it would wait for ever.
void Transport::handshake_over ()
{
  if (state_ != TransportState::connecting)
    return;
  fault_ = "the peer does not go on with DTLS";
  set_state (TransportState::failed);
}

void Transport::dtls_opened ()
{
  opened_ = true;
  handshake_timer_.cancel ();
  if (dtls_->profile () != SrtpProfile::none) {
    std::vector<std::uint8_t> keys = dtls_->srtp_keys ();
    srtp_in_ = SrtpIn::make (dtls_->profile (), keys, dtls_->role (), settings_.srtp);
    sender_->set_keys (SrtpOut::make (dtls_->profile (), keys, dtls_->role (), settings_.srtp));
    OPENSSL_cleanse (keys.data (), keys.size ());
    if (!srtp_in_ || !sender_->ready ()) {
      fault_ = "SRTP does not start";
      set_state (TransportState::failed);
      return;
    }
  }
  last_authentic_ = Clock::now ();
  silence_timer_.arm (last_authentic_ + settings_.silence);
  set_state (TransportState::connected);
  start_sctp ();
}

void Transport::start_sctp ()
{
  if (!settings_.data || !remote_->data || sctp_ || state_ != TransportState::connected)
    return;
  SctpSettings s = settings_.sctp;
  s.remote_port = remote_->sctp_port;
  s.packet = std::min (s.packet, dtls_->max_payload ());
  if (remote_->max_message != 0)
    s.max_message_out = std::min (s.max_message_out, remote_->max_message);
  sctp_.reset (new Sctp (loop_, *this, s));
  sctp_->start ();
}

void Transport::read_dtls ()
{
  std::array<std::uint8_t, Dtls::max_record> room;
  while (const auto n = dtls_->read (room)) {
    authentic ();
    const Bytes bytes (room.data (), *n);
    if (sctp_)
      sctp_->input (bytes);
    else if (!settings_.data)
      owner_.on_datagram (bytes);
  }
}

void Transport::flush_dtls ()
{
  if (!dtls_ || dtls_->output ().sizes.empty ())
    return;
  Dtls::Output &o = dtls_->output ();
  outgoing_.clear ();
  std::size_t at = 0;
  for (const std::uint16_t size : o.sizes) {
    outgoing_.push_back (Bytes (o.bytes).subspan (at, size));
    at += size;
  }
  ice_.path ()->send (outgoing_);
  o.clear ();
}

void Transport::on_sctp_packets (SctpLink::Output &packets)
{
  std::size_t at = 0;
  for (const std::uint16_t size : packets.sizes) {
    dtls_->write (Bytes (packets.bytes).subspan (at, size));
    at += size;
  }
  flush_dtls ();
}

bool Transport::send_datagram (Bytes bytes)
{
  if (settings_.data || state_ != TransportState::connected)
    return false;
  if (settings_.plain)
    return bytes.size () <= max_plain && ice_.path ()->send (std::span (&bytes, 1)) == 1;
  if (!dtls_->write (bytes))
    return false;
  flush_dtls ();
  return true;
}

void Transport::authentic ()
{
  last_authentic_ = Clock::now ();
  if (!std::exchange (silent_, false))
    return;
  sender_->set_paused (false);
  silence_timer_.arm (last_authentic_ + settings_.silence);
  owner_.on_silence (false);
}

void Transport::watch ()
{
  if (dtls_)
    dtls_->rest ();
  const TimePoint due = last_authentic_ + settings_.silence;
  if (Clock::now () < due)
    return silence_timer_.arm (due);
  silent_ = true;
  sender_->set_paused (true);
  owner_.on_silence (true);
}

TransportStats Transport::stats () const
{
  TransportStats s;
  s.out = sender_->counts ();
  if (srtp_in_)
    s.in = srtp_in_->counts ();
  s.packets_in = packets_in_;
  s.bytes_in = bytes_in_;
  s.heard_in = ice_.heard ();
  s.unknown_in = unknown_in_;
  s.early_in = early_in_;
  if (dtls_ && dtls_->state () == Dtls::State::open) {
    s.dtls_version = dtls_->version ();
    s.dtls_cipher = dtls_->cipher ();
    s.profile = dtls_->profile ();
  }
  return s;
}
} // namespace reach::rtc
