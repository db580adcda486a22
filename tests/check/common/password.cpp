// SPDX-License-Identifier: LGPL-2.1-or-later
#include "common/password.h"
#include "../check.h"
#include "common/password_key.h"

using namespace reach;

// RFC 7914 section 11 has the second one; the first is a well-known one of the same function.
GST_START_TEST (test_pbkdf2_vectors)
{
  const std::uint8_t one_round[] = {0x55, 0xac, 0x04, 0x6e, 0x56, 0xe3, 0x08, 0x9f, 0xec, 0x16,
      0x91, 0xc2, 0x25, 0x44, 0xb6, 0x05, 0xf9, 0x41, 0x85, 0x21, 0x6d, 0xde, 0x04, 0x65, 0xe6,
      0x8b, 0x9d, 0x57, 0xc2, 0x0d, 0xac, 0xbc};
  PasswordKey key;
  pbkdf2 ("passwd", as_bytes ("salt"), 1, key);
  fail_unless (std::equal (key.begin (), key.end (), one_round));
  const std::uint8_t many[] = {0x4d, 0xdc, 0xd8, 0xf6, 0x0b, 0x98, 0xbe, 0x21, 0x83, 0x0c, 0xee,
      0x5e, 0xf2, 0x27, 0x01, 0xf9, 0x64, 0x1a, 0x44, 0x18, 0xd0, 0x4c, 0x04, 0x14, 0xae, 0xff,
      0x08, 0x87, 0x6b, 0x34, 0xab, 0x56};
  pbkdf2 ("Password", as_bytes ("NaCl"), 80000, key);
  fail_unless (std::equal (key.begin (), key.end (), many));
}
GST_END_TEST

GST_START_TEST (test_check)
{
  const std::string one = hash_password ("open sesame"), two = hash_password ("open sesame");
  fail_unless (one != two && is_password_hash (one), "%s", one.c_str ());
  fail_unless (one.starts_with (has_scrypt () ? "scrypt:" : "pbkdf2:"));
  fail_unless (check_password ("open sesame", one) && check_password ("open sesame", two));
  fail_unless (!check_password ("open sesam", one) && !check_password ("", one));
  std::string changed = one;
  changed.back () = changed.back () == '0' ? '1' : '0';
  fail_unless (!check_password ("open sesame", changed));
  for (const char *bad : {"", "scrypt", "scrypt:00:11", "pbkdf2::", ":", "plain:aa:bb"})
    fail_unless (!is_password_hash (bad) && !check_password ("", bad), "%s", bad);
  const std::string salt (32, '0'), known = "pbkdf2:" + salt + ":" + std::string (64, '0');
  fail_unless (is_password_hash (known) && !check_password ("x", known));
}
GST_END_TEST

static Suite *password_suite ()
{
  Suite *s = suite_create ("password");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_pbkdf2_vectors);
  tcase_add_test (tc, test_check);
  return s;
}

GST_CHECK_MAIN (password)
