// SPDX-License-Identifier: LGPL-2.1-or-later
// Rules and certificate of DTLS for any number of peers: an OpenSSL context is large, so the peers
// of an element share one.
#pragma once
#include "certificate.h"
#include "rtc/proto/transport_types.h"
#include <cstdint>

namespace reach::rtc {

// Numbers of RFC 5764 and RFC 7714.
enum class SrtpProfile : std::uint16_t {
  none = 0,
  aes_cm_128_hmac_sha1_80 = 1,
  aead_aes_128_gcm = 7,
  aead_aes_256_gcm = 8,
};

struct DtlsRules {
  // Offered in this order; as server this order decides. Empty: no SRTP (data only).
  std::vector<SrtpProfile> profiles{SrtpProfile::aead_aes_128_gcm, SrtpProfile::aead_aes_256_gcm,
      SrtpProfile::aes_cm_128_hmac_sha1_80};
  std::size_t mtu = 1200;             // bytes of UDP payload, 256 to 16384
  std::size_t max_message = 16 << 10; // of a peer's handshake message: its certificate
};

// DTLS 1.2 and later, authenticated encryption with forward secrecy, no renegotiation, no sessions.
class DtlsContext {
public:
  static std::shared_ptr<const DtlsContext> make (
      std::shared_ptr<const Certificate> own, DtlsRules rules, std::string &error);

  const Certificate &certificate () const { return *own_; }
  const DtlsRules &rules () const { return rules_; }
  SslPtr session (DtlsRole role) const;

private:
  std::string setup ();
  static int verify (X509_STORE_CTX *store, void *);

  std::shared_ptr<const Certificate> own_;
  DtlsRules rules_;
  SslOwned<SSL_CTX, SSL_CTX_free> ctx_;
};
} // namespace reach::rtc
