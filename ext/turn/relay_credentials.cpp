// SPDX-License-Identifier: LGPL-2.1-or-later
// The signal need-credentials: asked on the element's own thread, as an answer may take its time.
#include "relay.h"
#include "relay_report.h"

namespace reach::turn {
namespace {
std::string field (const GstStructure *s, const char *name)
{
  const char *text = gst_structure_get_string (s, name);
  return text ? text : "";
}

// The words of a structure are those of the properties.
std::optional<Credentials> credentials_of (const GstStructure *answer, const RelaySettings &base)
{
  RelaySettings s = base;
  s.auth_secret.clear ();
  s.username = field (answer, "username");
  s.password = field (answer, "password");
  s.access_token = field (answer, "access-token");
  s.mac_key = field (answer, "mac-key");
  if (s.auth != AuthMode::short_term)
    s.auth = AuthMode::automatic;
  std::string error;
  auto c = credentials_of (s, error);
  if (!c || c->kind == Credentials::Kind::none) {
    GST_WARNING ("need-credentials: %s", error.empty () ? "no username" : error.c_str ());
    return {};
  }
  return c;
}
} // namespace

bool Relay::on_credentials_wanted (const Session::CredentialsWanted &w)
{
  const guint id = signal_id (element_, sig_need_credentials);
  if (!g_signal_has_handler_pending (element_, id, 0, FALSE))
    return false;
  const auto valid = [] (const std::string &s) {
    return g_utf8_validate (s.c_str (), static_cast<gssize> (s.size ()), nullptr) ? s.c_str () : "";
  };
  const std::shared_ptr<GstStructure> question (
      gst_structure_new ("turn-need-credentials", "why", G_TYPE_STRING, why_name (w.why), "realm",
          G_TYPE_STRING, valid (w.realm), "authorization-server", G_TYPE_STRING,
          valid (w.authorization_server), nullptr),
      gst_structure_free);
  return try_post ([this, id, question] {
    GstStructure *given = nullptr;
    g_signal_emit (element_, id, 0, question.get (), &given);
    const StructurePtr answer (given);
    const auto s = session ();
    if (!s)
      return;
    guint lifetime = 0;
    if (answer)
      gst_structure_get_uint (answer.get (), "lifetime", &lifetime);
    s->answer_credentials (
        answer ? credentials_of (answer.get (), *settings.lock ()) : std::nullopt,
        seconds (lifetime));
  });
}
} // namespace reach::turn
