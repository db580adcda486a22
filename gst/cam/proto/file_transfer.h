// SPDX-License-Identifier: LGPL-2.1-or-later
// Files on the wire (docs/protocol-cam-commands.md): begin, data, end with the hash of the whole
// file, and the receiver's answers, which say how much it has.
#pragma once
#include "envelope.h"
#include <array>
#include <optional>
#include <string>
#include <vector>

namespace reach::cam {
constexpr std::size_t max_file_name = 1024; // on the wire
constexpr std::size_t file_piece = 64u << 10;
// A sender keeps no more than this unacknowledged, so that a receiver's disk sets the pace.
constexpr std::size_t file_window = 2u << 20;
using Sha256Sum = std::array<std::uint8_t, 32>;

struct FileBegin {
  static constexpr std::int64_t no_mtime = INT64_MIN;
  std::uint64_t id = 0; // new for each send-file of a run
  std::uint64_t size = 0;
  std::uint64_t offset = 0; // 0: from the start. Else: go on with what the receiver has, if it does
  std::int64_t mtime = no_mtime; // ns since 1970
  std::string name;              // any bytes: safe_file_name () before use
  Envelope envelope;
  // From a media server, which numbers its transfers anew: the sender's run and id.
  std::uint64_t origin_run = 0, origin_id = 0;
  bool operator== (const FileBegin &) const = default;
};

// Followed by the payload.
struct FileData {
  static constexpr std::size_t size = 16;
  std::uint64_t id = 0;
  std::uint64_t position = 0; // of the payload in the file
  bool operator== (const FileData &) const = default;
};

struct FileEnd {
  std::uint64_t id = 0;
  Sha256Sum sum{}; // of the whole file
  bool operator== (const FileEnd &) const = default;
};

enum class FileStatus : std::uint8_t {
  going_on = 0, // after begin: send from `bytes`; later: so many bytes are written
  complete = 1, // checked and in place
  refused = 2,  // this receiver takes no files
  too_large = 3,
  disk = 4,        // it could not be written
  bad_hash = 5,    // what arrived is not what was sent; it was thrown away
  malformed = 6,   // positions or sizes that make no sense
  busy = 7,        // as many files as are taken at a time: try again later
  timed_out = 8,   // no data for too long
  no_receiver = 9, // a media server: nobody is there to get it
};
struct FileAck {
  std::uint64_t id = 0;
  FileStatus status = FileStatus::going_on;
  std::uint64_t bytes = 0;
  bool operator== (const FileAck &) const = default;
};

// Nothing more of it comes, unless it is begun again.
struct FileAbandon {
  std::uint64_t id = 0;
  bool operator== (const FileAbandon &) const = default;
};

std::vector<std::uint8_t> encode (const FileBegin &b);
std::vector<std::uint8_t> encode (const FileEnd &e);
std::vector<std::uint8_t> encode (const FileAck &a);
std::vector<std::uint8_t> encode (const FileAbandon &a);
void write (const FileData &d, std::uint8_t *out);
std::optional<FileBegin> decode_file_begin (Bytes in);
std::optional<FileData> decode_file_data (Bytes in); // the payload is in.subspan (FileData::size)
std::optional<FileEnd> decode_file_end (Bytes in);
std::optional<FileAck> decode_file_ack (Bytes in);
std::optional<FileAbandon> decode_file_abandon (Bytes in);
} // namespace reach::cam
