// SPDX-License-Identifier: LGPL-2.1-or-later
// One DTLS association as a change of bytes, without sockets or threads: datagrams and deadlines
// in; datagrams, application data and SRTP keys out. One thread at a time.
#pragma once
#include "common/memory_bio.h"
#include "dtls_context.h"
#include <optional>

namespace reach::rtc {
enum class DtlsFault : std::uint8_t {
  none,
  fingerprint,      // the certificate is not the announced one, or none was announced
  no_certificate,   // the peer showed none
  no_srtp,          // no SRTP profile in common
  no_master_secret, // the peer does not know the extended master secret (RFC 7627)
  timeout,          // no answer to any of our flights
  refused,          // an alert of the peer
  protocol,         // version, ciphers, bytes that are not DTLS
};
const char *to_text (DtlsFault fault);

class Dtls {
public:
  enum class State : std::uint8_t { handshake, open, closed, failed };
  using Output = TlsSession::Output; // datagrams, one after the other

  // `announced`: the peer's fingerprints. No key and no byte of data leaves this object before the
  // peer's certificate has matched them.
  Dtls (std::shared_ptr<const DtlsContext> context, DtlsRole role,
      std::vector<Fingerprint> announced);
  ~Dtls ();
  Dtls (const Dtls &) = delete;
  Dtls &operator= (const Dtls &) = delete;

  void start ();               // once; a client says hello
  void input (Bytes datagram); // then read () until it returns nothing
  // The next application data, into `out`; what is longer than that is cut off. Nothing: no more.
  std::optional<std::size_t> read (std::span<std::uint8_t> out);
  // One record, one datagram. False: not open, or more than max_record.
  bool write (Bytes data);
  void timeout (); // when next_timeout () is over
  std::optional<Duration> next_timeout () const;
  void finish (); // says that no more comes (close_notify)
  // Gives back the room for records, 33 KB, until the next one comes or goes; for where data are
  // rare or none. It does nothing while part of a record waits to be read.
  void rest ();
  Output &output () { return output_; } // its owner sends and clears it

  State state () const { return state_; }
  DtlsFault fault () const { return fault_; }
  FingerprintFault fingerprint_fault () const { return fingerprint_fault_; }
  std::string detail () const; // of a fault, in words
  DtlsRole role () const { return role_; }

  // Once open.
  SrtpProfile profile () const { return profile_; }
  // As RFC 5764, 4.2 orders them: client key, server key, client salt, server salt. Empty when
  // there is no profile.
  std::vector<std::uint8_t> srtp_keys () const;
  std::string version () const;     // "DTLSv1.2"
  std::string cipher () const;      // "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"
  std::size_t max_payload () const; // that fits the MTU with its record's header
  static constexpr std::size_t max_record = 16384;

private:
  friend class DtlsContext;
  bool accept_certificate (const X509 *shown);
  bool has_short_record (Bytes datagram) const;
  void handshake ();
  void check_opened ();
  void failed (int result);
  void fail (DtlsFault fault, std::string detail = {});

  const std::shared_ptr<const DtlsContext> context_;
  const DtlsRole role_;
  const std::vector<Fingerprint> announced_;
  Output output_;
  MemoryBio bio_;
  SslPtr ssl_;
  State state_ = State::handshake;
  DtlsFault fault_ = DtlsFault::none;
  FingerprintFault fingerprint_fault_ = FingerprintFault::none;
  bool certificate_matched_ = false;
  std::string detail_;
  SrtpProfile profile_ = SrtpProfile::none;
};

// Bytes of a profile's key and salt, of its tag in SRTP, and in SRTCP without the index.
struct SrtpSizes {
  std::size_t key, salt, tag;
};
constexpr SrtpSizes sizes_of (SrtpProfile p)
{
  switch (p) {
  case SrtpProfile::aes_cm_128_hmac_sha1_80:
    return {16, 14, 10};
  case SrtpProfile::aead_aes_128_gcm:
    return {16, 12, 16};
  case SrtpProfile::aead_aes_256_gcm:
    return {32, 12, 16};
  case SrtpProfile::none:
    break;
  }
  return {0, 0, 0};
}
} // namespace reach::rtc
