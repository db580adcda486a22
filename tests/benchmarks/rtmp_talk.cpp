// SPDX-License-Identifier: LGPL-2.1-or-later
#include "rtmp_talk.h"
#include "rtmp_words.h"

namespace reach::bench {

std::string RtmpTalk::begin ()
{
  return rtmp::first_hello ();
}

std::string RtmpTalk::input (std::span<const char> in, const RtmpMessages::Handler &handler)
{
  std::string say;
  messages_.input (in, [&] (const RtmpMessages::Message &m) {
    if (m.type == rtmp::command)
      say += answered ({reinterpret_cast<const char *> (m.begin.data ()), m.begin.size ()});
    else
      handler (m);
  });
  if (step_ == Step::shaking && messages_.shaken ()) {
    step_ = Step::connecting;
    say += rtmp::second_hello () + rtmp::connect ();
  }
  return say;
}

std::string RtmpTalk::answered (std::string_view command)
{
  const auto has = [&] (const char *word) { return command.find (word) != std::string_view::npos; };
  if (has ("_error") || (step_ == Step::waiting && has ("error"))) {
    step_ = Step::refused;
    return {};
  }
  if (has ("_result") && step_ == Step::connecting) {
    step_ = Step::creating;
    return rtmp::create_stream ();
  }
  if (has ("_result") && step_ == Step::creating) {
    step_ = Step::waiting;
    return last_;
  }
  if (has ("onStatus") && has (".Start"))
    step_ = Step::started;
  return {};
}
} // namespace reach::bench
