// SPDX-License-Identifier: LGPL-2.1-or-later
#include "soup.h"

namespace reach::rtc {
namespace {
gboolean any_certificate (SoupMessage *, GTlsCertificate *, GTlsCertificateFlags, gpointer)
{
  return TRUE;
}
} // namespace

Ref<SoupSession> make_session (const Signaller::Config &config)
{
  auto session = Ref<SoupSession>::adopt (
      soup_session_new_with_options ("timeout", 15u, "user-agent", "gst-plugins-reach", nullptr));
  if (!config.tls_ca_file.empty ()) {
    const CharPtr path (g_canonicalize_filename (config.tls_ca_file.c_str (), nullptr));
    GTlsDatabase *database = g_tls_file_database_new (path.get (), nullptr);
    soup_session_set_tls_database (session.get (), database); // none: nobody is trusted
    g_clear_object (&database);
  }
  return session;
}

Ref<SoupMessage> make_message (
    const char *method, const std::string &uri, const Signaller::Config &config)
{
  auto m = Ref<SoupMessage>::adopt (soup_message_new (method, uri.c_str ()));
  if (!m)
    return m;
  if (!config.tls_verify)
    g_signal_connect (m.get (), "accept-certificate", G_CALLBACK (any_certificate), nullptr);
  if (!config.token.empty ())
    soup_message_headers_append (soup_message_get_request_headers (m.get ()), "Authorization",
        ("Bearer " + config.token).c_str ());
  return m;
}
} // namespace reach::rtc
