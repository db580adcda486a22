// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtmp_wire.h"

using namespace reach;
using namespace reach::rtmp;
using namespace reach::rtmp::test;

namespace {
using Fault = Decoded::Fault;

Wire raw (std::initializer_list<unsigned> bytes)
{
  Wire w;
  for (const unsigned b : bytes)
    w.push_back (static_cast<std::uint8_t> (b));
  return w;
}

Wire number (double d)
{
  return encode_amf0 ({d});
}

Value everything ()
{
  Vector numbers{Vector::Kind::uint32, true, {}, {1.0, 4294967295.0}};
  Vector negative{Vector::Kind::int32, false, {}, {-1.0}};
  Vector objects{Vector::Kind::object, false, "C", {Value ("x"), Null{}}};
  Value o = Value::object ({{"number", -0.5}, {"yes", true}, {"text", "täxt"},
      {"long", std::string (70000, 'x')}, {"null", Null{}}, {"nothing", Value ()},
      {"date", Date{1e12, 0}}, {"xml", Xml{"<a/>", true}}, {"bytes", ByteArray{{1, 2, 3}}},
      {"list", Array{{1.0, "two", Array{}}}}, {"map", Value::ecma_array ({{"a", 1.0}})},
      {"typed", Object{Object::Kind::typed, "C", {{"m", 2.0}}}}, {"uints", numbers},
      {"ints", negative}, {"objects", objects}, {"dictionary", Dictionary{false, {{"k", 1.0}}}}});
  return o;
}

Limits wide ()
{
  Limits l;
  l.amf_string = 1u << 20;
  return l;
}

// One value of AMF3 behind its marker.
Decoded amf3 (Wire w, const Limits &l = {})
{
  w.insert (w.begin (), 0x11);
  return decode_amf0 (w, l);
}
} // namespace

GST_START_TEST (test_all_types_there_and_back)
{
  const Decoded d = decode_amf0 (encode_amf0 ({everything (), 3.0}), wide ());
  fail_unless (d.ok () && d.values.size () == 2);
  fail_unless (d.at (0) == everything ());
  fail_unless (d.at (1) == Value (3.0) && d.at (2) == Value ());
}
GST_END_TEST

GST_START_TEST (test_amf3_types_there_and_back)
{
  // A dictionary goes as AMF3 with all that is in it.
  Dictionary in{true, {{Value (everything ()), Value (-5)}, {"big", Value (268435455)}}};
  const Decoded d = decode_amf0 (encode_amf0 ({in}), wide ());
  fail_unless (d.ok ());
  fail_unless (d.at (0) == Value (in));
  const Decoded outside =
      decode_amf0 (encode_amf0 ({Dictionary{false, {{1.0, Value (1 << 28)}}}}), {});
  fail_unless (outside.at (0).as<Dictionary> ()->entries[0].second == Value (268435456.0));
}
GST_END_TEST

GST_START_TEST (test_accessors_never_fail)
{
  const Value v = everything ();
  fail_unless (v["number"].number_or (0) == -0.5 && v["text"].number_or (7) == 7);
  fail_unless (v["yes"].boolean_or (false) && !v["text"].boolean ());
  fail_unless (v["none"].is_nothing () && v["none"]["deeper"].string ().empty ());
  fail_unless (Value (1.0).boolean () == true && !Value (2.0).boolean ());
  fail_unless (v["list"].values ().size () == 3 && v.values ().empty ());
  fail_unless (v["map"].find ("a") && !v["list"].find ("a"));
}
GST_END_TEST

GST_START_TEST (test_every_prefix_is_truncated_or_whole)
{
  Value v = everything ();
  std::erase_if (v.as<Object> ()->members, [] (const Property &p) { return p.name == "long"; });
  const Wire w = encode_amf0 ({Array{{v, v}}});
  for (std::size_t n = 1; n < w.size (); n++) {
    const Decoded d = decode_amf0 (Bytes (w).first (n), {});
    // An object without its end mark, at the end, is let through.
    fail_unless (d.fault == (d.values.empty () ? Fault::truncated : Fault::none));
  }
}
GST_END_TEST

GST_START_TEST (test_nesting_bomb_amf0_and_amf3)
{
  for (const unsigned levels : {32u, 33u, 100000u}) {
    Limits l;
    l.amf_values = 1000000;
    Wire objects, arrays, three{0x11};
    for (unsigned i = 0; i < levels; i++) {
      put (objects, raw ({3, 0, 1, 'a'}));
      put (arrays, raw ({10, 0, 0, 0, 1}));
      put (three, raw ({9, 3, 1})); // an array of one
    }
    put (objects, raw ({5}));
    put (arrays, raw ({5}));
    put (three, raw ({1}));
    for (const Wire &w : {objects, arrays, three}) {
      const Decoded d = decode_amf0 (w, l);
      fail_unless (d.fault == (levels == 32 ? Fault::none : Fault::too_deep));
    }
  }
}
GST_END_TEST

GST_START_TEST (test_references_are_resolved)
{
  // {a: {x: 1}, b: reference to a}; the second value refers to the first.
  Wire w = raw ({3, 0, 1, 'a', 3, 0, 1, 'x'});
  put (w, number (1));
  put (w, raw ({0, 0, 9, 0, 1, 'b', 7, 0, 1, 0, 0, 9, 7, 0, 0}));
  const Decoded d = decode_amf0 (w, {});
  fail_unless (d.ok () && d.values.size () == 2);
  fail_unless (d.at (0)["b"]["x"] == Value (1.0));
  fail_unless (d.at (1) == d.at (0));
  fail_unless (decode_amf0 (raw ({7, 0, 0}), {}).fault == Fault::malformed);
}
GST_END_TEST

GST_START_TEST (test_reference_to_itself_is_null)
{
  const Decoded d = decode_amf0 (raw ({3, 0, 1, 'a', 7, 0, 0, 0, 0, 9}), {});
  fail_unless (d.ok () && d.at (0)["a"] == Value (Null{}));
  const Decoded three = amf3 (raw ({9, 3, 1, 9, 0}));
  fail_unless (three.ok () && three.at (0).values ()[0] == Value (Null{}));
}
GST_END_TEST

GST_START_TEST (test_reference_bomb_is_bounded)
{
  // Each array has the one before twice.
  Wire w = raw ({10, 0, 0, 0, 0}), three{0x11, 9, 51 * 2 + 1, 1, 9, 1, 1};
  for (unsigned i = 0; i < 50; i++) {
    put (w, raw ({10, 0, 0, 0, 2, 7, 0, i, 7, 0, i}));
    put (three, raw ({9, 5, 1, 9, 2 * (i + 1), 9, 2 * (i + 1)}));
  }
  fail_unless (
      decode_amf0 (w, {}).fault == Fault::too_many || decode_amf0 (w, {}).fault == Fault::too_deep);
  Limits deep;
  deep.amf_depth = 1000;
  fail_unless (decode_amf0 (w, deep).fault == Fault::too_many);
  fail_unless (decode_amf0 (three, deep).fault == Fault::too_many);
  // A long string, again and again.
  Wire text = raw ({0x11, 9, 0x83, 0x69, 1, 6, 0x83, 0x69}); // 244 of them, 244 bytes each
  put (text, pattern (244));
  for (unsigned i = 1; i < 244; i++)
    put (text, raw ({6, 0}));
  Limits small;
  small.amf_bytes = 10000;
  fail_unless (decode_amf0 (text, small).fault == Fault::too_big);
  fail_unless (decode_amf0 (text, {}).ok ());
}
GST_END_TEST

GST_START_TEST (test_amf3_string_object_and_trait_references)
{
  // [{a, b sealed of class C}, the same traits again, the first again], names by reference.
  Wire w = raw ({9, 7, 1});
  put (w, raw ({10, 0x23, 3, 'C', 3, 'a', 3, 'b', 4, 1, 6, 2})); // "a" as a value by reference
  put (w, raw ({10, 1, 4, 2, 6, 4}));
  put (w, raw ({10, 2}));
  const Decoded d = amf3 (w);
  fail_unless (d.ok ());
  const auto &v = d.at (0).values ();
  fail_unless_equals_int (v.size (), 3);
  fail_unless (v[0]["a"] == Value (1) && v[0]["b"] == Value ("a"));
  fail_unless (v[1]["a"] == Value (2) && v[1]["b"] == Value ("b"));
  fail_unless (v[2] == v[0] && v[0].as<Object> ()->class_name == "C");
}
GST_END_TEST

GST_START_TEST (test_cve_2015_8270_8271_amf3_lengths_beyond_the_input)
{
  const Wire cases[] = {
      raw ({6, 0xff, 0xff, 0xff, 0xff}),          // string
      raw ({6, 0x80, 0x80, 0x80, 2}),             // string of no table
      raw ({10, 0xff, 0xff, 0xff, 0xff, 3, 'C'}), // sealed members
      raw ({12, 0xff, 0xff, 0xff, 0xff, 1}),      // bytes
      raw ({13, 0xff, 0xff, 0xff, 0xff, 0, 1}),   // vectors
      raw ({16, 0xff, 0xff, 0xff, 0xff, 0, 1, 1}),
      raw ({9, 0xff, 0xff, 0xff, 0xff, 1, 1}),     // array
      raw ({17, 0xff, 0xff, 0xff, 0xff, 0, 1, 1}), // dictionary
      raw ({10, 0x0d}),                            // traits of no table
      raw ({10}),
      raw ({6}),
      raw ({4, 0x80}),
      raw ({}),
  };
  for (const Wire &w : cases)
    fail_unless (!amf3 (w).ok ());
  fail_unless (!decode_amf0 (raw ({2, 0xff, 0xff, 'a'}), {}).ok ());
  fail_unless (!decode_amf0 (raw ({12, 0xff, 0xff, 0xff, 0xff, 'a'}), {}).ok ());
  fail_unless (!decode_amf0 (raw ({10, 0xff, 0xff, 0xff, 0xff, 5}), {}).ok ());
}
GST_END_TEST

GST_START_TEST (test_cve_2017_5878_no_object_is_made_of_a_class_name)
{
  // An externalizable class of the sender's choice is refused; Flex's wrappers are their content.
  Wire w = raw ({10, 7, 0x0b, 'E', 'v', 'i', 'l', '!', 4, 1});
  fail_unless (amf3 (w).fault == Fault::malformed);
  const std::string flex = "flex.messaging.io.ArrayCollection";
  w = raw ({10, 7, static_cast<unsigned> (flex.size () * 2 + 1)});
  put (w, as_bytes (flex));
  put (w, raw ({9, 3, 1, 4, 5}));
  const Decoded d = amf3 (w);
  fail_unless (d.ok () && d.at (0).values ().size () == 1);
}
GST_END_TEST

GST_START_TEST (test_amf3_is_not_sticky)
{
  Wire w = raw ({0x11, 4, 7});
  put (w, number (2));
  const Decoded d = decode_amf0 (w, {});
  fail_unless (d.ok () && d.at (0) == Value (7) && d.at (1) == Value (2.0));
}
GST_END_TEST

GST_START_TEST (test_metadata_wrong_count_and_no_end_mark)
{
  Wire w = raw ({8, 0, 0, 0, 99, 0, 1, 'a'});
  put (w, number (1));
  fail_unless (decode_amf0 (w, {}).ok ());
  put (w, raw ({0, 0, 9}));
  put (w, number (2));
  const Decoded d = decode_amf0 (w, {});
  fail_unless (d.ok () && d.at (0)["a"] == Value (1.0) && d.at (1) == Value (2.0));
}
GST_END_TEST

static Suite *amf_suite ()
{
  Suite *s = suite_create ("rtmp-amf");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_all_types_there_and_back);
  tcase_add_test (tc, test_amf3_types_there_and_back);
  tcase_add_test (tc, test_accessors_never_fail);
  tcase_add_test (tc, test_every_prefix_is_truncated_or_whole);
  tcase_add_test (tc, test_nesting_bomb_amf0_and_amf3);
  tcase_add_test (tc, test_references_are_resolved);
  tcase_add_test (tc, test_reference_to_itself_is_null);
  tcase_add_test (tc, test_reference_bomb_is_bounded);
  tcase_add_test (tc, test_amf3_string_object_and_trait_references);
  tcase_add_test (tc, test_cve_2015_8270_8271_amf3_lengths_beyond_the_input);
  tcase_add_test (tc, test_cve_2017_5878_no_object_is_made_of_a_class_name);
  tcase_add_test (tc, test_amf3_is_not_sticky);
  tcase_add_test (tc, test_metadata_wrong_count_and_no_end_mark);
  return s;
}
GST_CHECK_MAIN (amf)
