// SPDX-License-Identifier: LGPL-2.1-or-later
// The connect command, and names as clients write them.
#pragma once
#include "capabilities.h"

namespace reach::rtmp {
// A name and what stands behind its question mark: "cam?token=1".
struct Name {
  std::string name, query;
  bool operator== (const Name &) const = default;
};
Name split_name (std::string_view s);

struct ConnectInfo {
  Name app;           // without slashes at its ends
  std::string path;   // of tcUrl behind the app; some clients have the stream key there
  std::string tc_url; // without quotes around it
  std::string swf_url, page_url, flash_version;
  int object_encoding = 0; // 0 or 3
  Capabilities capabilities;
  Value command;           // the whole command object
  std::vector<Value> user; // further arguments
};
// `values` are those of the command: name, transaction, command object, further arguments.
ConnectInfo parse_connect (std::vector<Value> values);
} // namespace reach::rtmp
