// SPDX-License-Identifier: LGPL-2.1-or-later
// FLV files: a header, then tags, each with a body like an RTMP message's and with its size behind
// it.
#pragma once
#include "common/proto/slice.h"
#include <optional>
#include <vector>

namespace reach::rtmp {
// The types of tags are those of messages.
inline constexpr std::uint8_t flv_audio = 8;
inline constexpr std::uint8_t flv_video = 9;
inline constexpr std::uint8_t flv_script_amf3 = 15;
inline constexpr std::uint8_t flv_script = 18;
inline constexpr std::size_t flv_tag_header_size = 11;

struct FlvTag {
  std::uint8_t type = 0;
  std::uint32_t timestamp = 0; // ms
  Slice body;
};

// What begins a file, with the size (0) of the tag before the first.
std::vector<std::uint8_t> flv_header (bool audio, bool video);
// What goes before and behind the body, which is up to 0xffffff bytes.
std::vector<std::uint8_t> flv_tag_header (
    std::uint8_t type, std::uint32_t timestamp, std::size_t size);
std::vector<std::uint8_t> flv_tag_trailer (std::size_t size);

// Bytes of a file to tags, however they are cut. Sizes behind tags are not looked at: they are
// often wrong.
class FlvReader {
public:
  explicit FlvReader (std::size_t max_body = 4u << 20) : max_body_ (max_body) {}

  // False from the first byte on that no FLV file can have, and from a tag on that is encrypted
  // or larger than max_body. All tags before it can still be read.
  bool input (Bytes in) { return input (Slice{in, {}}); }
  // A body that is in it as a whole is not copied if the slice has an owner.
  bool input (Slice in);
  std::optional<FlvTag> next ();

  // Known when the header was read.
  bool has_audio () const { return (flags_ & 4) != 0; }
  bool has_video () const { return (flags_ & 1) != 0; }

private:
  enum class State : std::uint8_t { header, skip, tag, body, failed };
  bool read_header ();
  bool read_tag ();
  void end_body (Slice body);

  const std::size_t max_body_;
  State state_ = State::header;
  std::uint8_t flags_ = 0;
  std::size_t wanted_ = 9;            // bytes until the state can go on
  std::vector<std::uint8_t> pending_; // grows as bytes come
  FlvTag tag_;
  std::vector<FlvTag> tags_; // read, from taken_ on not taken yet
  std::size_t taken_ = 0;
};
} // namespace reach::rtmp
