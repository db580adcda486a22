// SPDX-License-Identifier: LGPL-2.1-or-later
#include "../check.h"
#include "crypto.h"
#include "turn/proto/base64.h"
#include "turn/proto/builder.h"
#include "turn/proto/crc32.h"
#include "turn/proto/integrity.h"
#include "turn/proto/prepare.h"

using namespace reach;
using namespace reach::stun;
using namespace reach::test;

namespace {
const TransactionId id{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};

std::vector<std::uint8_t> message (const char *attributes, const char *type = "0101")
{
  auto body = hex (attributes);
  std::uint8_t head[header_size];
  Builder b (head, Method::binding, Class::success, id);
  std::vector<std::uint8_t> m (head, head + header_size);
  const auto t = hex (type);
  std::ranges::copy (t, m.begin ());
  store_be (m.data () + 2, static_cast<std::uint16_t> (body.size ()));
  m.insert (m.end (), body.begin (), body.end ());
  return m;
}
} // namespace

GST_START_TEST (test_malformed)
{
  struct Case {
    const char *name;
    const char *wire;
    Message::Fault fault;
  };
  using F = Message::Fault;
  static const Case cases[] = {
      {"nothing", "", F::truncated},
      {"three bytes", "000100", F::truncated},
      {"a header without its end", "000100002112a4420102030405060708090a0b", F::truncated},
      {"a header alone", "000100002112a4420102030405060708090a0b0c", F::none},
      {"no cookie", "000100002112a4430102030405060708090a0b0c", F::not_stun},
      {"first bit", "800100002112a4420102030405060708090a0b0c", F::not_stun},
      {"second bit", "400100002112a4420102030405060708090a0b0c", F::not_stun},
      {"length 2", "000100022112a4420102030405060708090a0b0c0000", F::bad_length},
      {"length beyond the end", "000100042112a4420102030405060708090a0b0c", F::truncated},
      {"bytes behind", "000100002112a4420102030405060708090a0b0c00000000", F::bad_length},
      {"attribute over the end", "000100042112a4420102030405060708090a0b0c80220004",
          F::bad_attribute},
      {"padding over the end", "000100082112a4420102030405060708090a0b0c8022000541424344",
          F::bad_attribute},
      {"empty attribute", "000100042112a4420102030405060708090a0b0c80220000", F::none},
      {"short fingerprint", "000100042112a4420102030405060708090a0b0c80280000", F::bad_fingerprint},
      {"wrong fingerprint", "000100082112a4420102030405060708090a0b0c8028000400000000",
          F::bad_fingerprint},
  };
  for (const Case &c : cases) {
    Message::Fault f;
    const auto wire = hex (c.wire);
    const bool good = Message::parse (wire, &f).has_value ();
    fail_unless (f == c.fault, "%s: fault %d", c.name, static_cast<int> (f));
    fail_unless (good == (f == F::none), "%s", c.name);
  }
  std::string many;
  for (unsigned i = 0; i <= Message::max_attributes; i++)
    many += "80220000";
  Message::Fault f;
  const auto wire = message (many.c_str ());
  fail_unless (!Message::parse (wire, &f) && f == Message::Fault::too_many);
}
GST_END_TEST

GST_START_TEST (test_types)
{
  for (const Class k : {Class::request, Class::indication, Class::success, Class::error})
    for (unsigned m = 0; m < 0x1000; m++) {
      std::uint8_t buffer[header_size];
      Builder b (buffer, static_cast<Method> (m), k, id);
      const auto v = Message::parse (b.message ());
      fail_unless (v && v->kind () == k && v->method () == static_cast<Method> (m), "%u", m);
    }
  std::uint8_t buffer[header_size];
  fail_unless_equals_string (
      to_hex (Builder (buffer, Method::allocate, Class::error, id).message ().first (2)).c_str (),
      "0113");
  fail_unless_equals_string (
      to_hex (Builder (buffer, Method::data, Class::indication, id).message ().first (2)).c_str (),
      "0017");
}
GST_END_TEST

// Values of the wrong size are as good as none.
GST_START_TEST (test_wrong_values)
{
  struct Case {
    const char *name, *attributes;
  };
  static const Case cases[] = {
      {"address of no family", "0020000800000001c0000201"},
      {"address of family 3", "0020000800030001c0000201"},
      {"IPv4 with 16 bytes", "00200014000100010102030405060708090a0b0c0d0e0f10"},
      {"IPv6 with 4 bytes", "0020000800020001c0000201"},
      {"address of 4 bytes", "0020000400010001"},
      {"empty address", "00200000"},
  };
  for (const Case &c : cases) {
    const auto wire = message (c.attributes);
    const auto m = Message::parse (wire);
    fail_unless (m.has_value (), "%s", c.name);
    fail_unless (!m->mapped (), "%s", c.name);
    fail_unless (m->has (Attr::xor_mapped_address), "%s", c.name);
  }
  for (const char *error : {"00090000", "000900030000030000", "0009000400000200",
           "0009000400000700", "0009000400000464", "00090004000004ff"}) {
    std::string padded = error;
    padded.resize ((padded.size () + 7) / 8 * 8, '0');
    const auto wire = message (padded.c_str ());
    const auto m = Message::parse (wire);
    fail_unless (m && !m->error (), "%s", error);
  }
  const auto wire = message ("000d000200000000"
                             "000d00040000000a");
  const auto m = Message::parse (wire);
  fail_unless (m && !m->u32 (Attr::lifetime)); // the first counts, though it is wrong
}
GST_END_TEST

// Padding is zero when we send, and anything when we receive.
GST_START_TEST (test_padding)
{
  for (std::size_t n = 0; n < 9; n++) {
    std::uint8_t buffer[64];
    std::ranges::fill (buffer, std::uint8_t{0xff});
    Builder b (buffer, Method::binding, Class::request, id);
    b.text (Attr::software, std::string_view ("abcdefgh").substr (0, n));
    b.flag (Attr::dont_fragment);
    const Bytes out = b.message ();
    fail_unless_equals_int (
        static_cast<int> (out.size ()), static_cast<int> (28 + (n + 3) / 4 * 4));
    for (std::size_t i = 24 + n; i < out.size () - 4; i++) {
      fail_unless (out[i] == 0);
      buffer[i] = 0x5a;
    }
    const auto m = Message::parse (out);
    fail_unless (m && m->text (Attr::software).size () == n && m->has (Attr::dont_fragment));
  }
}
GST_END_TEST

GST_START_TEST (test_builder_bounds)
{
  for (std::size_t room = 0; room < 120; room++) {
    std::vector<std::uint8_t> buffer (room);
    const Crypto c = turn_crypto ();
    Builder b (buffer, Method::allocate, Class::request, id);
    b.text (Attr::username, "somebody");
    b.xor_address (Attr::xor_peer_address, Address::v4 (1, 2, 3, 4, 5));
    b.integrity (c, Bytes{});
    b.integrity_sha256 (c, Bytes{});
    b.fingerprint ();
    fail_unless (b.failed () == (room < 112), "%zu", room); // 20 + 12 + 12 + 24 + 36 + 8
    fail_unless (b.message ().size () == (b.failed () ? 0 : 112));
  }
  std::vector<std::uint8_t> large (70000), value (65536);
  Builder b (large, Method::send, Class::indication, id);
  b.add (Attr::data, Bytes (value));
  fail_unless (b.failed ());
  Builder most (large, Method::send, Class::indication, id);
  most.data_header (65528);
  fail_unless (!most.failed () && load_be<std::uint16_t> (large.data () + 2) == 65532);
  Builder more (large, Method::send, Class::indication, id);
  more.data_header (65533);
  fail_unless (more.failed ());
  Builder none (large, Method::send, Class::indication, id);
  none.address (Attr::mapped_address, Address{});
  fail_unless (none.failed ());
}
GST_END_TEST

// RFC 8489, 14.5 to 14.7
GST_START_TEST (test_behind_integrity)
{
  const Crypto c = turn_crypto ();
  const Key key{1, 2, 3};
  std::uint8_t buffer[300];
  Builder b (buffer, Method::binding, Class::success, id);
  b.text (Attr::software, "real");
  b.integrity (c, key);
  b.text (Attr::realm, "added");
  b.integrity_sha256 (c, key);
  b.text (Attr::nonce, "added");
  b.integrity (c, Bytes{});
  b.fingerprint ();
  const auto m = Message::parse (b.message ());
  fail_unless (m.has_value ());
  fail_unless (m->text (Attr::software) == "real");
  fail_unless (!m->has (Attr::realm) && !m->has (Attr::nonce));
  fail_unless (check_sha1 (c, *m, key) == Integrity::right);
  fail_unless (check_sha256 (c, *m, key) == Integrity::right);
  fail_unless (m->has_fingerprint ());

  Builder after (buffer, Method::binding, Class::success, id);
  after.fingerprint ();
  after.text (Attr::software, "late");
  Message::Fault f;
  fail_unless (!Message::parse (after.message (), &f) && f != Message::Fault::none);

  // MESSAGE-INTEGRITY behind the longer one is one of the ignored.
  Builder order (buffer, Method::binding, Class::success, id);
  order.integrity_sha256 (c, key);
  order.integrity (c, key);
  const auto o = Message::parse (order.message ());
  fail_unless (o && check_sha1 (c, *o, key) == Integrity::absent);
  fail_unless (check_sha256 (c, *o, key) == Integrity::right);
}
GST_END_TEST

GST_START_TEST (test_truncated_sha256)
{
  const Crypto c = turn_crypto ();
  const Key key{9};
  for (std::size_t n = 0; n <= 40; n++) {
    std::uint8_t buffer[100];
    Builder b (buffer, Method::binding, Class::success, id);
    if (n <= 32) {
      b.integrity_sha256 (c, key, n);
    } else {
      const std::vector<std::uint8_t> longer (n);
      b.add (Attr::message_integrity_sha256, longer);
    }
    const auto m = Message::parse (b.message ());
    const bool good = n >= 16 && n <= 32 && n % 4 == 0;
    fail_unless (m.has_value ());
    fail_unless (
        check_sha256 (c, *m, key) == (good ? Integrity::right : Integrity::wrong), "%zu", n);
  }
}
GST_END_TEST

GST_START_TEST (test_duplicates_and_unknown)
{
  const auto wire = message ("80220004616161618022000462626262"
                             "7f01000400000000" // unknown, required
                             "ff01000400000000" // unknown, optional
                             "7f0100007f020000" // once more, and another
                             "001200080001211300000000"
                             "001200080001211000000000");
  const auto m = Message::parse (wire);
  fail_unless (m && m->text (Attr::software) == "aaaa");
  std::uint16_t unknown[4];
  fail_unless_equals_int (static_cast<int> (m->unknown_required (unknown)), 2);
  fail_unless (unknown[0] == 0x7f01 && unknown[1] == 0x7f02);
  fail_unless_equals_int (
      static_cast<int> (m->unknown_required (std::span (unknown).first (1))), 1);
  unsigned peers = 0;
  m->all (Attr::xor_peer_address, [&] (Bytes v) {
    peers++;
    fail_unless (m->xor_address (v)->port == peers);
  });
  fail_unless_equals_int (static_cast<int> (peers), 2);
}
GST_END_TEST

GST_START_TEST (test_every_attribute)
{
  std::uint8_t buffer[400];
  Builder b (buffer, Method::allocate, Class::error, id);
  const Address v4 = Address::v4 (10, 1, 2, 3, 65535);
  const Address v6 = Address::v6 ({0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}, 1);
  b.error (437, "Allocation Mismatch");
  b.address_error (Family::ipv6, 440, "no");
  b.icmp (3, 4, 1400);
  b.xor_address (Attr::xor_relayed_address, v4);
  b.xor_address (Attr::xor_peer_address, v6);
  b.address (Attr::alternate_server, v6);
  b.u16 (Attr::channel_number, 0x4fff);
  b.u8 (Attr::requested_transport, 17);
  b.u64 (Attr::reservation_token, 0x0102030405060708);
  b.unknown_attributes (std::array<std::uint16_t, 3>{1, 2, 0x7fff});
  const auto m = Message::parse (b.message ());
  fail_unless (m.has_value ());
  fail_unless (m->error ()->code == 437 && m->error ()->reason == "Allocation Mismatch");
  const auto e = m->address_error ();
  fail_unless (e && e->family == Family::ipv6 && e->error.code == 440 && e->error.reason == "no");
  const auto icmp = m->icmp ();
  fail_unless (icmp && icmp->type == 3 && icmp->code == 4 && icmp->data == 1400);
  fail_unless_equals_string (to_hex (*m->find (Attr::icmp)).c_str (), "0000060400000578");
  fail_unless (m->xor_address (Attr::xor_relayed_address) == v4);
  fail_unless (m->xor_address (Attr::xor_peer_address) == v6);
  fail_unless (m->address (Attr::alternate_server) == v6);
  fail_unless (m->u16 (Attr::channel_number) == 0x4fff);
  fail_unless (m->u8 (Attr::requested_transport) == 17);
  fail_unless_equals_string (to_hex (*m->find (Attr::unknown_attributes)).c_str (), "000100027fff");
}
GST_END_TEST

GST_START_TEST (test_checksums)
{
  fail_unless_equals_int64 (crc32 (as_bytes ("123456789")), 0xcbf43926);
  static const char *const texts[][2] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"},
      {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}};
  for (const auto &t : texts)
    fail_unless_equals_string (base64 (as_bytes (t[0])).c_str (), t[1]);
  fail_unless (base64_quantum ("AAAC") == 2u && base64_quantum ("gAAA") == 0x800000u);
  fail_unless (!base64_quantum ("AA==") && !base64_quantum ("AAA") && !base64_quantum ("AA-A"));
}
GST_END_TEST

// OpaqueString (RFC 8265, 4.2), with the examples of its section 4.2.3.
GST_START_TEST (test_prepare)
{
  const Crypto c = turn_crypto ();
  static const char *const good[][2] = {{"user", "user"}, {"USER", "USER"}, {"", ""},
      {"correct horse battery staple", "correct horse battery staple"},
      {"Correct Horse Battery Staple", "Correct Horse Battery Staple"},
      {"\u03C0\u00DF\u00E5", "\u03C0\u00DF\u00E5"}, {"Jack of \u2666s", "Jack of \u2666s"},
      {"foo\u1680bar", "foo bar"}, {"a\u00A0b\u3000c", "a b c"}, {"A\u030A", "\u00C5"},
      // what SASLprep changes
      {"\u00AA", "\u00AA"}, {"\u2168", "\u2168"}, {"\uFF21", "\uFF21"},
      {"\u30DE\u30C8\u30EA\u30C3\u30AF\u30B9", "\u30DE\u30C8\u30EA\u30C3\u30AF\u30B9"},
      // what depends on the neighbours
      {"l\u00B7l", "l\u00B7l"}, {"\u0375\u03B1", "\u0375\u03B1"}, {"\u05D0\u05F3", "\u05D0\u05F3"},
      {"\u30AB\u30FB", "\u30AB\u30FB"}, {"\u0660\u0661", "\u0660\u0661"},
      {"\u0915\u094D\u200D", "\u0915\u094D\u200D"}, {"\u0645\u200C\u06CC", "\u0645\u200C\u06CC"},
      {"\U0001F511", "\U0001F511"}, {"\uFFFD", "\uFFFD"}};
  for (const auto &t : good)
    fail_unless_equals_string (prepare (c, t[0]).value_or ("prohibited").c_str (), t[1]);
  std::string ascii;
  for (char x = 0x20; x < 0x7f; x++)
    ascii += x;
  fail_unless (prepare (c, ascii) == ascii);
  static const char *const bad[] = {"my cat is a \tby", "\x07", "a\x7f", "\u0085", "\u202E",
      "\uE000", "\xff", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82", "\U000E0041",
      "\uFFFE", "I\u00ADX", "\u200Bx", "x\uFE0F", "\u1100", "\u0378", "\u2028", "\u0640", "l\u00B7",
      "\u0375x", "x\u05F4", "a\u30FB", "\u0660\u06F1", "a\u200D", "a\u200C", "\uFEFFa"};
  for (const char *t : bad)
    fail_unless (!prepare (c, t), "%s", to_hex (as_bytes (t)).c_str ());
  Crypto plain = c;
  plain.unicode = {};
  fail_unless (prepare (plain, "A\u030A") == "A\u030A" && !prepare (plain, "\x07"));
}
GST_END_TEST

GST_START_TEST (test_addresses)
{
  struct Case {
    const char *ip, *text;
    Scope scope;
  };
  static const Case cases[] = {
      {"c0000201", "192.0.2.1", Scope::global},
      {"00000000", "0.0.0.0", Scope::unusable},
      {"7f000001", "127.0.0.1", Scope::loopback},
      {"a9fe0101", "169.254.1.1", Scope::link},
      {"0a000001", "10.0.0.1", Scope::site},
      {"ac1f0001", "172.31.0.1", Scope::site},
      {"ac200001", "172.32.0.1", Scope::global},
      {"c0a80001", "192.168.0.1", Scope::site},
      {"64400001", "100.64.0.1", Scope::site},
      {"e0000001", "224.0.0.1", Scope::unusable},
      {"ffffffff", "255.255.255.255", Scope::unusable},
      {"00000000000000000000000000000000", "::", Scope::unusable},
      {"00000000000000000000000000000001", "::1", Scope::loopback},
      {"00000000000000000000ffff7f000001", "::ffff:7f00:1", Scope::loopback},
      {"0064ff9b00000000000000000a000001", "64:ff9b::a00:1", Scope::site},
      {"fe800000000000000000000000000001", "fe80::1", Scope::link},
      {"fd000000000000000000000000000001", "fd00::1", Scope::site},
      {"ff020000000000000000000000000001", "ff02::1", Scope::unusable},
      {"20010db8000000010000000000000001", "2001:db8:0:1::1", Scope::global},
      {"20010db8000100000001000100010000", "2001:db8:1:0:1:1:1:0", Scope::global},
  };
  for (const Case &c : cases) {
    const auto ip = hex (c.ip);
    Address a;
    a.family = ip.size () == 4 ? Family::ipv4 : Family::ipv6;
    std::ranges::copy (ip, a.ip.begin ());
    fail_unless_equals_string (to_string (a).c_str (), c.text);
    fail_unless (scope_of (a) == c.scope, "%s: %d", c.text, static_cast<int> (scope_of (a)));
    a.port = 80;
    const std::string text = ip.size () == 4 ? c.text : "[" + std::string (c.text) + "]";
    fail_unless_equals_string (to_string (a).c_str (), (text + ":80").c_str ());
  }
}
GST_END_TEST

static Suite *codec_suite ()
{
  Suite *s = suite_create ("turn-codec");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_malformed);
  tcase_add_test (tc, test_types);
  tcase_add_test (tc, test_wrong_values);
  tcase_add_test (tc, test_padding);
  tcase_add_test (tc, test_builder_bounds);
  tcase_add_test (tc, test_behind_integrity);
  tcase_add_test (tc, test_truncated_sha256);
  tcase_add_test (tc, test_duplicates_and_unknown);
  tcase_add_test (tc, test_every_attribute);
  tcase_add_test (tc, test_checksums);
  tcase_add_test (tc, test_prepare);
  tcase_add_test (tc, test_addresses);
  return s;
}
GST_CHECK_MAIN (codec)
