// SPDX-License-Identifier: LGPL-2.1-or-later
// AMF values ↔ structures for the application. What peers name travels as values, never as field
// names: a structure's field name stays in memory for good.
#pragma once
#include "common/ref.h"
#include "proto/amf.h"

namespace reach::rtmp {
// The most arguments of a call; with them all field names that a peer can cause are these.
constexpr std::size_t max_arguments = 32;

// The field `name` of the structure. Numbers are doubles, AMF3 integers ints, strings UTF-8;
// undefined and null leave it out. An object is a structure `rtmp-object` with `members`, an array
// of `rtmp-member` with name and value; an array or vector is `rtmp-array` with `values`, an array
// of `rtmp-member` with value. A date is a double, ms since 1970; a byte array a buffer.
void set_field (GstStructure *s, const char *name, const Value &v);
// `argument-0` and so on. Null: there are too many.
GstStructure *structure_of_arguments (const char *name, const std::vector<Value> &arguments);

// The way back: those structures as what they were, any other one as an object with its fields as
// members. What AMF has nothing for is null.
Value value_of (const GValue *v);
Value value_of (const GstStructure *s);
// `argument-0` and so on, up to the first that is missing; or the structure itself as the only
// argument where it has no such fields. None of a null structure.
std::vector<Value> arguments_of (const GstStructure *s);

// UTF-8, whatever the peer sent; cut at `limit` bytes.
std::string valid_text (std::string_view s, std::size_t limit = 64u << 10);
} // namespace reach::rtmp
