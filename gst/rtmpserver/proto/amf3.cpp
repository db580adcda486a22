// SPDX-License-Identifier: LGPL-2.1-or-later
#include "amf3.h"
#include <bit>

namespace reach::rtmp {
namespace {
enum Marker : std::uint8_t {
  undefined = 0,
  null = 1,
  no = 2,
  yes = 3,
  integer = 4,
  number = 5,
  string = 6,
  xml_document = 7,
  date = 8,
  array = 9,
  object = 10,
  xml = 11,
  byte_array = 12,
  vector_int = 13,
  vector_uint = 14,
  vector_number = 15,
  vector_object = 16,
  dictionary = 17,
};

class Decoder {
public:
  Decoder (Bytes in, AmfBudget &b) : all_ (in), in_ (in), budget_ (b) {}

  bool value (Value &to, std::size_t depth)
  {
    if (!budget_.values (1) || !budget_.depth (depth))
      return false;
    const std::size_t begin = position ();
    const auto marker = in_.u8 ();
    switch (marker) {
    case undefined:
      return whole ();
    case null:
      to = Null{};
      return true;
    case no:
    case yes:
      to = marker == yes;
      return true;
    case integer: {
      const std::uint32_t u = u29 ();
      to = static_cast<std::int32_t> (u << 3) >> 3;
      return whole ();
    }
    case number:
      to = real ();
      return whole ();
    case string:
      return text (to.data.emplace<std::string> ());
    default:
      return marker <= dictionary ? complex (to, marker, begin, depth)
                                  : budget_.fail (Fault::malformed);
    }
  }
  std::size_t position () const { return all_.size () - in_.left (); }

private:
  using Fault = Decoded::Fault;
  struct Traits {
    Bytes class_name;
    bool dynamic = false, external = false;
    std::vector<Bytes> names;
  };

  bool whole () { return !in_.failed () || budget_.fail (Fault::truncated); }
  double real () { return std::bit_cast<double> (in_.u64 ()); }
  std::uint32_t u29 ()
  {
    std::uint32_t v = 0;
    for (int i = 0; i < 3; i++) {
      const std::uint8_t b = in_.u8 ();
      v = v << 7 | (b & 0x7f);
      if (!(b & 0x80))
        return v;
    }
    return v << 8 | in_.u8 ();
  }

  // A string, inline or out of the table; it stays where it is.
  bool raw_text (Bytes &to)
  {
    const std::uint32_t u = u29 ();
    if (!whole ())
      return false;
    if (!(u & 1)) {
      if (u >> 1 >= strings_.size ())
        return budget_.fail (Fault::malformed);
      to = strings_[u >> 1];
      return true;
    }
    to = in_.take (u >> 1);
    if (!to.empty () && !repeating_)
      strings_.push_back (to);
    return whole ();
  }
  bool assign (std::string &to, Bytes b)
  {
    if (!budget_.text (b.size ()))
      return false;
    to.assign (reinterpret_cast<const char *> (b.data ()), b.size ());
    return true;
  }
  bool text (std::string &to)
  {
    Bytes b;
    return raw_text (b) && assign (to, b);
  }

  bool complex (Value &to, std::uint8_t marker, std::size_t begin, std::size_t depth)
  {
    const std::uint32_t u = u29 ();
    if (!whole ())
      return false;
    if (!(u & 1))
      return refer (to, u >> 1, begin, depth);
    const std::size_t index = places_.size ();
    if (!repeating_)
      places_.push_back ({begin, amf_open});
    const bool good = contents (to, marker, u >> 1, depth);
    if (!repeating_)
      places_[index].end = position ();
    return good && whole ();
  }

  bool refer (Value &to, std::size_t index, std::size_t from, std::size_t depth)
  {
    if (index >= places_.size ())
      return budget_.fail (Fault::malformed);
    const AmfPlace place = places_[index];
    if (place.end > from) {
      to = Null{};
      return true;
    }
    const ByteReader here = std::exchange (in_, ByteReader (all_.subspan (place.begin)));
    const bool outer = std::exchange (repeating_, true), around = budget_.repeat (true);
    const bool good = value (to, depth);
    in_ = here;
    repeating_ = outer;
    budget_.repeat (around);
    return good;
  }

  // `n` is what stands in front of the contents: mostly their number.
  bool contents (Value &to, std::uint8_t marker, std::uint32_t n, std::size_t depth)
  {
    switch (marker) {
    case xml_document:
    case xml:
      to = Xml{{}, marker == xml_document};
      return sized (n) && assign (to.as<Xml> ()->text, in_.take (n));
    case date:
      to = Date{real (), 0};
      return true;
    case byte_array: {
      if (!sized (n) || !budget_.text (n))
        return false;
      const Bytes b = in_.take (n);
      to = ByteArray{{b.begin (), b.end ()}};
      return true;
    }
    case array:
      return array_contents (to, n, depth);
    case object:
      return object_contents (to, n, depth);
    case dictionary:
      return dictionary_contents (to, n, depth);
    default:
      return vector_contents (to, marker, n, depth);
    }
  }
  bool sized (std::size_t n) { return n <= in_.left () || budget_.fail (Fault::truncated); }

  bool array_contents (Value &to, std::uint32_t n, std::size_t depth)
  {
    Object o{Object::Kind::ecma_array, {}, {}};
    if (!named (o, depth))
      return false;
    Array dense;
    for (std::uint32_t i = 0; i < n; i++) {
      Value v;
      if (!value (v, depth + 1))
        return false;
      if (o.members.empty ())
        dense.values.push_back (std::move (v));
      else
        o.members.push_back ({std::to_string (i), std::move (v)});
    }
    if (o.members.empty ())
      to = std::move (dense);
    else
      to = std::move (o);
    return true;
  }

  // Names and values up to an empty name.
  bool named (Object &o, std::size_t depth)
  {
    for (;;) {
      Property p;
      if (!text (p.name))
        return false;
      if (p.name.empty ())
        return true;
      if (!value (p.value, depth + 1))
        return false;
      o.members.push_back (std::move (p));
    }
  }

  bool traits_of (std::uint32_t n, std::size_t &index)
  {
    if (!(n & 1)) {
      index = n >> 1;
      return index < traits_.size () || budget_.fail (Fault::malformed);
    }
    Traits t;
    t.external = n & 2;
    t.dynamic = n & 4;
    const std::uint32_t count = t.external ? 0 : n >> 3;
    if (!budget_.values (count) || !raw_text (t.class_name))
      return false;
    for (std::uint32_t left = count; left > 0; left--)
      if (!raw_text (t.names.emplace_back ()))
        return false;
    index = traits_.size ();
    traits_.push_back (std::move (t));
    return true;
  }

  bool object_contents (Value &to, std::uint32_t n, std::size_t depth)
  {
    std::size_t index;
    if (!traits_of (n, index))
      return false;
    const bool temporary = repeating_ && (n & 1); // in the table for this object alone
    const bool good = object_of (to, traits_[index], depth);
    if (temporary)
      traits_.resize (index);
    return good;
  }

  // By value: decoding members may add traits.
  bool object_of (Value &to, const Traits t, std::size_t depth)
  {
    if (t.external)
      return external (to, t.class_name, depth);
    Object o{t.class_name.empty () ? Object::Kind::object : Object::Kind::typed, {}, {}};
    if (!assign (o.class_name, t.class_name))
      return false;
    for (const Bytes name : t.names) {
      Property p;
      if (!assign (p.name, name) || !value (p.value, depth + 1))
        return false;
      o.members.push_back (std::move (p));
    }
    if (t.dynamic && !named (o, depth))
      return false;
    to = std::move (o);
    return true;
  }

  bool external (Value &to, Bytes class_name, std::size_t depth)
  {
    const std::string_view name (
        reinterpret_cast<const char *> (class_name.data ()), class_name.size ());
    if (name != "flex.messaging.io.ArrayCollection" && name != "flex.messaging.io.ObjectProxy")
      return budget_.fail (Fault::malformed);
    return value (to, depth + 1);
  }

  bool vector_contents (Value &to, std::uint8_t marker, std::uint32_t n, std::size_t depth)
  {
    auto &v = to.data.emplace<Vector> ();
    v.kind = static_cast<Vector::Kind> (marker - vector_int);
    v.fixed = in_.u8 () != 0;
    if (marker == vector_object && !text (v.class_name))
      return false;
    if (!sized (n)) // each takes a byte at least
      return false;
    if (marker != vector_object && !budget_.values (n))
      return false;
    for (std::uint32_t i = 0; i < n && whole (); i++) {
      Value &e = v.values.emplace_back ();
      if (marker == vector_int)
        e = static_cast<double> (in_.get<std::int32_t> ());
      else if (marker == vector_uint)
        e = static_cast<double> (in_.u32 ());
      else if (marker == vector_number)
        e = real ();
      else if (!value (e, depth + 1))
        return false;
    }
    return whole ();
  }

  bool dictionary_contents (Value &to, std::uint32_t n, std::size_t depth)
  {
    Dictionary d;
    d.weak = in_.u8 () != 0;
    for (std::uint32_t i = 0; i < n; i++) {
      auto &[key, v] = d.entries.emplace_back ();
      if (!value (key, depth + 1) || !value (v, depth + 1))
        return false;
    }
    to = std::move (d);
    return true;
  }

  Bytes all_;
  ByteReader in_;
  AmfBudget &budget_;
  std::vector<AmfPlace> places_;
  std::vector<Bytes> strings_;
  std::vector<Traits> traits_;
  bool repeating_ = false; // decoding what a reference means
};

struct Encoder {
  ByteWriter &to;

  void u29 (std::uint32_t v)
  {
    if (v >= 1u << 21) {
      to.u8 (static_cast<std::uint8_t> (0x80 | (v >> 22 & 0x7f)));
      to.u8 (static_cast<std::uint8_t> (0x80 | (v >> 15 & 0x7f)));
      to.u8 (static_cast<std::uint8_t> (0x80 | (v >> 8 & 0x7f)));
      to.u8 (static_cast<std::uint8_t> (v));
      return;
    }
    for (unsigned shift = 14; shift > 0; shift -= 7)
      if (v >> shift)
        to.u8 (static_cast<std::uint8_t> (0x80 | (v >> shift & 0x7f)));
    to.u8 (static_cast<std::uint8_t> (v & 0x7f));
  }
  void count (std::size_t n) { u29 (static_cast<std::uint32_t> (n << 1 | 1)); }
  void text (std::string_view s)
  {
    count (s.size ());
    to.bytes (as_bytes (s));
  }
  void real (double d) { to.u64 (std::bit_cast<std::uint64_t> (d)); }
  void named (const Object &o)
  {
    for (const Property &p : o.members)
      if (!p.name.empty ()) { // which would be the end
        text (p.name);
        encode_amf3 (to, p.value);
      }
    text ({});
  }

  void operator() (Undefined) { to.u8 (undefined); }
  void operator() (Null) { to.u8 (null); }
  void operator() (bool b) { to.u8 (b ? yes : no); }
  void operator() (double d)
  {
    to.u8 (number);
    real (d);
  }
  void operator() (std::int32_t i)
  {
    if (i < -(1 << 28) || i >= 1 << 28)
      return (*this) (static_cast<double> (i));
    to.u8 (integer);
    u29 (static_cast<std::uint32_t> (i) & 0x1fffffff);
  }
  void operator() (const std::string &s)
  {
    to.u8 (string);
    text (s);
  }
  void operator() (const Xml &x)
  {
    to.u8 (x.document ? xml_document : xml);
    text (x.text);
  }
  void operator() (const Date &d)
  {
    to.u8 (date);
    count (0);
    real (d.milliseconds);
  }
  void operator() (const ByteArray &b)
  {
    to.u8 (byte_array);
    count (b.bytes.size ());
    to.bytes (b.bytes);
  }
  void operator() (const Object &o)
  {
    if (o.kind == Object::Kind::ecma_array) {
      to.u8 (array);
      count (0);
      return named (o);
    }
    to.u8 (object);
    u29 (0x0b); // inline, inline traits, dynamic, no sealed members
    text (o.class_name);
    named (o);
  }
  void operator() (const Array &a)
  {
    to.u8 (array);
    count (a.values.size ());
    text ({});
    for (const Value &v : a.values)
      encode_amf3 (to, v);
  }
  void operator() (const Vector &v)
  {
    to.u8 (static_cast<std::uint8_t> (vector_int + static_cast<unsigned> (v.kind)));
    count (v.values.size ());
    to.u8 (v.fixed);
    if (v.kind == Vector::Kind::object)
      text (v.class_name);
    for (const Value &e : v.values)
      element (v.kind, e);
  }
  void element (Vector::Kind kind, const Value &e)
  {
    const double d = e.number_or (0);
    if (kind == Vector::Kind::object)
      encode_amf3 (to, e);
    else if (kind == Vector::Kind::number)
      real (d);
    else // what an integer cannot hold is 0
      to.u32 (d >= INT32_MIN && d <= UINT32_MAX
                  ? static_cast<std::uint32_t> (static_cast<std::int64_t> (d))
                  : 0);
  }
  void operator() (const Dictionary &d)
  {
    to.u8 (dictionary);
    count (d.entries.size ());
    to.u8 (d.weak);
    for (const auto &[key, v] : d.entries) {
      encode_amf3 (to, key);
      encode_amf3 (to, v);
    }
  }
};
} // namespace

bool decode_amf3 (ByteReader &in, Value &to, AmfBudget &budget, std::size_t depth)
{
  ByteReader copy = in;
  Decoder d (copy.take (copy.left ()), budget);
  if (!d.value (to, depth))
    return false;
  in.take (d.position ());
  return true;
}

void encode_amf3 (ByteWriter &to, const Value &value)
{
  std::visit (Encoder{to}, value.data);
}
} // namespace reach::rtmp
