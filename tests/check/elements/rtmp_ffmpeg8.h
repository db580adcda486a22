// SPDX-License-Identifier: LGPL-2.1-or-later
// FFmpeg 8 as a publisher and as a player: what it was given and what it got, packet by packet. It
// runs in Node.js, see tests/npm; the files are coded by the FFmpeg of the system.
#pragma once
#include "../rtmp_players.h"
#include "rtmp_source.h"
#include <algorithm>
#include <filesystem>
#include <sstream>

namespace reach::test {
inline std::string from_environment (const char *name)
{
  const char *v = g_getenv (name);
  return v ? v : "";
}

inline const std::string source_dir = from_environment ("REACH_SOURCE_DIR");
inline const std::string packages = source_dir + "/build-npm";

inline bool installed ()
{
  const reach::CharPtr node (g_find_program_in_path ("node"));
  const bool there =
      std::filesystem::exists (packages + "/node_modules/@seydx/node-av-linux-x64/node-av.node");
  if (!node || !there)
    g_print ("SKIP: %s (tests/tools/install-npm)\n",
        node ? "there is no FFmpeg 8 in build-npm" : "there is no Node.js");
  return node && there;
}

struct Packet {
  Payload bytes;
  bool key;
  int time; // PTS, ms
  bool operator== (const Packet &) const = default;
};
// What rtmp-peer.js has written.
struct Stream {
  std::string kind, codec, colours, mask;
  std::vector<Packet> packets;

  std::vector<Payload> payloads () const
  {
    std::vector<Payload> all;
    for (const auto &p : packets)
      all.push_back (p.bytes);
    return all;
  }
};
using Streams = std::map<unsigned, Stream>;

inline Streams read_record (const std::filesystem::path &file)
{
  Streams all;
  std::ifstream in (file, std::ios::binary);
  for (std::string line; std::getline (in, line);) {
    std::istringstream words (line);
    std::string what, key;
    unsigned number = 0;
    words >> what >> number;
    Stream &s = all[number];
    if (what == "stream") {
      words >> s.kind >> s.codec >> s.colours >> s.mask;
      continue;
    }
    std::size_t size = 0;
    Packet p{};
    words >> size >> key >> p.time;
    fail_unless (what == "packet" && words && size > 0, "%s", line.c_str ());
    p.key = key == "key";
    p.bytes.resize (size);
    in.read (reinterpret_cast<char *> (p.bytes.data ()), static_cast<std::streamsize> (size));
    s.packets.push_back (std::move (p));
  }
  return all;
}

class Folder {
public:
  Folder ()
  {
    gchar *dir = g_dir_make_tmp ("reach-enhanced-XXXXXX", nullptr);
    fail_unless (dir != nullptr);
    path = dir;
    g_free (dir);
  }
  ~Folder () { std::filesystem::remove_all (path); }
  Folder (const Folder &) = delete;
  Folder &operator= (const Folder &) = delete;
  std::filesystem::path path;
};

using Words = std::vector<std::string>;

inline Program peer (Words words)
{
  const Words first{
      "env", "REACH_NPM_DIR=" + packages, "node", source_dir + "/tests/npm/rtmp-peer.js"};
  words.insert (words.begin (), first.begin (), first.end ());
  return Program (words);
}

struct Coder {
  const char *name, *options, *file, *media, *decoder;
  bool video;
};
inline constexpr Coder coders[] = {
    {"hevc", "libx265 -preset ultrafast -g 10 -x265-params log-level=none", "mp4", "video/x-h265",
        "h265parse ! avdec_h265", true},
    {"av1", "libaom-av1 -usage realtime -cpu-used 8 -g 10", "mp4", "video/x-av1",
        "av1parse ! av1dec", true},
    {"vp9", "libvpx-vp9 -deadline realtime -cpu-used 8 -g 10", "mp4", "video/x-vp9", "vp9dec",
        true},
    {"opus", "libopus", "mp4", "audio/x-opus", "opusdec", false},
    {"flac", "flac", "mkv", "audio/x-flac", "flacparse ! flacdec", false},
    {"ac3", "ac3", "mp4", "audio/x-ac3", "ac3parse ! avdec_ac3", false},
    {"eac3", "eac3", "mp4", "audio/x-eac3", "ac3parse ! avdec_eac3", false},
};
inline const Coder &coder (std::string_view name)
{
  return *std::ranges::find (coders, name, &Coder::name);
}

// A second of this coding.
inline std::string make_file (const Folder &folder, const Coder &c, const std::string &more = "")
{
  const std::string file =
      folder.path / (c.name + std::to_string (std::hash<std::string> () (more)) + "." + c.file);
  const std::string input = c.video ? "testsrc2=size=320x240:rate=25" : "sine=sample_rate=48000";
  const std::string line = "ffmpeg -y -v error -f lavfi -i " + input + " -t 1 " +
                           (c.video ? "-c:v " : "-ac 2 -c:a ") + c.options + " " + more + " " +
                           file;
  Words words;
  std::istringstream in (line);
  for (std::string w; in >> w;)
    words.push_back (w);
  fail_unless (Program (words).succeeds (), "%s", line.c_str ());
  return file;
}
} // namespace reach::test
