// SPDX-License-Identifier: LGPL-2.1-or-later
#include "process.h"
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <dirent.h>
#include <fstream>
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

namespace reach::bench {

bool Options::parse (int argc, char **argv, int first)
{
  for (int i = first; i + 1 < argc; i += 2) {
    if (std::strncmp (argv[i], "--", 2) != 0)
      return false;
    values_[argv[i] + 2] = argv[i + 1];
  }
  return (argc - first) % 2 == 0;
}

std::string Options::text (const std::string &name, const std::string &otherwise) const
{
  const auto it = values_.find (name);
  return it == values_.end () ? otherwise : it->second;
}

double Options::number (const std::string &name, double otherwise) const
{
  const auto it = values_.find (name);
  return it == values_.end () ? otherwise : std::atof (it->second.c_str ());
}

std::uint64_t Options::count (const std::string &name, std::uint64_t otherwise) const
{
  const auto it = values_.find (name);
  return it == values_.end () ? otherwise : std::strtoull (it->second.c_str (), nullptr, 10);
}

void Json::name (const char *name)
{
  if (text_.size () > 1)
    text_ += ',';
  text_ = text_ + '"' + name + "\":";
}

Json &Json::add (const char *n, double value)
{
  char number[64];
  std::snprintf (number, sizeof number, "%.9g", value);
  name (n);
  text_ += number;
  return *this;
}

Json &Json::add (const char *n, std::uint64_t value)
{
  name (n);
  text_ += std::to_string (value);
  return *this;
}

Json &Json::add (const char *n, const std::string &value)
{
  name (n);
  text_ += '"';
  for (const char c : value)
    if (c == '"' || c == '\\')
      text_ = text_ + '\\' + c;
    else
      text_ += static_cast<unsigned char> (c) < 0x20 ? ' ' : c;
  text_ += '"';
  return *this;
}

void Json::print ()
{
  std::printf ("%s}\n", text_.c_str ());
  std::fflush (stdout);
}

std::int64_t monotonic_ns ()
{
  timespec t{};
  clock_gettime (CLOCK_MONOTONIC, &t);
  return std::int64_t{t.tv_sec} * 1'000'000'000 + t.tv_nsec;
}

Usage Usage::now ()
{
  rusage r{};
  getrusage (RUSAGE_SELF, &r);
  const auto seconds = [] (const timeval &t) {
    return static_cast<double> (t.tv_sec) + static_cast<double> (t.tv_usec) / 1e6;
  };
  return {static_cast<double> (monotonic_ns ()) / 1e9, seconds (r.ru_utime), seconds (r.ru_stime)};
}

void add_usage (Json &json, const Usage &from, const Usage &to)
{
  json.add ("user", to.user - from.user)
      .add ("sys", to.sys - from.sys)
      .add ("cpu", to.user - from.user + to.sys - from.sys)
      .add ("wall", to.at - from.at);
}

static std::uint64_t open_files ()
{
  std::uint64_t n = 0;
  if (DIR *dir = opendir ("/proc/self/fd")) {
    while (const dirent *e = readdir (dir))
      n += e->d_name[0] != '.';
    closedir (dir);
    n--; // the directory itself
  }
  return n;
}

void add_footprint (Json &json)
{
  std::ifstream status ("/proc/self/status");
  std::string line;
  while (std::getline (status, line))
    if (line.starts_with ("VmRSS:"))
      json.add ("rss_kb", std::uint64_t{std::strtoull (line.c_str () + 6, nullptr, 10)});
    else if (line.starts_with ("Threads:"))
      json.add ("threads", std::uint64_t{std::strtoull (line.c_str () + 8, nullptr, 10)});
  json.add ("fds", open_files ());
}

Commands::Commands (More more) : more_ (std::move (more))
{
  if (pipe (wake_) != 0)
    std::abort ();
  thread_ = std::thread ([this] { run (); });
}

Commands::~Commands ()
{
  close (wake_[1]);
  thread_.join ();
  close (wake_[0]);
}

void Commands::obey (const std::string &command)
{
  if (command == "quit")
    quit_ = true;
  if (command != "mark")
    return;
  Json json;
  const auto usage = Usage::now ();
  add_usage (json.add ("at", usage.at), {usage.at, 0, 0}, usage);
  add_footprint (json);
  if (more_)
    more_ (json);
  json.print ();
}

void Commands::run ()
{
  std::string pending;
  for (;;) {
    pollfd fds[2] = {{STDIN_FILENO, POLLIN, 0}, {wake_[0], POLLIN, 0}};
    if (poll (fds, 2, -1) < 0 || fds[1].revents != 0)
      return;
    char text[256];
    const auto got = read (STDIN_FILENO, text, sizeof text);
    if (got <= 0)
      break;
    pending.append (text, static_cast<std::size_t> (got));
    for (auto end = pending.find ('\n'); end != std::string::npos; end = pending.find ('\n')) {
      obey (pending.substr (0, end));
      pending.erase (0, end + 1);
    }
  }
  quit_ = true;
}
} // namespace reach::bench
