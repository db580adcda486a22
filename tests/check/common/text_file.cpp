// SPDX-License-Identifier: LGPL-2.1-or-later
// Files of lines: what is read, what is refused, what counts as a change.
#include "common/text_file.h"
#include "../check.h"
#include "common/proto/lines.h"
#include <glib/gstdio.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

using namespace reach;

namespace {
class Folder {
public:
  Folder () { fail_unless ((path_ = g_dir_make_tmp ("reach-text-XXXXXX", nullptr)) != nullptr); }
  ~Folder ()
  {
    for (const std::string &f : files_)
      g_unlink (f.c_str ());
    g_rmdir (path_);
    g_free (path_);
  }
  Folder (const Folder &) = delete;
  Folder &operator= (const Folder &) = delete;
  std::string file (const char *name)
  {
    files_.push_back (std::string (path_) + "/" + name);
    return files_.back ();
  }

private:
  gchar *path_ = nullptr;
  std::vector<std::string> files_;
};

void write (const std::string &path, const std::string &text)
{
  fail_unless (g_file_set_contents (
      path.c_str (), text.data (), static_cast<gssize> (text.size ()), nullptr));
}
} // namespace

GST_START_TEST (test_read)
{
  Folder folder;
  const std::string path = folder.file ("a");
  std::string error;
  fail_unless (!read_text_file (path, error) && error.starts_with (path), "%s", error.c_str ());
  for (const std::string &text :
      {std::string (), std::string ("one\ntwo"), std::string (max_text_file, 'x')}) {
    write (path, text);
    const auto got = read_text_file (path, error);
    fail_unless (got && *got == text);
  }
  write (path, std::string (max_text_file + 1, 'x'));
  fail_unless (!read_text_file (path, error));
  fail_unless (error.find ("larger") != error.npos, "%s", error.c_str ());
}
GST_END_TEST

// Neither waits for somebody to write.
GST_START_TEST (test_no_file)
{
  Folder folder;
  const std::string pipe = folder.file ("pipe");
  fail_unless (::mkfifo (pipe.c_str (), 0600) == 0);
  std::string error;
  for (const std::string &path : {pipe, std::string ("/tmp"), std::string ("/dev/zero")}) {
    fail_unless (!read_text_file (path, error));
    fail_unless (error.find ("not a file") != error.npos, "%s", error.c_str ());
  }
}
GST_END_TEST

GST_START_TEST (test_stamp)
{
  Folder folder;
  const std::string path = folder.file ("a"), link = folder.file ("link"), b = folder.file ("b");
  fail_unless (FileStamp::of (path) == FileStamp ());
  write (path, "1");
  write (b, "1");
  fail_unless (::symlink (path.c_str (), link.c_str ()) == 0);
  const FileStamp before = FileStamp::of (link);
  fail_unless (before == FileStamp::of (path) && !(before == FileStamp ()));
  write (path, "2"); // a new file of the same size
  fail_if (FileStamp::of (link) == before);
  const FileStamp after = FileStamp::of (link);
  fail_unless (::unlink (link.c_str ()) == 0 && ::symlink (b.c_str (), link.c_str ()) == 0);
  fail_if (FileStamp::of (link) == after);
}
GST_END_TEST

GST_START_TEST (test_lines)
{
  std::vector<std::string> got;
  const auto take = [&] (std::string_view line) -> std::string {
    got.emplace_back (line);
    return line == "bad" ? "is bad" : "";
  };
  fail_unless_equals_string (take_lines ("a\n\n# no\r\nb\r\n c", take).c_str (), "");
  fail_unless ((got == std::vector<std::string>{"a", "b", " c"}));
  got.clear ();
  fail_unless_equals_string (take_lines ("\n#\nbad\nc", take).c_str (), "line 3: is bad");
  fail_unless_equals_int (got.size (), 1);
}
GST_END_TEST

static Suite *text_file_suite ()
{
  Suite *s = suite_create ("text_file");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_read);
  tcase_add_test (tc, test_no_file);
  tcase_add_test (tc, test_stamp);
  tcase_add_test (tc, test_lines);
  return s;
}

GST_CHECK_MAIN (text_file)
