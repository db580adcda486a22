// SPDX-License-Identifier: LGPL-2.1-or-later
// Parses the launch lines that tests/tools/launch-lines collected, without running them. Input on
// stdin: records of NUL-terminated strings, each a place ("file:line"), a count, and that many
// arguments of gst-launch-1.0. One output line per record; the exit status tells whether all
// parsed.
#include <gst/gst.h>
#include <iostream>
#include <string>
#include <vector>

namespace {
struct Record {
  std::string place;
  std::vector<std::string> args;
};

bool read_record (std::istream &in, Record &r)
{
  std::string count;
  if (!std::getline (in, r.place, '\0') || !std::getline (in, count, '\0'))
    return false;
  r.args.assign (std::stoul (count), {});
  for (std::string &arg : r.args)
    std::getline (in, arg, '\0');
  return static_cast<bool> (in);
}

// Empty when the line is fine.
std::string parse (const Record &r)
{
  std::vector<const char *> argv;
  bool options = true;
  for (const std::string &arg : r.args) {
    options = options && arg.starts_with ('-');
    if (!options)
      argv.push_back (arg.c_str ());
  }
  if (argv.empty ())
    return "no pipeline";
  argv.push_back (nullptr);

  GstParseContext *context = gst_parse_context_new ();
  GError *error = nullptr;
  GstElement *e =
      gst_parse_launchv_full (argv.data (), context, GST_PARSE_FLAG_FATAL_ERRORS, &error);
  std::string why;
  if (error)
    why = error->message;
  else if (!e)
    why = "no pipeline was made";
  g_clear_error (&error);
  gst_clear_object (&e);
  gst_parse_context_free (context);
  return why;
}
} // namespace

int main (int argc, char **argv)
{
  gst_init (&argc, &argv);
  bool all_fine = true;
  Record r;
  while (read_record (std::cin, r)) {
    const std::string why = parse (r);
    std::cout << (why.empty () ? "ok   " : "FAIL ") << r.place << (why.empty () ? "" : ": ") << why
              << '\n';
    all_fine = all_fine && why.empty ();
  }
  return all_fine ? 0 : 1;
}
