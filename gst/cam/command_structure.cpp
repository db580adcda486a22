// SPDX-License-Identifier: LGPL-2.1-or-later
#include "command_structure.h"
#include "names.h"

namespace reach::cam {
namespace {
bool value_of (const GValue *v, CommandValue &to)
{
  if (G_VALUE_HOLDS_BOOLEAN (v)) {
    to = g_value_get_boolean (v) != FALSE;
  } else if (G_VALUE_HOLDS_INT (v)) {
    to = static_cast<std::int32_t> (g_value_get_int (v));
  } else if (G_VALUE_HOLDS_UINT (v)) {
    to = static_cast<std::uint32_t> (g_value_get_uint (v));
  } else if (G_VALUE_HOLDS_INT64 (v)) {
    to = static_cast<std::int64_t> (g_value_get_int64 (v));
  } else if (G_VALUE_HOLDS_UINT64 (v)) {
    to = static_cast<std::uint64_t> (g_value_get_uint64 (v));
  } else if (G_VALUE_HOLDS_DOUBLE (v)) {
    to = g_value_get_double (v);
  } else if (G_VALUE_HOLDS_STRING (v)) {
    if (const char *s = g_value_get_string (v))
      to = std::string (s);
    else
      to = std::monostate{};
  } else if (G_VALUE_HOLDS (v, G_TYPE_BYTES)) {
    gsize n = 0;
    auto *bytes = static_cast<GBytes *> (g_value_get_boxed (v));
    const auto *p =
        bytes ? static_cast<const std::uint8_t *> (g_bytes_get_data (bytes, &n)) : nullptr;
    to = std::vector<std::uint8_t> (p, p + n);
    return bytes != nullptr;
  } else {
    return false;
  }
  return true;
}

struct ValueMaker {
  GValue *v;
  void operator() (std::monostate) { g_value_init (v, G_TYPE_STRING); }
  void operator() (bool x) { g_value_set_boolean (g_value_init (v, G_TYPE_BOOLEAN), x); }
  void operator() (std::int32_t x) { g_value_set_int (g_value_init (v, G_TYPE_INT), x); }
  void operator() (std::uint32_t x) { g_value_set_uint (g_value_init (v, G_TYPE_UINT), x); }
  void operator() (std::int64_t x) { g_value_set_int64 (g_value_init (v, G_TYPE_INT64), x); }
  void operator() (std::uint64_t x) { g_value_set_uint64 (g_value_init (v, G_TYPE_UINT64), x); }
  void operator() (double x) { g_value_set_double (g_value_init (v, G_TYPE_DOUBLE), x); }
  void operator() (const std::string &x)
  {
    g_value_set_string (g_value_init (v, G_TYPE_STRING), x.c_str ());
  }
  void operator() (const std::vector<std::uint8_t> &x)
  {
    g_value_take_boxed (g_value_init (v, G_TYPE_BYTES), g_bytes_new (x.data (), x.size ()));
  }
};

GValue gvalue_of (const CommandValue &x)
{
  GValue v = G_VALUE_INIT;
  std::visit (ValueMaker{&v}, x);
  return v;
}

// What GstStructure takes as its own name without a warning.
bool structure_name (const std::string &name)
{
  return g_ascii_isalpha (name[0]) && !name.starts_with ("video/x-raw-") &&
         !name.starts_with ("audio/x-raw-") && admit_name (name);
}
} // namespace

std::optional<Command> command_of (
    const GstStructure *s, const Envelope &envelope, std::string &error)
{
  Command c;
  c.envelope = envelope;
  c.name = gst_structure_get_name (s);
  for (int i = 0; i < gst_structure_n_fields (s); i++) {
    const char *name = gst_structure_nth_field_name (s, static_cast<guint> (i));
    const GValue *v = gst_structure_get_value (s, name);
    Parameter p;
    p.name = name;
    if (!value_of (v, p.value)) {
      error = std::string ("field ") + name + " has the type " + G_VALUE_TYPE_NAME (v) +
              ", which commands do not carry";
      return std::nullopt;
    }
    c.parameters.push_back (std::move (p));
  }
  if (!encode (c)) {
    error = "it has more than 64 fields, more than 65536 bytes, or a text that is not UTF-8";
    return std::nullopt;
  }
  return c;
}

StructurePtr structure_of (const Command &c)
{
  StructurePtr s (gst_structure_new_empty (structure_name (c.name) ? c.name.c_str () : "command"));
  for (const Parameter &p : c.parameters) {
    if (!admit_name (p.name))
      continue;
    GValue v = gvalue_of (p.value);
    gst_structure_take_value (s.get (), p.name.c_str (), &v);
  }
  return s;
}

void set_parameters (GstStructure *s, const char *field, const Command &c)
{
  GValue all = G_VALUE_INIT;
  gst_value_array_init (&all, static_cast<guint> (c.parameters.size ()));
  for (const Parameter &p : c.parameters) {
    GstStructure *one =
        gst_structure_new ("parameter", "name", G_TYPE_STRING, p.name.c_str (), nullptr);
    GValue value = gvalue_of (p.value);
    gst_structure_take_value (one, "value", &value);
    GValue v = G_VALUE_INIT;
    g_value_take_boxed (g_value_init (&v, GST_TYPE_STRUCTURE), one);
    gst_value_array_append_and_take_value (&all, &v);
  }
  gst_structure_take_value (s, field, &all);
}
} // namespace reach::cam
