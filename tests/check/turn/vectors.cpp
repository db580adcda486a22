// SPDX-License-Identifier: LGPL-2.1-or-later
// The vectors of RFC 5769 and RFC 8489, B.1 (with its erratum: PASSWORD-ALGORITHM is in it), read
// and written byte by byte.
#include "../check.h"
#include "crypto.h"
#include "turn/proto/builder.h"
#include "turn/proto/integrity.h"
#include "turn/proto/prepare.h"

using namespace reach;
using namespace reach::stun;
using namespace reach::test;

namespace {
const char *const request_text =
    "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e740024000"
    "46e0001ff80290008932ff9b151263b36000600096576746a3a68367659202020000800149aeaa70cbfd8cb56781e"
    "f2b5b2d3f249c1b571a280280004e57a3bcf";
const char *const response4_text =
    "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147"
    "e112a643000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96";
const char *const response6_text =
    "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000140002a147"
    "0113a9faa5d3f179bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004"
    "c8fb0b4c";
const char *const long_term_text =
    "000100602112a44278ad3433c6ad72c029da412e00060012e3839ee38388e383aae38383e382afe382b90000"
    "0015001c662f2f3439396b39353464364f4c33346f4c394653547679363473410014000b6578616d706c652e"
    "6f726700"
    "00080014f67024656dd64a3e02b8e0712e85c9a28ca89666";
const char *const sha256_text =
    "000100902112a44278ad3433c6ad72c029da412e001e00204a3cf38fef6992bda952c6780417da0f24819415"
    "569e60b205c46e41407f170400150029"
    "6f624d61744a6f7332414141436"
    "62f2f3439396b39353464364f4c33346f4c39465354767936347341000000"
    "0014000b6578616d706c652e6f726700001d000400020000001c0020b5c7bf005b6c52a21c51c5e892f81924"
    "136296cb927c43149309278cc6518e65";

const char *const user = "\u30DE\u30C8\u30EA\u30C3\u30AF\u30B9";
const char *const realm = "example.org";
const TransactionId short_id{
    0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae};
const TransactionId long_id{0x78, 0xad, 0x34, 0x33, 0xc6, 0xad, 0x72, 0xc0, 0x29, 0xda, 0x41, 0x2e};
const std::array<std::uint8_t, 16> ip6{
    0x20, 0x01, 0x0d, 0xb8, 0x12, 0x34, 0x56, 0x78, 0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77};

Key short_key ()
{
  return short_term_key ("VOkJxbRl1RmTxUk/WvJxBt");
}

// As it is hashed. That is SASLprep's form of what both RFCs have in front of it, with a soft
// hyphen; OpaqueString (RFC 8265) refuses that, and would keep the rest.
std::string password (const Crypto &c)
{
  return prepare (c, "TheMatrIX").value_or ("prohibited");
}

// The vectors pad with spaces, which readers ignore and writers of ours never do.
void pad_with_spaces (Builder &b, std::span<std::uint8_t> buffer, std::size_t n)
{
  const std::size_t end = b.message ().size ();
  std::fill_n (buffer.begin () + static_cast<std::ptrdiff_t> (end - n), n, std::uint8_t{' '});
}
} // namespace

GST_START_TEST (test_request)
{
  const auto wire = hex (request_text);
  const auto m = Message::parse (wire);
  fail_unless (m && m->kind () == Class::request && m->method () == Method::binding);
  fail_unless (m->transaction () == short_id && m->has_fingerprint ());
  fail_unless (m->text (Attr::software) == "STUN test client");
  fail_unless (m->text (Attr::username) == "evtj:h6vY");
  fail_unless (m->u32 (Attr::priority) == 0x6e0001ffu);
  fail_unless (m->find (Attr::ice_controlled)->size () == 8);
  const Crypto c = turn_crypto ();
  fail_unless (check_sha1 (c, *m, short_key ()) == Integrity::right);
  fail_unless (check_sha1 (c, *m, short_term_key ("VOkJxbRl1RmTxUk/WvJxBT")) == Integrity::wrong);
  fail_unless (check_sha256 (c, *m, short_key ()) == Integrity::absent);

  std::uint8_t buffer[200];
  Builder b (buffer, Method::binding, Class::request, short_id);
  b.text (Attr::software, "STUN test client");
  b.u32 (Attr::priority, 0x6e0001ff);
  b.u64 (Attr::ice_controlled, 0x932ff9b151263b36);
  b.text (Attr::username, "evtj:h6vY");
  pad_with_spaces (b, buffer, 3);
  b.integrity (c, short_key ());
  b.fingerprint ();
  fail_unless_equals_string (to_hex (b.message ()).c_str (), to_hex (wire).c_str ());
}
GST_END_TEST

static void check_response (const char *text, const Address &expected)
{
  const auto wire = hex (text);
  const Crypto c = turn_crypto ();
  const auto m = Message::parse (wire);
  fail_unless (m && m->kind () == Class::success && m->method () == Method::binding);
  fail_unless (m->xor_address (Attr::xor_mapped_address) == expected);
  fail_unless (m->mapped () == expected);
  fail_unless (m->text (Attr::software) == "test vector");
  fail_unless (check_sha1 (c, *m, short_key ()) == Integrity::right);
  std::uint8_t buffer[200];
  Builder b (buffer, Method::binding, Class::success, short_id);
  b.text (Attr::software, "test vector");
  pad_with_spaces (b, buffer, 1);
  b.xor_address (Attr::xor_mapped_address, expected);
  b.integrity (c, short_key ());
  b.fingerprint ();
  fail_unless_equals_string (to_hex (b.message ()).c_str (), to_hex (wire).c_str ());
}

GST_START_TEST (test_responses)
{
  check_response (response4_text, Address::v4 (192, 0, 2, 1, 32853));
  check_response (response6_text, Address::v6 (ip6, 32853));
}
GST_END_TEST

GST_START_TEST (test_long_term)
{
  const auto wire = hex (long_term_text);
  const Crypto c = turn_crypto ();
  const auto m = Message::parse (wire);
  fail_unless (m && !m->has_fingerprint ());
  fail_unless (m->text (Attr::username) == user);
  fail_unless (m->text (Attr::realm) == realm);
  fail_unless (m->text (Attr::nonce) == "f//499k954d6OL34oL9FSTvy64sA");
  const Key key = long_term_key (c, PasswordAlgorithm::md5, user, realm, password (c));
  fail_unless (check_sha1 (c, *m, key) == Integrity::right);
  std::uint8_t buffer[200];
  Builder b (buffer, Method::binding, Class::request, long_id);
  b.text (Attr::username, user);
  b.text (Attr::nonce, "f//499k954d6OL34oL9FSTvy64sA");
  b.text (Attr::realm, realm);
  b.integrity (c, key);
  fail_unless_equals_string (to_hex (b.message ()).c_str (), to_hex (wire).c_str ());
}
GST_END_TEST

GST_START_TEST (test_sha256)
{
  const auto wire = hex (sha256_text);
  const Crypto c = turn_crypto ();
  fail_unless_equals_string (password (c).c_str (), "TheMatrIX");
  const auto m = Message::parse (wire);
  fail_unless (m);
  const auto hash = userhash_of (c, user, realm);
  fail_unless (same (*m->find (Attr::userhash), hash));
  fail_unless (m->text (Attr::nonce) == "obMatJos2AAACf//499k954d6OL34oL9FSTvy64sA");
  const Key key = long_term_key (c, PasswordAlgorithm::sha256, user, realm, password (c));
  fail_unless (check_sha256 (c, *m, key) == Integrity::right);
  fail_unless (check_sha1 (c, *m, key) == Integrity::absent);
  std::uint8_t buffer[200];
  Builder b (buffer, Method::binding, Class::request, long_id);
  b.add (Attr::userhash, hash);
  b.text (Attr::nonce, "obMatJos2AAACf//499k954d6OL34oL9FSTvy64sA");
  b.text (Attr::realm, realm);
  b.u16 (Attr::password_algorithm, 2);
  b.integrity_sha256 (c, key);
  fail_unless_equals_string (to_hex (b.message ()).c_str (), to_hex (wire).c_str ());
}
GST_END_TEST

// One bit anywhere in what is protected makes it wrong, or no message at all.
GST_START_TEST (test_every_bit_counts)
{
  const Crypto c = turn_crypto ();
  const auto wire = hex (response6_text);
  for (std::size_t i = 0; i < (wire.size () - 8) * 8; i++) { // in front of FINGERPRINT
    auto bad = wire;
    bad[i / 8] = static_cast<std::uint8_t> (bad[i / 8] ^ 1u << (i % 8));
    const auto m = Message::parse (bad);
    fail_unless (!m || check_sha1 (c, *m, short_key ()) != Integrity::right, "bit %zu", i);
  }
}
GST_END_TEST

static Suite *vectors_suite ()
{
  Suite *s = suite_create ("turn-vectors");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_request);
  tcase_add_test (tc, test_responses);
  tcase_add_test (tc, test_long_term);
  tcase_add_test (tc, test_sha256);
  tcase_add_test (tc, test_every_bit_counts);
  return s;
}
GST_CHECK_MAIN (vectors)
