// SPDX-License-Identifier: LGPL-2.1-or-later
// A client of an RTMP server that waits for each answer, as players and encoders do.
#pragma once
#include "rtmp_messages.h"
#include <string>

namespace reach::bench {

class RtmpTalk {
public:
  // last: what is said on the stream that was made, rtmp::play () or rtmp::publish ().
  explicit RtmpTalk (std::string last) : last_ (std::move (last)) {}

  static std::string begin ();
  // What to say now that `in` has come, perhaps nothing. The handler gets what is no answer.
  std::string input (std::span<const char> in, const RtmpMessages::Handler &handler);

  bool started () const { return step_ == Step::started; }
  bool refused () const { return step_ == Step::refused; }

private:
  enum class Step : std::uint8_t { shaking, connecting, creating, waiting, started, refused };
  std::string answered (std::string_view command);

  std::string last_;
  RtmpMessages messages_;
  Step step_ = Step::shaking;
};
} // namespace reach::bench
