// SPDX-License-Identifier: LGPL-2.1-or-later
#include "router_fixture.h"

using namespace reach;
using namespace reach::cam;
using namespace reach::cam::test;

namespace {
using Wire = std::vector<std::uint8_t>;

// Two clients, one of them online, with something in every table.
void fill (Server &s)
{
  s.come ({"a", "b"});
  s.join ("a", "g", {{"permanent", true}, {"password", "secret"}});
  s.join ("b", "g", {{"permanent", true}, {"password", "secret"}});
  s.join ("b", "short");
  s.ok ("a", "add-contact", {{"guid", "b"}, {"media-types", 3}});
  s.ok ("b", "add-allowed-sender", "a");
  s.ok ("b", "set-default-accept", {{"media-types", 0}});
  s.ok ("b", "block", "rude");
  s.ok ("b", "set-user-info", {{"name", "Bee"}});
  s.router.ban ("banned", "");
  s.go ("a");
}

// As after a kill: nothing has been said in order.
Server after_restart (const Server &s, const RouterConfig &config)
{
  Server other (config);
  fail_unless (other.router.load (s.router.save ()));
  return other;
}
} // namespace

GST_START_TEST (test_all)
{
  Server s (test_config (KeepClientInfo::all));
  fill (s);
  Server t = after_restart (s, s.config);
  fail_unless (t.router.save () == s.router.save ());
  fail_unless (!t.router.poll_event ());
  fail_unless (t.router.clients () == 2 && t.router.groups () == 1);
  fail_unless (t.router.groups_of ("b") == Texts{"g"}); // not the other: that ends with it
  fail_unless (t.targets ("a") == Texts{"b3"} && t.targets ("x", "b").empty ());
  fail_unless (t.targets ("rude", "b").empty () && t.router.contact_of ("b") == Texts{"a"});
  fail_unless (!t.come ("banned"));
  t.come ({"a", "c"});
  fail_unless (text (t.ask ("a", "get-user-info", {{"guid", "b"}}), "name") == "Bee");
  fail_unless (
      list (t.ask ("a", "group-members", {{"group", "g"}}), "members") == Texts ({"a", "b"}));
  fail_unless (t.status ("c", "join-group", {{"group", "g"}, {"password", "x"}}) ==
               AskStatus::wrong_password);
  t.join ("c", "g", {{"password", "secret"}});
}
GST_END_TEST

GST_START_TEST (test_less)
{
  Server s (test_config (KeepClientInfo::groups));
  fill (s);
  Server t = after_restart (s, s.config);
  fail_unless (t.router.clients () == 2 && t.router.groups () == 1 && t.targets ("a").empty ());
  fail_unless (t.router.save () == s.router.save ());

  Server never (test_config (KeepClientInfo::never));
  fill (never);
  Server u = after_restart (never, never.config);
  fail_unless (u.router.clients () == 0 && u.router.banned () == Texts{"banned"});

  // What an earlier server kept and this one does not.
  Server all (test_config (KeepClientInfo::all));
  fill (all);
  fail_unless (after_restart (all, never.config).router.clients () == 0);
  Server g = after_restart (all, s.config);
  fail_unless (g.router.clients () == 2 && g.targets ("a").empty ());
}
GST_END_TEST

GST_START_TEST (test_state_changed)
{
  Server s (test_config (KeepClientInfo::all));
  s.come ({"a", "b"});
  fail_unless (s.state ());
  s.ok ("a", "list-groups");
  s.ok ("a", "say-hello");
  s.join ("a", "g");
  fail_unless (!s.state ());
  for (const char *ask : {"add-contact", "add-allowed-sender", "block", "unblock"}) {
    s.ok ("a", ask, "b");
    fail_unless (s.state (), "%s", ask);
  }
  s.join ("a", "g", {{"permanent", true}});
  fail_unless (s.state ());

  Server never;
  fill (never);
  fail_unless (never.state ()); // by the ban
  never.ok ("b", "add-contact", "a");
  never.go ("b");
  fail_unless (!never.state ());
}
GST_END_TEST

// Who would be forgotten first is so after a restart too.
GST_START_TEST (test_order)
{
  Server s (test_config (KeepClientInfo::all));
  s.come ({"a", "b", "c", "d"});
  for (const char *guid : {"c", "b", "a"})
    s.go (guid);
  RouterConfig fewer = s.config;
  fewer.limits.max_clients = 3;
  Server t = after_restart (s, fewer);
  fail_unless (!t.router.knows ("c") && t.router.clients () == 3);
  t.come ({"x"});
  fail_unless (!t.router.knows ("b") && t.router.knows ("a") && t.router.knows ("d"));
}
GST_END_TEST

GST_START_TEST (test_lower_limits)
{
  Server s (test_config (KeepClientInfo::all));
  s.come ({"a", "b", "c"});
  for (const char *guid : {"a", "b", "c"}) {
    s.join (guid, "g", {{"permanent", true}});
    s.join (guid, "h", {{"permanent", true}});
    s.join (guid, "i", {{"permanent", true}});
  }
  s.ok ("a", "add-contact", "1");
  s.ok ("a", "add-contact", "2");
  s.ok ("a", "set-user-info", {{"name", std::string (100, 'n')}});
  RouterConfig c = s.config;
  c.limits.max_members = 2;
  c.limits.max_groups = 2;
  c.limits.max_memberships = 1;
  c.limits.max_contacts = 1;
  c.limits.max_info = 50;
  Server t = after_restart (s, c);
  fail_unless (t.router.groups () == 2);
  fail_unless (t.router.groups_of ("a") == Texts{"g"} && t.router.groups_of ("c") == Texts{"h"});
  t.come ({"a"});
  fail_unless (list (t.ask ("a", "list-contacts"), "guids") == Texts{"1"});
  fail_unless (t.ask ("c", "get-user-info", {{"guid", "a"}}).result.parameters.empty ());
}
GST_END_TEST

GST_START_TEST (test_damaged)
{
  Server s (test_config (KeepClientInfo::all));
  fill (s);
  const Wire good = s.router.save ();
  const auto loads = [&] (const Wire &wire) {
    Router r (s.config);
    const bool taken = r.load (wire);
    fail_unless (taken || (r.clients () == 0 && r.groups () == 0 && r.banned ().empty ()));
    return taken;
  };
  fail_unless (loads (good));
  for (std::size_t n = 0; n < good.size (); n++)
    fail_unless (!loads ({good.begin (), good.begin () + static_cast<std::ptrdiff_t> (n)}));
  Wire longer = good, other = good, count = good;
  longer.push_back (0);
  other[5] = 2; // version
  std::fill_n (count.begin () + 6, 4, 0xff);
  fail_unless (!loads (longer) && !loads (other) && !loads (count));
  for (std::size_t i = 0; i < good.size (); i++) { // taken or not, it does no harm
    Wire flipped = good;
    flipped[i] ^= 0xff;
    loads (flipped);
  }
}
GST_END_TEST

static Suite *router_save_suite ()
{
  Suite *s = suite_create ("cam-router-save");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_all);
  tcase_add_test (tc, test_less);
  tcase_add_test (tc, test_state_changed);
  tcase_add_test (tc, test_order);
  tcase_add_test (tc, test_lower_limits);
  tcase_add_test (tc, test_damaged);
  return s;
}
GST_CHECK_MAIN (router_save)
