// SPDX-License-Identifier: LGPL-2.1-or-later
#include "server_properties.h"

namespace reach::rtmp {
namespace {
enum Prop : guint {
  prop_bind_address = 1,
  prop_port,
  prop_current_port,
  prop_application,
  prop_tls,
  prop_tls_certificate,
  prop_tls_key,
  prop_max_connections,
  prop_max_per_address,
  prop_idle_timeout,
  prop_chunk_size,
  prop_user_file,
  prop_token_file,
  prop_username,
  prop_password,
};
static_assert (prop_password < first_own_property);

constexpr auto rw =
    static_cast<GParamFlags> (G_PARAM_READWRITE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY);
constexpr auto ro = static_cast<GParamFlags> (G_PARAM_READABLE | G_PARAM_STATIC_STRINGS);

std::string *text_of (ListenSettings &s, guint id)
{
  switch (id) {
  case prop_bind_address:
    return &s.server.bind_address;
  case prop_application:
    return &s.application;
  case prop_tls_certificate:
    return &s.server.tls_certificate;
  case prop_tls_key:
    return &s.server.tls_key;
  case prop_user_file:
    return &s.guard.user_file;
  case prop_token_file:
    return &s.guard.token_file;
  case prop_username:
    return &s.guard.username;
  case prop_password:
    return &s.guard.password;
  default:
    return nullptr;
  }
}

void install_texts (GObjectClass *k)
{
  g_object_class_install_property (k, prop_bind_address,
      g_param_spec_string ("bind-address", "Bind address",
          "Address of this machine to listen on; \"::\" is IPv6 and IPv4", "0.0.0.0", rw));
  g_object_class_install_property (k, prop_application,
      g_param_spec_string ("application", "Application",
          "The part of the URL behind the port that clients have to name (NULL = any)", nullptr,
          rw));
  g_object_class_install_property (k, prop_tls_certificate,
      g_param_spec_string ("tls-certificate", "TLS certificate",
          "PEM file with the server's certificate and those that lead to its authority", nullptr,
          rw));
  g_object_class_install_property (k, prop_tls_key,
      g_param_spec_string ("tls-key", "TLS key",
          "PEM file with the key of tls-certificate, without a password (NULL = it is in the "
          "certificate's file)",
          nullptr, rw));
}

// A password is set and never told.
void install_access (GObjectClass *k)
{
  g_object_class_install_property (k, prop_user_file,
      g_param_spec_string ("user-file", "User file",
          "File with a line for each client that may log in with a user name and password, "
          "name:adobe:SALT:HASH or name:plain:PASSWORD; read again when it changes (NULL = nobody "
          "is asked)",
          nullptr, rw));
  g_object_class_install_property (k, prop_token_file,
      g_param_spec_string ("token-file", "Token file",
          "File with a line for each token that clients may show (?token=…): TOKEN "
          "[allow=publish,play] [stream=APPLICATION/STREAM] [expires=TIME]; read again when it "
          "changes (NULL = none is asked for)",
          nullptr, rw));
  g_object_class_install_property (k, prop_username,
      g_param_spec_string (
          "username", "User name", "One more user, with the password in password", nullptr, rw));
  g_object_class_install_property (k, prop_password,
      g_param_spec_string ("password", "Password", "Password of the user in username", nullptr,
          static_cast<GParamFlags> (
              G_PARAM_WRITABLE | G_PARAM_STATIC_STRINGS | GST_PARAM_MUTABLE_READY)));
}

void install_numbers (GObjectClass *k)
{
  g_object_class_install_property (k, prop_port,
      g_param_spec_uint ("port", "Port",
          "TCP port to listen on (0 = any); elements with the same bind-address and port share "
          "the listener of the first of them, with its limits",
          0, 65535, 1935, rw));
  g_object_class_install_property (k, prop_current_port,
      g_param_spec_int ("current-port", "Current port",
          "The TCP port that is listened on, from READY on (0 = none)", 0, 65535, 0, ro));
  g_object_class_install_property (k, prop_tls,
      g_param_spec_boolean ("tls", "TLS", "RTMPS: encrypt every connection", FALSE, rw));
  g_object_class_install_property (k, prop_max_connections,
      g_param_spec_uint ("max-connections", "Max connections",
          "Connections at the same time; further ones are closed at once", 1, 100000, 1000, rw));
  g_object_class_install_property (k, prop_max_per_address,
      g_param_spec_uint ("max-connections-per-address", "Max connections per address",
          "The same, of one address (0 = no limit)", 0, 100000, 0, rw));
  g_object_class_install_property (k, prop_idle_timeout,
      g_param_spec_uint ("idle-timeout", "Idle timeout",
          "Seconds after which a client of which nothing comes, not even answers to pings, is "
          "disconnected (0 = never)",
          0, 86400, 60, rw));
  g_object_class_install_property (k, prop_chunk_size,
      g_param_spec_uint ("chunk-size", "Chunk size",
          "Bytes of the chunks that messages to clients are cut into", 128, 65536, 16384, rw));
}
} // namespace

void install_listen_properties (GObjectClass *k)
{
  install_texts (k);
  install_numbers (k);
  install_access (k);
}

bool set_listen_property (ListenSettings &s, guint id, const GValue *v)
{
  if (std::string *text = text_of (s, id)) {
    const char *given = g_value_get_string (v);
    *text = given ? given : id == prop_bind_address ? "0.0.0.0" : "";
    return true;
  }
  ServerSettings &o = s.server;
  switch (id) {
  case prop_port:
    o.port = static_cast<std::uint16_t> (g_value_get_uint (v));
    return true;
  case prop_tls:
    o.tls = g_value_get_boolean (v);
    return true;
  case prop_max_connections:
    o.max_connections = g_value_get_uint (v);
    return true;
  case prop_max_per_address:
    o.max_connections_per_address = g_value_get_uint (v);
    return true;
  case prop_idle_timeout:
    o.session.limits.idle = seconds (g_value_get_uint (v));
    return true;
  case prop_chunk_size:
    o.session.chunk_size = g_value_get_uint (v);
    return true;
  default:
    return false;
  }
}

bool get_listen_property (const ListenSettings &s, const Server *running, guint id, GValue *v)
{
  if (const std::string *text = text_of (const_cast<ListenSettings &> (s), id)) {
    g_value_set_string (v, text->empty () ? nullptr : text->c_str ());
    return true;
  }
  const ServerSettings &o = s.server;
  const auto number = [v] (std::size_t n) {
    g_value_set_uint (v, static_cast<guint> (n));
    return true;
  };
  switch (id) {
  case prop_port:
    return number (o.port);
  case prop_current_port:
    g_value_set_int (v, running ? running->port () : 0);
    return true;
  case prop_tls:
    g_value_set_boolean (v, o.tls);
    return true;
  case prop_max_connections:
    return number (o.max_connections);
  case prop_max_per_address:
    return number (o.max_connections_per_address);
  case prop_idle_timeout:
    return number (static_cast<std::size_t> (
        std::chrono::duration_cast<seconds> (o.session.limits.idle).count ()));
  case prop_chunk_size:
    return number (o.session.chunk_size);
  default:
    return false;
  }
}

namespace {
// What we take from publishers and can serve to players.
Capabilities own_capabilities ()
{
  Capabilities c;
  c.extensions = Capabilities::reconnect | Capabilities::multitrack | Capabilities::mod_ex |
                 Capabilities::nano_offset;
  constexpr std::uint32_t all = Capabilities::decode | Capabilities::encode | Capabilities::forward;
  for (const char *name : {"avc1", "hvc1", "av01", "vp08", "vp09"}) {
    c.four_ccs.emplace_back (name);
    c.video.push_back ({name, all});
  }
  for (const char *name : {"mp4a", ".mp3", "Opus", "fLaC", "ac-3", "ec-3"}) {
    c.four_ccs.emplace_back (name);
    c.audio.push_back ({name, all});
  }
  return c;
}
} // namespace

bool open_guard (gpointer element, const GuardSettings &s, std::shared_ptr<Guard> &guard)
{
  if (s.user_file.empty () && s.token_file.empty () && s.username.empty () && s.password.empty ())
    return true;
  std::string error;
  guard = Guard::open (
      s,
      [element] (const std::string &wrong) {
        GST_ELEMENT_WARNING (element, RESOURCE, SETTINGS,
            ("%s. What was read before still holds.", wrong.c_str ()), (nullptr));
      },
      error);
  if (!guard)
    GST_ELEMENT_ERROR (element, RESOURCE, SETTINGS,
        ("Users and tokens cannot be used: %s.", error.c_str ()), (nullptr));
  return guard != nullptr;
}

std::shared_ptr<Server> open_server (gpointer element, const ListenSettings &s)
{
  ServerSettings o = s.server;
  o.session.capabilities = own_capabilities ();
  std::string error;
  if (!o.tls && !(o.tls_certificate.empty () && o.tls_key.empty ())) {
    GST_ELEMENT_ERROR (element, RESOURCE, SETTINGS,
        ("tls-certificate is set, but TLS is off: set tls=true."), (nullptr));
    return {};
  }
  auto server = Server::get (o, error);
  if (!server)
    GST_ELEMENT_ERROR (element, RESOURCE, OPEN_READ,
        ("Could not listen on %s port %u: %s.", o.bind_address.c_str (), o.port, error.c_str ()),
        (nullptr));
  return server;
}
} // namespace reach::rtmp
