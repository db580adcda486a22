// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cam/server/user_file.h"
#include "../check.h"
#include <glib/gstdio.h>

using namespace reach::cam;

namespace {
class File {
public:
  explicit File (const std::string &content)
  {
    const int fd = g_file_open_tmp ("reach-users-XXXXXX", &path_, nullptr);
    fail_unless (fd >= 0);
    g_close (fd, nullptr);
    fail_unless (g_file_set_contents (
        path_, content.data (), static_cast<gssize> (content.size ()), nullptr));
  }
  ~File ()
  {
    g_unlink (path_);
    g_free (path_);
  }
  std::unique_ptr<UserFile> load (std::string &error) const
  {
    return UserFile::load (path_, error);
  }

private:
  gchar *path_ = nullptr;
};
} // namespace

GST_START_TEST (test_check)
{
  const std::string a = UserFile::line ("alice", "one"), b = UserFile::line ("b:o:b", "two");
  const File file ("# clients\n\n" + a + "\r\n" + b);
  std::string error;
  const auto users = file.load (error);
  fail_unless (users != nullptr, "%s", error.c_str ());
  fail_unless_equals_int (users->size (), 2);
  for (int i = 0; i < 2; i++) { // the second time it knows
    fail_unless (users->check ("alice", "one") && users->check ("b:o:b", "two"));
    fail_unless (!users->check ("alice", "two") && !users->check ("alice", ""));
    fail_unless (!users->check ("mallory", "one") && !users->check ("", ""));
  }
}
GST_END_TEST

GST_START_TEST (test_bad_files)
{
  const std::string line = UserFile::line ("alice", "one");
  for (const std::string &bad : {std::string ("alice"), std::string ("alice:one"),
           std::string ("alice:scrypt:00:11"), line + "\n" + line, line.substr (5), line + "00"}) {
    const File file (bad);
    std::string error;
    fail_unless (file.load (error) == nullptr, "%s", bad.c_str ());
    fail_unless (error.find ("line ") != std::string::npos, "%s", error.c_str ());
    fail_if (error.find ("scrypt") != std::string::npos, "%s", error.c_str ());
  }
  std::string error;
  fail_unless (UserFile::load ("/nonexistent", error) == nullptr && !error.empty ());
  const std::string long_guid (65, 'x'), long_token (256, 'x');
  fail_unless (UserFile::line ("", "x").empty () && UserFile::line ("#a", "x").empty ());
  fail_unless (UserFile::line ("a\nb", "x").empty () && UserFile::line ("a", "").empty ());
  fail_unless (
      UserFile::line (long_guid, "x").empty () && UserFile::line ("a", long_token).empty ());
}
GST_END_TEST

static Suite *user_file_suite ()
{
  Suite *s = suite_create ("user_file");
  TCase *tc = tcase_create ("general");
  suite_add_tcase (s, tc);
  tcase_add_test (tc, test_check);
  tcase_add_test (tc, test_bad_files);
  return s;
}

GST_CHECK_MAIN (user_file)
