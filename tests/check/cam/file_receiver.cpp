// SPDX-License-Identifier: LGPL-2.1-or-later
// What a receiver does with files that no camsender would send.
#include "cam/net/file_receiver.h"
#include "../check.h"
#include <filesystem>
#include <fstream>
#include <mutex>
#include <unistd.h>

using namespace reach;
using namespace reach::cam;
namespace fs = std::filesystem;

namespace {
struct Fixture final : FileReceiver::Owner {
  explicit Fixture (FileReceiver::Limits l = {})
  {
    gchar *t = g_dir_make_tmp ("reach-files-XXXXXX", nullptr);
    folder = t;
    g_free (t);
    peer.remote = 1;
    peer.run_id = 100;
    peer.guid = "camera";
    fs::create_directory (folder / "in");
    receiver = std::make_unique<FileReceiver> (*this, (folder / "in").string (), l);
  }
  ~Fixture () override
  {
    receiver.reset ();
    fs::remove_all (folder);
  }
  // Worker thread; the test looks after drain ().
  void on_file_answer (std::uint64_t, MessageRef m) override
  {
    const std::lock_guard wait (disk);
    answers.push_back (*decode_file_ack (m->body ()));
  }
  void on_file_consumed (std::uint64_t, std::size_t bytes) override { consumed += bytes; }
  void on_file_report (FileReceiver::Report r) override { reports.push_back (std::move (r)); }

  void put (Kind k, Bytes body)
  {
    auto storage = std::make_unique<VectorStorage> (MessageHeader::size + body.size ());
    MessageHeader{k, 0, 0, static_cast<std::uint32_t> (body.size ())}.write (storage->data.data ());
    std::copy (body.begin (), body.end (), storage->data.begin () + MessageHeader::size);
    receiver->input (peer, Incoming{std::move (storage)});
  }
  void begin (
      std::uint64_t id, std::uint64_t size, const std::string &name, std::uint64_t offset = 0)
  {
    put (Kind::file_begin, encode (FileBegin{id, size, offset, FileBegin::no_mtime, name, {}}));
  }
  void data (std::uint64_t id, std::uint64_t position, std::string_view payload)
  {
    std::vector<std::uint8_t> body (FileData::size);
    write (FileData{id, position}, body.data ());
    body.insert (body.end (), payload.begin (), payload.end ());
    put (Kind::file_data, body);
  }
  void end (std::uint64_t id, std::string_view content)
  {
    Sha256 sum;
    sum.add (as_bytes (content));
    put (Kind::file_end, encode (FileEnd{id, sum.finish ()}));
  }
  void whole (std::uint64_t id, const std::string &name, std::string_view content)
  {
    begin (id, content.size (), name);
    data (id, 0, content);
    end (id, content);
  }
  FileAck last ()
  {
    // Verifying posts tasks of its own.
    for (int i = 0; i < 3; i++)
      receiver->drain ();
    return answers.empty () ? FileAck{} : answers.back ();
  }
  std::size_t files () const
  {
    return static_cast<std::size_t> (
        std::distance (fs::directory_iterator (folder / "in"), fs::directory_iterator ()));
  }
  std::string content (const std::string &name) const
  {
    std::ifstream in (folder / "in" / name);
    return {std::istreambuf_iterator<char> (in), {}};
  }

  std::mutex disk;
  fs::path folder;
  FileReceiver::Peer peer;
  std::vector<FileAck> answers;
  std::vector<FileReceiver::Report> reports;
  std::size_t consumed = 0;
  std::unique_ptr<FileReceiver> receiver;
};
using What = FileReceiver::Report::What;
} // namespace

GST_START_TEST (test_names_stay_in_the_folder)
{
  Fixture f;
  const std::vector<std::pair<std::string, std::string>> names{{"../../x", "x"},
      {"/etc/passwd", "passwd"}, {".", "_"}, {std::string ("a\0b", 3), "a_b"},
      {std::string (300, 'n'), std::string (200, 'n')}, {"", "file"}};
  std::uint64_t id = 0;
  for (const auto &[given, written] : names) {
    f.whole (++id, given, "content");
    fail_unless (f.last ().status == FileStatus::complete);
    fail_unless (f.content (written) == "content", "%s", written.c_str ());
    fail_unless (f.reports.back ().what == What::received);
    fail_unless (f.reports.back ().path == (f.folder / "in" / written).string ());
  }
  fail_unless (f.files () == names.size ());
  fail_unless_equals_int (
      static_cast<int> (std::distance (fs::directory_iterator (f.folder), {})), 1);
}
GST_END_TEST

GST_START_TEST (test_wrong_hash_leaves_nothing)
{
  Fixture f;
  f.begin (1, 3, "a");
  f.data (1, 0, "abc");
  f.end (1, "abd");
  fail_unless (f.last ().status == FileStatus::bad_hash);
  fail_unless (f.reports.back ().what == What::failed);
  fail_unless (f.files () == 0);
}
GST_END_TEST

GST_START_TEST (test_positions_that_make_no_sense)
{
  Fixture f;
  f.begin (1, 6, "a");
  f.data (1, 3, "def"); // the first half is missing
  fail_unless (f.last ().status == FileStatus::malformed);
  f.begin (2, 3, "a");
  f.data (2, 0, "abcd"); // more than was announced
  fail_unless (f.last ().status == FileStatus::malformed);
  f.begin (3, 3, "a");
  f.data (3, 0, "ab");
  f.end (3, "ab"); // less
  fail_unless (f.last ().status == FileStatus::malformed);
  fail_unless (f.files () == 0);
  const auto refused = f.receiver->refused ();
  f.data (77, 0, "abc"); // never begun
  f.end (77, "abc");
  f.receiver->drain ();
  fail_unless (f.receiver->refused () == refused + 2);
  f.whole (4, "b", "fine");
  fail_unless (f.last ().status == FileStatus::complete);
}
GST_END_TEST

GST_START_TEST (test_a_thousand_begins)
{
  FileReceiver::Limits l;
  l.max_open = 6;
  Fixture f (l);
  for (std::uint64_t i = 1; i <= 1000; i++)
    f.begin (i, 100, "file" + std::to_string (i));
  fail_unless (f.last ().status == FileStatus::busy);
  fail_unless (f.files () == 4); // of one sender
  f.peer.run_id = 200;           // another sender has its own
  f.peer.remote = 2;
  f.whole (1, "b", "fine");
  fail_unless (f.last ().status == FileStatus::complete);
  fail_unless (f.content ("b") == "fine");
}
GST_END_TEST

GST_START_TEST (test_huge_sizes)
{
  FileReceiver::Limits l;
  l.max_size = 1000;
  Fixture f (l);
  f.begin (1, INT64_MAX, "a");
  fail_unless (f.last ().status == FileStatus::too_large);
  f.begin (2, 1001, "a");
  fail_unless (f.last ().status == FileStatus::too_large);
  fail_unless (f.files () == 0);
}
GST_END_TEST

// More than a sender may have under way, while the disk stands still: it costs the sender its file,
// and no memory here.
GST_START_TEST (test_flood)
{
  FileReceiver::Limits l;
  l.max_waiting = 1u << 20;
  Fixture f (l);
  f.disk.lock (); // the answer to the first begin waits
  f.begin (1, 600000000, "a");
  const std::string piece (60000, 'x');
  std::size_t sent = 0;
  while (f.receiver->refused () == 0 && sent < 100000000) {
    f.data (1, sent, piece);
    sent += piece.size ();
  }
  fail_unless (sent > l.max_waiting && sent < 2 * l.max_waiting, "%zu bytes wait", sent);
  f.disk.unlock ();
  f.receiver->drain ();
  f.data (1, sent, piece);
  fail_unless (f.last ().status == FileStatus::malformed);
  fail_unless (f.consumed >= sent); // the link goes on
  f.whole (2, "b", "fine");
  fail_unless (f.last ().status == FileStatus::complete);
}
GST_END_TEST

GST_START_TEST (test_resume)
{
  Fixture f;
  f.begin (1, 9, "a");
  f.data (1, 0, "abc");
  f.receiver->link_ended (1);
  f.receiver->drain ();
  fail_unless (f.reports.back ().what == What::failed && f.reports.back ().bytes == 3);
  f.begin (1, 9, "a", 3);
  fail_unless ((f.last () == FileAck{1, FileStatus::going_on, 3}));
  f.data (1, 3, "def");
  // The same sender, started again: another run and id.
  f.receiver->link_ended (1);
  f.peer.run_id = 300;
  f.begin (5, 9, "a", 1);
  fail_unless ((f.last () == FileAck{5, FileStatus::going_on, 6}));
  f.data (5, 6, "ghi");
  f.end (5, "abcdefghi");
  fail_unless (f.last ().status == FileStatus::complete);
  fail_unless (f.content ("a") == "abcdefghi");
  // It did not hear of that.
  f.begin (5, 9, "a", 6);
  fail_unless (f.last ().status == FileStatus::complete);
  fail_unless (f.files () == 1);
}
GST_END_TEST

GST_START_TEST (test_only_its_own_part_is_resumed)
{
  Fixture f;
  f.begin (1, 9, "a");
  f.data (1, 0, "abc");
  f.receiver->link_ended (1);
  f.peer.guid = "another";
  f.peer.run_id = 400;
  f.begin (1, 9, "a", 3);
  fail_unless ((f.last () == FileAck{1, FileStatus::going_on, 0}));
  f.peer.guid = "camera";
  f.peer.run_id = 100;
  f.begin (2, 8, "a", 3); // another size: another file
  fail_unless ((f.last () == FileAck{2, FileStatus::going_on, 0}));
  f.begin (3, 9, "a", 0); // from the start
  fail_unless ((f.last () == FileAck{3, FileStatus::going_on, 0}));
}
GST_END_TEST

// A name in the folder that leads out of it is not followed.
GST_START_TEST (test_links_in_the_folder)
{
  Fixture f;
  const fs::path outside = f.folder / "outside";
  std::ofstream (outside) << "safe";
  const FileBegin b{1, 9, 1, FileBegin::no_mtime, "a"};
  const std::string temp = IncomingFile::temporary_name (b, "guid camera");
  fs::create_symlink (outside, f.folder / "in" / temp);
  f.begin (1, 9, "a", 1);
  fail_unless ((f.last () == FileAck{1, FileStatus::going_on, 0}));
  f.data (1, 0, "abcdefghi");
  fs::create_symlink (outside, f.folder / "in" / "a");
  f.end (1, "abcdefghi");
  fail_unless (f.last ().status == FileStatus::complete);
  fail_unless (f.content ("a (1)") == "abcdefghi");
  // A second name of a file outside.
  fs::create_hard_link (outside, f.folder / "in" / temp);
  f.begin (2, 9, "a", 1);
  fail_unless ((f.last () == FileAck{2, FileStatus::going_on, 0}));
  f.data (2, 0, "xxxxxxxxx");
  f.receiver->drain ();
  std::ifstream in (outside);
  fail_unless (std::string (std::istreambuf_iterator<char> (in), {}) == "safe");
}
GST_END_TEST

GST_START_TEST (test_parts_are_bounded)
{
  FileReceiver::Limits l;
  l.max_partials = 5;
  Fixture f (l);
  for (std::uint64_t i = 1; i <= 50; i++) {
    f.begin (i, 100, "file" + std::to_string (i));
    f.data (i, 0, "x");
    f.receiver->link_ended (1);
  }
  f.receiver->drain ();
  fail_unless (f.files () <= 6, "%zu files", f.files ());
}
GST_END_TEST

GST_START_TEST (test_stopping_keeps_the_part)
{
  Fixture f;
  f.begin (1, 9, "a");
  f.data (1, 0, "abc");
  f.receiver.reset ();
  fail_unless (f.reports.back ().what == What::failed && f.reports.back ().bytes == 3);
  f.receiver = std::make_unique<FileReceiver> (f, (f.folder / "in").string ());
  f.begin (7, 9, "a", 9);
  fail_unless ((f.last () == FileAck{7, FileStatus::going_on, 3}));
}
GST_END_TEST

namespace {
// As a media server says it: its own number, whose file it is, and which.
FileBegin passed_on (std::uint64_t id, const std::string &from, std::uint64_t run,
    std::uint64_t theirs, std::uint64_t size, std::uint64_t offset = 0)
{
  return {id, size, offset, FileBegin::no_mtime, "a", {3, "", "choir", from}, run, theirs};
}
} // namespace

// The server, and with it its run and its numbers, may be another one meanwhile.
GST_START_TEST (test_through_a_server)
{
  Fixture f;
  f.peer.guid.clear ();
  f.peer.server = true;
  f.put (Kind::file_begin, encode (passed_on (1, "ann", 7, 8, 6)));
  f.data (1, 0, "abc");
  f.put (Kind::file_abandon, encode (FileAbandon{1}));
  f.last ();
  fail_unless (f.reports.back ().what == What::failed && f.reports.back ().bytes == 3);
  fail_unless (f.reports.back ().peer.guid == "ann");
  fail_unless (
      f.reports.back ().envelope.group == "choir" && f.reports.back ().envelope.index == 3);
  f.data (1, 3, "def"); // of nothing
  fail_unless (f.last ().bytes == 0);

  f.peer.run_id++;
  f.put (Kind::file_begin, encode (passed_on (1, "bob", 7, 8, 6, 3))); // another one's
  fail_unless (f.last ().status == FileStatus::going_on && f.last ().bytes == 0);
  f.put (Kind::file_begin, encode (passed_on (2, "ann", 7, 8, 6, 3)));
  fail_unless (f.last ().status == FileStatus::going_on && f.last ().bytes == 3);
  f.put (Kind::file_begin, encode (passed_on (3, "ann", 7, 8, 6, 3))); // once more
  fail_unless (f.last ().status == FileStatus::going_on && f.last ().bytes == 3);
  f.data (3, 3, "def");
  f.end (3, "abcdef");
  fail_unless (f.last ().status == FileStatus::complete);
  fail_unless (f.content ("a") == "abcdef");

  // It did not come through that it is complete.
  f.peer.run_id++;
  const std::size_t reports = f.reports.size ();
  f.put (Kind::file_begin, encode (passed_on (1, "ann", 7, 8, 6)));
  fail_unless (f.last ().status == FileStatus::complete);
  fail_unless (f.reports.size () == reports);
  f.put (Kind::file_begin, encode (passed_on (2, "bob", 7, 8, 6)));
  fail_unless (f.last ().status == FileStatus::going_on);
}
GST_END_TEST

// One sender has less room than a server, which brings those of many.
GST_START_TEST (test_many_through_a_server)
{
  Fixture f;
  f.peer.server = true;
  for (std::uint64_t id = 1; id <= 9; id++) {
    f.put (Kind::file_begin, encode (passed_on (id, "c" + std::to_string (id), 7, 8, 6)));
    fail_unless (f.last ().status == (id <= 8 ? FileStatus::going_on : FileStatus::busy));
  }
}
GST_END_TEST

static Suite *file_receiver_suite ()
{
  Suite *s = suite_create ("file_receiver");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_names_stay_in_the_folder);
  tcase_add_test (tc, test_wrong_hash_leaves_nothing);
  tcase_add_test (tc, test_positions_that_make_no_sense);
  tcase_add_test (tc, test_a_thousand_begins);
  tcase_add_test (tc, test_huge_sizes);
  tcase_add_test (tc, test_flood);
  tcase_add_test (tc, test_resume);
  tcase_add_test (tc, test_only_its_own_part_is_resumed);
  tcase_add_test (tc, test_links_in_the_folder);
  tcase_add_test (tc, test_parts_are_bounded);
  tcase_add_test (tc, test_stopping_keeps_the_part);
  tcase_add_test (tc, test_through_a_server);
  tcase_add_test (tc, test_many_through_a_server);
  return s;
}

GST_CHECK_MAIN (file_receiver)
