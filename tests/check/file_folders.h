// SPDX-License-Identifier: LGPL-2.1-or-later
// Folders that are gone with the test, and what is in them.
#pragma once
#include "check.h"
#include <filesystem>
#include <fstream>
#include <random>
#include <string>

namespace reach::test {
namespace fs = std::filesystem;

// Two empty ones.
struct Folders {
  Folders ()
  {
    gchar *t = g_dir_make_tmp ("reach-files-XXXXXX", nullptr);
    fail_unless (t != nullptr);
    root = t;
    g_free (t);
    from = root / "from";
    to = root / "to";
    fs::create_directory (from);
    fs::create_directory (to);
  }
  ~Folders () { fs::remove_all (root); }
  Folders (const Folders &) = delete;
  Folders &operator= (const Folders &) = delete;
  fs::path root, from, to;
};

inline std::string noise (std::size_t n, unsigned seed = 1)
{
  std::mt19937_64 random (seed);
  std::string s (n, '\0');
  for (char &c : s)
    c = static_cast<char> (random ());
  return s;
}

inline void write_file (const fs::path &p, const std::string &content)
{
  std::ofstream (p, std::ios::binary) << content;
}

inline std::string content_of (const fs::path &p)
{
  std::ifstream in (p, std::ios::binary);
  return {std::istreambuf_iterator<char> (in), {}};
}

inline std::size_t entries (const fs::path &folder)
{
  return static_cast<std::size_t> (
      std::distance (fs::directory_iterator (folder), fs::directory_iterator ()));
}
} // namespace reach::test
