// SPDX-License-Identifier: LGPL-2.1-or-later
// Tokens of a file, and the queries that clients give them in.
#include "rtmpserver/proto/tokens.h"
#include "rtmp_wire.h"
#include "rtmpserver/proto/query.h"

using namespace reach;
using namespace reach::rtmp;
using Use = Tokens::Use;
using Verdict = Tokens::Verdict;

namespace {
Time at (const char *text)
{
  const auto t = parse_time (text);
  fail_unless (t.has_value (), "%s", text);
  return *t;
}

const Time now = parse_time ("2026-06-01T12:00:00Z").value ();

Tokens parse (const std::string &text)
{
  std::string error;
  auto t = Tokens::parse (text, rtmp::test::crypto (), error);
  fail_unless (t.has_value (), "%s", error.c_str ());
  return std::move (*t);
}

ConnectInfo connect (const char *app, const char *tc_url)
{
  return parse_connect ({"connect", 1.0, Value::object ({{"app", app}, {"tcUrl", tc_url}})});
}
} // namespace

GST_START_TEST (test_rules)
{
  const Tokens t = parse ("# comment\n\nall\r\n"
                          "pub allow=publish stream=live/cam\n"
                          "see \t allow=play  stream=live/* expires=2026-07-01\n"
                          "both allow=publish,play expires=2026-06-01T12:00:01Z\n"
                          "two allow=publish stream=a/*\ntwo allow=play stream=b/?\n");
  fail_unless_equals_int (t.size (), 6);
  const auto check = [&] (const char *token, Use use, const char *stream, Time when = now) {
    return t.check (token, use, stream, when);
  };
  fail_unless (check ("all", Use::publish, "x/y") == Verdict::good);
  fail_unless (check ("all", Use::play, "x/y") == Verdict::good);
  fail_unless (check ("pub", Use::publish, "live/cam") == Verdict::good);
  fail_unless (check ("pub", Use::publish, "live/cam2") == Verdict::unknown);
  fail_unless (check ("pub", Use::play, "live/cam") == Verdict::unknown);
  fail_unless (check ("see", Use::play, "live/x/y") == Verdict::good);
  fail_unless (check ("see", Use::play, "live/x", at ("2026-07-01")) == Verdict::expired);
  fail_unless (check ("see", Use::publish, "live/x", at ("2026-07-01")) == Verdict::unknown);
  fail_unless (check ("both", Use::publish, "x/y") == Verdict::good);
  fail_unless (
      check ("both", Use::play, "x/y", now + std::chrono::seconds (1)) == Verdict::expired);
  fail_unless (check ("two", Use::publish, "a/b") == Verdict::good);
  fail_unless (check ("two", Use::play, "a/b") == Verdict::unknown);
  fail_unless (check ("two", Use::play, "b/c") == Verdict::good);
  for (const char *none : {"", "al", "alll", "All", "#", "# comment", "allow=publish"})
    fail_unless (check (none, Use::play, "x/y") == Verdict::unknown, "%s", none);
  fail_unless (t.check (std::string (300, 'x'), Use::play, "x/y", now) == Verdict::unknown);
  fail_unless (parse ("").check ("", Use::play, "x/y", now) == Verdict::unknown);
}
GST_END_TEST

GST_START_TEST (test_bad_files)
{
  for (const std::string &bad : {std::string ("secret allow="), std::string ("secret allow=read"),
           std::string ("secret allow=publish,publish,play"), std::string ("secret stream="),
           std::string ("secret expires=tomorrow"), std::string ("secret expires=2026-02-30"),
           std::string ("secret expires=2026-01-01T24:00:00Z"),
           std::string ("secret expires=2026-01-01T00:00:00"), std::string ("secret publish"),
           std::string ("secret =x"), std::string (" "), std::string (256, 'x')}) {
    std::string error;
    fail_unless (!Tokens::parse ("good\n" + bad, rtmp::test::crypto (), error), "%s", bad.c_str ());
    fail_unless (error.starts_with ("line 2: "), "%s", error.c_str ());
    fail_if (error.find ("secret") != error.npos, "%s", error.c_str ());
  }
}
GST_END_TEST

GST_START_TEST (test_times)
{
  using namespace std::chrono;
  fail_unless (at ("1970-01-01") == Time ());
  fail_unless (at ("2026-12-31T23:59:59Z") ==
               sys_days (year (2026) / 12 / 31) + hours (24) - std::chrono::seconds (1));
  for (const char *bad : {"", "2026", "2026-1-1", "2026-01-01Z", "2026-01-01T00:00Z", "2026-13-01",
           "1969-12-31", "9999-01-01", "2026-01-01T00:00:00Zx", "+026-01-01", "2026-01-0a"})
    fail_unless (!parse_time (bad), "%s", bad);
}
GST_END_TEST

GST_START_TEST (test_patterns)
{
  for (const auto &[pattern, text] :
      {std::pair{"*", ""}, std::pair{"*", "live/cam"}, std::pair{"live/*", "live/"},
          std::pair{"live/cam?", "live/cam1"}, std::pair{"*/cam*", "live/x/camera"},
          std::pair{"a*b*c", "a1b2b3c"}, std::pair{"**", "x"}, std::pair{"", ""}})
    fail_unless (matches (pattern, text), "%s %s", pattern, text);
  for (const auto &[pattern, text] :
      {std::pair{"", "x"}, std::pair{"live/cam?", "live/cam"}, std::pair{"live/cam", "live/camx"},
          std::pair{"live/cam", "xlive/cam"}, std::pair{"a*b*c", "a1b2b3"}, std::pair{"?", ""}})
    fail_if (matches (pattern, text), "%s %s", pattern, text);
  // One that takes for ever where each star is tried again.
  std::string stars;
  for (int i = 0; i < 500; i++)
    stars += "*a";
  fail_if (matches (stars + "b", std::string (1000, 'a')));
}
GST_END_TEST

GST_START_TEST (test_where_a_token_is)
{
  const auto plain = connect ("live", "rtmp://h/live");
  fail_unless_equals_string (token_of ({"cam", "token=1"}, plain).c_str (), "1");
  fail_unless_equals_string (token_of ({"cam", "a=b&token=x%2F%3dy"}, plain).c_str (), "x/=y");
  fail_unless_equals_string (token_of ({"cam", "mytoken=1"}, plain).c_str (), "");
  fail_unless_equals_string (token_of ({"cam", "token=%0"}, plain).c_str (), "");
  const auto app = connect ("live?token=2?authmod=adobe&user=bob", "rtmp://h/live?token=3");
  fail_unless_equals_string (token_of ({"cam", ""}, app).c_str (), "2");
  fail_unless_equals_string (token_of ({"cam", "token=1"}, app).c_str (), "1");
  const auto url = connect ("live", "rtmp://h/live?x&token=3");
  fail_unless_equals_string (token_of ({"cam", ""}, url).c_str (), "3");
}
GST_END_TEST

GST_START_TEST (test_redacted)
{
  const auto hide = [] (const char *s) { return redacted (s, {"token", "response"}); };
  fail_unless_equals_string (hide ("token=1").c_str (), "token=***");
  fail_unless_equals_string (hide ("a=b&token=1&c").c_str (), "a=b&token=***&c");
  fail_unless_equals_string (hide ("rtmp://h/live?token=1?authmod=adobe&response=a==&x=").c_str (),
      "rtmp://h/live?token=***?authmod=adobe&response=***&x=");
  for (const char *same : {"", "token", "mytoken=1", "rtmp://h/live", "?&&?", "tokens=1&"})
    fail_unless_equals_string (hide (same).c_str (), same);
}
GST_END_TEST

static Suite *tokens_suite ()
{
  Suite *s = suite_create ("tokens");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_rules);
  tcase_add_test (tc, test_bad_files);
  tcase_add_test (tc, test_times);
  tcase_add_test (tc, test_patterns);
  tcase_add_test (tc, test_where_a_token_is);
  tcase_add_test (tc, test_redacted);
  return s;
}

GST_CHECK_MAIN (tokens)
