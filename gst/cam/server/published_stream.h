// SPDX-License-Identifier: LGPL-2.1-or-later
// One stream of a sender at a media server. What comes is made into a message once, whoever
// listens; the group of pictures under way is kept by reference, so that who joins sees a picture
// at once. No I/O.
#pragma once
#include "cam/proto/hello.h"
#include <vector>

namespace reach::cam {

class PublishedStream {
public:
  static constexpr Duration key_interval = milliseconds (500); // between two requests to the sender
  // Who lost frames starts again at the next key frame. It is asked for only where none comes for
  // so long: one slow receiver must not make the stream larger for all.
  static constexpr Duration key_patience = seconds (2);

  // info: as the sender's list says, with the server's number. max_cache: bytes, 0 = no cache.
  PublishedStream (const StreamInfo &info, std::size_t max_cache);

  // A received message of this stream; gives the one for all listeners, or none when it is bad.
  // `place`: where its header was, in front of the body, if that may be written to.
  MessageRef input (
      const MessageHeader &h, Slice body, TimePoint now, std::uint8_t *place = nullptr);

  // What comes before all that input () gives from now on.
  struct Join {
    std::vector<MessageRef> messages;
    std::size_t bytes = 0;
    bool decodable = false; // with a key frame; else whoever joins waits for one
  };
  Join join (TimePoint now) const;

  // A listener needs a key frame; `joined`: it has nothing to show yet.
  void want_key (bool joined);
  // True: ask the sender now. Look again at poll_timeout (), and after input () and want_key ().
  bool poll_key_request (TimePoint now);
  TimePoint poll_timeout () const; // max (): nobody wants one

  std::uint16_t number () const { return number_; }
  MediaType type () const { return type_; }
  std::size_t cached_bytes () const { return cached_bytes_; }

private:
  struct Cached {
    Slice body;
    std::int64_t pts;
  };
  enum class Want : std::uint8_t { none, patient, urgent };
  void note_frame (const Message &m, const Slice &body, TimePoint now);
  void keep (const Message &m, const Slice &body);
  void forget ();

  const std::uint16_t number_;
  const MediaType type_;
  const std::size_t max_cache_;
  Slice caps_, tags_, global_tags_;
  std::vector<Cached> cache_; // from the newest key frame on
  std::size_t cached_bytes_ = 0;
  bool last_was_key_ = false;
  std::optional<std::uint32_t> next_seq_;
  Want want_ = Want::none;
  bool asked_ = false; // for the present want
  std::optional<TimePoint> last_key_, last_request_;
};
} // namespace reach::cam
