// SPDX-License-Identifier: LGPL-2.1-or-later
// The login of Adobe's way: who is in the file, what a challenge is good for, and how often.
#include "rtmpserver/proto/login.h"
#include "rtmp_wire.h"

using namespace reach;
using namespace reach::rtmp;

namespace {
const Crypto hashes = rtmp::test::crypto ();
constexpr TimePoint start{seconds (5000)};

Users parse (const std::string &text)
{
  std::string error;
  auto u = Users::parse (text, error);
  fail_unless (u.has_value (), "%s", error.c_str ());
  return std::move (*u);
}

// What a client makes of a challenge.
Login answer (const std::string &user, const std::string &salt, const std::string &opaque,
    const std::string &password, const std::string &challenge = "0123abcd")
{
  Login l{user, challenge, {}, opaque};
  const std::string hash = md5_base64 (hashes, {user, salt, password});
  l.response = md5_base64 (hashes, {hash, opaque, challenge});
  return l;
}

ConnectInfo connect (const std::string &app, const std::string &tc_url = "rtmp://h/live")
{
  return parse_connect ({"connect", 1.0, Value::object ({{"app", app}, {"tcUrl", tc_url}})});
}
} // namespace

// printf "%s" bob5a17secret | openssl md5 -binary | base64
GST_START_TEST (test_hash)
{
  fail_unless_equals_string (
      md5_base64 (hashes, {"bob", "5a17", "secret"}).c_str (), "R+FxPZlCS3UNn0fw+kjs7w==");
}
GST_END_TEST

GST_START_TEST (test_user_file)
{
  const std::string hash = md5_base64 (hashes, {"ann", "ab", "x"});
  const Users u = parse ("# who\n\nann:adobe:ab:" + hash + "\r\nbob:plain:a:b c\n");
  fail_unless_equals_int (u.size (), 2);
  fail_unless (u.find ("ann")->salt == "ab" && u.find ("ann")->hash == hash);
  fail_unless (u.find ("bob")->password == "a:b c" && u.find ("bob")->salt.empty ());
  fail_unless (u.find ("cat") == nullptr && u.find ("") == nullptr);
  const std::string line = "ann:adobe:ab:" + hash;
  for (const std::string &bad : {std::string ("ann"), std::string ("ann:plain:"),
           std::string (":plain:secret"), std::string ("a&b:plain:secret"),
           std::string ("a b:plain:secret"), std::string (65, 'x') + ":plain:secret",
           "ann:plain:" + std::string (256, 'x'), std::string ("ann:scrypt:secret"),
           std::string ("ann:adobe:ab:secret"), "ann:adobe::" + hash, "ann:adobe:a&b:" + hash,
           line + "=", line + "\n" + line, "ann:plain:secret\n" + line}) {
    std::string error;
    fail_unless (!Users::parse (bad, error), "%s", bad.c_str ());
    fail_unless (error.starts_with ("line "), "%s", error.c_str ());
    fail_if (error.find ("secret") != error.npos || error.find (hash) != error.npos);
  }
}
GST_END_TEST

GST_START_TEST (test_one_more_user)
{
  Users u = parse ("ann:plain:x");
  fail_unless (u.add ("bob", "y"));
  fail_unless (!u.add ("ann", "y") && !u.add ("b?b", "y") && !u.add ("cat", ""));
  fail_unless (u.find ("ann")->password == "x");
}
GST_END_TEST

// Behind the application or behind tcUrl, also behind another query.
GST_START_TEST (test_what_clients_send)
{
  const std::string full = "?authmod=adobe&user=bob&challenge=c&response=r==&opaque=o";
  for (const auto &info : {connect ("live" + full), connect ("live", "rtmp://h/live" + full),
           connect ("live?token=1" + full)}) {
    const Login l = Login::of (info);
    fail_unless (l.begun () && l.answered () && l.user == "bob" && l.challenge == "c" &&
                 l.response == "r==" && l.opaque == "o");
    fail_unless_equals_string (info.app.name.c_str (), "live");
  }
  fail_unless (!Login::of (connect ("live?authmod=llnw&user=bob")).begun ());
  fail_unless (!Login::of (connect ("live?user=bob")).begun ());
  fail_unless (!Login::of (connect ("live?authmod=adobe&user=" + std::string (65, 'x'))).begun ());
  // It is told to the client again: nothing may look like another parameter.
  fail_unless (!Login::of (connect ("live?authmod=adobe&user=a%26b")).begun ());
}
GST_END_TEST

GST_START_TEST (test_is_publisher)
{
  ConnectInfo info = connect ("live");
  fail_unless (!is_publisher (info));
  info.flash_version = "FMLE/3.0 (compatible; FMSc/1.0)";
  fail_unless (is_publisher (info));
  fail_unless (is_publisher (
      parse_connect ({"connect", 1.0, Value::object ({{"app", "live"}, {"type", "nonprivate"}})})));
}
GST_END_TEST

GST_START_TEST (test_right_and_wrong)
{
  const std::string hash = md5_base64 (hashes, {"ann", "5a17", "x"});
  const Users u = parse ("ann:adobe:5a17:" + hash + "\nbob:plain:y");
  Challenges c (hashes, {}, start);
  const std::string salt = c.salt_of ("bob");
  fail_unless (salt == c.salt_of ("bob") && salt != c.salt_of ("cat"));
  for (const auto &[name, own, password] :
      {std::tuple{"ann", std::string ("5a17"), "x"}, std::tuple{"bob", salt, "y"}}) {
    const std::string opaque = c.make (name, own, start);
    const User *user = u.find (name);
    fail_unless (c.right (answer (name, own, opaque, password), user, start));
    fail_unless (!c.right (answer (name, own, opaque, "z"), user, start));
    fail_unless (!c.right (answer (name, "other", opaque, password), user, start));
    fail_unless (!c.right (answer (name, own, opaque, password), nullptr, start));
    Login l = answer (name, own, opaque, password);
    l.response = "";
    fail_unless (!c.right (l, user, start));
    // Made for somebody else, or by nobody.
    const std::string others = c.make ("cat", own, start);
    fail_unless (!c.right (answer (name, own, others, password), user, start));
    for (std::size_t i = 0; i < opaque.size (); i++) {
      std::string forged = opaque;
      forged[i] = forged[i] == '0' ? '1' : '0';
      fail_unless (!c.right (answer (name, own, forged, password), user, start));
    }
    for (const std::string &bad : {std::string (), opaque.substr (1), opaque + "0"})
      fail_unless (!c.right (answer (name, own, bad, password), user, start));
  }
  fail_unless (Challenges (hashes, {}, start).salt_of ("bob") != salt); // another run
}
GST_END_TEST

// As Debian's librtmp 2.4 sends them: what happens to be in memory behind both.
GST_START_TEST (test_answer_that_does_not_end)
{
  const Users u = parse ("bob:plain:y");
  Challenges c (hashes, {}, start);
  const std::string salt = c.salt_of ("bob"), opaque = c.make ("bob", salt, start);
  Login l = answer ("bob", salt, opaque, "y", "rOH4Qw==");
  l = Login::of (
      connect ("live?authmod=adobe&user=bob&challenge=rOH4Qw==\xac\xbf"
               "CR" +
               l.response + "\xc1\x13&response=" + l.response + "\xc1\x13\xbb&opaque=" + opaque));
  fail_unless (c.right (l, u.find ("bob"), start));
}
GST_END_TEST

GST_START_TEST (test_a_challenge_ends)
{
  const Users u = parse ("bob:plain:y");
  Challenges c (hashes, {seconds (30), 10}, start);
  const std::string salt = c.salt_of ("bob"), opaque = c.make ("bob", salt, start);
  const Login l = answer ("bob", salt, opaque, "y");
  fail_unless (c.right (l, u.find ("bob"), start + seconds (29)));
  fail_unless (!c.right (l, u.find ("bob"), start + seconds (31)));
}
GST_END_TEST

// An answer is taken once; it is forgotten when its challenge has ended, not before.
GST_START_TEST (test_replay)
{
  const Users u = parse ("bob:plain:y");
  Challenges c (hashes, {seconds (30), 3}, start);
  const std::string salt = c.salt_of ("bob");
  const Login once = answer ("bob", salt, c.make ("bob", salt, start), "y");
  fail_unless (c.take (once, start));
  fail_unless (!c.take (once, start));
  fail_unless (!c.take (once, start + seconds (29)));
  for (int i = 0; i < 2; i++)
    fail_unless (c.take (answer ("bob", salt, c.make ("bob", salt, start), "y"), start));
  // Full: nothing that could be replayed is given up for it.
  const Login late = answer ("bob", salt, c.make ("bob", salt, start), "y");
  fail_unless (!c.take (late, start));
  fail_unless_equals_int (c.used (), 3);
  const TimePoint then = start + seconds (40);
  fail_unless (!c.right (once, u.find ("bob"), then));
  fail_unless (c.take (answer ("bob", salt, c.make ("bob", salt, then), "y"), then));
  fail_unless_equals_int (c.used (), 1);
}
GST_END_TEST

// Those that are asked for cost nothing.
GST_START_TEST (test_flood)
{
  Challenges c (hashes, {}, start);
  std::string last;
  for (int i = 0; i < 20000; i++) {
    const std::string opaque = c.make ("bob", "salt", start);
    fail_unless (opaque != last && opaque.size () == 64);
    last = opaque;
  }
  fail_unless_equals_int (c.used (), 0);
}
GST_END_TEST

GST_START_TEST (test_descriptions)
{
  fail_unless_equals_string (login_needed ().c_str (),
      "[ AccessManager.Reject ] : [ code=403 need auth; authmod=adobe ] : ");
  fail_unless_equals_string (login_challenge ("bob", "5a17", "0123456789abcdef01").c_str (),
      "[ AccessManager.Reject ] : [ authmod=adobe ] : ?reason=needauth&user=bob&salt=5a17"
      "&challenge=0123456789abcdef&opaque=0123456789abcdef01");
  fail_unless_equals_string (login_failed ().c_str (),
      "[ AccessManager.Reject ] : [ authmod=adobe ] : ?reason=authfailed");
  // FFmpeg has room for 299 bytes behind the question mark.
  const std::string name (Users::max_name, 'x'), salt (Users::max_salt, 's'), opaque (64, '0');
  const std::string longest = login_challenge (name, salt, opaque);
  fail_unless (longest.size () - longest.find ('?') < 300);
}
GST_END_TEST

static Suite *login_suite ()
{
  Suite *s = suite_create ("login");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_hash);
  tcase_add_test (tc, test_user_file);
  tcase_add_test (tc, test_one_more_user);
  tcase_add_test (tc, test_what_clients_send);
  tcase_add_test (tc, test_is_publisher);
  tcase_add_test (tc, test_right_and_wrong);
  tcase_add_test (tc, test_answer_that_does_not_end);
  tcase_add_test (tc, test_a_challenge_ends);
  tcase_add_test (tc, test_replay);
  tcase_add_test (tc, test_flood);
  tcase_add_test (tc, test_descriptions);
  return s;
}

GST_CHECK_MAIN (login)
