// SPDX-License-Identifier: LGPL-2.1-or-later
// JSON that is checked and cut, never made anew.
#include "rtc/signalling/proto/json_text.h"
#include "../check.h"

using namespace reach::rtc;

GST_START_TEST (valid)
{
  for (const char *t : {"0", "-0", "10", "-1.5e+10", "1E-2", "true", "false", "null", "\"\"", "[]",
           "{}", " [ 1 , 2 ] ", "{\"a\":{\"b\":[]},\"c\":null}", "\"\\u00e9\\n\\\"\\\\\\/\"",
           "\"ü € 𝄞\"", "\t\r\n1 "})
    fail_unless (json::parse (t).has_value (), "%s", t);
  const auto v = json::parse (" {\"a\": [1, 2]} ");
  fail_unless (v->is (json::Kind::object) && v->text == "{\"a\": [1, 2]}");
}
GST_END_TEST

GST_START_TEST (invalid)
{
  const std::string cases[] = {"", " ", "01", "1.", ".5", "1e", "+1", "-", "0x1", "nul", "True",
      "NaN", "Infinity", "'a'", "\"", "\"\\\"", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"a\nb\"",
      std::string ("\"a\0b\"", 5), "[", "]", "[1", "[1,]", "[,1]", "[1 2]", "{", "{\"a\"}",
      "{\"a\":}", "{\"a\":1,}", "{a:1}", "{1:1}", "{\"a\" 1}", "1 2", "[] []", "// x\n1",
      "\"\x80\"", "\"\xc0\x80\"", "\"\xc3\"", "\"\xe0\x80\x80\"", "\"\xed\xa0\x80\"",
      "\"\xf0\x80\x80\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xf5\x80\x80\x80\"", "\xff",
      "\xef\xbb\xbf{}"};
  for (const std::string &t : cases)
    fail_if (json::parse (t).has_value (), "%s", t.c_str ());
}
GST_END_TEST

// No part of a text is a text, and nothing is read behind its end.
GST_START_TEST (cut_anywhere)
{
  const std::string whole = "{\"a\":[true,null,-1.5e3,\"\\u20ac€\\\\\"],\"b\":{}}";
  fail_unless (json::parse (whole).has_value ());
  for (std::size_t n = 0; n < whole.size (); n++) {
    const std::string part (whole, 0, n);
    fail_if (json::parse (part).has_value (), "%s", part.c_str ());
  }
}
GST_END_TEST

GST_START_TEST (depth)
{
  const auto nested = [] (std::size_t n) {
    std::string t;
    for (std::size_t i = 0; i < n; i++)
      t += i % 2 ? "[" : "{\"a\":";
    t += "1";
    for (std::size_t i = n; i-- > 0;)
      t += i % 2 ? "]" : "}";
    return t;
  };
  fail_unless (json::parse (nested (32)).has_value ());
  fail_if (json::parse (nested (33)).has_value ());
  fail_unless (json::parse (nested (5), 5).has_value ());
  fail_if (json::parse (nested (5), 4).has_value ());
  fail_if (json::parse (std::string (1000000, '[')).has_value ());
}
GST_END_TEST

GST_START_TEST (members)
{
  const auto v = json::parse (R"({"a":1, "b" : {"a":2} ,"a":"last","\u0063":[3]})");
  fail_unless (v.has_value ());
  fail_unless (json::string_member (*v, "a") == "last");
  fail_unless (json::member (*v, "b")->text == "{\"a\":2}");
  fail_unless (json::member (*v, "c")->text == "[3]"); // however it is written
  fail_if (json::member (*v, "d").has_value ());
  fail_if (json::string_member (*v, "b").has_value ());
  fail_if (json::member (*json::parse ("[1]"), "a").has_value ());
  std::string all;
  for (json::Items i (*json::parse ("[1, [2,3] ,\"x\",{}]")); i.next ();)
    all.append (i.value ().text).append (";");
  fail_unless_equals_string (all.c_str (), "1;[2,3];\"x\";{};");
  json::Items none (*json::parse ("3"));
  fail_if (none.next ());
}
GST_END_TEST

GST_START_TEST (strings)
{
  const auto text = [] (const char *t) { return json::string_of (*json::parse (t)); };
  fail_unless (text (R"("a\"\\\/\b\f\n\r\t")") == "a\"\\/\b\f\n\r\t");
  fail_unless (text (R"("\u0041\u00e9\u20ac\ud834\udd1e")") == "Aé€𝄞");
  // Halves of pairs are no characters.
  fail_unless (text (R"("\ud834")") == "\xef\xbf\xbd");
  fail_unless (text (R"("\ud834x\udd1e")") == "\xef\xbf\xbdx\xef\xbf\xbd");
  fail_unless (text (R"("\ud834\u0041")") == "\xef\xbf\xbd"
                                             "A");
  fail_unless (text (R"("\u0000")") == std::string (1, '\0'));
  fail_if (text ("3").has_value ());
  const std::string odd ("a\"\\\n\x01€", 8);
  fail_unless (text (json::quote (odd).c_str ()) == odd);
}
GST_END_TEST

// Texts are looked at in words of eight bytes: everything may be at each place of one.
GST_START_TEST (long_strings)
{
  const auto with = [] (std::size_t before, const std::string &what, std::size_t behind) {
    return "[\"" + std::string (before, 'a') + what + std::string (behind, 'b') + "\",1]";
  };
  for (std::size_t before = 0; before < 20; before++)
    for (std::size_t behind = 0; behind < 20; behind++) {
      for (const std::string good : {"", "\\\"", "\\\\", "\\\\\\\"", "\\u0022", "é", "𝄞", "\x7f"}) {
        const std::string text = with (before, good, behind);
        const auto v = json::parse (text);
        fail_unless (v.has_value (), "%s", text.c_str ());
        json::Items i (*v);
        fail_unless (i.next () && i.value ().text == text.substr (1, text.size () - 4));
        fail_unless (i.next () && i.value ().text == "1");
      }
      for (const std::string bad : {"\x1f", "\n", "\x80", "\\a", "\"", "\xc3"}) {
        const std::string text = with (before, bad, behind);
        fail_if (json::parse (text).has_value (), "%s", text.c_str ());
      }
    }
}
GST_END_TEST

static Suite *json_text_suite ()
{
  Suite *s = suite_create ("json_text");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, valid);
  tcase_add_test (tc, invalid);
  tcase_add_test (tc, cut_anywhere);
  tcase_add_test (tc, depth);
  tcase_add_test (tc, members);
  tcase_add_test (tc, strings);
  tcase_add_test (tc, long_strings);
  return s;
}

GST_CHECK_MAIN (json_text)
