// SPDX-License-Identifier: LGPL-2.1-or-later
#include "static_files.h"
#include "common/proto/http1_text.h"
#include <array>
#include <filesystem>
#include <fstream>

namespace reach::rtc {
namespace {
namespace fs = std::filesystem;

std::string type_of (const fs::path &file)
{
  static constexpr std::array<std::pair<std::string_view, const char *>, 12> types{{
      {".html", "text/html; charset=utf-8"},
      {".js", "text/javascript; charset=utf-8"},
      {".mjs", "text/javascript; charset=utf-8"},
      {".css", "text/css; charset=utf-8"},
      {".json", "application/json"},
      {".map", "application/json"},
      {".txt", "text/plain; charset=utf-8"},
      {".svg", "image/svg+xml"},
      {".png", "image/png"},
      {".jpg", "image/jpeg"},
      {".ico", "image/x-icon"},
      {".wasm", "application/wasm"},
  }};
  const std::string suffix = file.extension ().string ();
  for (const auto &[s, type] : types)
    if (suffix == s)
      return type;
  return "application/octet-stream";
}

bool below (const fs::path &file, const fs::path &folder)
{
  const fs::path r = file.lexically_relative (folder);
  return !r.empty () && *r.begin () != ".." && !r.is_absolute ();
}
} // namespace

std::optional<StaticFiles::File> StaticFiles::get (std::string_view path)
{
  const auto decoded = http::percent_decode (path);
  if (folder_.empty () || !decoded || decoded->find ('\\') != std::string::npos)
    return {};
  std::error_code error;
  const fs::path root = fs::canonical (folder_, error);
  fs::path wanted = root / fs::path (*decoded).relative_path ();
  for (const auto &part : fs::path (*decoded).relative_path ())
    if (part.string ().starts_with ('.'))
      return {};
  if (fs::is_directory (wanted, error))
    wanted /= "index.html";
  const fs::path file = fs::canonical (wanted, error);
  if (error || !below (file, root) || !fs::is_regular_file (file, error) ||
      fs::file_size (file, error) > max_file)
    return {};
  return read (file);
}

std::optional<StaticFiles::File> StaticFiles::read (const fs::path &file)
{
  std::error_code error;
  const auto written = fs::last_write_time (file, error);
  const auto size = fs::file_size (file, error);
  const auto kept = kept_.find (file);
  if (!error && kept != kept_.end () && kept->second.written == written &&
      kept->second.file.bytes.size () == size)
    return kept->second.file;
  std::ifstream in (file, std::ios::binary);
  std::vector<std::uint8_t> bytes (std::istreambuf_iterator<char> (in), {});
  if (!in || bytes.size () > max_file)
    return {};
  const File out{type_of (file), slice_of (std::move (bytes))};
  if (kept != kept_.end () || kept_bytes_ + out.bytes.size () > max_kept) {
    kept_.clear ();
    kept_bytes_ = 0;
  }
  kept_bytes_ += out.bytes.size ();
  kept_[file] = {written, out};
  return out;
}
} // namespace reach::rtc
