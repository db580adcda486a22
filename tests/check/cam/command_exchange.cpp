// SPDX-License-Identifier: LGPL-2.1-or-later
// Commands through a media server: ids, answers, who is away, limits.
#include "cam/server/command_exchange.h"
#include "../check.h"
#include <deque>

using namespace reach;
using namespace reach::cam;

namespace {
using Guids = std::vector<std::string>;
using Ids = std::vector<std::uint64_t>;
constexpr Where sender_link{0, 1}, ann_link{0, 11}, bob_link{1, 12};

struct World {
  explicit World (CommandExchange::Limits l = {}) : x (l)
  {
    x.linked ("ann", ann_link, now);
    x.linked ("bob", bob_link, now);
  }
  // From "cam"; `to` of the envelope says nothing here.
  void send (std::uint64_t id, Guids to, std::size_t size = 1)
  {
    Command c{id, "go", {{"text", std::string (size, 'x')}}, {3, "", "choir", "forged"}};
    x.on_command (
        from, *encode (c), [&] (const Envelope &) { return CommandExchange::Targets{to}; }, now);
    collect ();
  }
  void ack (
      const char *guid, Where link, std::uint64_t id, CommandStatus status = CommandStatus::handled)
  {
    x.on_ack (guid, link, {id, status}, now);
    collect ();
  }
  void pass (Duration d)
  {
    now += d;
    x.timeout (now);
    collect ();
  }
  void collect ()
  {
    while (const auto o = x.poll_output ()) {
      if (o->to_sender)
        answers.push_back (*decode_command_ack (o->message->body ()));
      else
        got[o->link.link].push_back (*decode_command (o->message->body ()));
      last_link = o->to_sender ? o->link : last_link;
    }
  }
  Ids ids (Where link) const
  {
    Ids v;
    if (const auto it = got.find (link.link); it != got.end ())
      for (const Command &c : it->second)
        v.push_back (c.id);
    return v;
  }
  void expect_answer (std::uint64_t id, CommandStatus s)
  {
    fail_unless (!answers.empty (), "no answer to %u", static_cast<unsigned> (id));
    fail_unless_equals_uint64 (answers.front ().id, id);
    fail_unless_equals_int (static_cast<int> (answers.front ().status), static_cast<int> (s));
    answers.pop_front ();
  }

  CommandExchange x;
  TimePoint now{seconds (100)};
  CommandExchange::Sender from{"cam", 7, sender_link};
  std::map<std::uint64_t, std::vector<Command>> got;
  std::deque<CommandAck> answers;
  Where last_link;
};
} // namespace

GST_START_TEST (test_all_have_answered)
{
  World w;
  w.send (50, {"ann", "bob"});
  fail_unless_equals_int (w.got[ann_link.link].size (), 1);
  const Command c = w.got[ann_link.link][0];
  fail_unless (w.ids (ann_link) == w.ids (bob_link));
  fail_unless (c.envelope == (Envelope{3, "", "choir", "cam"}));
  w.ack ("ann", ann_link, c.id);
  fail_unless (w.answers.empty ());
  w.ack ("ann", bob_link, c.id); // not its link
  w.ack ("bob", bob_link, c.id + 1);
  fail_unless (w.answers.empty ());
  w.ack ("bob", bob_link, c.id);
  w.expect_answer (50, CommandStatus::handled);
  w.send (51, {"ann", "bob"});
  w.ack ("bob", bob_link, c.id + 1, CommandStatus::too_large);
  w.ack ("ann", ann_link, c.id + 1, CommandStatus::malformed);
  w.expect_answer (51, CommandStatus::too_large);
  w.send (52, {});
  w.expect_answer (52, CommandStatus::no_receiver);
  fail_unless_equals_int (w.x.stats ().waiting, 0);
}
GST_END_TEST

GST_START_TEST (test_a_sender_comes_back)
{
  World w;
  w.send (1, {"ann"});
  w.send (2, {"ann"});
  w.ack ("ann", ann_link, 1);
  w.expect_answer (1, CommandStatus::handled);
  w.from.link = {1, 2}; // the answer was lost
  w.send (1, {"ann"});
  w.expect_answer (1, CommandStatus::handled);
  w.send (2, {"ann"});
  fail_unless (w.answers.empty ());
  fail_unless (w.ids (ann_link) == (Ids{1, 2}));
  w.ack ("ann", ann_link, 2);
  w.expect_answer (2, CommandStatus::handled);
  fail_unless (w.last_link == w.from.link);
  // Of another guid or run the same ids are other commands.
  w.from.guid = "other";
  w.send (1, {"ann"});
  w.from.run_id = 8;
  w.send (1, {"ann"});
  fail_unless (w.ids (ann_link) == (Ids{1, 2, 3, 4}));
}
GST_END_TEST

GST_START_TEST (test_a_receiver_comes_back)
{
  World w;
  for (std::uint64_t id = 1; id <= 40; id++)
    w.send (id, {"ann"});
  fail_unless_equals_int (w.ids (ann_link).size (), 32);
  w.ack ("ann", ann_link, 1);
  w.ack ("ann", ann_link, 2);
  fail_unless_equals_int (w.ids (ann_link).size (), 34);
  w.x.unlinked ("ann", bob_link, w.now); // an older link
  w.x.unlinked ("ann", ann_link, w.now);
  w.ack ("ann", ann_link, 3);
  const Where again{0, 20};
  w.pass (seconds (9));
  w.x.linked ("ann", again, w.now);
  w.collect ();
  const Ids ids = w.ids (again);
  fail_unless_equals_int (ids.size (), 32);
  fail_unless (ids.front () == 3 && std::is_sorted (ids.begin (), ids.end ()));
}
GST_END_TEST

GST_START_TEST (test_given_up)
{
  World w;
  w.send (1, {"ann", "bob"});
  w.ack ("ann", ann_link, 1);
  w.pass (seconds (9));
  fail_unless (w.answers.empty ());
  w.pass (seconds (2)); // bob is silent
  w.expect_answer (1, CommandStatus::gave_up);
  w.x.unlinked ("bob", bob_link, w.now);
  w.send (2, {"bob"});
  w.pass (seconds (11));
  w.expect_answer (2, CommandStatus::gave_up);
  fail_unless (w.x.expects ("bob")); // may come back
  w.pass (seconds (5));
  fail_if (w.x.expects ("bob"));
  fail_unless (w.x.expects ("ann"));
  w.send (3, {"ann"});
  w.x.gone ("ann", w.now);
  w.collect ();
  w.expect_answer (3, CommandStatus::gave_up);
  fail_if (w.x.expects ("ann"));
  w.send (4, {"carl"}); // his command link is yet to come
  fail_unless (w.answers.empty ());
  w.pass (seconds (11));
  w.expect_answer (4, CommandStatus::gave_up);
  fail_unless_equals_uint64 (w.x.stats ().timed_out, 4);
  fail_unless_equals_int (w.x.stats ().waiting, 0);
}
GST_END_TEST

// A receiver that takes nothing fills its own lane; what is for others goes on.
GST_START_TEST (test_a_full_lane)
{
  CommandExchange::Limits l;
  l.lane.max_commands = 40;
  World w (l);
  for (std::uint64_t id = 1; id <= 40; id++)
    w.send (id, {"bob"});
  fail_unless (w.answers.empty ());
  w.send (41, {"ann", "bob"});
  fail_unless_equals_int (w.ids (ann_link).size (), 1);
  w.ack ("ann", ann_link, 41);
  w.expect_answer (41, CommandStatus::no_room);
}
GST_END_TEST

GST_START_TEST (test_limits)
{
  CommandExchange::Limits l;
  l.max_command = 2000;
  l.max_pending = 10;
  l.max_bytes = 5000;
  l.max_runs = 2;
  World w (l);
  w.send (1, {"ann"}, 2000);
  w.expect_answer (1, CommandStatus::too_large);
  w.x.on_command (w.from, std::vector<std::uint8_t> (20, 9), {}, w.now);
  w.collect ();
  fail_unless_equals_int (static_cast<int> (w.answers.back ().status), 3);
  w.answers.clear ();
  w.from.run_id = 8;
  for (std::uint64_t id = 1; id <= 10; id++)
    w.send (id, {"ann"});
  w.send (11, {"ann"});
  w.expect_answer (11, CommandStatus::no_room);
  for (std::uint64_t run = 10; run < 20; run++) { // the one that waits is not forgotten
    w.from.run_id = run;
    w.send (1, {});
  }
  w.answers.clear ();
  w.from.run_id = 8;
  w.send (1, {"ann"});
  fail_unless (w.answers.empty ());
  fail_unless_equals_int (w.ids (ann_link).size (), 10);
  w.from.run_id = 30;
  w.send (1, {"ann"}, 1900);
  w.send (2, {"ann"}, 1900);
  w.send (3, {"ann"}, 1900);
  w.expect_answer (3, CommandStatus::no_room);
}
GST_END_TEST

GST_START_TEST (test_rate)
{
  CommandExchange::Limits l;
  l.per_second = 10;
  World w (l);
  std::uint64_t id = 0;
  const auto refused = [&] (unsigned n) {
    while (n-- > 0)
      w.send (++id, {});
    const auto r = std::ranges::count (w.answers, CommandStatus::no_room, &CommandAck::status);
    w.answers.clear ();
    return static_cast<int> (r);
  };
  fail_unless_equals_int (refused (15), 5);
  w.pass (milliseconds (500));
  fail_unless_equals_int (refused (7), 2);
  w.from.run_id++; // of the same client
  fail_unless_equals_int (refused (3), 3);
  w.from.guid = "other";
  fail_unless_equals_int (refused (3), 0);
}
GST_END_TEST

GST_START_TEST (test_order)
{
  World w;
  std::uint64_t acked = 0;
  for (std::uint64_t id = 1; id <= 1000; id++) {
    w.send (id, {"ann"});
    if (id % 20 == 0)
      while (acked < w.ids (ann_link).size ())
        w.ack ("ann", ann_link, ++acked);
  }
  const Ids ids = w.ids (ann_link);
  fail_unless_equals_int (ids.size (), 1000);
  fail_unless (std::is_sorted (ids.begin (), ids.end ()));
  for (std::uint64_t id = 1; id <= 1000; id++)
    w.expect_answer (id, CommandStatus::handled);
}
GST_END_TEST

static Suite *command_exchange_suite ()
{
  Suite *s = suite_create ("command_exchange");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_all_have_answered);
  tcase_add_test (tc, test_a_sender_comes_back);
  tcase_add_test (tc, test_a_receiver_comes_back);
  tcase_add_test (tc, test_given_up);
  tcase_add_test (tc, test_a_full_lane);
  tcase_add_test (tc, test_limits);
  tcase_add_test (tc, test_rate);
  tcase_add_test (tc, test_order);
  return s;
}

GST_CHECK_MAIN (command_exchange)
