// SPDX-License-Identifier: LGPL-2.1-or-later
#include "json.h"

namespace reach::rtc {
namespace {
bool too_deep (std::string_view text)
{
  unsigned depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size (); i++) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\')
        i++;
      else if (c == '"')
        in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > max_json_depth)
        return true;
    } else if ((c == '}' || c == ']') && depth > 0) {
      depth--;
    }
  }
  return false;
}
} // namespace

JsonObjectPtr parse_json_object (std::string_view text)
{
  if (!g_utf8_validate (text.data (), gssize (text.size ()), nullptr) || too_deep (text))
    return nullptr;
  JsonParser *parser = json_parser_new_immutable ();
  JsonObjectPtr out;
  if (json_parser_load_from_data (parser, text.data (), gssize (text.size ()), nullptr)) {
    JsonNode *root = json_parser_get_root (parser);
    if (root && JSON_NODE_HOLDS_OBJECT (root))
      out.reset (json_node_dup_object (root));
  }
  g_object_unref (parser);
  return out;
}

std::optional<std::string> string_member (JsonObject *o, const char *name)
{
  JsonNode *n = json_object_get_member (o, name);
  if (!n || !JSON_NODE_HOLDS_VALUE (n) || json_node_get_value_type (n) != G_TYPE_STRING)
    return {};
  return json_node_get_string (n);
}

JsonObject *object_member (JsonObject *o, const char *name)
{
  JsonNode *n = json_object_get_member (o, name);
  return n && JSON_NODE_HOLDS_OBJECT (n) ? json_node_get_object (n) : nullptr;
}

std::string to_text (JsonObject *o)
{
  JsonNode *root = json_node_alloc ();
  json_node_init_object (root, o);
  gchar *text = json_to_string (root, FALSE);
  const std::string out = text;
  g_free (text);
  json_node_unref (root);
  return out;
}

std::string envelope (const char *type, JsonObjectPtr data)
{
  JsonObjectPtr o (json_object_new ());
  json_object_set_string_member (o.get (), "type", type);
  json_object_set_object_member (o.get (), "data", data ? data.release () : json_object_new ());
  return to_text (o.get ());
}
} // namespace reach::rtc
