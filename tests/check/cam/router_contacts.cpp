// SPDX-License-Identifier: LGPL-2.1-or-later
// Contacts, permissions, presence, media access, and what clients tell of themselves.
#include "router_fixture.h"

using namespace reach;
using namespace reach::cam;
using namespace reach::cam::test;

namespace {
Params about (const std::string &guid, std::uint8_t types)
{
  return {{"guid", guid}, {"media-types", std::uint32_t{types}}};
}
} // namespace

GST_START_TEST (test_contacts)
{
  Server s;
  s.come ({"a", "b", "c"});
  s.routes ();
  s.ok ("a", "add-contact", about ("c", video | audio));
  fail_unless (s.routes () == Texts{"a"});
  s.ok ("a", "add-contact", "b");
  s.ok ("a", "add-contact", "late");
  fail_unless (s.status ("a", "add-contact", {{"guid", "b"}}) == AskStatus::exists);
  fail_unless (s.status ("a", "add-contact", {{"guid", "a"}}) == AskStatus::not_allowed);
  fail_unless (s.targets ("a") == Texts ({"b", "c3"}));
  fail_unless (s.targets ("b").empty () && s.targets ("").empty ());
  s.come ({"late"});
  fail_unless (s.targets ("a") == Texts ({"b", "c3", "late"}));
  fail_unless (s.router.contact_of ("late") == Texts{"a"});

  const Answer a = s.ask ("a", "list-contacts");
  fail_unless (list (a, "guids") == Texts ({"b", "c", "late"}));
  fail_unless (bytes (a, "media-types") == std::vector<std::uint8_t> ({31, 3, 31}));
  fail_unless (
      list (s.ask ("a", "list-contacts", {{"after", "b"}}), "guids") == Texts ({"c", "late"}));
  s.ok ("a", "remove-contact", "b");
  fail_unless (s.status ("a", "remove-contact", {{"guid", "b"}}) == AskStatus::not_found);
  fail_unless (s.targets ("a") == Texts ({"c3", "late"}) && s.router.contact_of ("b").empty ());
  // To itself only when it says so.
  fail_unless (s.targets ("a", "a") == Texts{"a"});
  fail_unless (s.targets ("a", "nobody").empty () && s.targets ("", "a") == Texts{"a"});
}
GST_END_TEST

// Lists of allowed senders are per type: where one is empty, the default counts.
GST_START_TEST (test_allowed_senders)
{
  Server s;
  s.come ({"a", "b", "r"});
  s.routes ();
  s.ok ("r", "add-allowed-sender", about ("a", video));
  fail_unless (s.routes () == Texts{"r"});
  fail_unless (s.targets ("a", "r") == Texts{"r"});
  fail_unless (s.targets ("b", "r") == Texts{"r30"}); // all but video
  fail_unless (s.targets ("", "r") == Texts{"r30"});
  s.ok ("r", "set-default-accept", {{"media-types", 0}});
  fail_unless (s.targets ("a", "r") == Texts{"r1"});
  fail_unless (s.targets ("b", "r").empty ());
  s.ok ("r", "remove-allowed-sender", "a");
  fail_unless (s.targets ("a", "r").empty ());
  s.ok ("r", "set-default-accept", {{"media-types", std::uint32_t{audio}}});
  fail_unless (s.targets ("a", "r") == Texts{"r2"});
  s.ok ("r", "add-allowed-sender", about ("b", audio | data));
  fail_unless (s.targets ("a", "r").empty () && s.targets ("b", "r") == Texts{"r6"});
  fail_unless (s.targets ("r", "r") == Texts{"r"});
  fail_unless (s.status ("r", "set-default-accept") == AskStatus::malformed);
  // With the sender's own mask.
  s.ok ("b", "add-contact", about ("r", video | data));
  fail_unless (s.targets ("b") == Texts{"r4"});

  RouterConfig nobody = test_config ();
  nobody.default_accept = 0;
  Server closed (nobody);
  closed.come ({"a", "r"});
  fail_unless (closed.targets ("a", "r").empty ());
}
GST_END_TEST

GST_START_TEST (test_block)
{
  Server s;
  s.come ({"a", "b"});
  for (const auto &[me, other] : {std::pair{"a", "b"}, std::pair{"b", "a"}}) {
    s.ok (me, "add-contact", other);
    s.ok (me, "add-allowed-sender", other);
    s.join (me, "g");
  }
  s.ok ("b", "set-user-info", {{"name", "Bee"}});
  s.ok ("b", "block", "a");
  s.told ("a"), s.told ("b");
  for (const char *group : {"", "g"})
    fail_unless (s.targets ("a", "", group).empty () && s.targets ("b", "", group).empty ());
  fail_unless (s.targets ("a", "b").empty () && s.targets ("b", "a").empty ());

  // For a it looks as if b were not there.
  fail_unless (s.status ("a", "request-media-access", {{"guid", "b"}}) == AskStatus::offline);
  fail_unless (list (s.ask ("a", "say-hello"), "present").empty ());
  fail_unless (list (s.ask ("b", "say-hello"), "present").empty ());
  fail_unless (list (s.ask ("a", "list-users", {{"online", true}}), "users") == Texts{"a"});
  fail_unless (bytes (s.ask ("a", "list-users"), "online") == std::vector<std::uint8_t> ({1, 0}));
  fail_unless (s.ask ("a", "get-user-info", {{"guid", "b"}}).result.parameters.empty ());
  fail_unless (list (s.ask ("a", "group-members", {{"group", "g"}, {"online", true}}), "members") ==
               Texts{"a"});
  s.ok ("a", "allow-media-access", about ("b", video));
  s.ok ("a", "cancel-media-access", "b");
  s.ok ("a", "leave-group", {{"group", "g"}});
  s.go ("b");
  fail_unless (s.told ("a").empty () && s.told ("b").empty ());

  Server t;
  t.come ({"a", "b"});
  t.ok ("b", "block", "a");
  t.ok ("b", "block", "stranger");
  fail_unless (list (t.ask ("b", "list-blocked"), "guids") == Texts ({"a", "stranger"}));
  fail_unless (t.targets ("stranger", "b").empty ());
  t.ok ("b", "unblock", "a");
  fail_unless (t.targets ("a", "b") == Texts{"b"});
}
GST_END_TEST

GST_START_TEST (test_presence)
{
  Server s;
  s.come ({"a", "friend", "sender", "other"});
  s.come ("a", Part::sender);
  s.ok ("a", "add-contact", "friend");
  s.ok ("a", "add-allowed-sender", "sender");
  s.ok ("a", "add-contact", "nobody");
  s.ok ("friend", "add-contact", "a");
  s.ok ("friend", "say-hello", {{"allowed-senders", false}});
  fail_unless (s.told ("a") == Texts{"user-enter guid=friend"});

  // The answer says who has said hello to it.
  fail_unless (list (s.ask ("a", "say-hello"), "present") == Texts{"friend"});
  fail_unless (s.told ("friend") == Texts{"user-enter guid=a"});
  fail_unless (s.told ("sender") == Texts{"user-enter guid=a"});
  fail_unless (s.told ("other").empty ());
  s.ok ("a", "say-goodbye");
  fail_unless (s.told ("friend") == Texts{"user-exit guid=a orderly=yes"});
  fail_unless (s.told ("sender") == Texts{"user-exit guid=a orderly=yes"});
  s.ok ("a", "say-goodbye"); // it has said so
  fail_unless (s.told ("friend").empty ());

  // The server says it for those who do not.
  s.ok ("a", "say-hello", {{"contacts", false}});
  fail_unless (s.told ("friend").empty () && s.told ("sender").size () == 1);
  s.go ("a", false);
  fail_unless (s.told ("sender").empty ()); // one part is left
  s.go ("a", false, Part::sender);
  s.pass (seconds (15));
  fail_unless (s.told ("sender") == Texts{"user-exit guid=a orderly=no"});
  fail_unless (s.told ("friend").empty ());
  s.go ("friend");
  s.come ({"a"});
  fail_unless (s.told ("a").empty ());
}
GST_END_TEST

// Only a receiver can be told.
GST_START_TEST (test_sender_only)
{
  Server s;
  s.come ({"a"});
  s.come ("b", Part::sender);
  s.ok ("a", "add-contact", "b");
  s.ok ("a", "say-hello");
  s.join ("a", "g");
  s.join ("b", "g");
  s.ok ("a", "leave-group", {{"group", "g"}});
  fail_unless (s.told ("b").empty ());
  fail_unless (s.told ("a") == Texts{"user-joins-group guid=b group=g"});
  fail_unless (s.status ("a", "request-media-access", {{"guid", "b"}}) == AskStatus::offline);
}
GST_END_TEST

GST_START_TEST (test_media_access)
{
  Server s;
  s.come ({"a", "b"});
  s.ok ("a", "request-media-access", about ("b", video | audio));
  fail_unless (s.told ("b") == Texts{"media-access-request guid=a media-types=3"});
  fail_unless (s.targets ("b").empty ());
  s.routes ();
  s.ok ("b", "allow-media-access", about ("a", video));
  fail_unless (s.told ("a") == Texts{"media-access-allowed guid=b media-types=1"});
  fail_unless (s.routes () == Texts{"b"} && s.targets ("b") == Texts{"a1"});
  s.ok ("b", "cancel-media-access", "a");
  fail_unless (s.told ("a") == Texts{"media-access-cancelled guid=b"});
  fail_unless (s.routes () == Texts{"b"} && s.targets ("b").empty ());
  fail_unless (s.status ("b", "cancel-media-access", {{"guid", "a"}}) == AskStatus::not_found);

  s.ok ("b", "allow-media-access", "a");
  s.routes ();
  s.ok ("a", "cancel-media-access-request", "b");
  fail_unless (s.told ("b") == Texts{"media-access-request-cancelled guid=a"});
  fail_unless (s.routes () == Texts{"b"} && s.targets ("b").empty ());

  for (const char *ask :
      {"request-media-access", "cancel-media-access-request", "allow-media-access"}) {
    fail_unless (s.status ("a", ask, {{"guid", "x"}}) == AskStatus::no_such_client);
    fail_unless (s.status ("a", ask) == AskStatus::malformed);
  }
  fail_unless (s.status ("a", "request-media-access", {{"guid", "a"}}) == AskStatus::not_allowed);
}
GST_END_TEST

GST_START_TEST (test_user_info)
{
  Server s (test_config (KeepClientInfo::all));
  s.come ({"a", "b"});
  const Params info = {{"name", "Bee"}, {"age", 7}, {"guid", "of the hive"}};
  s.ok ("b", "set-user-info", info);
  fail_unless (s.ask ("a", "get-user-info", {{"guid", "b"}}).result.parameters == info);
  fail_unless (s.ask ("b", "get-user-info", {{"guid", "a"}}).result.parameters.empty ());
  fail_unless (s.status ("a", "get-user-info", {{"guid", "x"}}) == AskStatus::no_such_client);
  fail_unless (s.status ("b", "set-user-info", {{"x", std::vector<std::uint8_t> (4096)}}) ==
               AskStatus::limit);
  fail_unless (s.status ("b", "set-user-info", {{"", 1}}) == AskStatus::malformed);

  s.go ("b");
  const Answer all = s.ask ("a", "list-users", {{"info", true}});
  fail_unless (list (all, "users") == Texts ({"a", "b"}));
  fail_unless (bytes (all, "online") == std::vector<std::uint8_t> ({1, 0}));
  const auto infos = bytes (all, "infos");
  ByteReader r (infos);
  fail_unless (decode_bare_command (r.take (r.u32 ()))->parameters.empty ());
  fail_unless (decode_bare_command (r.take (r.u32 ()))->parameters == info);
  fail_unless (!r.failed () && r.left () == 0);
  const Answer online = s.ask ("a", "list-users", {{"online", true}});
  fail_unless (list (online, "users") == Texts{"a"} && !has (online, "infos"));
}
GST_END_TEST

// With the largest infos too, each answer can be sent.
GST_START_TEST (test_user_pages)
{
  RouterConfig c = test_config ();
  c.limits.ask_burst = 10000;
  Server s (c);
  for (int i = 0; i < 40; i++) {
    const std::string guid = std::string (60, 'u') + std::to_string (100 + i);
    s.come (guid);
    s.ok (guid, "set-user-info", {{"x", std::vector<std::uint8_t> (4060)}});
  }
  s.come ({"a"});
  std::size_t got = 0;
  std::string after;
  do {
    const Answer a = s.ask ("a", "list-users", {{"info", true}, {"after", after}});
    fail_unless (decode_answer (encode (a)) == a);
    got += list (a, "users").size ();
    after = has (a, "next") ? text (a, "next") : "";
  } while (!after.empty ());
  fail_unless_equals_int (got, 41);
}
GST_END_TEST

GST_START_TEST (test_limits)
{
  RouterConfig c = test_config ();
  c.limits.max_contacts = 2;
  c.limits.max_entries = 4;
  Server s (c);
  s.come ({"a", "b"});
  s.ok ("a", "add-contact", "1");
  s.ok ("a", "add-contact", "2");
  fail_unless (s.status ("a", "add-contact", {{"guid", "3"}}) == AskStatus::limit);
  s.ok ("a", "add-contact", about ("2", video)); // no further one
  s.ok ("a", "block", "3");
  s.ok ("b", "add-allowed-sender", "a");
  fail_unless (s.status ("b", "block", {{"guid", "x"}}) == AskStatus::limit);
  fail_unless (s.status ("b", "allow-media-access", {{"guid", "a"}}) == AskStatus::limit);
  s.go ("a");
  s.ok ("b", "block", "x");
}
GST_END_TEST

static Suite *router_contacts_suite ()
{
  Suite *s = suite_create ("cam-router-contacts");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_contacts);
  tcase_add_test (tc, test_allowed_senders);
  tcase_add_test (tc, test_block);
  tcase_add_test (tc, test_presence);
  tcase_add_test (tc, test_sender_only);
  tcase_add_test (tc, test_media_access);
  tcase_add_test (tc, test_user_info);
  tcase_add_test (tc, test_user_pages);
  tcase_add_test (tc, test_limits);
  return s;
}
GST_CHECK_MAIN (router_contacts)
