// SPDX-License-Identifier: LGPL-2.1-or-later
// JSON objects from peers and for peers, by json-glib.
#pragma once
#include <json-glib/json-glib.h>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace reach::rtc {
struct JsonUnref {
  void operator() (JsonObject *o) const { json_object_unref (o); }
  void operator() (JsonNode *n) const { json_node_unref (n); }
};
using JsonObjectPtr = std::unique_ptr<JsonObject, JsonUnref>;
using JsonNodePtr = std::unique_ptr<JsonNode, JsonUnref>;

// The parser calls itself for each level, so the depth of what it gets has to be known before.
constexpr unsigned max_json_depth = 32;

// Null for anything but one object in UTF-8, no deeper than max_json_depth.
JsonObjectPtr parse_json_object (std::string_view text);
// The member's text; nothing when it is not there, or no string.
std::optional<std::string> string_member (JsonObject *o, const char *name);
// The member; null when it is not there, or no object. The object keeps it.
JsonObject *object_member (JsonObject *o, const char *name);
std::string to_text (JsonObject *o);

// {"type": type, "data": data}, the form of each message here.
std::string envelope (const char *type, JsonObjectPtr data);
} // namespace reach::rtc
