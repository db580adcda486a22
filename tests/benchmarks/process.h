// SPDX-License-Identifier: LGPL-2.1-or-later
// What every role of reach-bench shares: options, one JSON line of results, the cost of this
// process.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <thread>

namespace reach::bench {

// --name value pairs.
class Options {
public:
  bool parse (int argc, char **argv, int first);
  std::string text (const std::string &name, const std::string &otherwise = {}) const;
  double number (const std::string &name, double otherwise) const;
  std::uint64_t count (const std::string &name, std::uint64_t otherwise) const;

private:
  std::map<std::string, std::string> values_;
};

class Json {
public:
  Json &add (const char *name, double value);
  Json &add (const char *name, std::uint64_t value);
  Json &add (const char *name, const std::string &value);
  void print (); // one line, flushed

private:
  void name (const char *name);
  std::string text_ = "{";
};

struct Usage {
  double at = 0, user = 0, sys = 0; // seconds
  static Usage now ();
};
void add_usage (Json &json, const Usage &from, const Usage &to);
void add_footprint (Json &json); // resident memory, threads, file descriptors

std::int64_t monotonic_ns ();

// Reads commands from standard input: "mark" prints the present usage and footprint with whatever
// `more` adds, "quit" or its end sets quit ().
class Commands {
public:
  using More = std::function<void (Json &)>;
  explicit Commands (More more = {});
  ~Commands ();
  bool quit () const { return quit_; }

private:
  void run ();
  void obey (const std::string &command);
  More more_;
  std::atomic<bool> quit_{false};
  int wake_[2] = {-1, -1};
  std::thread thread_;
};

// The roles, one per process.
int send (const Options &options);
int receive (const Options &options);
int fan_out_readers (const Options &options);
int send_loop (const Options &options);
int serve (const Options &options);
int command_times (const Options &options);
int cycles (const Options &options);
int launch (const Options &options);
int rtmp_joins (const Options &options);
int rtmp_publishers (const Options &options);
} // namespace reach::bench
