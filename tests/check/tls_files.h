// SPDX-License-Identifier: LGPL-2.1-or-later
// Certificates and keys for tests, made anew for each in a folder of its own.
#pragma once
#include "check.h"
#include "common/tls.h"
#include <cstdio>
#include <glib/gstdio.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <string>

namespace reach::test {
class TlsFiles {
public:
  struct Identity {
    std::string certificate, key, fingerprint;
  };

  TlsFiles ()
  {
    gchar *d = g_dir_make_tmp ("reach-tls-XXXXXX", nullptr);
    fail_unless (d != nullptr);
    folder_ = d;
    g_free (d);
    ca_ = make ("ca", nullptr, 3600, true);
  }
  ~TlsFiles ()
  {
    for (const std::string &f : files_)
      g_unlink (f.c_str ());
    g_rmdir (folder_.c_str ());
    free_issuer ();
  }
  TlsFiles (const TlsFiles &) = delete;
  TlsFiles &operator= (const TlsFiles &) = delete;

  const std::string &ca () const { return ca_.certificate; }
  // Signed by ca (); for `name` as common name and `names` ("DNS:…,IP:…") as alternative names.
  Identity issue (
      const char *name, const char *names = "DNS:localhost,IP:127.0.0.1", long seconds_left = 3600)
  {
    return make (name, names, seconds_left, false);
  }
  std::string file (const char *name, const std::string &content)
  {
    const std::string path = folder_ + "/" + name;
    fail_unless (g_file_set_contents (
        path.c_str (), content.data (), static_cast<gssize> (content.size ()), nullptr));
    files_.push_back (path);
    return path;
  }

private:
  Identity make (const std::string &name, const char *names, long seconds_left, bool authority)
  {
    EVP_PKEY *key = EVP_EC_gen ("P-256");
    X509 *x = X509_new ();
    X509_set_version (x, 2);
    ASN1_INTEGER_set (X509_get_serialNumber (x), ++serial_);
    X509_gmtime_adj (X509_getm_notBefore (x), -7200);
    X509_gmtime_adj (X509_getm_notAfter (x), seconds_left);
    X509_set_pubkey (x, key);
    X509_NAME_add_entry_by_txt (X509_get_subject_name (x), "CN", MBSTRING_ASC,
        reinterpret_cast<const unsigned char *> (name.c_str ()), -1, -1, 0);
    X509_set_issuer_name (x, X509_get_subject_name (authority ? x : issuer_));
    extend (x, NID_basic_constraints, authority ? "critical,CA:TRUE" : "CA:FALSE");
    if (names)
      extend (x, NID_subject_alt_name, names);
    fail_unless (X509_sign (x, authority ? key : issuer_key_, EVP_sha256 ()) > 0);
    const Identity id = write (name, x, key);
    if (authority) {
      issuer_ = x;
      issuer_key_ = key;
    } else {
      X509_free (x);
      EVP_PKEY_free (key);
    }
    return id;
  }
  static void extend (X509 *x, int nid, const char *value)
  {
    X509V3_CTX context;
    X509V3_set_ctx (&context, x, x, nullptr, nullptr, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid (nullptr, &context, nid, value);
    fail_unless (e != nullptr, "%s", value);
    X509_add_ext (x, e, -1);
    X509_EXTENSION_free (e);
  }
  Identity write (const std::string &name, X509 *x, EVP_PKEY *key)
  {
    const std::string base = folder_ + "/" + name + std::to_string (serial_);
    Identity id{base + ".crt", base + ".key", {}};
    FILE *f = fopen (id.certificate.c_str (), "w");
    PEM_write_X509 (f, x);
    fclose (f);
    f = fopen (id.key.c_str (), "w");
    PEM_write_PrivateKey (f, key, nullptr, nullptr, 0, nullptr, nullptr);
    fclose (f);
    files_.insert (files_.end (), {id.certificate, id.key});
    unsigned char digest[32];
    unsigned n = 0;
    X509_digest (x, EVP_sha256 (), digest, &n);
    char text[3];
    for (unsigned i = 0; i < n; i++) {
      g_snprintf (text, sizeof text, "%02X", digest[i]);
      id.fingerprint += (i > 0 ? ":" : "") + std::string (text);
    }
    return id;
  }
  void free_issuer ()
  {
    X509_free (issuer_);
    EVP_PKEY_free (issuer_key_);
  }

  std::string folder_;
  std::vector<std::string> files_;
  Identity ca_;
  X509 *issuer_ = nullptr;
  EVP_PKEY *issuer_key_ = nullptr;
  long serial_ = 0;
};

constexpr const char *passphrase = "correct horse battery";
} // namespace reach::test
