// SPDX-License-Identifier: LGPL-2.1-or-later
// Certificates and their fingerprints.
#include "rtc/net/certificate.h"
#include "tls_files.h"

using namespace reach;
using namespace reach::rtc;

namespace {
std::shared_ptr<const Certificate> make (Certificate::Key key = Certificate::Key::ecdsa_p256)
{
  std::string error;
  auto c = Certificate::make (key, error);
  fail_unless (c != nullptr, "%s", error.c_str ());
  return c;
}
std::string lower (std::string s)
{
  for (char &c : s)
    c = g_ascii_tolower (c);
  return s;
}
} // namespace

GST_START_TEST (test_made)
{
  const auto ec = make (), other = make (), rsa = make (Certificate::Key::rsa_2048);
  fail_unless_equals_int (EVP_PKEY_get_id (ec->key ()), EVP_PKEY_EC);
  fail_unless_equals_int (EVP_PKEY_get_bits (rsa->key ()), 2048);
  fail_unless (X509_verify (ec->x509 (), ec->key ()) == 1);
  fail_unless (X509_cmp_current_time (X509_get0_notBefore (ec->x509 ())) < 0);
  fail_unless (X509_cmp_current_time (X509_get0_notAfter (ec->x509 ())) > 0);
  fail_unless (ec->fingerprint ().value != other->fingerprint ().value);
  fail_unless (ec->pem ().starts_with ("-----BEGIN CERTIFICATE-----"));
  const std::pair<const char *, std::size_t> sizes[] = {
      {"sha-1", 20}, {"sha-224", 28}, {"sha-256", 32}, {"SHA-384", 48}, {"sha-512", 64}};
  for (const auto &[name, size] : sizes)
    fail_unless_equals_int (ec->fingerprint (name).value.size (), size * 3 - 1);
  fail_unless (ec->fingerprint ("md5").value.empty ());
}
GST_END_TEST

GST_START_TEST (test_files)
{
  test::TlsFiles files;
  const auto id = files.issue ("peer"), stranger = files.issue ("stranger");
  std::string error;
  const auto c = Certificate::load (id.certificate, id.key, error);
  fail_unless (c != nullptr, "%s", error.c_str ());
  fail_unless_equals_string (c->fingerprint ().value.c_str (), id.fingerprint.c_str ());
  fail_unless (!Certificate::load (id.certificate, stranger.key, error) && !error.empty ());
  fail_unless (!Certificate::load (id.certificate, {}, error) && !error.empty ());
  fail_unless (!Certificate::load ("/nowhere", id.key, error) && !error.empty ());
}
GST_END_TEST

GST_START_TEST (test_comparison)
{
  const auto own = make (), other = make ();
  const X509 *x = own->x509 ();
  using F = FingerprintFault;
  const auto check = [&] (std::vector<Fingerprint> announced, F expected) {
    const F got = check_fingerprint (announced, x);
    fail_unless (got == expected, "%s", to_text (got));
  };
  const Fingerprint sha256 = own->fingerprint (), sha512 = own->fingerprint ("sha-512"),
                    sha1 = own->fingerprint ("sha-1"), wrong = other->fingerprint (),
                    wrong512 = other->fingerprint ("sha-512");
  check ({sha256}, F::none);
  check ({{"SHA-256", lower (sha256.value)}}, F::none);
  check ({wrong, sha256}, F::none); // several certificates of one hash
  check ({wrong}, F::mismatch);
  check ({}, F::missing);
  check ({sha1}, F::weak);
  check ({{"md5", "00:11"}, {"sha-3", "22"}}, F::weak);
  check ({sha1, wrong}, F::mismatch); // the strongest decides
  check ({sha256, wrong512}, F::mismatch);
  check ({wrong, sha512}, F::none);
  check ({{"sha-256", sha256.value.substr (3)}}, F::malformed);
  check ({{"sha-256", ""}}, F::malformed);
  check ({{"sha-256", sha256.value + ":00"}}, F::malformed);
  fail_unless (check_fingerprint ({sha256}, nullptr) == F::mismatch);
}
GST_END_TEST

// A name that is far longer than any buffer (CVE-2026-59692 of another implementation).
GST_START_TEST (test_long_subject)
{
  const auto own = make ();
  X509 *x = X509_dup (own->x509 ());
  const std::string name (60000, 'x');
  for (int i = 0; i < 4; i++)
    X509_NAME_add_entry_by_txt (X509_get_subject_name (x), "O", MBSTRING_ASC,
        reinterpret_cast<const unsigned char *> (name.data ()), -1, -1, 0);
  fail_unless (X509_sign (x, own->key (), EVP_sha256 ()) > 0);
  fail_unless (check_fingerprint ({own->fingerprint ()}, x) == FingerprintFault::mismatch);
  X509_free (x);
}
GST_END_TEST

static Suite *net_certificate_suite (void)
{
  Suite *s = suite_create ("rtc-net_certificate");
  TCase *t = tcase_create ("core");
  suite_add_tcase (s, t);
  tcase_add_test (t, test_made);
  tcase_add_test (t, test_files);
  tcase_add_test (t, test_comparison);
  tcase_add_test (t, test_long_subject);
  return s;
}
GST_CHECK_MAIN (net_certificate)
