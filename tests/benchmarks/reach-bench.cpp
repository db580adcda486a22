// SPDX-License-Identifier: LGPL-2.1-or-later
// reach-bench ROLE --option value …: one process of a benchmark; tests/benchmarks/run puts them
// together.
#include "load.h"
#include <csignal>
#include <cstdio>
#include <map>

int main (int argc, char **argv)
{
  using namespace reach::bench;
  static const std::map<std::string, int (*) (const Options &)> roles{{"send", send},
      {"receive", receive}, {"fan-out-readers", fan_out_readers}, {"send-loop", send_loop},
      {"serve", serve}, {"command-times", command_times}, {"cycles", cycles}, {"launch", launch},
      {"rtmp-joins", rtmp_joins}, {"rtmp-publishers", rtmp_publishers}};
  std::signal (SIGPIPE, SIG_IGN);
  gst_init (nullptr, nullptr);
  Options options;
  const auto role = roles.find (argc > 1 ? argv[1] : "");
  if (role == roles.end () || !options.parse (argc, argv, 2)) {
    std::fputs ("reach-bench ROLE --option value …; ROLE is one of\n", stderr);
    for (const auto &[name, function] : roles)
      std::fprintf (stderr, "  %s\n", name.c_str ());
    return 2;
  }
  register_feeder ();
  return role->second (options);
}
