// SPDX-License-Identifier: LGPL-2.1-or-later
// turnserver as the server of a test, on free ports.
#pragma once
#include "../wait.h"
#include <string>

namespace reach::test {
class TurnServer {
public:
  // With user "user" and password "pass", unless the properties say how else.
  explicit TurnServer (const std::string &properties = "", const char *ip = "127.0.0.1")
  {
    const std::string line = std::string ("turnserver port=0 tls-port=0 request-rate=0 "
                                          "users=user:pass bind-address=") +
                             ip + " " + properties;
    GError *error = nullptr;
    server_ = gst_parse_launch (line.c_str (), &error);
    fail_unless (server_ && !error, "%s", error ? error->message : "");
    gst_object_ref_sink (server_);
    fail_unless (gst_element_set_state (server_, GST_STATE_PLAYING) == GST_STATE_CHANGE_SUCCESS);
  }
  ~TurnServer ()
  {
    gst_element_set_state (server_, GST_STATE_NULL);
    gst_object_unref (server_);
  }
  TurnServer (const TurnServer &) = delete;
  TurnServer &operator= (const TurnServer &) = delete;

  guint16 port () const { return number ("current-port"); }
  guint16 tls_port () const { return number ("current-tls-port"); }
  guint64 stat (const char *name) const
  {
    GstStructure *s = nullptr;
    g_object_get (server_, "stats", &s, nullptr);
    guint64 v = 0;
    fail_unless (gst_structure_get_uint64 (s, name, &v), "%s", name);
    gst_structure_free (s);
    return v;
  }

private:
  guint16 number (const char *property) const
  {
    guint n = 0;
    g_object_get (server_, property, &n, nullptr);
    return static_cast<guint16> (n);
  }
  GstElement *server_ = nullptr;
};
} // namespace reach::test
