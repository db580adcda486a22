// SPDX-License-Identifier: LGPL-2.1-or-later
// Asking a media server, and what it tells.
#pragma once
#include "server_node.h"

namespace reach::test {
inline Structure answer_of (GstPromise *p)
{
  fail_unless_equals_int (gst_promise_wait (p), GST_PROMISE_RESULT_REPLIED);
  Structure s (gst_structure_copy (gst_promise_get_reply (p)));
  gst_promise_unref (p);
  fail_unless_equals_string (gst_structure_get_name (s.get ()), "answer");
  return s;
}

inline Structure ask (const Node &n, GstStructure *request)
{
  GstPromise *p = gst_promise_new ();
  g_signal_emit_by_name (n.element, "ask-server", request, p);
  gst_structure_free (request);
  return answer_of (p);
}

inline std::string text_of (const GstStructure *s, const char *field)
{
  const char *t = gst_structure_get_string (s, field);
  return t ? t : "";
}

inline bool flag_of (const GstStructure *s, const char *field)
{
  gboolean b = FALSE;
  fail_unless (gst_structure_get_boolean (s, field, &b), "no %s", field);
  return b;
}

inline std::string list_of (const GstStructure *s, const char *field)
{
  const GValue *v = gst_structure_get_value (s, field);
  fail_unless (v && GST_VALUE_HOLDS_ARRAY (v), "no %s", field);
  std::string all;
  for (guint i = 0; i < gst_value_array_get_size (v); i++)
    all += std::string (g_value_get_string (gst_value_array_get_value (v, i))) + " ";
  return all;
}

// The answer's status.
inline std::string status (const Structure &answer)
{
  return text_of (answer.get (), "status");
}

inline void expect (const Structure &answer, const char *nick)
{
  const std::string s = status (answer);
  fail_unless (
      s == nick, "%s, not %s: %s", s.c_str (), nick, text_of (answer.get (), "text").c_str ());
}

inline GstStructure *about_group (const char *ask, const char *group)
{
  return gst_structure_new (ask, "group", G_TYPE_STRING, group, nullptr);
}

inline Structure join_group (
    const Node &n, const char *group, const char *password, bool permanent = false)
{
  GstPromise *p = gst_promise_new ();
  g_signal_emit_by_name (
      n.element, "join-group", group, password, static_cast<gboolean> (permanent), p);
  return answer_of (p);
}

// Of one text, by its own action.
inline Structure short_ask (const Node &n, const char *name, const char *text)
{
  GstPromise *p = gst_promise_new ();
  g_signal_emit_by_name (n.element, name, text, p);
  return answer_of (p);
}

// Notices as "name guid group orderly".
class Notices {
public:
  explicit Notices (GstElement *e)
  {
    g_signal_connect (e, "server-notice", G_CALLBACK (on_notice), this);
  }
  bool wait (const std::string &notice)
  {
    return all.wait (
        [&] (const auto &v) { return std::find (v.begin (), v.end (), notice) != v.end (); });
  }
  Watched<std::vector<std::string>> all;

private:
  static void on_notice (GstElement *, GstStructure *s, gpointer self)
  {
    const GstStructure *n = gst_value_get_structure (gst_structure_get_value (s, "notice"));
    std::string text = text_of (s, "name");
    fail_unless_equals_string (gst_structure_get_name (n), text.c_str ());
    for (const char *field : {"guid", "group"})
      if (gst_structure_has_field (n, field))
        text += " " + text_of (n, field);
    if (gst_structure_has_field (n, "orderly"))
      text += flag_of (n, "orderly") ? " orderly" : " lost";
    static_cast<Notices *> (self)->all.update ([&] (auto &v) { v.push_back (text); });
  }
};
} // namespace reach::test
