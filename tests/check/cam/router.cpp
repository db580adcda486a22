// SPDX-License-Identifier: LGPL-2.1-or-later
// Clients that come and go, what they may ask, limits, and the server's own block list.
#include "router_fixture.h"

using namespace reach;
using namespace reach::cam;
using namespace reach::cam::test;

GST_START_TEST (test_parts)
{
  Server s;
  fail_unless (!s.come ("", Part::receiver) && s.come ("", Part::sender));
  fail_unless (!s.come (std::string (65, 'x')) && !s.come ("\xff"));
  fail_unless_equals_int (s.router.clients (), 0);

  s.come ({"a"});
  fail_unless (s.come ("a", Part::sender) && s.come ("a", Part::sender));
  fail_unless (s.routes () == Texts{"a"});
  s.go ("a", true, Part::sender);
  s.go ("a");
  fail_unless (s.router.knows ("a") && s.routes ().empty ());
  s.go ("a"); // more often than it came
  fail_unless (s.router.knows ("a"));
  s.go ("a", true, Part::sender);
  fail_unless (!s.router.knows ("a") && s.routes () == Texts{"a"});
  fail_unless (s.status ("a", "list-groups") == AskStatus::no_such_client);
}
GST_END_TEST

// Who crashed is online until it could have come back.
GST_START_TEST (test_crash)
{
  Server s;
  s.come ({"a", "b"});
  s.join ("a", "g");
  s.join ("b", "g");
  s.told ("a");
  s.go ("b", false);
  fail_unless (s.router.poll_timeout () == s.now + seconds (15));
  s.pass (seconds (14));
  fail_unless (s.router.knows ("b") && s.told ("a").empty ());
  fail_unless (s.targets ("a", "", "g") == Texts{"b"});

  s.come ({"b"}); // in time
  fail_unless (s.router.poll_timeout () == TimePoint::max ());
  s.pass (seconds (100));
  fail_unless (s.told ("a").empty () && s.router.groups_of ("b") == Texts{"g"});

  s.go ("b", false);
  s.pass (seconds (15));
  fail_unless (s.told ("a") == Texts{"user-leaves-group guid=b group=g orderly=no"});
  fail_unless (!s.router.knows ("b") && s.targets ("a", "", "g").empty ());
}
GST_END_TEST

GST_START_TEST (test_what_can_be_asked)
{
  RouterConfig c = test_config ();
  c.served = ask_bit (AskType::list_groups) | ask_bit (AskType::add_contact);
  Server s (c);
  s.come ({"a"});
  const Answer a = s.ask ("a", "sing");
  fail_unless (a.status == AskStatus::unknown_ask && !a.text.empty () && a.result.name == "sing");
  fail_unless (s.status ("a", "list-users") == AskStatus::not_served);
  fail_unless (s.status ("a", "list-groups") == AskStatus::ok);
  // Missing, of another type, out of its limits; what is not known is ignored.
  fail_unless (s.status ("a", "add-contact") == AskStatus::malformed);
  fail_unless (s.status ("a", "add-contact", {{"guid", true}}) == AskStatus::malformed);
  fail_unless (
      s.status ("a", "add-contact", {{"guid", std::string (65, 'x')}}) == AskStatus::malformed);
  for (const CommandValue &types : {CommandValue (32u), CommandValue (-1), CommandValue (1.0),
           CommandValue (std::string ("video"))})
    fail_unless (s.status ("a", "add-contact", {{"guid", "b"}, {"media-types", types}}) ==
                 AskStatus::malformed);
  s.ok ("a", "add-contact", {{"colour", 1}, {"media-types", std::int64_t{3}}, {"guid", "b"}});
  fail_unless (!(RouterConfig ().served & ask_bit (AskType::list_users)));
}
GST_END_TEST

GST_START_TEST (test_asking_too_fast)
{
  RouterConfig c = test_config ();
  c.limits.asks_per_second = 10;
  c.limits.ask_burst = 5;
  Server s (c);
  s.come ({"a", "b"});
  for (int i = 0; i < 5; i++)
    fail_unless (s.status ("a", "list-groups") == AskStatus::ok);
  fail_unless (s.status ("a", "list-groups") == AskStatus::too_fast);
  fail_unless (s.status ("b", "list-groups") == AskStatus::ok);
  s.pass (milliseconds (101));
  fail_unless (s.status ("a", "list-groups") == AskStatus::ok);
  fail_unless (s.status ("a", "list-groups") == AskStatus::too_fast);
  s.pass (seconds (60));
  for (int i = 0; i < 5; i++)
    fail_unless (s.status ("a", "list-groups") == AskStatus::ok);
  fail_unless (s.status ("a", "list-groups") == AskStatus::too_fast);
}
GST_END_TEST

// An ask that makes many notices costs more.
GST_START_TEST (test_notices_cost)
{
  RouterConfig c = test_config ();
  c.limits.asks_per_second = 1;
  c.limits.ask_burst = 10;
  Server s (c);
  s.come ({"a"});
  s.join ("a", "g");
  for (int i = 0; i < 64; i++) {
    const std::string other = "m" + std::to_string (i);
    s.come (other);
    s.join (other, "g");
  }
  s.ok ("a", "leave-group", {{"group", "g"}}); // 64 notices, as many as four asks
  int asks = 0;
  while (s.status ("a", "list-groups") == AskStatus::ok)
    asks++;
  fail_unless_equals_int (asks, 4);
}
GST_END_TEST

GST_START_TEST (test_too_many_clients)
{
  RouterConfig c = test_config (KeepClientInfo::all);
  c.limits.max_clients = 3;
  Server s (c);
  s.come ({"a", "b", "c"});
  fail_unless (!s.come ("d"));
  // Those that are not there make room, who went first first.
  s.go ("b");
  s.go ("a");
  s.come ({"d"});
  fail_unless (s.router.knows ("a") && !s.router.knows ("b"));
  s.come ({"a"});
  fail_unless (!s.come ("e"));
  fail_unless_equals_int (s.router.clients (), 3);
}
GST_END_TEST

GST_START_TEST (test_ban)
{
  RouterConfig c = test_config (KeepClientInfo::all);
  c.limits.max_banned = 2;
  Server s (c);
  s.come ({"a", "b", "c"});
  s.ok ("a", "add-contact", "b");
  s.go ("c");
  fail_unless (s.router.ban ("b", "rude") && s.router.ban ("c", ""));
  fail_unless (!s.router.ban ("d", "") && !s.router.ban ("", ""));
  fail_unless (s.router.ban ("b", "rude")); // again; told again
  s.pass ({});
  fail_unless (s.kicks.size () == 2 && s.kicks[0].guid == "b" && s.kicks[0].why == "rude");
  fail_unless (!s.router.knows ("c") && s.state ());
  s.go ("b", false); // it need not be waited for
  fail_unless (!s.router.knows ("b") && s.targets ("a").empty ());
  fail_unless (!s.come ("b") && s.router.banned () == Texts ({"b", "c"}));
  s.router.unban ("b");
  s.come ({"b"});
  fail_unless (s.targets ("a") == Texts{"b"});

  // Who crashed is forgotten at once.
  s.go ("a", false);
  s.router.unban ("c");
  fail_unless (s.router.ban ("a", "") && !s.router.knows ("a"));
  fail_unless (s.router.poll_timeout () == TimePoint::max ());
}
GST_END_TEST

// Many clients in one group that come and go: nothing is forgotten, nothing stays.
GST_START_TEST (test_many)
{
  RouterConfig c = test_config ();
  c.limits.max_clients = 3000;
  c.limits.max_members = 100;
  Server s (c);
  for (int i = 0; i < 3000; i++) {
    const std::string guid = "client " + std::to_string (i);
    fail_unless (s.come (guid));
    s.join (guid, ("group " + std::to_string (i / 100)).c_str ());
    if (i != 7)
      s.ok (guid, "add-contact", "client 7");
  }
  fail_unless_equals_int (s.router.groups (), 30);
  fail_unless_equals_int (s.targets ("client 0", "", "group 0").size (), 99);
  fail_unless_equals_int (s.router.contact_of ("client 7").size (), 2999);
  for (int i = 0; i < 3000; i++)
    s.go ("client " + std::to_string (i), i % 2);
  fail_unless_equals_int (s.router.clients (), 1500);
  s.pass (seconds (15));
  fail_unless (s.router.clients () == 0 && s.router.groups () == 0);
  fail_unless (s.router.contact_of ("client 7").empty ());
}
GST_END_TEST

static Suite *router_suite ()
{
  Suite *s = suite_create ("cam-router");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_parts);
  tcase_add_test (tc, test_crash);
  tcase_add_test (tc, test_what_can_be_asked);
  tcase_add_test (tc, test_asking_too_fast);
  tcase_add_test (tc, test_notices_cost);
  tcase_add_test (tc, test_too_many_clients);
  tcase_add_test (tc, test_ban);
  tcase_add_test (tc, test_many);
  return s;
}
GST_CHECK_MAIN (router)
