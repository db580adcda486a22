// SPDX-License-Identifier: LGPL-2.1-or-later
// What is kept of passwords, against published results, in both ways it is computed.
#include "cam/server/password_hash.h"
#include "../check.h"
#include <cstring>

using namespace reach;
using namespace reach::cam;

namespace {
Bytes bytes_of (const char *text)
{
  return {reinterpret_cast<const std::uint8_t *> (text), std::strlen (text)};
}

std::string hex (const Digest &d)
{
  std::string s;
  for (const std::uint8_t b : d) {
    char two[3];
    g_snprintf (two, sizeof two, "%02x", b);
    s += two;
  }
  return s;
}

// RFC 7914, 11, and the widely used results for "password", "salt".
struct Known {
  const char *password, *salt;
  unsigned rounds;
  const char *result;
};
constexpr Known known[] = {
    {"passwd", "salt", 1, "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"},
    {"password", "salt", 1, "120fb6cffcf8b32c43e7225256c4f837a86548c92ccc35480805987cb70be17b"},
    {"password", "salt", 4096, "c5e478d59288c841aa530db6845c4c8d962893a001ce4e11a4963873aa98134a"}};
} // namespace

GST_START_TEST (test_known_results)
{
  for (const Known &k : known) {
    fail_unless (hex (hash_password (bytes_of (k.salt), k.password, k.rounds)) == k.result);
    fail_unless (
        hex (hash_password_with_glib (bytes_of (k.salt), k.password, k.rounds)) == k.result);
  }
}
GST_END_TEST

GST_START_TEST (test_random_differs)
{
  Digest a{}, b{};
  fill_random (a);
  fill_random (b);
  fail_unless (a != b && a != Digest{});
}
GST_END_TEST

static Suite *password_hash_suite ()
{
  Suite *s = suite_create ("password_hash");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_known_results);
  tcase_add_test (tc, test_random_differs);
  return s;
}

GST_CHECK_MAIN (password_hash)
