// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tls_openssl.h"
#include <algorithm>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>

namespace reach {
namespace {
constexpr Duration cookie_life = seconds (10); // a cookie is good for one to two of these

std::uint64_t bucket ()
{
  return static_cast<std::uint64_t> (Clock::now ().time_since_epoch () / cookie_life);
}

class Gate final : public TlsDatagramGate {
public:
  explicit Gate (const OpensslContext &context) : context_ (context.shared_from_this ()) {}

  Result input (Bytes datagram, Bytes address) override
  {
    if (!listening_)
      listening_ = std::make_unique<OpensslSession> (context_, context_->make_ssl (), "");
    listening_->output ().clear ();
    if (listening_->listen (datagram, address, key_))
      return {{}, std::move (listening_)};
    const auto &reply = listening_->output ().bytes;
    return {reply.size () <= datagram.size () ? Bytes (reply) : Bytes{}, nullptr};
  }

private:
  const std::shared_ptr<const OpensslContext> context_;
  const CookieKey key_;
  std::unique_ptr<OpensslSession> listening_; // made once, used until a client has a right cookie
};
} // namespace

CookieKey::CookieKey ()
{
  if (RAND_bytes (key_.data (), static_cast<int> (key_.size ())) != 1)
    throw std::bad_alloc ();
}

CookieKey::Cookie CookieKey::make (Bytes address, std::uint64_t when) const
{
  std::vector<std::uint8_t> text (8);
  store_be (text.data (), when);
  text.insert (text.end (), address.begin (), address.end ());
  Cookie c{};
  HMAC (EVP_sha256 (), key_.data (), static_cast<int> (key_.size ()), text.data (), text.size (),
      c.data (), nullptr);
  return c;
}

int CookieKey::generate (SSL *ssl, unsigned char *out, unsigned *size)
{
  const OpensslSession &s = OpensslSession::of (ssl);
  if (!s.cookie_key ())
    return 0;
  const Cookie c = s.cookie_key ()->make (s.address (), bucket ());
  std::copy (c.begin (), c.end (), out);
  *size = c.size ();
  return 1;
}

int CookieKey::check (SSL *ssl, const unsigned char *in, unsigned size)
{
  const OpensslSession &s = OpensslSession::of (ssl);
  if (!s.cookie_key () || size != Cookie{}.size ())
    return 0;
  for (std::uint64_t age = 0; age <= 1; age++) {
    const Cookie c = s.cookie_key ()->make (s.address (), bucket () - age);
    if (CRYPTO_memcmp (c.data (), in, c.size ()) == 0)
      return 1;
  }
  return 0;
}

std::unique_ptr<TlsDatagramGate> TlsDatagramGate::make (const TlsContext &context)
{
  return std::make_unique<Gate> (static_cast<const OpensslContext &> (context));
}
} // namespace reach
