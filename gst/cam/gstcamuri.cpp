// SPDX-License-Identifier: LGPL-2.1-or-later
#include "gstcamuri.h"
#include "cam/net/settings.h"
#include "common/ref.h"
#include <string>

namespace reach::cam {
namespace {
gboolean bad (GError **error, const std::string &why)
{
  g_set_error (error, GST_URI_ERROR, GST_URI_ERROR_BAD_URI, "%s", why.c_str ());
  return FALSE;
}

gboolean apply_query (GObject *element, GstUri *uri, GError **error)
{
  GHashTable *query = gst_uri_get_query_table (uri);
  if (!query)
    return TRUE;
  GHashTableIter it;
  gpointer key, value;
  gboolean ok = TRUE;
  g_hash_table_iter_init (&it, query);
  while (ok && g_hash_table_iter_next (&it, &key, &value)) {
    const auto *name = static_cast<const char *> (key);
    GParamSpec *spec = g_object_class_find_property (G_OBJECT_GET_CLASS (element), name);
    GValue v = G_VALUE_INIT;
    if (const std::string n = name; n == "passphrase" || n == "token") {
      ok = bad (error, "a URI is no place for a " + n + ": set the property");
      break;
    }
    if (!spec || !(spec->flags & G_PARAM_WRITABLE)) {
      ok = bad (error, std::string ("\"") + name + "\" is not a property that a cam URI can set");
      break;
    }
    g_value_init (&v, spec->value_type);
    const bool given =
        value && (*static_cast<const char *> (value) || spec->value_type == G_TYPE_STRING);
    ok = given && gst_value_deserialize_with_pspec (&v, static_cast<const char *> (value), spec) &&
         !g_param_value_validate (spec, &v); // true: it was out of range
    if (ok)
      g_object_set_property (element, name, &v);
    else
      bad (error, std::string ("\"") + (value ? static_cast<const char *> (value) : "") +
                      "\" is no value for " + name);
    g_value_unset (&v);
  }
  g_hash_table_unref (query);
  return ok;
}
} // namespace

const gchar *const *uri_protocols ()
{
  static const gchar *const protocols[] = {"cam+tcp", "cam+http", "cam+udp", nullptr};
  return protocols;
}

gboolean apply_uri (GObject *element, const char *text, GError **error)
{
  const Owned<GstUri, gst_uri_unref> uri (gst_uri_from_string (text));
  if (!uri || !gst_uri_get_scheme (uri.get ()))
    return bad (error, std::string ("\"") + text + "\" is not a URI");
  const std::string scheme = gst_uri_get_scheme (uri.get ());
  if (scheme.rfind ("cam+", 0) != 0)
    return bad (error, "the scheme must be cam+tcp, cam+http or cam+udp");
  gst_util_set_object_arg (element, "protocol", scheme.c_str () + 4);
  // A URI names whom to go to, so it pulls; UDP can only wait to be pushed to.
  gst_util_set_object_arg (element, "mode", scheme == "cam+udp" ? "listener" : "caller");
  const char *host = gst_uri_get_host (uri.get ());
  if (host && *host)
    g_object_set (element, scheme == "cam+udp" ? "bind-address" : "host", host, nullptr);
  const guint port = gst_uri_get_port (uri.get ());
  if (port != GST_URI_NO_PORT && port > 65535)
    return bad (error, std::to_string (port) + " is no port: the largest is 65535");
  if (port != GST_URI_NO_PORT)
    g_object_set (element, "port", static_cast<int> (port), nullptr);
  if (!apply_query (element, uri.get (), error))
    return FALSE;
  int mode = 0;
  g_object_get (element, "mode", &mode, nullptr);
  if (scheme == "cam+udp" && mode == static_cast<int> (Mode::caller))
    return bad (error, "nothing can be pulled over UDP: use cam+tcp or cam+http, or mode=listener");
  return TRUE;
}
} // namespace reach::cam
