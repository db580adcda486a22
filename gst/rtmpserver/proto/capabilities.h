// SPDX-License-Identifier: LGPL-2.1-or-later
// What a side can do beyond RTMP 1.0, as connect and its result say it (Enhanced RTMP v1:
// fourCcList; v2: the maps and capsEx).
#pragma once
#include "amf.h"

namespace reach::rtmp {
struct Capabilities {
  enum Extension : std::uint32_t { reconnect = 1, multitrack = 2, mod_ex = 4, nano_offset = 8 };
  enum Can : std::uint32_t { decode = 1, encode = 2, forward = 4 };
  static constexpr std::size_t max_codecs = 64; // of each list; more are not looked at
  struct Codec {
    std::string four_cc; // "*": all
    std::uint32_t can = 0;
  };

  std::uint32_t extensions = 0;
  std::vector<std::string> four_ccs;
  std::vector<Codec> video, audio;

  static Capabilities parse (const Value &command_object);
  void write (Object &to) const; // its members
  bool any () const
  {
    return extensions || !four_ccs.empty () || !video.empty () || !audio.empty ();
  }
  // Whether a codec of this name was listed at all; 4 bytes, as in the messages.
  bool knows (std::string_view four_cc) const;
};
} // namespace reach::rtmp
