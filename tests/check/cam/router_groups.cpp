// SPDX-License-Identifier: LGPL-2.1-or-later
#include "router_fixture.h"

using namespace reach;
using namespace reach::cam;
using namespace reach::cam::test;

GST_START_TEST (test_join_and_leave)
{
  Server s;
  s.come ({"a", "b", "c", "d"});
  s.routes ();
  const Answer made = s.ask ("a", "join-group", {{"group", "g"}});
  fail_unless (yes (made, "created") && text (made, "owner") == "a" && !yes (made, "permanent"));
  fail_unless (s.routes () == Texts{"a"} && s.told ("a").empty ());
  const Answer joined = s.ask ("b", "join-group", {{"group", "g"}, {"only-existing", true}});
  fail_unless (!yes (joined, "created") && text (joined, "owner") == "a");
  s.join ("c", "g");
  fail_unless (s.told ("a") ==
               Texts ({"user-joins-group guid=b group=g", "user-joins-group guid=c group=g"}));
  fail_unless (s.told ("b") == Texts{"user-joins-group guid=c group=g"});
  fail_unless (s.told ("d").empty ());
  s.join ("b", "g"); // again: nothing new
  fail_unless (s.told ("a").empty ());

  // The one who made it leaves; the group goes with its last member.
  s.ok ("a", "leave-group", {{"group", "g"}});
  fail_unless (s.told ("b") == Texts{"user-leaves-group guid=a group=g orderly=yes"});
  fail_unless (s.status ("a", "leave-group", {{"group", "g"}}) == AskStatus::not_found);
  s.go ("b");
  fail_unless (s.told ("c").back () == "user-leaves-group guid=b group=g orderly=yes");
  s.ok ("c", "leave-group", {{"group", "g"}});
  fail_unless_equals_int (s.router.groups (), 0);
  fail_unless (s.status ("c", "leave-group", {{"group", "g"}}) == AskStatus::no_such_group);
  fail_unless (s.status ("c", "join-group", {{"group", "g"}, {"only-existing", true}}) ==
               AskStatus::no_such_group);
  fail_unless (s.status ("c", "join-group") == AskStatus::malformed);
  fail_unless (
      s.status ("c", "join-group", {{"group", std::string (65, 'g')}}) == AskStatus::malformed);
}
GST_END_TEST

GST_START_TEST (test_routes_in_a_group)
{
  Server s;
  s.come ({"a", "b", "c", "d"});
  for (const char *who : {"a", "b", "c"})
    s.join (who, "g");
  fail_unless (s.targets ("a", "", "g") == Texts ({"b", "c"}));
  fail_unless (s.targets ("d", "", "g").empty ()); // not a member
  fail_unless (s.targets ("", "", "g").empty ());
  fail_unless (s.targets ("a", "", "other").empty ());
  fail_unless (s.targets ("a", "d", "g") == Texts{"d"}); // guid-to wins
  // Contacts do not count when a group is named.
  s.ok ("a", "add-contact", "d");
  fail_unless (s.targets ("a", "", "g") == Texts ({"b", "c"}));
  fail_unless (s.targets ("a") == Texts{"d"});
  // What each takes.
  s.ok ("b", "set-default-accept", {{"media-types", std::uint32_t{video}}});
  s.ok ("c", "block", "a");
  fail_unless (s.targets ("a", "", "g") == Texts ({"b1"}));
  fail_unless (s.targets ("c", "", "g") == Texts ({"b1"})); // a gets nothing of c either
}
GST_END_TEST

GST_START_TEST (test_password)
{
  Server s;
  s.come ({"a", "b", "c"});
  s.join ("a", "g", {{"password", "secret"}});
  fail_unless (s.status ("b", "join-group", {{"group", "g"}}) == AskStatus::wrong_password);
  fail_unless (s.status ("b", "join-group", {{"group", "g"}, {"password", "Secret"}}) ==
               AskStatus::wrong_password);
  fail_unless (s.told ("a").empty ());
  fail_unless (s.status ("b", "group-members", {{"group", "g"}}) == AskStatus::not_allowed);
  s.join ("b", "g", {{"password", "secret"}});
  s.ok ("b", "group-members", {{"group", "g"}});
  s.join ("b", "g"); // it is in already

  // The same password in another group has another hash.
  s.join ("a", "h", {{"password", "secret"}});
  s.join ("b", "open");
  s.join ("c", "open", {{"password", "not needed"}});
  const Answer info = s.ask ("c", "group-info", {{"group", "g"}});
  fail_unless (yes (info, "password") && !yes (info, "member") && text (info, "owner") == "a");
  fail_unless (result (info, "members") == CommandValue (2u));
  fail_unless (!yes (s.ask ("c", "group-info", {{"group", "open"}}), "password"));
  fail_unless (s.status ("c", "group-info", {{"group", "x"}}) == AskStatus::no_such_group);
}
GST_END_TEST

// After some wrong ones even the right one is not looked at, also after coming back.
GST_START_TEST (test_guessing)
{
  Server s;
  s.come ({"a", "b", "c"});
  s.join ("a", "g", {{"password", "secret"}});
  const auto attempt = [&] (const char *who, const char *password) {
    return s.status (who, "join-group", {{"group", "g"}, {"password", password}});
  };
  for (int i = 0; i < 5; i++) {
    fail_unless (attempt ("b", "guess") == AskStatus::wrong_password);
    s.pass (seconds (1));
  }
  fail_unless (attempt ("b", "secret") == AskStatus::too_fast);
  s.go ("b");
  s.come ({"b"});
  fail_unless (attempt ("b", "secret") == AskStatus::too_fast);
  fail_unless (attempt ("c", "guess") == AskStatus::wrong_password);
  fail_unless (attempt ("c", "secret") == AskStatus::ok); // others may
  s.pass (seconds (54));
  fail_unless (attempt ("b", "secret") == AskStatus::too_fast);
  s.pass (seconds (1));
  fail_unless (attempt ("b", "secret") == AskStatus::ok);
}
GST_END_TEST

// Many clients that guess make the server hash only so often, and who knows the password of a group
// that somebody has joined is not kept out by them.
GST_START_TEST (test_hashes_are_few)
{
  unsigned hashes = 0;
  RouterConfig c = test_config ();
  c.hash = [&hashes] (Bytes salt, std::string_view password) {
    hashes++;
    return test_hash (salt, password);
  };
  Server s (c);
  s.come ({"a", "b"});
  s.join ("a", "g", {{"password", "secret"}});
  const Params guess{{"group", "g"}, {"password", "guess"}};
  unsigned looked_at = 0;
  for (int i = 0; i < 500; i++) {
    const std::string guid = "guesser-" + std::to_string (i);
    fail_unless (s.come (guid));
    looked_at += s.status (guid, "join-group", guess) == AskStatus::wrong_password;
  }
  fail_unless_equals_int (hashes, c.limits.hash_burst);
  fail_unless_equals_int (looked_at, hashes - 1); // the first was made for the group
  s.join ("b", "g", {{"password", "secret"}});
  fail_unless (
      s.status ("b", "join-group", {{"group", "h"}, {"password", "new"}}) == AskStatus::too_fast);
  fail_unless_equals_int (s.router.groups (), 1);
  fail_unless_equals_int (hashes, c.limits.hash_burst);
  s.pass (seconds (1));
  s.join ("b", "h", {{"password", "new"}});
}
GST_END_TEST

GST_START_TEST (test_without_a_hash)
{
  RouterConfig c = test_config ();
  c.hash = nullptr;
  Server s (c);
  s.come ({"a"});
  fail_unless (
      s.status ("a", "join-group", {{"group", "g"}, {"password", "x"}}) == AskStatus::not_served);
  fail_unless_equals_int (s.router.groups (), 0);
  s.join ("a", "g");
}
GST_END_TEST

GST_START_TEST (test_permanent_members)
{
  Server s (test_config (KeepClientInfo::groups));
  s.come ({"a", "b", "c"});
  s.join ("a", "g", {{"permanent", true}});
  s.join ("b", "g", {{"permanent", true}});
  s.join ("b", "other");
  s.join ("c", "g");
  s.ok ("b", "add-contact", "a");
  s.told ("a");
  s.go ("b");
  s.go ("c");
  fail_unless (s.told ("a") == Texts{"user-leaves-group guid=c group=g orderly=yes"});
  fail_unless (s.router.knows ("b") && !s.router.knows ("c"));
  fail_unless (s.targets ("a", "", "g") == Texts{"b"}); // though it is not there
  fail_unless (s.router.groups_of ("b") == Texts{"g"});
  fail_unless (s.targets ("b").empty ()); // lists do not stay

  const Answer all = s.ask ("a", "group-members", {{"group", "g"}});
  fail_unless (list (all, "members") == Texts ({"a", "b"}));
  fail_unless (bytes (all, "online") == std::vector<std::uint8_t> ({1, 0}));
  const Answer online = s.ask ("a", "group-members", {{"group", "g"}, {"online", true}});
  fail_unless (list (online, "members") == Texts{"a"});

  // Joining again changes how long it lasts.
  s.come ({"b"});
  s.join ("b", "g");
  s.go ("b");
  fail_unless (!s.router.knows ("b"));
}
GST_END_TEST

// Where nothing is kept, the answer says that it is not permanent.
GST_START_TEST (test_permanent_is_not_kept)
{
  Server s;
  s.come ({"a"});
  fail_unless (
      !yes (s.ask ("a", "join-group", {{"group", "g"}, {"permanent", true}}), "permanent"));
  s.go ("a");
  fail_unless (!s.router.knows ("a") && s.router.groups () == 0);
}
GST_END_TEST

GST_START_TEST (test_limits)
{
  RouterConfig c = test_config ();
  c.limits.max_groups = 3;
  c.limits.max_members = 2;
  c.limits.max_memberships = 2;
  Server s (c);
  s.come ({"a", "b", "c"});
  s.join ("a", "1");
  s.join ("a", "2");
  fail_unless (s.status ("a", "join-group", {{"group", "3"}}) == AskStatus::limit);
  s.join ("b", "3");
  fail_unless (s.status ("b", "join-group", {{"group", "4"}}) == AskStatus::limit);
  s.join ("b", "1");
  fail_unless (s.status ("c", "join-group", {{"group", "1"}}) == AskStatus::limit);
  s.ok ("a", "leave-group", {{"group", "1"}});
  s.join ("c", "1");
}
GST_END_TEST

// Lists that do not fit one answer come in several, without gaps.
GST_START_TEST (test_pages)
{
  RouterConfig c = test_config ();
  c.limits.max_memberships = 3000;
  c.limits.max_groups = 3000;
  c.limits.ask_burst = c.limits.hash_burst = 10000;
  Server s (c);
  s.come ({"a"});
  Texts expected;
  for (int i = 0; i < 3000; i++) {
    expected.push_back (std::string (50, 'g') + std::to_string (10000 + i));
    s.join ("a", expected.back ().c_str (), i % 2 ? Params{{"password", "x"}} : Params{});
  }
  Texts got;
  std::string after;
  for (int pages = 1;; pages++) {
    const Answer a = s.ask ("a", "list-groups", {{"after", after}});
    const Texts some = list (a, "groups");
    fail_unless (a.status == AskStatus::ok && decode_answer (encode (a)) == a);
    fail_unless (some.size () == bytes (a, "passwords").size ());
    fail_unless_equals_int (bytes (a, "passwords")[1], some[1].back () % 2);
    got.insert (got.end (), some.begin (), some.end ());
    if (!has (a, "next"))
      break;
    after = text (a, "next");
    fail_unless (pages < 10 && after == some.back ());
  }
  fail_unless (got == expected);
}
GST_END_TEST

static Suite *router_groups_suite ()
{
  Suite *s = suite_create ("cam-router-groups");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_join_and_leave);
  tcase_add_test (tc, test_routes_in_a_group);
  tcase_add_test (tc, test_password);
  tcase_add_test (tc, test_guessing);
  tcase_add_test (tc, test_hashes_are_few);
  tcase_add_test (tc, test_without_a_hash);
  tcase_add_test (tc, test_permanent_members);
  tcase_add_test (tc, test_permanent_is_not_kept);
  tcase_add_test (tc, test_limits);
  tcase_add_test (tc, test_pages);
  return s;
}
GST_CHECK_MAIN (router_groups)
