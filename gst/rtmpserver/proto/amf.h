// SPDX-License-Identifier: LGPL-2.1-or-later
// A value of AMF0 or AMF3, as a tree of its own: references are resolved by copying. Accessors
// never throw; what is not there, or of another type, reads as the default.
#pragma once
#include "limits.h"
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace reach::rtmp {
struct Value;
struct Property;

struct Undefined {
  bool operator== (const Undefined &) const = default;
};
struct Null {
  bool operator== (const Null &) const = default;
};
struct Date {
  double milliseconds = 0; // since 1970, UTC
  std::int16_t zone = 0;   // minutes; reserved, 0 in AMF3
  bool operator== (const Date &) const = default;
};
struct Xml {
  std::string text;
  bool document = true; // XMLDocument; else AMF3's XML (E4X)
  bool operator== (const Xml &) const = default;
};
struct ByteArray {
  std::vector<std::uint8_t> bytes;
  bool operator== (const ByteArray &) const = default;
};
// Members in the order of the wire; a name may come twice, the first counts. An ECMA array with
// dense members has them under their decimal index. Typed objects keep their class name, nothing
// is ever made of it.
struct Object {
  enum class Kind : std::uint8_t { object, ecma_array, typed };
  Kind kind = Kind::object;
  std::string class_name;
  std::vector<Property> members;
  bool operator== (const Object &) const;
};
struct Array { // strict: dense
  std::vector<Value> values;
  bool operator== (const Array &) const;
};
struct Vector { // AMF3 only
  enum class Kind : std::uint8_t { int32, uint32, number, object };
  Kind kind = Kind::int32;
  bool fixed = false;
  std::string class_name;    // of objects
  std::vector<Value> values; // numbers are `double`, also for the integer kinds
  bool operator== (const Vector &) const;
};
struct Dictionary { // AMF3 only
  bool weak = false;
  std::vector<std::pair<Value, Value>> entries;
  bool operator== (const Dictionary &) const;
};

struct Value {
  using Data = std::variant<Undefined, Null, bool, double, std::int32_t, std::string, Date, Xml,
      ByteArray, Object, Array, Vector, Dictionary>;
  Data data;

  Value () = default;
  Value (Null);
  Value (bool b);
  Value (double d);
  Value (std::int32_t i); // an integer of AMF3; AMF0 writes a number
  Value (std::string s);
  Value (std::string_view s);
  Value (const char *s);
  Value (Date d);
  Value (Xml x);
  Value (ByteArray b);
  Value (Object o);
  Value (Array a);
  Value (Vector v);
  Value (Dictionary d);
  static Value object (std::initializer_list<Property> members);
  static Value ecma_array (std::initializer_list<Property> members);

  template <typename T> bool is () const { return std::holds_alternative<T> (data); }
  template <typename T> const T *as () const { return std::get_if<T> (&data); }
  template <typename T> T *as () { return std::get_if<T> (&data); }
  bool is_nothing () const { return is<Undefined> () || is<Null> (); }

  // Number or integer; `other` for the rest.
  std::optional<double> number () const;
  double number_or (double other) const { return number ().value_or (other); }
  // 0 or 1 counts as a boolean too: senders mix them up.
  std::optional<bool> boolean () const;
  bool boolean_or (bool other) const { return boolean ().value_or (other); }
  // Of a string or XML; empty for the rest. Valid as long as this value is not changed.
  std::string_view string () const;
  // A member of an object, ECMA array or typed object by its name. nullptr: none.
  const Value *find (std::string_view name) const;
  // The same, with an undefined value in place of nullptr.
  const Value &operator[] (std::string_view name) const;
  // Members of an object, ECMA array or typed object; none for the rest.
  const std::vector<Property> &members () const;
  // Values of a strict array or vector; none for the rest. The dense part of an ECMA array is in
  // members ().
  const std::vector<Value> &values () const;

  bool operator== (const Value &) const;
};

struct Property {
  std::string name;
  Value value;
  bool operator== (const Property &) const = default;
};

// Here, as members of the variant are incomplete before.
inline Value::Value (Null) : data (Null{}) {}
inline Value::Value (bool b) : data (b) {}
inline Value::Value (double d) : data (d) {}
inline Value::Value (std::int32_t i) : data (i) {}
inline Value::Value (std::string s) : data (std::move (s)) {}
inline Value::Value (std::string_view s) : data (std::string (s)) {}
inline Value::Value (const char *s) : data (std::string (s)) {}
inline Value::Value (Date d) : data (d) {}
inline Value::Value (Xml x) : data (std::move (x)) {}
inline Value::Value (ByteArray b) : data (std::move (b)) {}
inline Value::Value (Object o) : data (std::move (o)) {}
inline Value::Value (Array a) : data (std::move (a)) {}
inline Value::Value (Vector v) : data (std::move (v)) {}
inline Value::Value (Dictionary d) : data (std::move (d)) {}

// What a decoder made of a message body: its values in order. With a fault, those in front of it.
struct Decoded {
  enum class Fault : std::uint8_t { none, truncated, too_deep, too_many, too_big, malformed };
  std::vector<Value> values;
  Fault fault = Fault::none;
  std::size_t memory = 0; // that the values take, roughly
  bool ok () const { return fault == Fault::none; }
  // The value at `i`, undefined when there are fewer.
  const Value &at (std::size_t i) const;
};
const char *fault_name (Decoded::Fault f);
} // namespace reach::rtmp
