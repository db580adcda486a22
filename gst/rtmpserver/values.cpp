// SPDX-License-Identifier: LGPL-2.1-or-later
#include "values.h"
#include <cstring>

namespace reach::rtmp {
namespace {
constexpr unsigned max_depth = 32; // of an application's structures

void set_boxed_structure (GstStructure *to, const char *name, GstStructure *s)
{
  GValue v = G_VALUE_INIT;
  g_value_init (&v, GST_TYPE_STRUCTURE);
  g_value_take_boxed (&v, s);
  gst_structure_take_value (to, name, &v);
}

void append (GValue *array, GstStructure *s)
{
  GValue v = G_VALUE_INIT;
  g_value_init (&v, GST_TYPE_STRUCTURE);
  g_value_take_boxed (&v, s);
  gst_value_array_append_and_take_value (array, &v);
}

void set_array (GstStructure *to, const char *name, GValue *array)
{
  gst_structure_take_value (to, name, array);
}

GstStructure *object_structure (const Value &v)
{
  GstStructure *s = gst_structure_new_empty ("rtmp-object");
  GValue members = G_VALUE_INIT;
  g_value_init (&members, GST_TYPE_ARRAY);
  for (const Property &p : v.members ()) {
    GstStructure *m = gst_structure_new (
        "rtmp-member", "name", G_TYPE_STRING, valid_text (p.name).c_str (), nullptr);
    set_field (m, "value", p.value);
    append (&members, m);
  }
  set_array (s, "members", &members);
  return s;
}

GstStructure *array_structure (const Value &v)
{
  GstStructure *s = gst_structure_new_empty ("rtmp-array");
  GValue values = G_VALUE_INIT;
  g_value_init (&values, GST_TYPE_ARRAY);
  for (const Value &x : v.values ()) {
    GstStructure *m = gst_structure_new_empty ("rtmp-member");
    set_field (m, "value", x);
    append (&values, m);
  }
  set_array (s, "values", &values);
  return s;
}

void set_bytes (GstStructure *s, const char *name, const ByteArray &b)
{
  GstBuffer *buffer = gst_buffer_new_memdup (b.bytes.data (), b.bytes.size ());
  gst_structure_set (s, name, GST_TYPE_BUFFER, buffer, nullptr);
  gst_buffer_unref (buffer);
}

std::string argument_name (std::size_t i)
{
  return "argument-" + std::to_string (i);
}

Value value_at (const GValue *v, unsigned depth);

// Of each structure in an array field, what is behind `field`.
template <typename F> void each_member (const GstStructure *s, const char *field, F &&f)
{
  const GValue *a = gst_structure_get_value (s, field);
  if (!a || !GST_VALUE_HOLDS_ARRAY (a))
    return;
  for (guint i = 0; i < gst_value_array_get_size (a); i++) {
    const GValue *m = gst_value_array_get_value (a, i);
    if (GST_VALUE_HOLDS_STRUCTURE (m))
      f (gst_value_get_structure (m));
  }
}

Value structure_value (const GstStructure *s, unsigned depth)
{
  if (depth > max_depth)
    return Null{};
  if (gst_structure_has_name (s, "rtmp-array")) {
    Array a;
    each_member (s, "values", [&] (const GstStructure *m) {
      a.values.push_back (value_at (gst_structure_get_value (m, "value"), depth + 1));
    });
    return a;
  }
  Object o;
  if (gst_structure_has_name (s, "rtmp-object") && gst_structure_has_field (s, "members")) {
    each_member (s, "members", [&] (const GstStructure *m) {
      const char *name = gst_structure_get_string (m, "name");
      o.members.push_back (
          {name ? name : "", value_at (gst_structure_get_value (m, "value"), depth + 1)});
    });
    return o;
  }
  for (int i = 0; i < gst_structure_n_fields (s); i++) {
    const char *name = gst_structure_nth_field_name (s, static_cast<guint> (i));
    o.members.push_back ({name, value_at (gst_structure_get_value (s, name), depth + 1)});
  }
  return o;
}

Value buffer_value (GstBuffer *b)
{
  const Mapped m (b);
  return ByteArray{{m.bytes ().begin (), m.bytes ().end ()}};
}

Value value_at (const GValue *v, unsigned depth)
{
  if (!v || depth > max_depth)
    return Null{};
  if (G_VALUE_HOLDS_STRING (v))
    return g_value_get_string (v) ? Value (g_value_get_string (v)) : Value (Null{});
  if (G_VALUE_HOLDS_BOOLEAN (v))
    return Value (static_cast<bool> (g_value_get_boolean (v)));
  if (GST_VALUE_HOLDS_STRUCTURE (v) && gst_value_get_structure (v))
    return structure_value (gst_value_get_structure (v), depth);
  if (GST_VALUE_HOLDS_BUFFER (v) && gst_value_get_buffer (v))
    return buffer_value (gst_value_get_buffer (v));
  if (GST_VALUE_HOLDS_ARRAY (v)) {
    Array a;
    for (guint i = 0; i < gst_value_array_get_size (v); i++)
      a.values.push_back (value_at (gst_value_array_get_value (v, i), depth + 1));
    return a;
  }
  GValue number = G_VALUE_INIT;
  g_value_init (&number, G_TYPE_DOUBLE);
  if (g_value_transform (v, &number))
    return g_value_get_double (&number);
  return Null{};
}
} // namespace

std::string valid_text (std::string_view s, std::size_t limit)
{
  s = s.substr (0, std::min (limit, s.find ('\0')));
  const CharPtr valid (g_utf8_make_valid (s.data (), static_cast<gssize> (s.size ())));
  return valid.get ();
}

void set_field (GstStructure *s, const char *name, const Value &v)
{
  if (const auto *b = v.as<bool> ())
    gst_structure_set (s, name, G_TYPE_BOOLEAN, *b ? TRUE : FALSE, nullptr);
  else if (const auto *i = v.as<std::int32_t> ())
    gst_structure_set (s, name, G_TYPE_INT, *i, nullptr);
  else if (const auto *d = v.as<double> ())
    gst_structure_set (s, name, G_TYPE_DOUBLE, *d, nullptr);
  else if (const auto *t = v.as<Date> ())
    gst_structure_set (s, name, G_TYPE_DOUBLE, t->milliseconds, nullptr);
  else if (v.is<std::string> () || v.is<Xml> ())
    gst_structure_set (s, name, G_TYPE_STRING, valid_text (v.string ()).c_str (), nullptr);
  else if (const auto *a = v.as<ByteArray> ())
    set_bytes (s, name, *a);
  else if (v.is<Object> ())
    set_boxed_structure (s, name, object_structure (v));
  else if (v.is<Array> () || v.is<Vector> ())
    set_boxed_structure (s, name, array_structure (v));
}

GstStructure *structure_of_arguments (const char *name, const std::vector<Value> &arguments)
{
  if (arguments.size () > max_arguments)
    return nullptr;
  GstStructure *s = gst_structure_new_empty (name);
  for (std::size_t i = 0; i < arguments.size (); i++)
    set_field (s, argument_name (i).c_str (), arguments[i]);
  return s;
}

Value value_of (const GValue *v)
{
  return value_at (v, 0);
}

Value value_of (const GstStructure *s)
{
  return structure_value (s, 0);
}

std::vector<Value> arguments_of (const GstStructure *s)
{
  std::vector<Value> all;
  if (!s || gst_structure_n_fields (s) == 0)
    return all;
  for (std::size_t i = 0; i < max_arguments; i++) {
    const GValue *v = gst_structure_get_value (s, argument_name (i).c_str ());
    if (!v)
      break;
    all.push_back (value_of (v));
  }
  if (all.empty ())
    all.push_back (value_of (s));
  return all;
}
} // namespace reach::rtmp
