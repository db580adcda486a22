// SPDX-License-Identifier: LGPL-2.1-or-later
#include "amf.h"

namespace reach::rtmp {
namespace {
const Value undefined;
const std::vector<Property> no_members;
const std::vector<Value> no_values;
} // namespace

bool Object::operator== (const Object &) const = default;
bool Array::operator== (const Array &) const = default;
bool Vector::operator== (const Vector &) const = default;
bool Dictionary::operator== (const Dictionary &) const = default;
bool Value::operator== (const Value &) const = default;

Value Value::object (std::initializer_list<Property> members)
{
  return Object{Object::Kind::object, {}, members};
}

Value Value::ecma_array (std::initializer_list<Property> members)
{
  return Object{Object::Kind::ecma_array, {}, members};
}

std::optional<double> Value::number () const
{
  if (const auto *d = as<double> ())
    return *d;
  if (const auto *i = as<std::int32_t> ())
    return *i;
  return std::nullopt;
}

std::optional<bool> Value::boolean () const
{
  if (const auto *b = as<bool> ())
    return *b;
  const auto n = number ();
  if (n && (*n == 0 || *n == 1))
    return *n == 1;
  return std::nullopt;
}

std::string_view Value::string () const
{
  if (const auto *s = as<std::string> ())
    return *s;
  if (const auto *x = as<Xml> ())
    return x->text;
  return {};
}

const Value *Value::find (std::string_view name) const
{
  for (const Property &p : members ())
    if (p.name == name)
      return &p.value;
  return nullptr;
}

const Value &Value::operator[] (std::string_view name) const
{
  const Value *v = find (name);
  return v ? *v : undefined;
}

const std::vector<Property> &Value::members () const
{
  const auto *o = as<Object> ();
  return o ? o->members : no_members;
}

const std::vector<Value> &Value::values () const
{
  if (const auto *a = as<Array> ())
    return a->values;
  if (const auto *v = as<Vector> ())
    return v->values;
  return no_values;
}

const Value &Decoded::at (std::size_t i) const
{
  return i < values.size () ? values[i] : undefined;
}

const char *fault_name (Decoded::Fault f)
{
  switch (f) {
  case Decoded::Fault::none:
    return "none";
  case Decoded::Fault::truncated:
    return "AMF ends too early";
  case Decoded::Fault::too_deep:
    return "AMF nested too deeply";
  case Decoded::Fault::too_many:
    return "too many AMF values";
  case Decoded::Fault::too_big:
    return "AMF strings too big";
  case Decoded::Fault::malformed:
    return "malformed AMF";
  }
  return "?";
}
} // namespace reach::rtmp
