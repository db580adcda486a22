// SPDX-License-Identifier: LGPL-2.1-or-later
// Messages that libnice's STUN code writes and ours reads, and the other way round.
#include "../check.h"
#include "crypto.h"
#include "turn/proto/builder.h"
#include "turn/proto/integrity.h"
#include <netinet/in.h>
#include <stun/stunagent.h>
#include <sys/socket.h>

using namespace reach;
using namespace reach::test;

namespace {
int messages () // a sanitizer makes each dearer
{
  return g_strcmp0 (g_getenv ("REACH_SANITIZED"), "1") == 0 ? 10000 : 100000;
}
const char *const password = "VOkJxbRl1RmTxUk/WvJxBt";

sockaddr_storage socket_address (const stun::Address &a)
{
  sockaddr_storage s{};
  if (a.family == stun::Family::ipv4) {
    auto &in = reinterpret_cast<sockaddr_in &> (s);
    in.sin_family = AF_INET;
    in.sin_port = htons (a.port);
    std::memcpy (&in.sin_addr, a.ip.data (), 4);
  } else {
    auto &in = reinterpret_cast<sockaddr_in6 &> (s);
    in.sin6_family = AF_INET6;
    in.sin6_port = htons (a.port);
    std::memcpy (&in.sin6_addr, a.ip.data (), 16);
  }
  return s;
}

bool equal (const stun::Address &a, const sockaddr_storage &s)
{
  const sockaddr_storage mine = socket_address (a);
  const std::size_t n =
      a.family == stun::Family::ipv4 ? offsetof (sockaddr_in, sin_zero) : sizeof (sockaddr_in6);
  return std::memcmp (&mine, &s, n) == 0;
}

// What a generated message has, independent of who writes it.
struct Content {
  stun::Method method;
  stun::Class kind;
  std::string software, username, nonce;
  stun::Address mapped, peer, plain;
  std::uint32_t lifetime = 0;
  std::uint64_t token = 0;
  std::vector<std::uint8_t> data;
  bool error = false, flag = false, integrity = false, fingerprint = false;
};

class Generator {
public:
  Content next ()
  {
    static constexpr stun::Method methods[] = {stun::Method::binding, stun::Method::allocate,
        stun::Method::refresh, stun::Method::create_permission, stun::Method::channel_bind};
    Content c;
    c.error = below (4) == 0;
    c.method = methods[below (5)];
    c.kind = c.error ? stun::Class::error : stun::Class::indication;
    c.software = text (below (40));
    c.username = text (1 + below (60));
    c.nonce = text (1 + below (60));
    c.mapped = address ();
    c.peer = address ();
    c.plain = address ();
    c.lifetime = static_cast<std::uint32_t> (rng_ ());
    c.token = static_cast<std::uint64_t> (rng_ ()) << 32 | rng_ ();
    c.data.resize (below (600));
    std::ranges::generate (c.data, [&] { return static_cast<std::uint8_t> (rng_ ()); });
    c.flag = below (2) == 0;
    c.integrity = below (2) == 0;
    c.fingerprint = below (2) == 0;
    return c;
  }
  stun::TransactionId id ()
  {
    stun::TransactionId t;
    std::ranges::generate (t, [&] { return static_cast<std::uint8_t> (rng_ ()); });
    return t;
  }

private:
  unsigned below (unsigned n) { return static_cast<unsigned> (rng_ () % n); }
  std::string text (std::size_t n)
  {
    std::string s (n, ' ');
    std::ranges::generate (s, [&] { return static_cast<char> ('!' + below (90)); });
    return s;
  }
  stun::Address address ()
  {
    stun::Address a;
    a.family = below (2) ? stun::Family::ipv4 : stun::Family::ipv6;
    a.port = static_cast<std::uint16_t> (rng_ ());
    for (std::size_t i = 0; i < a.ip_size (); i++)
      a.ip[i] = static_cast<std::uint8_t> (rng_ ());
    return a;
  }
  std::mt19937 rng_{8489};
};

StunAgent agent (unsigned flags)
{
  StunAgent a;
  static const std::uint16_t known[] = {STUN_ATTRIBUTE_MAPPED_ADDRESS, STUN_ATTRIBUTE_USERNAME,
      STUN_ATTRIBUTE_MESSAGE_INTEGRITY, STUN_ATTRIBUTE_ERROR_CODE, STUN_ATTRIBUTE_LIFETIME,
      STUN_ATTRIBUTE_PEER_ADDRESS, STUN_ATTRIBUTE_DATA, STUN_ATTRIBUTE_NONCE,
      STUN_ATTRIBUTE_DONT_FRAGMENT, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS,
      STUN_ATTRIBUTE_RESERVATION_TOKEN, 0};
  stun_agent_init (&a, known, STUN_COMPATIBILITY_RFC5389,
      static_cast<StunAgentUsageFlags> (flags | STUN_AGENT_USAGE_SHORT_TERM_CREDENTIALS));
  return a;
}

// Theirs.
std::vector<std::uint8_t> their_message (const Content &c, const stun::TransactionId &id)
{
  StunAgent a = agent (c.fingerprint ? STUN_AGENT_USAGE_USE_FINGERPRINT : 0);
  std::vector<std::uint8_t> buffer (2000);
  StunMessage m{};
  m.agent = &a;
  m.buffer = buffer.data ();
  m.buffer_len = buffer.size ();
  StunTransactionId tid;
  store_be (tid, stun::magic_cookie);
  std::ranges::copy (id, tid + 4);
  stun_message_init (&m, static_cast<StunClass> (c.kind), static_cast<StunMethod> (c.method), tid);
  if (c.error)
    stun_message_append_error (&m, STUN_ERROR_STALE_NONCE);
  auto address = socket_address (c.plain);
  stun_message_append_addr (
      &m, STUN_ATTRIBUTE_MAPPED_ADDRESS, reinterpret_cast<sockaddr *> (&address), sizeof (address));
  address = socket_address (c.mapped);
  stun_message_append_xor_addr (&m, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, &address, sizeof (address));
  address = socket_address (c.peer);
  stun_message_append_xor_addr (&m, STUN_ATTRIBUTE_PEER_ADDRESS, &address, sizeof (address));
  stun_message_append_string (&m, STUN_ATTRIBUTE_SOFTWARE, c.software.c_str ());
  stun_message_append_string (&m, STUN_ATTRIBUTE_USERNAME, c.username.c_str ());
  stun_message_append_string (&m, STUN_ATTRIBUTE_NONCE, c.nonce.c_str ());
  stun_message_append32 (&m, STUN_ATTRIBUTE_LIFETIME, c.lifetime);
  stun_message_append64 (&m, STUN_ATTRIBUTE_RESERVATION_TOKEN, c.token);
  stun_message_append_bytes (&m, STUN_ATTRIBUTE_DATA, c.data.data (), c.data.size ());
  if (c.flag)
    stun_message_append_flag (&m, STUN_ATTRIBUTE_DONT_FRAGMENT);
  buffer.resize (stun_agent_finish_message (&a, &m,
      c.integrity ? reinterpret_cast<const std::uint8_t *> (password) : nullptr,
      c.integrity ? std::strlen (password) : 0));
  return buffer;
}

void read_ours (const Content &c, Bytes wire, const stun::TransactionId &id, int i)
{
  static const stun::Crypto crypto = turn_crypto ();
  const auto m = stun::Message::parse (wire);
  fail_unless (m.has_value (), "message %d", i);
  fail_unless (m->kind () == c.kind && m->method () == c.method && m->transaction () == id);
  fail_unless (m->mapped () == c.mapped && m->address (stun::Attr::mapped_address) == c.plain);
  fail_unless (m->xor_address (stun::Attr::xor_peer_address) == c.peer, "message %d", i);
  fail_unless (m->text (stun::Attr::software) == c.software);
  fail_unless (m->text (stun::Attr::username) == c.username);
  fail_unless (m->text (stun::Attr::nonce) == c.nonce);
  fail_unless (m->u32 (stun::Attr::lifetime) == c.lifetime);
  fail_unless (
      load_be<std::uint64_t> (m->find (stun::Attr::reservation_token)->data ()) == c.token);
  fail_unless (same (*m->find (stun::Attr::data), c.data));
  fail_unless (m->has (stun::Attr::dont_fragment) == c.flag);
  fail_unless (m->error ().has_value () == c.error && (!c.error || m->error ()->code == 438));
  fail_unless (m->has_fingerprint () == c.fingerprint);
  const auto key = stun::short_term_key (password);
  fail_unless (stun::check_sha1 (crypto, *m, key) ==
               (c.integrity ? stun::Integrity::right : stun::Integrity::absent));
}

// Ours.
Bytes our_message (const Content &c, const stun::TransactionId &id, std::span<std::uint8_t> buffer)
{
  static const stun::Crypto crypto = turn_crypto ();
  stun::Builder b (buffer, c.method, c.kind, id);
  if (c.error)
    b.error (438, "Stale Nonce");
  b.address (stun::Attr::mapped_address, c.plain);
  b.xor_address (stun::Attr::xor_mapped_address, c.mapped);
  b.xor_address (stun::Attr::xor_peer_address, c.peer);
  b.text (stun::Attr::software, c.software);
  b.text (stun::Attr::username, c.username);
  b.text (stun::Attr::nonce, c.nonce);
  b.u32 (stun::Attr::lifetime, c.lifetime);
  b.u64 (stun::Attr::reservation_token, c.token);
  b.add (stun::Attr::data, c.data);
  if (c.flag)
    b.flag (stun::Attr::dont_fragment);
  if (c.integrity)
    b.integrity (crypto, stun::short_term_key (password));
  if (c.fingerprint)
    b.fingerprint ();
  return b.message ();
}

bool give_key (StunAgent *, StunMessage *, std::uint8_t *, std::uint16_t, std::uint8_t **key,
    std::size_t *size, void *)
{
  *key = reinterpret_cast<std::uint8_t *> (const_cast<char *> (password));
  *size = std::strlen (password);
  return true;
}

std::string string_of (StunMessage &m, StunAttribute type)
{
  std::uint16_t n = 0;
  const void *p = stun_message_find (&m, type, &n);
  return {static_cast<const char *> (p), n};
}

void read_theirs (const Content &c, Bytes wire, int i)
{
  StunAgent a = agent ((c.fingerprint ? STUN_AGENT_USAGE_USE_FINGERPRINT : 0) |
                       (c.integrity ? 0 : STUN_AGENT_USAGE_IGNORE_CREDENTIALS));
  StunMessage m{};
  const StunValidationStatus status =
      stun_agent_validate (&a, &m, wire.data (), wire.size (), give_key, nullptr);
  // Unasked answers have no transaction that they know.
  const auto expected = c.error ? STUN_VALIDATION_UNMATCHED_RESPONSE : STUN_VALIDATION_SUCCESS;
  fail_unless (
      status == expected || status == STUN_VALIDATION_SUCCESS, "message %d: %d", i, status);
  m.agent = &a;
  m.buffer = const_cast<std::uint8_t *> (wire.data ());
  m.buffer_len = wire.size ();
  fail_unless (
      static_cast<unsigned> (stun_message_get_class (&m)) == static_cast<unsigned> (c.kind));
  fail_unless (
      static_cast<unsigned> (stun_message_get_method (&m)) == static_cast<unsigned> (c.method));
  sockaddr_storage s{};
  socklen_t n = sizeof (s);
  fail_unless (stun_message_find_addr (&m, STUN_ATTRIBUTE_MAPPED_ADDRESS, &s, &n) ==
               STUN_MESSAGE_RETURN_SUCCESS);
  fail_unless (equal (c.plain, s), "message %d", i);
  n = sizeof (s);
  stun_message_find_xor_addr (&m, STUN_ATTRIBUTE_XOR_MAPPED_ADDRESS, &s, &n);
  fail_unless (equal (c.mapped, s), "message %d", i);
  n = sizeof (s);
  stun_message_find_xor_addr (&m, STUN_ATTRIBUTE_PEER_ADDRESS, &s, &n);
  fail_unless (equal (c.peer, s), "message %d", i);
  fail_unless (string_of (m, STUN_ATTRIBUTE_SOFTWARE) == c.software);
  fail_unless (string_of (m, STUN_ATTRIBUTE_USERNAME) == c.username);
  fail_unless (string_of (m, STUN_ATTRIBUTE_NONCE) == c.nonce);
  std::uint32_t lifetime = 0;
  std::uint64_t token = 0;
  stun_message_find32 (&m, STUN_ATTRIBUTE_LIFETIME, &lifetime);
  stun_message_find64 (&m, STUN_ATTRIBUTE_RESERVATION_TOKEN, &token);
  fail_unless (lifetime == c.lifetime && token == c.token);
  const std::string data = string_of (m, STUN_ATTRIBUTE_DATA);
  fail_unless (same (as_bytes (data), c.data));
  fail_unless ((stun_message_find_flag (&m, STUN_ATTRIBUTE_DONT_FRAGMENT) ==
                   STUN_MESSAGE_RETURN_SUCCESS) == c.flag);
  int code = 0;
  stun_message_find_error (&m, &code);
  fail_unless_equals_int (code, c.error ? 438 : 0);
}
} // namespace

GST_START_TEST (test_we_read_theirs)
{
  Generator g;
  const int n = messages ();
  for (int i = 0; i < n; i++) {
    const Content c = g.next ();
    const auto id = g.id ();
    read_ours (c, their_message (c, id), id, i);
  }
}
GST_END_TEST

GST_START_TEST (test_they_read_ours)
{
  Generator g;
  std::vector<std::uint8_t> buffer (2000);
  const int n = messages ();
  for (int i = 0; i < n; i++) {
    const Content c = g.next ();
    read_theirs (c, our_message (c, g.id (), buffer), i);
  }
}
GST_END_TEST

static Suite *libnice_suite ()
{
  Suite *s = suite_create ("turn-libnice");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_we_read_theirs);
  tcase_add_test (tc, test_they_read_ours);
  return s;
}
GST_CHECK_MAIN (libnice)
