// SPDX-License-Identifier: LGPL-2.1-or-later
// Commands through a media server: senders that repeat, receivers that come, go and answer
// anything, and time. Every command is answered, goes to nobody twice, and on a link in order.
#include "cam/server/command_exchange.h"
#include <algorithm>
#include <cstdlib>

using namespace reach;
using namespace reach::cam;

namespace {
void require (bool holds)
{
  if (!holds)
    std::abort ();
}

const std::vector<std::string> guids = {"a", "b", "c", "d"};

CommandExchange::Limits limits (ByteReader &in)
{
  CommandExchange::Limits l;
  l.lane = {.max_commands = 1u + in.u8 () % 8,
      .max_bytes = 400,
      .window = 1u + in.u8 () % 4,
      .patience = milliseconds (500)};
  l.resume_window = milliseconds (in.u8 () * 8);
  l.max_bytes = 2000;
  l.max_pending = 6;
  l.max_command = 150;
  l.per_second = in.u8 () % 16;
  return l;
}

class Driver {
public:
  explicit Driver (Bytes in) : in_ (in), x_ (limits (in_)) {}

  void run ()
  {
    for (int i = 0; i < 400 && in_.left () > 0; i++) {
      step (in_.u8 ());
      drain ();
    }
    for (int i = 0; i < 100 && x_.stats ().waiting > 0; i++)
      pass (seconds (10));
    require (x_.stats ().waiting == 0);
    for (const auto &[sent, answers] : answered_)
      require (answers > 0);
  }

private:
  void step (std::uint8_t what)
  {
    const std::string &guid = guids[in_.u8 () % guids.size ()];
    switch (what % 7) {
    case 0:
    case 1:
      return send (in_.u8 () % 3, 0);
    case 2:
      return send (in_.u8 () % 3, 1u + in_.u8 () % 8);
    case 3:
      return x_.on_ack (
          guid, links_[guid], {in_.u8 (), static_cast<CommandStatus> (in_.u8 () % 7)}, now_);
    case 4:
      links_[guid] = {0, ++next_link_};
      return x_.linked (guid, links_[guid], now_);
    case 5:
      return in_.u8 () % 2 ? x_.unlinked (guid, links_[guid], now_) : x_.gone (guid, now_);
    default:
      return pass (milliseconds (in_.u8 () * 4));
    }
  }
  void pass (Duration d)
  {
    now_ += d;
    x_.timeout (now_);
    drain ();
  }
  // A new command, or with `back` one that was sent before.
  void send (unsigned run, std::uint64_t back)
  {
    std::uint64_t &newest = newest_[run];
    const std::uint64_t id = back < newest && back > 0 ? newest - back : ++newest;
    CommandExchange::Targets to;
    for (std::uint8_t mask = in_.u8 (), i = 0; i < guids.size (); i++)
      if (mask & (1u << i))
        to.guids.push_back (guids[i]);
    const Command c{id, "go", {{"id", std::uint64_t{id}}, {"run", std::uint32_t{run}}},
        {0, "", "", std::string (in_.u8 () % 64, 'x')}};
    answered_.try_emplace ({run, id}, 0);
    x_.on_command (
        {guids[run], run, {1, run}}, *encode (c), [&] (const Envelope &) { return to; }, now_);
  }
  void drain ()
  {
    while (const auto o = x_.poll_output ()) {
      if (o->to_sender) {
        const auto ack = decode_command_ack (o->message->body ());
        require (ack && answered_.contains ({o->link.link, ack->id}));
        answered_[{o->link.link, ack->id}]++;
        continue;
      }
      const auto c = decode_command (o->message->body ());
      require (c && c->id > last_on_[o->link.link]);
      last_on_[o->link.link] = c->id;
      const auto run = std::get<std::uint32_t> (c->parameters[1].value);
      const auto id = std::get<std::uint64_t> (c->parameters[0].value);
      require (c->envelope.from == guids[run]);
      require (passed_on_.try_emplace ({run, id}, c->id).first->second == c->id);
    }
    require (x_.stats ().waiting <= 3 * 6);
  }

  ByteReader in_;
  CommandExchange x_;
  TimePoint now_{seconds (100)};
  std::map<std::string, Where> links_;
  std::uint64_t next_link_ = 10;
  std::map<unsigned, std::uint64_t> newest_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, unsigned> answered_;
  std::map<std::pair<std::uint64_t, std::uint64_t>, std::uint64_t> passed_on_; // under our id
  std::map<std::uint64_t, std::uint64_t> last_on_;                             // id, by link
};
} // namespace

extern "C" int LLVMFuzzerTestOneInput (const std::uint8_t *data, std::size_t size)
{
  if (size < 4)
    return 0;
  Driver (Bytes (data, size)).run ();
  return 0;
}
