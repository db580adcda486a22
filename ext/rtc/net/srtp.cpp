// SPDX-License-Identifier: LGPL-2.1-or-later
#include "srtp.h"
#include <algorithm>
#include <openssl/crypto.h>
#include <srtp2/srtp.h>

namespace reach::rtc {
namespace {
constexpr std::size_t rtp_header = 12, rtcp_header = 8;

// libsrtp may be set up once in a process, and GStreamer's own plugin may have done it, which makes
// this one fail for no fault. Whether there is a libsrtp, sessions tell.
bool started ()
{
  static const bool once = (srtp_init (), true);
  return once;
}

void set_policy (srtp_policy_t &p, SrtpProfile profile)
{
  switch (profile) {
  case SrtpProfile::aead_aes_128_gcm:
    srtp_crypto_policy_set_aes_gcm_128_16_auth (&p.rtp);
    srtp_crypto_policy_set_aes_gcm_128_16_auth (&p.rtcp);
    break;
  case SrtpProfile::aead_aes_256_gcm:
    srtp_crypto_policy_set_aes_gcm_256_16_auth (&p.rtp);
    srtp_crypto_policy_set_aes_gcm_256_16_auth (&p.rtcp);
    break;
  default:
    srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80 (&p.rtp);
    srtp_crypto_policy_set_aes_cm_128_hmac_sha1_80 (&p.rtcp);
    break;
  }
}

// The half of the exported keys that the given role writes with.
std::vector<std::uint8_t> key_of (SrtpProfile profile, Bytes keys, DtlsRole writer)
{
  const SrtpSizes s = sizes_of (profile);
  if (s.key == 0 || keys.size () != 2 * (s.key + s.salt))
    return {};
  const std::size_t n = writer == DtlsRole::client ? 0 : 1;
  const Bytes key = keys.subspan (n * s.key, s.key);
  const Bytes salt = keys.subspan (2 * s.key + n * s.salt, s.salt);
  std::vector<std::uint8_t> both (key.begin (), key.end ());
  both.insert (both.end (), salt.begin (), salt.end ());
  return both;
}

DtlsRole other (DtlsRole r)
{
  return r == DtlsRole::client ? DtlsRole::server : DtlsRole::client;
}
} // namespace

Srtp::Srtp (Bytes key_and_salt, SrtpProfile profile, SrtpLimits limits, bool inbound)
    : sizes_ (sizes_of (profile)), limits_ (limits)
{
  srtp_policy_t policy{};
  set_policy (policy, profile);
  std::vector<std::uint8_t> key (key_and_salt.begin (), key_and_salt.end ());
  policy.key = key.data ();
  policy.ssrc.type = inbound ? ssrc_any_inbound : ssrc_any_outbound;
  policy.window_size = std::clamp (limits.window, 64u, 32767u);
  policy.allow_repeat_tx = 0; // the same number twice is the same key stream twice
  if (!started () || srtp_create (&session_, &policy) != srtp_err_status_ok)
    session_ = nullptr;
  OPENSSL_cleanse (key.data (), key.size ());
}

Srtp::~Srtp ()
{
  if (session_)
    srtp_dealloc (session_);
}

bool Srtp::room_for (std::uint32_t ssrc) const
{
  if (sources_.size () < limits_.sources || sources_.contains (ssrc))
    return true;
  too_many_.fetch_add (1, std::memory_order_relaxed);
  return false;
}

bool Srtp::counted (int status, std::uint32_t ssrc)
{
  switch (status) {
  case srtp_err_status_ok:
    if (sources_.size () < limits_.sources)
      sources_.insert (ssrc);
    passed_.fetch_add (1, std::memory_order_relaxed);
    return true;
  case srtp_err_status_replay_fail:
  case srtp_err_status_replay_old:
    replayed_.fetch_add (1, std::memory_order_relaxed);
    return false;
  case srtp_err_status_auth_fail:
    unauthentic_.fetch_add (1, std::memory_order_relaxed);
    return false;
  default:
    malformed ();
    return false;
  }
}

Srtp::Counts Srtp::counts () const
{
  return {passed_, replayed_, unauthentic_, malformed_, too_many_};
}

std::unique_ptr<SrtpOut> SrtpOut::make (
    SrtpProfile profile, Bytes keys, DtlsRole role, SrtpLimits limits)
{
  std::vector<std::uint8_t> key = key_of (profile, keys, role);
  if (key.empty ())
    return nullptr;
  std::unique_ptr<SrtpOut> s (new SrtpOut (key, profile, limits, false));
  OPENSSL_cleanse (key.data (), key.size ());
  return s->session_ ? std::move (s) : nullptr;
}

std::unique_ptr<SrtpIn> SrtpIn::make (
    SrtpProfile profile, Bytes keys, DtlsRole role, SrtpLimits limits)
{
  std::vector<std::uint8_t> key = key_of (profile, keys, other (role));
  if (key.empty ())
    return nullptr;
  std::unique_ptr<SrtpIn> s (new SrtpIn (key, profile, limits, true));
  OPENSSL_cleanse (key.data (), key.size ());
  return s->session_ ? std::move (s) : nullptr;
}

std::optional<std::size_t> SrtpOut::protect (std::span<std::uint8_t> room, std::size_t size)
{
  if (size < rtp_header || size > max_packet || room.size () < size + trailer ()) {
    malformed ();
    return {};
  }
  const auto ssrc = load_be<std::uint32_t> (room.data () + 8);
  int n = static_cast<int> (size);
  if (!room_for (ssrc) || !counted (srtp_protect (session_, room.data (), &n), ssrc))
    return {};
  return static_cast<std::size_t> (n);
}

std::optional<std::size_t> SrtpOut::protect_rtcp (std::span<std::uint8_t> room, std::size_t size)
{
  if (size < rtcp_header || size > max_packet || room.size () < size + rtcp_trailer ()) {
    malformed ();
    return {};
  }
  const auto ssrc = load_be<std::uint32_t> (room.data () + 4);
  int n = static_cast<int> (size);
  if (!room_for (ssrc) || !counted (srtp_protect_rtcp (session_, room.data (), &n), ssrc))
    return {};
  return static_cast<std::size_t> (n);
}

std::optional<std::size_t> SrtpIn::unprotect (std::span<std::uint8_t> packet)
{
  if (packet.size () < rtp_header + sizes_.tag || packet.size () > max_packet) {
    malformed ();
    return {};
  }
  const auto ssrc = load_be<std::uint32_t> (packet.data () + 8);
  int n = static_cast<int> (packet.size ());
  if (!room_for (ssrc) || !counted (srtp_unprotect (session_, packet.data (), &n), ssrc))
    return {};
  return static_cast<std::size_t> (n);
}

std::optional<std::size_t> SrtpIn::unprotect_rtcp (std::span<std::uint8_t> packet)
{
  if (packet.size () < rtcp_header + sizes_.tag + 4 || packet.size () > max_packet) {
    malformed ();
    return {};
  }
  const auto ssrc = load_be<std::uint32_t> (packet.data () + 4);
  int n = static_cast<int> (packet.size ());
  if (!room_for (ssrc) || !counted (srtp_unprotect_rtcp (session_, packet.data (), &n), ssrc))
    return {};
  return static_cast<std::size_t> (n);
}
} // namespace reach::rtc
