// SPDX-License-Identifier: LGPL-2.1-or-later
// Names of mDNS: the question on the wire, what counts as an answer, and a responder on loopback.
#include "common/udp_socket.h"
#include "peers.h"
#include "rtc/net/mdns.h"
#include <arpa/nameser.h>
#include <random>

using namespace reach;
using namespace reach::test;

namespace {
const char *const name = "0a1b2c3d-4e5f.local";

std::vector<std::uint8_t> wire_name (const std::string &text)
{
  std::vector<std::uint8_t> w (256);
  fail_unless (ns_name_pton (text.c_str (), w.data (), w.size ()) >= 0);
  std::size_t n = 0;
  while (w[n] != 0)
    n += w[n] + 1u;
  w.resize (n + 1);
  return w;
}

// One record; the question is repeated, so that the name can be a pointer to it.
std::vector<std::uint8_t> response (const std::string &of, std::uint16_t type,
    std::vector<std::uint8_t> data, bool pointer = false, std::uint16_t flags = 0x8400)
{
  ByteWriter w;
  for (const std::uint16_t v : {std::uint16_t{0}, flags, std::uint16_t{pointer}, std::uint16_t{1},
           std::uint16_t{0}, std::uint16_t{0}})
    w.u16 (v);
  const auto full = wire_name (of);
  if (pointer) {
    w.bytes (full);
    w.u16 (type);
    w.u16 (1);
    w.u16 (0xc00c);
  } else {
    w.bytes (full);
  }
  w.u16 (type);
  w.u16 (0x8001); // IN, caches have to forget others
  w.u32 (120);
  w.u16 (static_cast<std::uint16_t> (data.size ()));
  w.bytes (data);
  return w.take ();
}

// On loopback: answers the n-th question for `name`, and counts them.
class Responder : public UdpSocket::Owner {
public:
  Responder (Loop &loop, unsigned nth) : loop_ (loop), nth_ (nth)
  {
    loop.call ([this] {
      std::string error;
      const int fd = UdpSocket::bind ("0.0.0.0", 0, error);
      fail_unless (fd >= 0, "%s", error.c_str ());
      ip_mreqn m{};
      m.imr_multiaddr.s_addr = inet_addr ("224.0.0.251");
      m.imr_address.s_addr = inet_addr ("127.0.0.1");
      fail_unless (setsockopt (fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof m) == 0);
      port = Address::local_of (fd).port ();
      socket_ = std::make_unique<UdpSocket> (loop_, *this, fd);
    });
  }
  ~Responder () override
  {
    loop_.call ([this] { socket_.reset (); });
  }
  std::uint16_t port = 0;
  Watched<unsigned> asked;

private:
  void on_datagram (Bytes d, const Address &from) override
  {
    ns_msg m;
    ns_rr r;
    if (ns_initparse (d.data (), static_cast<int> (d.size ()), &m) != 0 ||
        ns_msg_getflag (m, ns_f_qr) || ns_parserr (&m, ns_s_qd, 0, &r) != 0 ||
        std::string (ns_rr_name (r)) != name)
      return;
    unsigned n = 0;
    asked.update ([&] (unsigned &all) { n = ++all; });
    if (n < nth_)
      return;
    for (const auto &a : {response ("another.local", ns_t_a, {192, 0, 2, 9}),
             response (name, ns_t_txt, {1, 'x'}), response (name, ns_t_a, {127, 0, 0, 1})}) {
      const iovec one{const_cast<std::uint8_t *> (a.data ()), a.size ()};
      const std::uint8_t pieces = 1;
      socket_->send (&from, {{&one, 1}, {&pieces, 1}, a.size ()});
    }
  }
  void on_datagrams_done (bool) override {}
  void on_writable () override {}
  void on_error (int) override {}

  Loop &loop_;
  const unsigned nth_;
  std::unique_ptr<UdpSocket> socket_;
};
} // namespace

GST_START_TEST (test_question)
{
  const auto q = mdns_question ("ab.local");
  const std::uint8_t expected[] = {0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, // two questions
      2, 'a', 'b', 5, 'l', 'o', 'c', 'a', 'l', 0, 0, 1, 0, 1,          // A
      2, 'a', 'b', 5, 'l', 'o', 'c', 'a', 'l', 0, 0, 28, 0, 1};        // AAAA
  fail_unless (std::ranges::equal (q, expected));
  fail_unless (mdns_question (std::string (64, 'a') + ".local").empty ());
  fail_unless (mdns_question (std::string (300, 'a')).empty ());
}
GST_END_TEST

GST_START_TEST (test_answers)
{
  for (const bool pointer : {false, true}) {
    const auto a = mdns_answers (response (name, ns_t_a, {192, 0, 2, 7}, pointer));
    fail_unless_equals_int (a.size (), 1);
    fail_unless_equals_string (a[0].name.c_str (), name);
    fail_unless_equals_string (a[0].address.c_str (), "192.0.2.7");
  }
  std::vector<std::uint8_t> six (16, 0);
  six[0] = 0x20;
  six[15] = 1;
  fail_unless_equals_string (
      mdns_answers (response (name, ns_t_aaaa, six))[0].address.c_str (), "2000::1");
  six[0] = 0xfe;
  six[1] = 0x80;
  fail_unless (mdns_answers (response (name, ns_t_aaaa, six)).empty ());
  fail_unless (mdns_answers (response (name, ns_t_a, {1, 2, 3})).empty ());
  fail_unless (mdns_answers (response (name, ns_t_a, {1, 2, 3, 4}, false, 0)).empty ()); // a query
  fail_unless (mdns_answers ({}).empty ());
}
GST_END_TEST

// Whatever comes: no more answers than allowed, and none without a name or an address.
GST_START_TEST (test_any_bytes)
{
  std::mt19937 random (7);
  const auto good = response (name, ns_t_a, {192, 0, 2, 7}, true);
  for (int i = 0; i < 100000; i++) {
    auto bytes = good;
    for (unsigned n = random () % 6; n > 0; n--)
      bytes[random () % bytes.size ()] = static_cast<std::uint8_t> (random ());
    bytes.resize (random () % (bytes.size () + 1));
    const auto all = mdns_answers (bytes);
    fail_unless (all.size () <= 64);
    for (const MdnsAnswer &a : all)
      fail_unless (Address::parse (a.address, 1).has_value ());
  }
}
GST_END_TEST

// It is asked again when an answer was lost; a name that nobody has ends some time.
GST_START_TEST (test_responder)
{
  Loop loop ("mdns");
  Responder responder (loop, 2);
  std::unique_ptr<Mdns> mdns;
  Watched<std::vector<std::string>> found;
  const auto tell = [&found] (const char *what) {
    return [&found, what] (std::optional<Address> a) {
      found.update (
          [&] (auto &f) { f.push_back (what + (a ? a->text () : std::string ("none"))); });
    };
  };
  loop.call ([&] {
    mdns = std::make_unique<Mdns> (
        loop, Mdns::Settings{.addresses = {"127.0.0.1"}, .port = responder.port});
    mdns->resolve (name, 4000, tell ("first "));
    mdns->resolve (std::string (64, 'x') + ".local", 4000, tell ("no name "));
    mdns->resolve ("nobody.local", 4000, tell ("nobody "));
  });
  fail_unless (found.wait ([] (const auto &f) { return f.size () == 3; }));
  const std::vector<std::string> expected = {"no name none", "first 127.0.0.1:4000", "nobody none"};
  fail_unless (found.get () == expected);
  fail_unless_equals_int (responder.asked.get (), 2);
  // It works again after it has been idle, and its end is the end of what it does.
  loop.call ([&] { mdns->resolve (name, 5, tell ("again ")); });
  fail_unless (found.wait ([] (const auto &f) { return f.size () == 4; }));
  fail_unless_equals_string (found.get ()[3].c_str (), "again 127.0.0.1:5");
  loop.call ([&] {
    mdns->resolve (name, 6, tell ("late "));
    mdns.reset ();
  });
  loop.call ([] {});
  fail_unless_equals_int (found.get ().size (), 4);
}
GST_END_TEST

static Suite *net_mdns_suite (void)
{
  Suite *s = suite_create ("rtc-net_mdns");
  TCase *t = tcase_create ("core");
  tcase_set_timeout (t, 60);
  suite_add_tcase (s, t);
  tcase_add_test (t, test_question);
  tcase_add_test (t, test_answers);
  tcase_add_test (t, test_any_bytes);
  tcase_add_test (t, test_responder);
  return s;
}
GST_CHECK_MAIN (net_mdns)
