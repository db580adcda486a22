// SPDX-License-Identifier: LGPL-2.1-or-later
#include "amf0.h"
#include "amf3.h"
#include "amf_budget.h"
#include <bit>

namespace reach::rtmp {
namespace {
enum Marker : std::uint8_t {
  number = 0,
  boolean = 1,
  string = 2,
  object = 3,
  null = 5,
  undefined = 6,
  reference = 7,
  ecma_array = 8,
  object_end = 9,
  strict_array = 10,
  date = 11,
  long_string = 12,
  unsupported = 13,
  xml_document = 15,
  typed_object = 16,
  amf3 = 17,
};

class Decoder {
public:
  Decoder (Bytes in, const Limits &l) : all_ (in), in_ (in), budget_ (l) {}

  Decoded run ()
  {
    Decoded d;
    while (in_.left () > 0) {
      Value v;
      if (!value (v, 0))
        break;
      d.values.push_back (std::move (v));
    }
    d.fault = budget_.fault ();
    d.memory = budget_.memory ();
    return d;
  }

private:
  using Fault = Decoded::Fault;
  // in_ always ends where all_ does.
  std::size_t position () const { return all_.size () - in_.left (); }
  bool whole () { return !in_.failed () || budget_.fail (Fault::truncated); }

  bool value (Value &to, std::size_t depth)
  {
    if (!budget_.values (1) || !budget_.depth (depth))
      return false;
    const std::size_t begin = position ();
    const auto marker = in_.u8 ();
    if (!whole ())
      return false;
    switch (marker) {
    case object:
    case typed_object:
    case ecma_array:
    case strict_array:
      return complex (to, marker, begin, depth);
    case reference:
      return refer (to, begin, depth);
    case amf3:
      return decode_amf3 (in_, to, budget_, depth);
    default:
      return simple (to, marker);
    }
  }

  bool simple (Value &to, std::uint8_t marker)
  {
    switch (marker) {
    case number:
      to = std::bit_cast<double> (in_.u64 ());
      return whole ();
    case boolean:
      to = in_.u8 () != 0;
      return whole ();
    case string:
      return text (to.data.emplace<std::string> (), in_.u16 ());
    case long_string:
      return text (to.data.emplace<std::string> (), in_.u32 ());
    case xml_document:
      return text (to.data.emplace<Xml> ().text, in_.u32 ());
    case null:
      to = Null{};
      return true;
    case undefined:
    case unsupported:
      return true;
    case date: {
      const auto ms = std::bit_cast<double> (in_.u64 ());
      to = Date{ms, in_.get<std::int16_t> ()};
      return whole ();
    }
    default:
      return budget_.fail (Fault::malformed);
    }
  }

  bool text (std::string &to, std::size_t n)
  {
    if (!whole () || !budget_.text (n))
      return false;
    const Bytes b = in_.take (n);
    to.assign (reinterpret_cast<const char *> (b.data ()), b.size ());
    return whole ();
  }

  bool complex (Value &to, std::uint8_t marker, std::size_t begin, std::size_t depth)
  {
    const std::size_t index = places_.size ();
    if (!repeating_)
      places_.push_back ({begin, amf_open});
    const bool good = marker == strict_array ? array (to, depth) : members (to, marker, depth);
    if (!repeating_)
      places_[index].end = position ();
    return good;
  }

  bool array (Value &to, std::size_t depth)
  {
    auto &values = to.data.emplace<Array> ().values;
    for (std::uint32_t left = in_.u32 (); left > 0 && whole (); left--)
      if (!value (values.emplace_back (), depth + 1))
        return false;
    return whole ();
  }

  bool members (Value &to, std::uint8_t marker, std::size_t depth)
  {
    auto &o = to.data.emplace<Object> ();
    if (marker == typed_object) {
      o.kind = Object::Kind::typed;
      if (!text (o.class_name, in_.u16 ()))
        return false;
    } else if (marker == ecma_array) {
      o.kind = Object::Kind::ecma_array;
      in_.u32 (); // how many there are is often wrong
    }
    while (whole () && in_.left () > 0) {
      Property p;
      if (!text (p.name, in_.u16 ()))
        return false;
      if (p.name.empty () && ends ())
        return true;
      if (!value (p.value, depth + 1))
        return false;
      o.members.push_back (std::move (p));
    }
    return whole ();
  }

  bool ends ()
  {
    ByteReader ahead = in_;
    if (ahead.u8 () != object_end)
      return false;
    in_ = ahead;
    return true;
  }

  bool refer (Value &to, std::size_t from, std::size_t depth)
  {
    const std::size_t index = in_.u16 ();
    if (!whole ())
      return false;
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

  Bytes all_;
  ByteReader in_;
  AmfBudget budget_;
  std::vector<AmfPlace> places_;
  bool repeating_ = false; // decoding what a reference means
};

void put_text (ByteWriter &to, std::uint8_t small, std::string_view s)
{
  if (s.size () <= 0xffff && small == string) {
    to.u8 (small);
    to.str16 (s);
    return;
  }
  to.u8 (small == string ? static_cast<std::uint8_t> (long_string) : small);
  to.u32 (static_cast<std::uint32_t> (s.size ()));
  to.bytes (as_bytes (s));
}

struct Encoder {
  ByteWriter &to;

  void operator() (Undefined) { to.u8 (undefined); }
  void operator() (Null) { to.u8 (null); }
  void operator() (bool b)
  {
    to.u8 (boolean);
    to.u8 (b);
  }
  void operator() (double d)
  {
    to.u8 (number);
    to.u64 (std::bit_cast<std::uint64_t> (d));
  }
  void operator() (std::int32_t i) { (*this) (static_cast<double> (i)); }
  void operator() (const std::string &s) { put_text (to, string, s); }
  void operator() (const Xml &x) { put_text (to, xml_document, x.text); }
  void operator() (const Date &d)
  {
    to.u8 (date);
    to.u64 (std::bit_cast<std::uint64_t> (d.milliseconds));
    to.put (d.zone);
  }
  void operator() (const Object &o)
  {
    using Kind = Object::Kind;
    to.u8 (o.kind == Kind::object ? object : o.kind == Kind::typed ? typed_object : ecma_array);
    if (o.kind == Kind::typed)
      to.str16 (o.class_name);
    if (o.kind == Kind::ecma_array)
      to.u32 (static_cast<std::uint32_t> (o.members.size ()));
    for (const Property &p : o.members) {
      to.str16 (p.name);
      encode_amf0 (to, p.value);
    }
    to.u16 (0);
    to.u8 (object_end);
  }
  void operator() (const Array &a)
  {
    to.u8 (strict_array);
    to.u32 (static_cast<std::uint32_t> (a.values.size ()));
    for (const Value &v : a.values)
      encode_amf0 (to, v);
  }
  template <typename T> void operator() (const T &only_in_amf3)
  {
    to.u8 (amf3);
    encode_amf3 (to, only_in_amf3);
  }
};
} // namespace

Decoded decode_amf0 (Bytes in, const Limits &limits)
{
  return Decoder (in, limits).run ();
}

void encode_amf0 (ByteWriter &to, const Value &value)
{
  std::visit (Encoder{to}, value.data);
}

std::vector<std::uint8_t> encode_amf0 (const std::vector<Value> &values)
{
  ByteWriter to;
  for (const Value &v : values)
    encode_amf0 (to, v);
  return to.take ();
}
} // namespace reach::rtmp
