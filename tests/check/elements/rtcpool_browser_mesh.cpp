// SPDX-License-Identifier: LGPL-2.1-or-later
// Four members in one pool, rtcpool and pages with the npm package rtcpool:
// everybody gets everybody's media, and who leaves takes its own along and
// nothing else.
#include "../pool_browser.h"

using namespace reach::test;

namespace {
const std::string both_vp8 = picture + vp8 + "p. " + sound + opus + "p.";

// All that `page` gets of these members.
void page_gets (const std::string &page, const std::vector<std::string> &others, bool audio)
{
  for (const std::string &id : others)
    page_checks (id,
        audio ? "Promise.all([sees('VP8', 320, 240), hears('opus')])" : "sees('VP8', 320, 240)",
        page);
}

void page_watches (const std::string &page, const std::vector<std::string> &ids)
{
  std::string list;
  for (const std::string &id : ids)
    list += (list.empty () ? "'" : ", '") + id + "'";
  browser ().run ("watch(" + list + ")", page);
}

void page_unchanged (const std::string &page)
{
  fail_unless_equals_string (browser ().run ("window.changes", page).c_str (), "[]");
}

void page_sees_leave (const std::string &page, const std::string &id)
{
  fail_unless_equals_string (
      browser ().run ("event('close').then((e) => e.text)", page).c_str (), id.c_str ());
}

// Pads that are there, of everybody but this peer.
std::vector<std::string> pads_of_others (const Member &m, const std::string &peer)
{
  std::vector<std::string> all;
  for (const auto &[name, s] : m.seen.get ())
    if (!s.gone && s.peer != peer)
      all.push_back (name);
  return all;
}

void loses_pads_of (Member &m, const std::string &peer, unsigned n)
{
  fail_unless (m.seen.wait ([&] (const auto &all) {
    return std::ranges::none_of (
        all, [&] (const auto &one) { return one.second.peer == peer && !one.second.gone; });
  }),
      "%s", m.text ().c_str ());
  const auto all = m.seen.get ();
  fail_unless_equals_int (
      std::ranges::count_if (
          all, [&] (const auto &one) { return one.second.peer == peer && one.second.gone; }),
      n);
}

void gets (Member &m, const std::vector<std::string> &others)
{
  for (const std::string &id : others) {
    m.decodes ("video/x-vp8", "width=(int)320, height=(int)240", 10, id);
    m.decodes ("audio/x-opus", "audio/x-raw", 10, id);
  }
}
} // namespace

// Two pages and two elements, with picture and sound. First an element leaves,
// then a page.
GST_START_TEST (test_elements_and_pages)
{
  const Server server;
  for (const char *page : {"a", "b"})
    browser ().open (page_of (server), page);
  const std::string a = page_joins ("'raw', 'VP8', 'video', 'audio'", "a");
  Member m (server, "ws", both_vp8);
  const std::string of_m = m.joins ();
  // Its own media come when it has those of others: offers of two pages that
  // cross are Chromium's matter.
  const std::string b = page_joins ("'socket-io', 'VP8'", "b");
  page_gets ("b", {a, of_m}, true);
  browser ().run ("show('VP8', 'video', 'audio')", "b");
  std::string of_n;
  {
    Member n (server, "http", both_vp8);
    of_n = n.joins ();
    page_gets ("a", {b, of_m, of_n}, true);
    page_gets ("b", {a, of_m, of_n}, true);
    gets (m, {a, b, of_n});
    gets (n, {a, b, of_m});
    for (const Member *x : {&m, &n})
      fail_unless_equals_int (x->members (), 3);
    page_watches ("a", {b, of_m});
    page_watches ("b", {a, of_m});
    fail_unless_equals_int (pads_of_others (m, of_n).size (), 4);
  }
  const auto before = pads_of_others (m, of_n);
  loses_pads_of (m, of_n, 2);
  for (const char *page : {"a", "b"})
    page_sees_leave (page, of_n);
  fail_unless_equals_int (m.members (), 2);
  gets (m, {a, b});
  page_gets ("a", {b, of_m}, true);
  page_gets ("b", {a, of_m}, true);
  for (const char *page : {"a", "b"})
    page_unchanged (page);
  fail_unless (pads_of_others (m, "") == before, "%s", m.text ().c_str ());

  page_watches ("a", {of_m});
  browser ().close ("b");
  loses_pads_of (m, b, 2);
  page_sees_leave ("a", b);
  gets (m, {a});
  page_gets ("a", {of_m}, true);
  page_unchanged ("a");
  fail_unless_equals_int (m.members (), 1);
}
GST_END_TEST

// Four pages, of which only the server is ours, over both ways of signalling.
GST_START_TEST (test_pages)
{
  const Server server;
  const std::vector<std::string> pages{"a", "b", "c", "d"};
  std::map<std::string, std::string> ids;
  const auto others = [&] (const std::string &page) {
    std::vector<std::string> all;
    for (const auto &[p, id] : ids)
      if (p != page)
        all.push_back (id);
    return all;
  };
  for (const std::string &page : pages) {
    browser ().open (page_of (server), page);
    ids[page] = page_joins (ids.size () % 2 ? "'socket-io', 'VP8'" : "'raw', 'VP8'", page);
  }
  for (const std::string &page : pages) { // one after the other, see above
    browser ().run ("show('VP8', 'video')", page);
    for (const std::string &p : pages)
      if (p != page)
        page_gets (p, {ids[page]}, false);
  }
  // One page is closed, another one's pool.
  for (const std::string leaving : {"c", "a"}) {
    for (const auto &[page, id] : ids)
      page_gets (page, others (page), false);
    const std::string id = ids[leaving];
    ids.erase (leaving);
    for (const auto &[page, unused] : ids)
      page_watches (page, others (page));
    if (leaving == "c")
      browser ().close (leaving);
    else
      browser ().run ("window.pool.close()", leaving);
    for (const auto &[page, unused] : ids) {
      page_sees_leave (page, id);
      page_gets (page, others (page), false);
      page_unchanged (page);
      fail_unless_equals_string (browser ().run ("window.pool.nconnections", page).c_str (),
          std::to_string (ids.size () - 1).c_str ());
    }
  }
}
GST_END_TEST

// Both ends of each new pair offer before they have heard the other: whoever
// comes first, and of several. The page holds its offers back until the others'
// have come.
GST_START_TEST (test_glare)
{
  const Server server;
  const bool page_first = __i__ != 0;
  browser ().open (page_of (server));
  const std::string show = "'crossing', 'VP8', 'video', 'audio'";
  std::string page;
  if (page_first)
    page = page_joins (show);
  Member m (server, "ws", both_vp8), n (server, "http", both_vp8);
  const std::string of_m = m.joins (), of_n = n.joins ();
  if (!page_first)
    page = page_joins (show);
  page_gets ("a", {of_m, of_n}, true);
  gets (m, {page, of_n});
  gets (n, {page, of_m});
  for (const std::string &id : {of_m, of_n}) {
    fail_unless_equals_string (
        browser ().run ("window.crossed['" + id + "']").c_str (), "have-local-offer");
    page_checks (id, "until(() => pc().signalingState === 'stable', 'stable')");
    fail_unless_equals_string (
        page_checks (id, "pc().getTransceivers().map((t) => t.receiver.track.kind + ' ' + "
                         "t.currentDirection).sort().join()")
            .c_str (),
        "audio sendrecv,video sendrecv");
  }
  for (const Member *x : {&m, &n})
    fail_unless_equals_int (pads_of_others (*x, "").size (), 4);
}
GST_END_TEST

// The same of two pages: both have made their first offer before either has heard the other's. Only
// the server is ours then, and what it hands on.
GST_START_TEST (test_glare_of_pages)
{
  const Server server;
  const std::string show = ", 'VP8', 'video', 'audio'";
  std::map<std::string, std::string> ids;
  for (const char *page : {"a", "b"})
    browser ().open (page_of (server), page);
  const std::vector<std::string> order =
      __i__ ? std::vector<std::string>{"a", "b"} : std::vector<std::string>{"b", "a"};
  for (const std::string &page : order) // a holds the offers of both back
    ids[page] = page_joins ((page == "a" ? "'crossing'" : "'raw'") + show, page);
  page_gets ("a", {ids["b"]}, true);
  page_gets ("b", {ids["a"]}, true);
  fail_unless_equals_string (
      browser ().run ("window.crossed['" + ids["b"] + "']", "a").c_str (), "have-local-offer");
  for (const auto &[page, other] : {std::pair{"a", "b"}, std::pair{"b", "a"}})
    fail_unless_equals_string (
        page_checks (ids[other],
            "until(() => pc().signalingState === 'stable', 'stable').then(() => "
            "pc().getTransceivers().map((t) => t.receiver.track.kind + ' ' + "
            "t.currentDirection).sort().join())",
            page)
            .c_str (),
        "audio sendrecv,video sendrecv");
}
GST_END_TEST

static Suite *rtcpool_browser_mesh_suite ()
{
  register_plugins ();
  Suite *s = suite_create ("rtcpool_browser_mesh");
  TCase *c = browser_case (s);
  tcase_set_timeout (c, 120);
  tcase_add_test (c, test_elements_and_pages);
  tcase_add_test (c, test_pages);
  tcase_add_loop_test (c, test_glare, 0, 2);
  tcase_add_loop_test (c, test_glare_of_pages, 0, 2);
  return s;
}

GST_CHECK_MAIN (rtcpool_browser_mesh)
