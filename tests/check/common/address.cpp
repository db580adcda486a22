// SPDX-License-Identifier: LGPL-2.1-or-later
#include "common/address.h"
#include "../wait.h"
#include <netinet/in.h>
#include <unistd.h>

using namespace reach;
using namespace reach::test;

GST_START_TEST (test_parse)
{
  struct {
    const char *in, *host, *text;
    int family;
  } const good[] = {
      {"127.0.0.1", "127.0.0.1", "127.0.0.1:80", AF_INET},
      {"255.255.255.255", "255.255.255.255", "255.255.255.255:80", AF_INET},
      {"::1", "::1", "[::1]:80", AF_INET6},
      {"::", "::", "[::]:80", AF_INET6},
      {"2001:DB8:0:0:0:0:0:1", "2001:db8::1", "[2001:db8::1]:80", AF_INET6},
      // How a listener for both families sees an IPv4 peer.
      {"::ffff:192.0.2.7", "192.0.2.7", "192.0.2.7:80", AF_INET6},
  };
  for (const auto &g : good) {
    const auto a = Address::parse (g.in, 80);
    fail_unless (a.has_value (), "%s", g.in);
    fail_unless_equals_int (a->family (), g.family);
    const std::string host = a->host (), text = a->text ();
    fail_unless_equals_string (host.c_str (), g.host);
    fail_unless_equals_string (text.c_str (), g.text);
    fail_unless_equals_int (a->port (), 80);
  }
  for (const char *bad : {"", "localhost", "1.2.3", "1.2.3.4.5", "256.0.0.1", "127.0.0.1:80",
           "[::1]", ":::", "::1%", "0x7f.1", " 127.0.0.1"})
    fail_unless (!Address::parse (bad, 80), "%s", bad);
  fail_unless_equals_int (Address::parse ("::1", 65535)->port (), 65535);
}
GST_END_TEST

GST_START_TEST (test_local_of)
{
  fail_unless (Address::local_of (-1).length == 0);
  const int fd = socket (AF_INET, SOCK_STREAM, 0);
  const auto a = Address::parse ("127.0.0.1", 0);
  fail_unless (bind (fd, a->get (), a->length) == 0);
  fail_unless (Address::local_of (fd).port () != 0);
  fail_unless (Address::local_of (fd).host () == "127.0.0.1");
  close (fd);
}
GST_END_TEST

namespace {
struct Answer {
  bool came = false;
  std::vector<Address> found;
  std::string error;
};

Answer resolve (const std::string &host)
{
  Answer a;
  const Resolve r (nullptr, host, 8080, [&] (std::vector<Address> found, const std::string &error) {
    fail_unless (!a.came, "answered twice");
    a = {true, std::move (found), error};
  });
  fail_unless (!a.came, "answered from within the constructor");
  fail_unless (iterate_until ([&] { return a.came; }));
  return a;
}
} // namespace

GST_START_TEST (test_resolve)
{
  const Answer literal = resolve ("::1");
  fail_unless (literal.found.size () == 1 && literal.found[0].text () == "[::1]:8080");
  const Answer local = resolve ("localhost");
  fail_unless (local.error.empty () && !local.found.empty (), "%s", local.error.c_str ());
  for (const Address &a : local.found) {
    fail_unless (a.host () == "127.0.0.1" || a.host () == "::1", "%s", a.host ().c_str ());
    fail_unless_equals_int (a.port (), 8080);
  }
}
GST_END_TEST

GST_START_TEST (test_resolve_fails)
{
  // ".invalid" never exists (RFC 6761); the others are no names at all.
  for (const std::string &bad : {std::string ("no-such-host.invalid"), std::string (),
           std::string (300, 'a'), std::string ("a b"), std::string ("..")}) {
    const Answer a = resolve (bad);
    fail_unless (a.found.empty ());
    fail_unless (!a.error.empty (), "no reason for \"%s\"", bad.c_str ());
  }
}
GST_END_TEST

GST_START_TEST (test_cancel)
{
  for (const char *host : {"127.0.0.1", "localhost", "no-such-host.invalid"}) {
    auto held = std::make_shared<int> (0);
    const std::weak_ptr<int> watch = held;
    {
      const Resolve r (nullptr, host, 1, [held] (std::vector<Address>, const std::string &) {
        fail_unless (false, "called after it was destroyed");
      });
      held.reset ();
    }
    fail_unless (iterate_until ([&] { return watch.expired (); }), "%s: leaked", host);
  }
}
GST_END_TEST

static Suite *address_suite ()
{
  Suite *s = suite_create ("common-address");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_parse);
  tcase_add_test (tc, test_local_of);
  tcase_add_test (tc, test_resolve);
  tcase_add_test (tc, test_resolve_fails);
  tcase_add_test (tc, test_cancel);
  return s;
}
GST_CHECK_MAIN (address)
