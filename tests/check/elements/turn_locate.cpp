// SPDX-License-Identifier: LGPL-2.1-or-later
// Where the server is: SRV records (RFC 5928) and the choice of an address family, with a resolver
// of the test's own.
#include "../bus_error.h"
#include "../plugin.h"
#include "turn_pipeline.h"
#include "turn_script.h"
#include "turn_server.h"
#include <map>

using namespace reach::test;

namespace {
struct Target {
  const char *host;
  guint16 port, priority;
};
// What the resolver knows, and what it was asked for.
struct Records {
  std::map<std::string, std::vector<Target>> services;
  std::map<std::string, std::vector<const char *>> names;
  std::vector<std::string> asked;
};
Watched<Records> records;
} // namespace

struct FakeResolver {
  GResolver parent;
};
struct FakeResolverClass {
  GResolverClass parent;
};
G_DEFINE_TYPE (FakeResolver, fake_resolver, G_TYPE_RESOLVER)

namespace {
void give (
    GResolver *r, GCancellable *c, GAsyncReadyCallback done, gpointer data, GList *list, bool known)
{
  GTask *t = g_task_new (r, c, done, data);
  if (known)
    g_task_return_pointer (t, list, nullptr);
  else
    g_task_return_new_error (t, G_RESOLVER_ERROR, G_RESOLVER_ERROR_NOT_FOUND, "nothing is known");
  g_object_unref (t);
}

void look_for_service (
    GResolver *r, const gchar *name, GCancellable *c, GAsyncReadyCallback done, gpointer data)
{
  GList *list = nullptr;
  records.update ([&] (Records &k) {
    k.asked.emplace_back (name);
    for (const Target &t : k.services[name])
      list = g_list_append (list, g_srv_target_new (t.host, t.port, t.priority, 0));
  });
  const bool known = list != nullptr;
  give (r, c, done, data, g_srv_target_list_sort (list), known);
}

void look_for_name (
    GResolver *r, const gchar *name, GCancellable *c, GAsyncReadyCallback done, gpointer data)
{
  GList *list = nullptr;
  records.update ([&] (Records &k) {
    k.asked.emplace_back (name);
    for (const char *a : k.names[name])
      list = g_list_append (list, g_inet_address_new_from_string (a));
  });
  give (r, c, done, data, list, list != nullptr);
}

GList *finish (GResolver *, GAsyncResult *result, GError **error)
{
  return static_cast<GList *> (g_task_propagate_pointer (G_TASK (result), error));
}

// Of the process, while it lives.
struct Names {
  explicit Names (Records known) : before (g_resolver_get_default ())
  {
    records.set (std::move (known));
    auto *mine = static_cast<GResolver *> (g_object_new (fake_resolver_get_type (), nullptr));
    g_resolver_set_default (mine);
    g_object_unref (mine);
  }
  ~Names ()
  {
    g_resolver_set_default (before);
    g_object_unref (before);
  }
  Names (const Names &) = delete;
  Names &operator= (const Names &) = delete;
  bool was_asked (const char *name) const
  {
    const auto all = records.get ().asked;
    return std::ranges::find (all, name) != all.end ();
  }
  bool services_asked () const
  {
    return std::ranges::any_of (
        records.get ().asked, [] (const std::string &name) { return name.starts_with ('_'); });
  }
  GResolver *const before;
};

std::string source (const std::string &uri, const std::string &more = "")
{
  return "turnrelaysrc name=src uri=" + uri + " " + more + " ! fakesink";
}

std::string server_of (const Pipeline &p)
{
  GstElement *e = p.by_name ("src");
  GstStructure *s = nullptr;
  g_object_get (e, "allocation", &s, nullptr);
  gst_object_unref (e);
  const char *text = gst_structure_get_string (s, "server");
  const std::string server = text ? text : "";
  gst_structure_free (s);
  return server;
}

std::string allocated_at (const std::string &uri, const std::string &more = "")
{
  Pipeline p (source (uri, more));
  p.play ();
  fail_unless (wait_element_message (p.get (), "turn-allocated") != nullptr);
  return server_of (p);
}

std::string error_of (const std::string &uri, const std::string &more = "")
{
  Pipeline p (source (uri, more));
  p.play ();
  std::string why;
  guint code = 0;
  gint domain_code = 0;
  const MessagePtr m = wait_error (p.get (), why, code, domain_code);
  fail_unless (m != nullptr);
  const auto e = reach::test::error_of (m.get ());
  const std::string text = e->message;
  return text;
}
} // namespace

static void fake_resolver_init (FakeResolver *) {}
static void fake_resolver_class_init (FakeResolverClass *k)
{
  k->parent.lookup_service_async = look_for_service;
  k->parent.lookup_service_finish = finish;
  k->parent.lookup_by_name_async = look_for_name;
  k->parent.lookup_by_name_finish = finish;
}

// By priority: the first host is not known, at the second nobody listens, the third is one.
GST_START_TEST (test_priorities)
{
  TurnServer server;
  Names names ({{{"_turn._udp.example.org",
                    {{"third.example.org", server.port (), 30}, {"second.example.org", 9, 20},
                        {"first.example.org", 3478, 10}}}},
      {{"second.example.org", {"127.0.0.1"}}, {"third.example.org", {"127.0.0.1"}},
          {"example.org", {"192.0.2.1"}}},
      {}});
  fail_unless_equals_string (allocated_at ("turn:user:pass@example.org").c_str (),
      ("127.0.0.1:" + std::to_string (server.port ())).c_str ());
  fail_unless (!names.was_asked ("example.org"));
}
GST_END_TEST

// Which records are asked for (RFC 5928, 4; RFC 7350 has the last one).
GST_START_TEST (test_services)
{
  static const struct {
    const char *uri, *name;
  } cases[] = {{"turn:user:pass@example.org", "_turn._udp.example.org"},
      {"turn:user:pass@example.org?transport=tcp", "_turn._tcp.example.org"},
      {"turns:user:pass@example.org", "_turns._tcp.example.org"},
      {"turns:user:pass@example.org?transport=udp", "_turns._udp.example.org"},
      {"stun:example.org", "_stun._udp.example.org"}};
  for (const auto &c : cases) {
    Names names ({{{c.name, {{".", 0, 0}}}}, {}, {}});
    const std::string text = error_of (c.uri);
    fail_unless (text.find ("no such service") != text.npos, "%s: %s", c.uri, text.c_str ());
    fail_unless (names.was_asked (c.name) && !names.was_asked ("example.org"), "%s", c.uri);
  }
}
GST_END_TEST

// Without records it is the name itself, at the usual port.
GST_START_TEST (test_no_records)
{
  TurnServer server ("port=3478", "127.0.0.83");
  Names names ({{}, {{"example.org", {"127.0.0.83"}}}, {}});
  fail_unless_equals_string (
      allocated_at ("turn:user:pass@example.org").c_str (), "127.0.0.83:3478");
  fail_unless (names.was_asked ("_turn._udp.example.org"));
}
GST_END_TEST

// They are not looked for where a port is given, the host is an address, they are not wanted, or
// the name is no one of DNS.
GST_START_TEST (test_not_asked)
{
  static const struct {
    const char *uri, *options;
  } cases[] = {{"turn:user:pass@example.org:3478", ""}, {"turn:user:pass@127.0.0.84", ""},
      {"turn:user:pass@example.org", "srv=false"}, {"turn:user:pass@relay", ""},
      {"turn:user:pass@relay.", ""}};
  TurnServer server ("port=3478", "127.0.0.84");
  for (const auto &c : cases) {
    Names names ({{},
        {{"example.org", {"127.0.0.84"}}, {"relay", {"127.0.0.84"}}, {"relay.", {"127.0.0.84"}}},
        {}});
    fail_unless_equals_string (allocated_at (c.uri, c.options).c_str (), "127.0.0.84:3478");
    fail_if (names.services_asked (), "%s %s", c.uri, c.options);
  }
  // GLib knows where these are; nobody listens there.
  for (const char *host : {"localhost", "relay.LocalHost", "localhost."}) {
    Names names (Records{});
    error_of (std::string ("turn:user:pass@") + host + "?transport=tcp");
    fail_if (names.services_asked (), "%s", host);
  }
}
GST_END_TEST

// A host of many addresses leaves places to the others, and takes those that they leave.
GST_START_TEST (test_shares)
{
  TurnServer server;
  const guint16 port = server.port ();
  const std::string where = "127.0.0.1:" + std::to_string (port);
  const std::vector<const char *> silent (12, "127.0.0.87");
  auto last = silent;
  last.resize (7);
  last.push_back ("127.0.0.1");
  const Records cases[] = {
      {{{"_turn._udp.example.org", {{"a.example.org", port, 1}, {"b.example.org", port, 2}}}},
          {{"a.example.org", silent}, {"b.example.org", {"127.0.0.1"}}}, {}},
      {{{"_turn._udp.example.org", {{"a.example.org", port, 1}, {"b.example.org", port, 2}}}},
          {{"a.example.org", last}}, {}}};
  for (const Records &known : cases) {
    Names names (known);
    fail_unless_equals_string (
        allocated_at ("turn:user:pass@example.org").c_str (), where.c_str ());
    fail_unless (names.was_asked ("b.example.org"));
  }
}
GST_END_TEST

// No more hosts are asked for than can be tried.
GST_START_TEST (test_many_hosts)
{
  Records known;
  auto &all = known.services["_turn._udp.example.org"];
  static const char *const hosts[] = {"a.example.org", "b.example.org", "c.example.org",
      "d.example.org", "e.example.org", "f.example.org"};
  for (guint16 i = 0; i < G_N_ELEMENTS (hosts); i++)
    all.push_back ({hosts[i], 3478, i});
  Names names (known);
  const std::string text = error_of ("turn:user:pass@example.org");
  fail_unless (text.find ("nothing is known") != text.npos, "%s", text.c_str ());
  fail_unless (names.was_asked ("d.example.org") && !names.was_asked ("e.example.org"));
}
GST_END_TEST

GST_START_TEST (test_family)
{
  TurnServer v4;
  const std::string port = std::to_string (v4.port ()), uri = "turn:user:pass@example.org:" + port;
  TurnServer v6 ("port=" + port + " udp=true tcp=false", "::1");
  Names names (
      {{}, {{"example.org", {"127.0.0.1", "::1"}}, {"four.example.org", {"127.0.0.1"}}}, {}});
  fail_unless_equals_string (
      allocated_at (uri, "server-family=ipv6 ip-family=ipv6").c_str (), ("[::1]:" + port).c_str ());
  fail_unless_equals_string (
      allocated_at (uri, "server-family=ipv4").c_str (), ("127.0.0.1:" + port).c_str ());
  for (const char *host : {"four.example.org", "127.0.0.1"}) {
    const std::string text =
        error_of (std::string ("turn:user:pass@") + host + ":" + port, "server-family=ipv6");
    fail_unless (text.find ("no IPv6 address") != text.npos, "%s", text.c_str ());
  }
}
GST_END_TEST

static Suite *turn_locate_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("turn-locate");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_priorities);
  tcase_add_test (tc, test_services);
  tcase_add_test (tc, test_no_records);
  tcase_add_test (tc, test_not_asked);
  tcase_add_test (tc, test_many_hosts);
  tcase_add_test (tc, test_shares);
  if (has_ipv6 ())
    tcase_add_test (tc, test_family);
  return s;
}
GST_CHECK_MAIN (turn_locate)
