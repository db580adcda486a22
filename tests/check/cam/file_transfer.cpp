// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cam/proto/file_transfer.h"
#include "../check.h"
#include "cam/proto/file_name.h"
#include "cam/proto/text.h"
#include <algorithm>
#include <memory>

using namespace reach;
using namespace reach::cam;

namespace {
using Wire = std::vector<std::uint8_t>;

FileBegin begin ()
{
  return {3, 1000, 500, -5, "clip.mp4", {}};
}

// `bare`: so many bytes are a whole one too
template <typename X, typename F>
void check_codec (const X &x, F decode, std::size_t bare = SIZE_MAX)
{
  Wire wire = encode (x);
  for (std::size_t n = 0; n <= wire.size (); n++) {
    const auto copy = std::make_unique<std::uint8_t[]> (n);
    std::copy_n (wire.begin (), n, copy.get ());
    const auto y = decode (Bytes (copy.get (), n));
    fail_unless (
        y.has_value () == (n == wire.size () || n == bare), "%zu of %zu bytes", n, wire.size ());
  }
  fail_unless (decode (wire) == x);
  wire.insert (wire.end (), 9, 0xff); // a later revision's fields
  fail_unless (decode (wire) == x);
}

std::string name (std::string_view s)
{
  const std::string n = safe_file_name (s);
  fail_unless (is_text (n) && !n.empty () && n.size () <= max_safe_name);
  fail_unless (n[0] != '.' && n.find_first_of ("/\\") == n.npos);
  return n;
}
} // namespace

GST_START_TEST (test_codecs)
{
  FileBegin addressed = begin ();
  addressed.envelope = {1, "to", "group", "from"};
  check_codec (addressed, decode_file_begin, encode (begin ()).size ());
  check_codec (FileEnd{UINT64_MAX, {1, 2, 3}}, decode_file_end);
  check_codec (FileAck{1, FileStatus::timed_out, INT64_MAX}, decode_file_ack);
  std::uint8_t data[FileData::size];
  write (FileData{9, 70000}, data);
  fail_unless ((decode_file_data (data) == FileData{9, 70000}));
  for (std::size_t n = 0; n < sizeof data; n++)
    fail_if (decode_file_data (Bytes (data, n)));
}
GST_END_TEST

// Byte by byte, as docs/protocol-cam-commands.md has it.
GST_START_TEST (test_bytes)
{
  const Wire expected{0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 3, 0xe8, 0, 0, 0, 0, 0, 0, 1, 0xf4,
      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfb, 0, 8, 'c', 'l', 'i', 'p', '.', 'm', 'p', '4'};
  fail_unless (encode (begin ()) == expected);
  fail_unless ((encode (FileAck{3, FileStatus::disk, 258}) ==
                Wire{0, 0, 0, 0, 0, 0, 0, 3, 4, 0, 0, 0, 0, 0, 0, 1, 2}));
}
GST_END_TEST

GST_START_TEST (test_what_makes_no_sense)
{
  const auto refused = [] (auto change) {
    FileBegin b = begin ();
    change (b);
    return !decode_file_begin (encode (b));
  };
  fail_if (refused ([] (FileBegin &b) { b.offset = b.size; }));
  fail_unless (refused ([] (FileBegin &b) { b.offset = b.size + 1; }));
  fail_unless (refused ([] (FileBegin &b) { b.size = UINT64_MAX; }));
  fail_unless (refused ([] (FileBegin &b) { b.id = 0; }));
  FileBegin b = begin ();
  b.name.assign (5000, 'x');
  fail_unless_equals_int (static_cast<int> (decode_file_begin (encode (b))->name.size ()), 1024);
  Wire longer = encode (b); // says it is longer than names are
  longer[32] = 0x04;
  longer[33] = 0x01;
  fail_if (decode_file_begin (longer));
  Wire ack = encode (FileAck{1, FileStatus::no_receiver, 0});
  ack[8]++;
  fail_if (decode_file_ack (ack));
}
GST_END_TEST

GST_START_TEST (test_names)
{
  fail_unless (name ("clip.mp4") == "clip.mp4");
  fail_unless (name ("na\xc3\xafve (1).mp4") == "na\xc3\xafve (1).mp4");
  fail_unless (name ("../../x") == "x");
  fail_unless (name ("/etc/x") == "x");
  fail_unless (name ("..\\..\\x") == "x");
  fail_unless (name ("C:\\x") == "x");
  fail_unless (name ("x/") == "file");
  fail_unless (name ("") == "file");
  fail_unless (name (".") == "_");
  fail_unless (name ("..") == "_.");
  fail_unless (name (".bashrc") == "_bashrc");
  fail_unless (name (std::string_view ("a\0b", 3)) == "a_b");
  fail_unless (name ("a\nb\x7f"
                     "c\xc2\x85") == "a_b_c_");
  fail_unless (name ("\xff\xfe\xc3") == "___");
  fail_unless (name ("\xed\xa0\x80") == "___"); // half a surrogate pair
  fail_unless (name (std::string (300, 'x')) == std::string (200, 'x'));
  fail_unless (name (std::string (300, 'x') + ".mp4") == std::string (196, 'x') + ".mp4");
  const std::string wide = name (std::string (400, '\xc3') + ".mp4");
  fail_unless (wide.ends_with (".mp4"));
  std::string accents = "x";
  for (int i = 0; i < 200; i++)
    accents += "\xc3\xa9";
  fail_unless_equals_int (static_cast<int> (name (accents).size ()), 199); // no half character
  fail_unless (numbered_file_name ("a.tar.gz", 2) == "a.tar (2).gz");
  fail_unless (numbered_file_name ("a", 1) == "a (1)");
}
GST_END_TEST

static Suite *file_transfer_suite ()
{
  Suite *s = suite_create ("file_transfer");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_codecs);
  tcase_add_test (tc, test_bytes);
  tcase_add_test (tc, test_what_makes_no_sense);
  tcase_add_test (tc, test_names);
  return s;
}

GST_CHECK_MAIN (file_transfer)
