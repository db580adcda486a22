// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tls_properties.h"
#include "cam/net/security.h"
#include "gstcamprops.h"

namespace reach::cam {
namespace {
constexpr auto rw =
    static_cast<GParamFlags> (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);

static_assert (prop_tls == first_tls_property);

struct Text {
  guint id;
  std::string TlsSettings::*member;
  const char *name, *nick, *blurb;
};
const Text texts[] = {
    {prop_tls_certificate, &TlsSettings::certificate, "tls-certificate", "TLS certificate",
        "PEM file with this side's certificate and those that lead to its authority; a listener "
        "needs one or a passphrase"},
    {prop_tls_key, &TlsSettings::key, "tls-key", "TLS key",
        "PEM file with the key of tls-certificate, without a password (NULL = it is in the "
        "certificate's file)"},
    {prop_tls_ca_file, &TlsSettings::ca_file, "tls-ca-file", "TLS authorities",
        "PEM file with the certificates to trust. NULL: a caller trusts the system's, a listener "
        "asks for no certificates"},
    {prop_tls_fingerprint, &TlsSettings::fingerprints, "tls-fingerprint", "TLS fingerprint",
        "SHA-256 fingerprints, with commas between them: the peer's certificate must be one of "
        "these, and nothing else about it is checked (NULL = any that verifies)"},
    {prop_passphrase, &TlsSettings::passphrase, "passphrase", "Passphrase",
        "A secret of at least 10 characters that both sides know, instead of certificates; turns "
        "tls on (not over HTTP). Reads back as ***"},
};

const Text *text_of (guint id)
{
  for (const Text &t : texts)
    if (t.id == id)
      return &t;
  return nullptr;
}
} // namespace

void install_tls_properties (GObjectClass *k)
{
  g_object_class_install_property (k, prop_tls,
      g_param_spec_boolean ("tls", "TLS",
          "Encrypt every connection: TLS over TCP and HTTP, DTLS over UDP", FALSE, rw));
  g_object_class_install_property (k, prop_tls_verify,
      g_param_spec_boolean ("tls-verify", "TLS verify",
          "Refuse peers whose certificate does not verify or, calling, is not for host", TRUE, rw));
  for (const Text &t : texts)
    g_object_class_install_property (
        k, t.id, g_param_spec_string (t.name, t.nick, t.blurb, nullptr, rw));
}

bool set_tls_property (TlsSettings &s, guint id, const GValue *v)
{
  if (const Text *t = text_of (id)) {
    const char *text = g_value_get_string (v);
    s.*(t->member) = text ? text : "";
    return true;
  }
  if (id != prop_tls && id != prop_tls_verify)
    return false;
  (id == prop_tls ? s.on : s.verify) = g_value_get_boolean (v);
  return true;
}

bool get_tls_property (const TlsSettings &s, guint id, GValue *v)
{
  if (const Text *t = text_of (id)) {
    const std::string &text = s.*(t->member);
    const bool secret = id == prop_passphrase;
    g_value_set_string (v, text.empty () ? nullptr : secret ? "***" : text.c_str ());
    return true;
  }
  if (id != prop_tls && id != prop_tls_verify)
    return false;
  g_value_set_boolean (v, id == prop_tls ? s.on : s.verify);
  return true;
}

bool use_tls (gpointer element, Settings &s, bool token)
{
  if (token && s.mode == Mode::caller && !s.tls.wanted ())
    GST_ELEMENT_WARNING (element, RESOURCE, SETTINGS,
        ("The token is sent in clear: set tls=true, here and at the media server."), (nullptr));
  const std::string wrong = secure (s);
  if (!wrong.empty ())
    GST_ELEMENT_ERROR (
        element, RESOURCE, SETTINGS, ("TLS cannot be used: %s.", wrong.c_str ()), (nullptr));
  return wrong.empty ();
}
} // namespace reach::cam
